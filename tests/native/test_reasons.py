# SPDX-License-Identifier: GPL-3.0-or-later
"""Every getter answers on every model, or reasons.py says why it does not."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.native.reasons import MODELS, REASONS, reasons_of


@pytest.fixture(scope="module")
def by_bindings(repo: Path, native_build: Path, run) -> dict[str, dict[str, str]]:
    """Model -> getter of NVIDIA's Python bindings -> what the library answered."""
    found = {}
    for model in MODELS:
        env = {
            "LD_LIBRARY_PATH": str(native_build),
            "MOCK_NVML_CONFIG": str(repo / "charts/gpu-mock/profiles" / f"{model}.yaml"),
        }
        done = run(sys.executable, repo / "tests/native/ask_getters.py", env=env)
        assert done.returncode == 0, done.stderr
        found[model] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def by_document(repo: Path) -> dict[str, dict[str, str]]:
    """The same from docs/nvml-functions.md, which another test holds to the library."""
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]]
        for line in (repo / "docs/nvml-functions.md").read_text().splitlines()
        if line.startswith(("| function ", "| `nvml"))
    ]
    models = rows[0][1:]
    assert sorted(models) == sorted(MODELS)
    found: dict[str, dict[str, str]] = {model: {} for model in models}
    for name, *answers in rows[1:]:
        for model, answer in zip(models, answers, strict=True):
            found[model][name] = "SUCCESS" if answer == "yes" else answer
    return found


def is_getter(name: str) -> bool:
    """Of MIG instances there are none to ask; they have tests of their own."""
    return bool(re.match(r"nvml(Device|System|Unit|Vgpu)\w*(Get|Query)[A-Z]|nvmlGet[A-Z]", name))


def unexplained(answers: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for model, by_name in answers.items():
        for name, answer in by_name.items():
            if answer != "SUCCESS" and not reasons_of(name, model):
                found.setdefault(name, []).append(f"{model}: {answer}")
    return found


def test_every_getter_of_the_bindings_is_asked(by_bindings):
    for answers in by_bindings.values():
        assert len(answers) > 300
        wrong = re.compile(
            r"no argument|not called|\w+Error:|UNINITIALIZED|FUNCTION_NOT_FOUND|ARGUMENT_VERSION|UNKNOWN"
        )
        assert {name: answer for name, answer in answers.items() if wrong.match(answer)} == {}


def test_what_does_not_answer_has_a_reason(by_bindings):
    assert unexplained(by_bindings) == {}


def test_what_the_document_leaves_unanswered_has_a_reason(by_document):
    getters = {m: {n: a for n, a in by_name.items() if is_getter(n)} for m, by_name in by_document.items()}
    assert all(len(by_name) > 250 for by_name in getters.values())
    assert unexplained(getters) == {}


def test_what_has_a_reason_does_not_answer(by_bindings, by_document):
    answering = [
        f"{reason.names} on {model}: {name} answers"
        for answers in (by_bindings, by_document)
        for model, by_name in answers.items()
        for name, answer in by_name.items()
        if answer == "SUCCESS"
        for reason in reasons_of(name, model)
    ]
    assert answering == []


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.names)
def test_no_reason_is_about_nothing(reason, by_bindings, by_document):
    names = {name for answers in (by_bindings, by_document) for by_name in answers.values() for name in by_name}
    assert any(re.fullmatch(reason.names, name) for name in names)
    assert reason.why
