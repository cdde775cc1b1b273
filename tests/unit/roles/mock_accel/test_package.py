# SPDX-License-Identifier: GPL-3.0-or-later
"""The package of the command mock-accel-functions, as the role puts it on a host and takes it off."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = "/usr/local/lib/mirage-accel/mock_accel_functions"
COMMAND = "/usr/local/sbin/mock-accel-functions"


@pytest.fixture
def installed(value, repo: Path, tmp_path: Path) -> Path:
    """The command in another root."""
    source = repo / "roles/mock_accel/files/mock-accel-functions"
    for file in [*value("_mock_accel_package_files"), {"path": COMMAND, "content": source.read_text()}]:
        path = tmp_path / file["path"].lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file["content"])
    return tmp_path / COMMAND.lstrip("/")


@pytest.mark.parametrize(
    ("slot", "status", "said"),
    [(3, 0, ""), (32, 1, "Function a: '32' is no value of slot\n")],
)
def test_it_runs_with_python_alone(installed: Path, slot: int, status: int, said: str) -> None:
    description = json.dumps({"version": 1, "functions": [{"name": "a", "slot": slot}]})
    # Neither the environment nor what was installed by pip counts.
    command = [sys.executable, "-I", "-S", installed, "--description", "-", "judge"]
    done = subprocess.run(command, input=description, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", said)


def test_all_of_it_goes_with_the_role(value) -> None:
    assert value("_mock_accel_command") == COMMAND
    host = {"facts": {"record": {}}}
    given = {"__mock_accel_host": host, "__mock_accel_firmware": {"stat": {}}}
    assert {COMMAND, PACKAGE} <= set(value("_mock_accel_removed_files", **given))
    assert str(Path(PACKAGE).parent) in value("_mock_accel_removed_folders", **given)
