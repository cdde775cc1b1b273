# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that the files of the whole tree keep, and what they read of a file: the names that it imports or includes.

A rule is a function of the top folder that gives its violations; it comes with a tree that breaks it.
"""

from __future__ import annotations

import ast
import re
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path


class TreeRule(t.NamedTuple):
    violations: Callable[[Path], Iterator[str]]
    broken: dict[str, str]  # files that break it, one violation each
    kept: dict[str, str]  # files that come near and do not

    def __str__(self) -> str:
        return self.violations.__name__


def assert_it_finds_what_breaks_it(rule: TreeRule, folder: Path) -> None:
    for name, text in {**rule.broken, **rule.kept}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = list(rule.violations(folder))
    assert {re.split(r"[ :]", violation)[0] for violation in found} == set(rule.broken)
    assert len(found) == len(rule.broken)


def python_files(folder: Path) -> Iterator[Path]:
    # Stubs that protoc has written are of its making.
    return (path for path in sorted(folder.rglob("*.py")) if "api" not in path.parts and "build" not in path.parts)


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, by its full name; of `from a import b` both a.b and a count as a.b."""
    for statement in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            prefix = "." * statement.level + (statement.module or "")
            yield from (f"{prefix}.{alias.name}" for alias in statement.names)


def top(name: str) -> str:
    return name.split(".")[0]


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def c_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.[ch]")) if "build" not in path.parts)


def included(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.MULTILINE)
