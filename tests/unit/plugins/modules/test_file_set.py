# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders, files and links in one call: made once, repaired, predicted, shown, and nothing else touched."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.modules import file_set


@pytest.fixture
def options(tmp_path: Path) -> dict:
    top = tmp_path / "top"
    return {
        "folders": [{"path": str(top / "log/deep"), "mode": "0750"}],
        "files": [
            {"path": str(top / "etc/conf"), "content": "a: ä\n"},
            {"path": str(top / "key"), "content": "secret\n", "mode": "0600"},
        ],
        "links": [{"path": str(top / "bin/tool"), "target": "../programs/tool"}],
    }


def test_made_once(run_module, options: dict, tmp_path: Path) -> None:
    predicted = run_module(file_set, **options, _ansible_check_mode=True)
    assert list(tmp_path.iterdir()) == []
    old = os.umask(0o077)
    try:
        made = run_module(file_set, **options)
    finally:
        os.umask(old)
    top = tmp_path / "top"
    assert made["changed"]
    assert made["changed_paths"] == predicted["changed_paths"]
    assert [Path(path).name for path in made["changed_paths"]] == ["deep", "conf", "key", "tool"]
    assert (top / "etc/conf").read_text(encoding="utf-8") == "a: ä\n"
    assert (top / "bin/tool").readlink() == Path("../programs/tool")
    modes = {name: stat.S_IMODE((top / name).stat().st_mode) for name in ("log", "log/deep", "etc/conf", "key")}
    assert modes == {"log": 0o750, "log/deep": 0o750, "etc/conf": 0o644, "key": 0o600}
    again = run_module(file_set, **options)
    assert (again["changed"], again["changed_paths"], again["diff"]) == (False, [], [])


@pytest.mark.parametrize(
    ("path", "spoil"),
    [
        pytest.param("etc/conf", lambda path: path.write_text("other\n"), id="content"),
        pytest.param("etc/conf", lambda path: path.unlink(), id="missing file"),
        pytest.param("etc/conf", lambda path: path.chmod(0o600), id="mode of a file"),
        pytest.param("log/deep", lambda path: path.chmod(0o755), id="mode of a folder"),
        pytest.param("bin/tool", lambda path: (path.unlink(), path.symlink_to("x")), id="link"),
    ],
)
def test_only_what_differs_is_repaired(run_module, options: dict, tmp_path: Path, path: str, spoil) -> None:
    run_module(file_set, **options)
    spoil(tmp_path / "top" / path)
    repaired = run_module(file_set, **options)
    assert repaired["changed_paths"] == [str(tmp_path / "top" / path)]
    assert not run_module(file_set, **options)["changed"]


def test_the_difference_shows_no_secret(run_module, options: dict) -> None:
    run_module(file_set, **options)
    options["files"][0]["content"] = "a: b\n"
    options["files"][1]["content"] = "other secret\n"
    shown = run_module(file_set, **options, _ansible_check_mode=True)["diff"]
    assert [(one["before"], one["after"]) for one in shown] == [
        ("a: ä\n", "a: b\n"),
        ("(not shown)\n", "(not shown, changed)\n"),
    ]


def test_what_is_in_the_way_is_named_and_kept(run_module, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    cases = [
        ({"files": [{"path": str(tmp_path / "folder"), "content": ""}]}, "is a folder, a file should be there"),
        ({"folders": [{"path": str(tmp_path / "file")}]}, "is no folder"),
        ({"links": [{"path": str(tmp_path / "file"), "target": "x"}]}, "is no link"),
    ]
    for options, words in cases:
        failed = run_module(file_set, **options)
        assert failed["failed"]
        assert words in failed["msg"]
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
