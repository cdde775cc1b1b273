# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile as YAML that reads like one written by hand. Imports the standard library only.

Hosts need no YAML library for it: a profile has mappings, lists, texts, numbers and truths, and nothing else.
"""

from __future__ import annotations

import json
import re
import textwrap
import typing as t

WIDTH = 120
# A text that YAML would take for something else, or that has marks of its own, stands in quotes.
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./+-]*( [A-Za-z0-9_./+-]+)*")
RESERVED = {"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"}
# Numbers that everybody reads in hexadecimal.
HEXADECIMAL = {"device_id": 8, "subsystem_id": 8, "class": 6}

Json = dict[str, t.Any]


def dump(profile: Json, comment: t.Sequence[str]) -> str:
    """The file, with a comment of so many paragraphs at its top."""
    lines: list[str] = []
    for paragraph in comment:
        lines += textwrap.wrap(
            paragraph,
            WIDTH,
            initial_indent="# ",
            subsequent_indent="# ",
            break_on_hyphens=False,
            break_long_words=False,
        )
    for name, value in profile.items():
        # The sections are apart from each other, as in the profiles of the collection.
        lines += ["", *entry(name, value, "")] if isinstance(value, (dict, list)) else entry(name, value, "")
    return "\n".join(lines) + "\n"


def entry(name: str, value: t.Any, indent: str) -> list[str]:
    """A key with its value: on one line where it fits, else below it."""
    if name in HEXADECIMAL and isinstance(value, int):
        return [f"{indent}{name}: 0x{value:0{HEXADECIMAL[name]}X}"]
    line = f"{indent}{name}: {flow(value)}"
    # The top is a list of sections, each of which begins a line.
    if is_short(value, line) and (indent or not isinstance(value, dict)):
        return [line]
    lines = [f"{indent}{name}:"]
    if isinstance(value, dict):
        for key, inner in value.items():
            lines += entry(key, inner, indent + "  ")
        return lines
    return lines + items(value, indent + "  ")


def items(values: t.Sequence[t.Any], indent: str) -> list[str]:
    if not any(isinstance(value, (dict, list)) for value in values):
        text = ", ".join(flow(value) for value in values)
        return [
            f"{indent}[",
            *textwrap.wrap(text, WIDTH, initial_indent=indent + "  ", subsequent_indent=indent + "  "),
            f"{indent}]",
        ]
    lines: list[str] = []
    for value in values:
        line = f"{indent}- {flow(value)}"
        if is_short(value, line):
            lines.append(line)
            continue
        inner = [one for key, item in value.items() for one in entry(key, item, indent + "  ")]
        lines += [f"{indent}- {inner[0].lstrip()}", *inner[1:]]
    return lines


def is_short(value: t.Any, line: str) -> bool:
    """Whether something is one line: no structure in a structure, and not too long."""
    if not isinstance(value, (dict, list)):
        return True
    inner = value.values() if isinstance(value, dict) else value
    nested = any(isinstance(one, dict) or (isinstance(one, list) and isinstance(value, list)) for one in inner)
    hexadecimal = isinstance(value, dict) and any(name in HEXADECIMAL for name in value)
    return not nested and not hexadecimal and len(line) <= WIDTH


def flow(value: t.Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if PLAIN.fullmatch(value) and value.lower() not in RESERVED:
        return value
    # JSON's strings are YAML's.
    return json.dumps(value, ensure_ascii=False)
