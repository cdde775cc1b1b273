# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/nvml-functions.md says what the library answers, because it is written from it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def ask(repo: Path, native_build: Path, nvml_header_file: Path, run):
    tool = repo / "native/nvml/tools/answers.py"
    return lambda *arguments: run(
        sys.executable, tool, "--header", nvml_header_file, "--build", native_build, *arguments
    )


@pytest.fixture(scope="module")
def answers(ask) -> dict[str, dict[str, str]]:
    done = ask("--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_document_is_what_the_library_answers(ask):
    done = ask("--check")
    assert done.returncode == 0, done.stderr


def test_document_that_differs_is_refused(ask, repo, tmp_path):
    copy = tmp_path / "nvml-functions.md"
    text = (repo / "docs/nvml-functions.md").read_text()
    copy.write_text(text.replace("| `nvmlDeviceGetName` | yes |", "| `nvmlDeviceGetName` | - |"))
    done = ask("--check", "--doc", copy)
    assert done.returncode == 1
    assert "is not what the library answers" in done.stderr
    assert ask("--doc", copy).returncode == 0
    assert copy.read_text() == text


def test_every_function_is_asked_on_every_model(answers, repo, nvml_header, nvml_generator):
    assert answers.keys() == nvml_generator.parse_functions(nvml_header).keys()
    models = {path.stem for path in (repo / "charts/gpu-mock/profiles").glob("*.yaml")}
    assert all(set(by_model) == models for by_model in answers.values())


def test_no_call_crashes_or_hangs(answers):
    wrong = ("signal", "missing", "no start", "UNKNOWN", "UNINITIALIZED", "VERSION_MISMATCH", "GPU_IS_LOST", "SIZE")
    assert {name: by for name, by in answers.items() if any(word in str(by) for word in wrong)} == {}
