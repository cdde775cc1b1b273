# SPDX-License-Identifier: GPL-3.0-or-later
"""The prototypes of the official nvml.h, read by the same code that writes the library's generated part."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def nvml_generator(repo: Path) -> ModuleType:
    path = repo / "native" / "nvml" / "tools" / "gen_unsupported.py"
    spec = importlib.util.spec_from_file_location("gen_unsupported", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def nvml_header_file(repo: Path, cache: Path, native_build: Path) -> Path:
    """The header that native/nvml/Makefile fetched."""
    lock = (repo / "native" / "nvml" / "nvml-header.txt").read_text().splitlines()
    name, _, rest = next(line for line in lock if "==" in line).partition("==")
    return cache / "nvml-header" / f"{name}-{rest.split()[0]}" / "nvml.h"


@pytest.fixture(scope="session")
def nvml_header(nvml_header_file: Path, nvml_generator: ModuleType) -> str:
    """The header's text without its comments."""
    return nvml_generator.strip_comments(nvml_header_file.read_text())
