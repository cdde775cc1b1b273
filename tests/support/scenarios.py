# SPDX-License-Identifier: GPL-3.0-or-later
"""A molecule scenario as a user runs it, with its files in a folder of the test's own."""

from __future__ import annotations

import re
import subprocess
import typing as t
from collections.abc import Callable
from pathlib import Path


class Scenario:
    def __init__(self, name: str, run: Callable[..., t.Any], repo: Path, env: dict[str, str], folder: Path) -> None:
        self._name, self._run, self._repo, self._folder = name, run, repo, folder
        self.files = folder / "molecule"
        # The scenario has settings of its own.
        kept = {key: value for key, value in env.items() if key != "ANSIBLE_CONFIG"}
        quiet = {"ANSIBLE_FORCE_COLOR": "false", "NO_COLOR": "1"}
        self._env = {**kept, "MOLECULE_EPHEMERAL_DIRECTORY": str(self.files), **quiet}

    def do(self, action: str, timeout: float) -> subprocess.CompletedProcess[str]:
        command = ("molecule", action, "--scenario-name", self._name)
        return self._run(*command, cwd=self._repo, env=self._env, timeout=timeout)

    def executed(self, done: subprocess.CompletedProcess[str], among: list[str]) -> list[str]:
        """The actions of those in question that have succeeded, in order; tasks that failed are shown whole."""
        output = done.stdout + done.stderr
        assert done.returncode == 0, "\n\n".join([*failures(output), output[-4000:]])
        found = re.findall(rf"\[{self._name} > (\w+)\] Executed: Successful", output)
        return [action for action in found if action in among]

    def processes(self) -> list[str]:
        """Those that are left of it, by number: whoever has its folder in the command line."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = entry.read_bytes()
            except OSError:
                continue
            if str(self._folder).encode() in text:
                found.append(entry.parent.name)
        return found


def failures(output: str) -> list[str]:
    """The failed tasks of what ansible has printed; its end shows only how molecule cleans up afterwards."""
    tasks = re.split(r"^(?=TASK |PLAY |RUNNING HANDLER )", output, flags=re.MULTILINE)
    failed = (task for task in tasks if re.search(r"^(?:fatal|failed): ", task, re.MULTILINE))
    return [task.strip() for task in failed if "\n...ignoring" not in task]
