# SPDX-License-Identifier: GPL-3.0-or-later
"""The two guarded imports: what is said where a library is missing or too old."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _cffi_dep, _kubernetes_dep
from ansible_collections.mirage.accel.plugins.module_utils._errors import DependencyError


def test_what_is_installed_will_do() -> None:
    assert _cffi_dep.require().FFI
    assert _kubernetes_dep.require().client.Configuration


@pytest.mark.parametrize(
    ("dep", "name", "message"),
    [
        (_kubernetes_dep, "kubernetes", r"\(kubernetes>=24.2\)"),
        (_cffi_dep, "cffi", r"cffi \(>= 1.12\) is missing for .*python.*: install it with pip, or .*python3-cffi"),
    ],
)
def test_missing(monkeypatch: pytest.MonkeyPatch, dep, name: str, message: str) -> None:
    monkeypatch.setattr(dep, name, None)
    with pytest.raises(DependencyError, match=message):
        dep.require()


@pytest.mark.parametrize(
    ("dep", "name", "version", "info", "message"),
    [
        (_kubernetes_dep, "kubernetes", "24.1.0", None, "kubernetes 24.1.0 of .* is too old: install kubernetes>=24.2"),
        (_kubernetes_dep, "kubernetes", "12.0.1", None, "kubernetes 12.0.1 of .* is too old"),
        (_cffi_dep, "cffi", "1.11.5", (1, 11, 5), "cffi 1.11.5 of .* is too old: install cffi>=1.12"),
    ],
)
def test_too_old(monkeypatch: pytest.MonkeyPatch, dep, name: str, version: str, info, message: str) -> None:
    monkeypatch.setattr(dep, name, SimpleNamespace(__version__=version, __version_info__=info))
    with pytest.raises(DependencyError, match=message):
        dep.require()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("24.2.0", (24, 2, 0)), ("37.0.2", (37, 0, 2)), ("24.2.0a1", (24, 2)), ("25.3.0.dev1", (25, 3, 0)), ("x", ())],
)
def test_version_of(text: str, numbers: tuple[int, ...]) -> None:
    assert _kubernetes_dep.version_of(text) == numbers


@pytest.mark.parametrize("version", ["24.2.0", "24.2.0a1", "100.0.0"])
def test_new_enough(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    fake = SimpleNamespace(__version__=version)
    monkeypatch.setattr(_kubernetes_dep, "kubernetes", fake)
    assert _kubernetes_dep.require() is fake
