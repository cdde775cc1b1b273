# SPDX-License-Identifier: GPL-3.0-or-later
"""The module: made once, predicted in check mode, remade when an input changes."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.modules import image_archive


@pytest.fixture
def options(tmp_path: Path) -> dict:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/app").write_text("app")
    return {
        "path": str(tmp_path / "image.tar"),
        "name": "localhost/example/app",
        "tag": "7",
        "src": str(tmp_path / "root"),
        "files": [{"dest": "/etc/conf", "content": "x", "mode": "0600"}],
        "entrypoint": ["/app"],
        "env": {"LEVEL": 3},
    }


def test_made_once_and_remade_when_an_input_changes(run_module, options: dict, tmp_path: Path) -> None:
    predicted = run_module(image_archive, **options, _ansible_check_mode=True)
    assert predicted["changed"]
    assert not (tmp_path / "image.tar").exists()
    made = run_module(image_archive, **options)
    assert made == predicted
    assert made["image"] == "localhost/example/app:7"
    with tarfile.open(made["archive"]) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))[0]
        config = json.load(tar.extractfile(manifest["Config"]))
    assert manifest["RepoTags"] == ["localhost/example/app:7"]
    assert config["config"]["Env"] == ["LEVEL=3"]
    assert not run_module(image_archive, **options)["changed"]

    (tmp_path / "root/app").write_text("new")
    remade = run_module(image_archive, **options)
    assert remade["changed"]
    assert remade["image_id"] != made["image_id"]


def test_a_missing_source_is_an_error(run_module, options: dict, tmp_path: Path) -> None:
    failed = run_module(image_archive, **{**options, "src": str(tmp_path / "nope")})
    assert failed["msg"].startswith("Error while making the image localhost/example/app: ")
    assert "nope is not a folder" in failed["msg"]
    assert not (tmp_path / "image.tar").exists()


def test_one_source_per_file(run_module, options: dict) -> None:
    failed = run_module(image_archive, **{**options, "files": [{"dest": "/a", "content": "x", "link": "y"}]})
    assert failed["failed"]
    assert "mutually exclusive" in failed["msg"]
