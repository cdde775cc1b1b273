# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's face: options, answer, failures."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.module_utils import _cffi_dep
from ansible_collections.mirage.accel.plugins.modules import nvml_info

RunModule = Callable[..., dict[str, t.Any]]
BuildLibrary = Callable[..., Path]


@pytest.mark.parametrize("check", [False, True])
def test_success(run_module: RunModule, fake_nvml: BuildLibrary, check: bool) -> None:
    answer = run_module(nvml_info, library=str(fake_nvml()), _ansible_check_mode=check)
    assert (answer["rc"], answer["failed"], answer["changed"]) == (0, False, False)
    assert [gpu["name"] for gpu in answer["gpus"]] == ["NVIDIA Full", "NVIDIA Bare", None]


def test_every_key_is_documented_and_every_documented_key_is_there(
    run_module: RunModule, fake_nvml: BuildLibrary
) -> None:
    documented = yaml.safe_load(nvml_info.RETURN)
    answer = run_module(nvml_info, library=str(fake_nvml()))
    assert set(documented) == set(answer) - {"rc", "failed", "changed", "invocation"}
    assert_same_keys(documented["gpus"]["contains"], answer["gpus"][0])


def assert_same_keys(documented: dict[str, t.Any], found: dict[str, t.Any]) -> None:
    assert set(documented) == set(found)
    for name, about in documented.items():
        value = found[name][0] if isinstance(found[name], list) else found[name]
        if "contains" in about:
            assert_same_keys(about["contains"], value)


def test_the_library_is_told_its_environment(run_module: RunModule, fake_nvml: BuildLibrary) -> None:
    assert run_module(nvml_info, library=str(fake_nvml()), env={"FAKE_NVML": "none"})["gpus"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"env": {"FAKE_NVML": "crash"}}, "killed by signal 11 (SIGSEGV)"),
        ({"env": {"FAKE_NVML": "hang"}, "timeout": 0.5}, "no answer within 0.5 s"),
        ({"env": {"FAKE_NVML": "init-fails"}}, "nvmlInit_v2: Unknown Error (999)"),
        ({"library": "/nowhere/lib.so"}, "No such file or directory"),
        ({"timeout": 0}, "timeout must be above 0, not 0.0"),
        ({"timeout": -3}, "timeout must be above 0, not -3.0"),
        ({"timeout": "soon"}, "timeout"),
    ],
)
def test_failures(run_module: RunModule, fake_nvml: BuildLibrary, options: dict[str, t.Any], message: str) -> None:
    answer = run_module(nvml_info, **{"library": str(fake_nvml()), **options})
    assert (answer["rc"], answer["failed"]) == (1, True)
    assert message in answer["msg"]
    assert "Traceback" not in answer["msg"]
    assert "gpus" not in answer


def test_without_cffi(run_module: RunModule, fake_nvml: BuildLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cffi_dep, "cffi", None)
    answer = run_module(nvml_info, library=str(fake_nvml()))
    assert answer["failed"]
    assert "python3-cffi" in answer["msg"]
