# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins run on hosts whose Python is older than that of the tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tree_rule import TreeRule, assert_it_finds_what_breaks_it, python_files

# Oldest Python of a host that modules run on, as their documentation says.
OLDEST_PYTHON = (3, 9)


def has_annotations(tree: ast.AST) -> bool:
    return any(getattr(node, "annotation", None) or getattr(node, "returns", None) for node in ast.walk(tree))


def plugins_speak_the_oldest_python(root: Path) -> Iterator[str]:
    for path in python_files(root / "plugins"):
        try:
            tree = ast.parse(path.read_text(), str(path), feature_version=OLDEST_PYTHON)
        except SyntaxError as error:
            yield f"{path.relative_to(root)}: {error.msg}"
            continue
        future = [s for s in tree.body if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
        # Without it, annotations such as `str | None` are evaluated, which is younger than that.
        if has_annotations(tree) and not any(alias.name == "annotations" for s in future for alias in s.names):
            yield f"{path.relative_to(root)}: annotations are evaluated"


FUTURE = "from __future__ import annotations\n"
RULE = TreeRule(
    plugins_speak_the_oldest_python,
    {
        "plugins/modules/a.py": FUTURE + "match 1:\n    case 1: pass\n",
        "plugins/filter/b.py": "def f(a: str | None) -> None: ...\n",
    },
    {
        "plugins/module_utils/c.py": FUTURE + "def f(a: str | None) -> None: ...\n",
        "plugins/module_utils/__init__.py": "x = 1\n",
    },
)


def test_the_plugins_keep_the_rule(repo: Path) -> None:
    assert list(RULE.violations(repo)) == []


def test_the_rule_finds_what_breaks_it(tmp_path: Path) -> None:
    assert_it_finds_what_breaks_it(RULE, tmp_path)
