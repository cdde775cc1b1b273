# SPDX-License-Identifier: GPL-3.0-or-later
"""The guarded imports: what is said where a library is missing or too old, and what of a large one is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
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


def fresh(repo: Path, code: str, *path: Path) -> str:
    """What the code prints in a new process that has `dep`, with those folders before what is installed."""
    already = filter(None, [os.environ.get("PYTHONPATH")])
    places = os.pathsep.join(map(str, [*path, repo / ".collections", *already]))
    start = "from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_dep as dep\n"
    command = [sys.executable, "-c", code.replace("IMPORT_DEP\n", start)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": places}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


IMPORTED = "[name for name in sys.modules if name.partition('.')[0] == 'kubernetes']"


def test_only_parts_of_the_client_are_imported(repo: Path) -> None:
    code = f"import sys\nIMPORT_DEP\ndep.stream()\nprint({IMPORTED}, any('models' in name for name in dep._parts))"
    assert fresh(repo, code) == "[] False"


def test_who_imports_the_client_later_has_all_of_it(repo: Path) -> None:
    code = (
        "IMPORT_DEP\nimport kubernetes, kubernetes.client.rest\ndep.stream()\n"
        "print(kubernetes.client.CoreV1Api.__name__, kubernetes.client.rest.ApiException.__name__,"
        " kubernetes is dep.kubernetes, kubernetes.__version__ == dep.require().__version__)"
    )
    assert fresh(repo, code) == "CoreV1Api ApiException False True"


def test_who_has_imported_the_client_keeps_it(repo: Path) -> None:
    code = (
        f"import sys\nimport kubernetes.config\nbefore = {{name: sys.modules[name] for name in {IMPORTED}}}\n"
        f"IMPORT_DEP\ndep.stream()\nprint(before == {{name: sys.modules[name] for name in {IMPORTED}}},"
        " kubernetes.config is dep.kubernetes.config)"
    )
    assert fresh(repo, code) == "True False"


def test_a_client_whose_files_lie_in_another_way_is_imported_whole(repo: Path, tmp_path: Path) -> None:
    package = tmp_path / "kubernetes"
    (package / "client").mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = '99.1'\n")
    (package / "client" / "__init__.py").write_text("class Configuration: pass\n")
    (package / "client" / "rest.py").touch()
    (package / "config.py").touch()
    code = (
        "import sys\nIMPORT_DEP\nprint(dep.require().__version__, dep._parts, dep.kubernetes.client.Configuration,"
        " sys.modules['kubernetes'] is dep.kubernetes)"
    )
    assert fresh(repo, code, tmp_path) == "99.1 {} <class 'kubernetes.client.Configuration'> True"


def test_without_the_websocket_library(monkeypatch: pytest.MonkeyPatch) -> None:
    _kubernetes_dep.stream()
    monkeypatch.setitem(sys.modules, "websocket", None)
    with pytest.raises(DependencyError, match=r"\(websocket-client\)"):
        _kubernetes_dep.stream()


def test_a_broken_client_counts_as_missing(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "kubernetes").mkdir()
    (tmp_path / "kubernetes" / "__init__.py").touch()
    assert (
        fresh(repo, "IMPORT_DEP\nprint(dep.kubernetes, 'kubernetes.client' in dep.IMPORT_ERROR)", tmp_path)
        == "None True"
    )
