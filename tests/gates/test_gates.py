# SPDX-License-Identifier: GPL-3.0-or-later
"""Every linter and formatter this collection has promised to satisfy, one case each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


def tracked(repo: Path, *patterns: str) -> list[str]:
    """Files of the work tree that git knows, or would know, by pattern; links are left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=repo,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (name for name in listed.split("\0") if name)
    return sorted(name for name in paths if (repo / name).is_file() and not (repo / name).is_symlink())


def is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(80)
    return first.startswith(b"#!") and first.split(b"/")[-1].split()[-1] in (b"sh", b"bash")


def test_ruff_check(repo: Path, run) -> None:
    done = run(BIN / "ruff", "check", ".", cwd=repo)
    assert done.returncode == 0, done.stdout


def test_ruff_format(repo: Path, run) -> None:
    done = run(BIN / "ruff", "format", "--diff", ".", cwd=repo)
    assert done.returncode == 0, done.stdout


def test_yamllint(repo: Path, run) -> None:
    done = run(BIN / "yamllint", "--strict", ".", cwd=repo)
    assert done.returncode == 0, done.stdout


def test_ansible_lint(repo: Path, run, ansible_env: dict[str, str]) -> None:
    done = run(BIN / "ansible-lint", "--offline", "-c", ".config/ansible-lint.yml", cwd=repo, env=ansible_env)
    assert done.returncode == 0, done.stdout + done.stderr


def test_clang_format(repo: Path, run) -> None:
    files = tracked(repo, "native/**/*.c", "native/**/*.h")
    assert files
    done = run(BIN / "clang-format", "--dry-run", "--Werror", "--style=file", *files, cwd=repo)
    assert done.returncode == 0, done.stderr


def test_shellcheck(repo: Path, run, shellcheck: Path) -> None:
    files = [name for name in tracked(repo) if is_shell(repo / name)]
    assert "tools/venv.sh" in files
    done = run(shellcheck, *files, cwd=repo)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("chart", ["gpu-mock", "mock-device"])
def test_helm_lint(repo: Path, run, helm: Path, chart: str) -> None:
    done = run(helm, "lint", "--strict", repo / "charts" / chart)
    assert done.returncode == 0, done.stdout + done.stderr


# Pieces of text that must never be committed: paths of the machine that wrote them and the registries' hosts.
FORBIDDEN = (
    "/work" + "/",
    "/root" + "/.cache",
    "/root" + "/.pyenv",
    "proxy.golang" + ".org",
    "deb.debian" + ".org",
    "pypi" + ".org",
    "registry.npmjs" + ".org",
)


def test_no_machine_or_registry_names(repo: Path) -> None:
    offending = []
    for name in tracked(repo):
        text = (repo / name).read_bytes().decode("utf-8", "replace")
        offending += [f"{name}: {word}" for word in FORBIDDEN if word in text]
    assert not offending
