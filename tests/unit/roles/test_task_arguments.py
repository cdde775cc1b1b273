# SPDX-License-Identifier: GPL-3.0-or-later
"""No task takes all its arguments from one template: Ansible calls that unsafe and warns of it in every run."""

from __future__ import annotations

import re
from pathlib import Path

FOLDERS = ("roles", "playbooks", "examples", "molecule", "tests/integration/targets")
# A module that is told all at once, on the line of its name.
AT_ONCE = re.compile(r"^\s*(?:- )?\w+\.\w+\.(\w+): [\"']?\{\{", re.MULTILINE)
# What stands there is a command or the name of a file, which is one argument.
FREE_FORM = {"command", "shell", "include_tasks"}


def test_arguments_are_spelled_out(repo: Path) -> None:
    files = [path for folder in FOLDERS for path in sorted((repo / folder).rglob("*.yml"))]
    found = {(str(path.relative_to(repo)), name) for path in files for name in AT_ONCE.findall(path.read_text())}
    assert "include_tasks" in {name for _, name in found}
    assert [one for one in sorted(found) if one[1] not in FREE_FORM] == []
