# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/run.py: which stages there are, and that it ends when it is told to."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def runner(repo: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("runner", repo / "tests/run.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    # Its data classes look for their module by name.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "runner", module)
        spec.loader.exec_module(module)
    return module


def test_each_folder_of_tests_is_a_stage(runner: ModuleType, repo: Path) -> None:
    folders = {path.relative_to(repo / "tests").parts[0] for path in (repo / "tests").rglob("test_*.py")}
    assert {*runner.STAGES, *runner.APART} == folders
    assert len(runner.STAGES) + len(runner.APART) == len(folders)


def test_a_stage_that_is_apart_runs_by_its_name_only(runner: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr(runner, "install_packages", lambda: None)
    monkeypatch.setattr(runner, "run_stage", lambda stage, _: ran.append(stage) or runner.Result(stage, 1, 0, 0, 0.0))
    monkeypatch.setattr(sys, "argv", ["run.py"])
    assert runner.main() == 0
    assert set(ran) == set(runner.STAGES)
    ran.clear()
    monkeypatch.setattr(sys, "argv", ["run.py", *runner.APART])
    assert runner.main() == 0
    assert ran == list(runner.APART)


def test_a_test_that_calls_make_gives_it_arguments_of_its_own(
    runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of `make test ARGS=e2e` would be handed on to the `make up` in it."""
    stage = tmp_path / "stage"
    stage.mkdir()
    (stage / "Makefile").write_text("say:\n\t@echo '<$(ARGS)>'\n")
    command = ["make", "-s", "-C", str(stage), "say"]
    (stage / "test_make.py").write_text(
        f"import subprocess\n\n\ndef test_make():\n    assert subprocess.check_output({command}) == b'<>\\n'\n"
    )
    monkeypatch.setattr(runner, "TESTS", tmp_path)
    # As make sets it for what it runs.
    monkeypatch.setenv("MAKEFLAGS", " -- ARGS=stage")
    assert subprocess.check_output(command) == b"<stage>\n"
    assert runner.run_stage("stage", tmp_path).passed == 1


def test_after_an_interruption_no_further_stage_begins(
    runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    both_run = threading.Barrier(2, timeout=30)

    def run_stage(stage: str, folder: Path) -> str:
        ran.append(stage)
        if stage in ("first", "beside"):
            both_run.wait()
        if stage == "first":
            raise KeyboardInterrupt
        # Long enough for the interruption to come before the lane's next stage would.
        time.sleep(0.5)
        return stage

    monkeypatch.setattr(runner, "run_stage", run_stage)
    with pytest.raises(KeyboardInterrupt):
        runner.run_lanes([("first", "second"), ("beside", "after it")], tmp_path)
    assert sorted(ran) == ["beside", "first"]
    assert runner.run_lanes([("second",), ("other", "after it")], tmp_path) == ["second", "other", "after it"]
