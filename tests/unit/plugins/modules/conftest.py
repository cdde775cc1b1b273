# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of modules that ask an API server share."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _wait

RunModule = Callable[..., dict[str, t.Any]]


@pytest.fixture
def ask(run_module: RunModule, dra_api, api, monkeypatch: pytest.MonkeyPatch) -> RunModule:
    """Runs a module against the scripted API server, which serves the recorded objects where nothing else was given."""
    monkeypatch.setattr(_wait, "FIRST_PAUSE", 0.01)

    def run(module: t.Any, **options: t.Any) -> dict[str, t.Any]:
        if not api.objects:
            dra_api()
        return run_module(module, **{"host": api.url, "api_key": "a-token", **options})

    return run
