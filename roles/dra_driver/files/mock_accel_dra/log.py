# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for each event on standard error: the time, a message, and its particulars as key=value."""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import sys
import typing as t

# Written without quotes, so that grep and logfmt readers agree on it.
_PLAIN = re.compile(r"[^\s\"=\\]+")

# 0 shows errors, warnings and what changes in the cluster; 10 shows everything.
_verbosity = 0


def set_verbosity(level: int) -> None:
    global _verbosity
    _verbosity = level


def error(message: str, **fields: t.Any) -> None:
    _write("error", message, fields)


def warning(message: str, **fields: t.Any) -> None:
    _write("warning", message, fields)


def info(message: str, level: int = 0, **fields: t.Any) -> None:
    """A line that is written where the verbosity is at least `level`."""
    if level <= _verbosity:
        _write("info", message, fields)


def _write(kind: str, message: str, fields: t.Mapping[str, t.Any]) -> None:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    words = [f"time={now}", f"level={kind}", f"msg={json.dumps(message)}"]
    words += [f"{name}={_text(value)}" for name, value in fields.items()]
    # A log that takes nothing, on a full disk or because its reader has gone, must not keep anybody from his work.
    with contextlib.suppress(OSError):
        # One write, so that lines of several threads do not mix.
        sys.stderr.write(" ".join(words) + "\n")
        sys.stderr.flush()


def _text(value: t.Any) -> str:
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, float):
        value = round(value, 3)
    text = ",".join(map(str, value)) if isinstance(value, (list, tuple, set, frozenset)) else str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
