# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays that a test writes, and what ansible-playbook has said of them."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path


def write_play(folder: Path, values: dict[str, t.Any], **parts: t.Any) -> Path:
    """A playbook of one play on this host with these variables; `parts` are tasks, roles and so on."""
    playbook = folder / "play.yml"
    play = {"name": "Test", "hosts": "localhost", "gather_facts": False, "vars": values, **parts}
    playbook.write_text(json.dumps([play]))
    return playbook


def changed(done: t.Any) -> int:
    """Number of changed tasks of a play that must have succeeded."""
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.findall(r"\bchanged=(\d+)", done.stdout)[-1])


def refused(done: t.Any) -> str:
    """What a play has said that must have failed, in one line."""
    assert done.returncode != 0
    return re.sub(r"\s+", " ", done.stdout + done.stderr)
