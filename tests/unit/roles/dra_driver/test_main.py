# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m mock_accel_dra: exit statuses and what is said."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from mock_accel_dra import __main__ as main_module

FILES = Path(main_module.__file__).parent.parent


@pytest.mark.parametrize("name", main_module.COMMANDS)
def test_each_command_is_there(name: str) -> None:
    module, _ = main_module.COMMANDS[name]
    assert callable(importlib.import_module(module, "mock_accel_dra").run)


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        pytest.param(["controller"], "no node name; set --node-name or NODE_NAME", id="no node"),
        pytest.param(["controller", "--node-name=n"], "so this is no pod; set --kubeconfig", id="no pod"),
        pytest.param(["controller", "--node-name=n", "--kubeconfig=/none"], "No such file or directory", id="no file"),
    ],
)
def test_an_error_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, argv: list[str], reason: str
) -> None:
    for name in ("NODE_NAME", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    assert main_module.main(argv) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert " level=error " in said.err
    assert reason in said.err


def test_help_needs_nothing_but_python() -> None:
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(FILES)!r}); "]
    command[-1] += "from mock_accel_dra.__main__ import main; main(['--help'])"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "publish this node's devices as ResourceSlices" in done.stdout


def test_the_controller_loads_nothing_that_it_does_not_need() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(FILES)!r}); import mock_accel_dra.controller; "
        "print(sorted({name.split('.')[0] for name in sys.modules} & "
        "{'grpc', 'google', 'yaml', 'kubernetes', 'urllib3', 'asyncio'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
