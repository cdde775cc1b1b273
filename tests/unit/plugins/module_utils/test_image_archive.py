# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as bytes: the same twice, whole, and what a runtime expects of a docker-archive."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tarfile
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _image_archive as images

SETTINGS = images.ImageSettings(architecture="amd64", entrypoint=["/app"], env={"B": "2", "A": "1"}, labels={"l": "v"})


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small root: a program, a link, an empty folder."""
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/app").write_bytes(b"program")
    (root / "usr/bin/app").chmod(0o755)
    (root / "empty").mkdir(mode=0o700)
    (root / "app").symlink_to("usr/bin/app")
    return root


def make(folder: Path, entries: images.Entries, base: Path | None = None, settings=SETTINGS) -> tuple[Path, dict]:
    work = folder / "work"
    work.mkdir(parents=True)
    path = folder / "image.tar"
    return path, images.make_image(path, ["localhost/app:1"], entries, settings, base, work)


def read(path: Path) -> tuple[dict, dict, list[tarfile.TarInfo]]:
    """Manifest, configuration and the entries of the last layer."""
    with tarfile.open(path) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))[0]
        config_bytes = tar.extractfile(manifest["Config"]).read()
        assert manifest["Config"] == f"{hashlib.sha256(config_bytes).hexdigest()}.json"
        config = json.loads(config_bytes)
        for name, digest in zip(manifest["Layers"], config["rootfs"]["diff_ids"], strict=True):
            assert f"sha256:{hashlib.sha256(tar.extractfile(name).read()).hexdigest()}" == digest
        with tarfile.open(fileobj=tar.extractfile(manifest["Layers"][-1])) as layer:
            return manifest, config, layer.getmembers()


def test_manifest_configuration_and_layer_agree(tmp_path: Path, tree: Path) -> None:
    path, made = make(tmp_path / "a", images.tree_entries(tree))
    manifest, config, members = read(path)
    assert manifest["RepoTags"] == ["localhost/app:1"]
    assert made["image_id"] == f"sha256:{manifest['Config'].removesuffix('.json')}"
    assert made["layers"] == config["rootfs"]["diff_ids"]
    assert config["config"] == {"Entrypoint": ["/app"], "Env": ["A=1", "B=2"], "Labels": {"l": "v"}}
    assert (config["architecture"], config["os"]) == ("amd64", "linux")
    assert {(m.name, m.type, oct(m.mode), m.linkname) for m in members} == {
        ("app", tarfile.SYMTYPE, "0o777", "usr/bin/app"),
        ("empty", tarfile.DIRTYPE, "0o700", ""),
        ("usr", tarfile.DIRTYPE, "0o755", ""),
        ("usr/bin", tarfile.DIRTYPE, "0o755", ""),
        ("usr/bin/app", tarfile.REGTYPE, "0o755", ""),
    }
    assert {(m.uid, m.gid, m.mtime) for m in members} == {(0, 0, 0)}


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, tree: Path) -> None:
    first, _made = make(tmp_path / "a", images.tree_entries(tree))
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (1, 1), follow_symlinks=False)
    entries = images.tree_entries(tree)
    second, _made = make(tmp_path / "b", dict(reversed(list(entries.items()))))
    assert first.read_bytes() == second.read_bytes()


def test_files_lie_over_the_tree_and_bring_their_folders(tmp_path: Path, tree: Path) -> None:
    entries = images.tree_entries(tree)
    entries.update(
        images.file_entries(
            [
                {"dest": "/usr/bin/app", "content": "other", "mode": "0700"},
                {"dest": "/etc/deep/conf", "content": "x"},
                {"dest": "/copy", "src": str(tree)},
                {"dest": "/lib", "link": "usr/lib"},
            ]
        )
    )
    _manifest, _config, members = read(make(tmp_path / "a", entries)[0])
    found = {member.name: member for member in members}
    assert (found["usr/bin/app"].size, found["usr/bin/app"].mode) == (5, 0o700)
    assert found["etc"].isdir()
    assert found["etc/deep"].isdir()
    assert found["etc/deep/conf"].mode == 0o644
    assert found["copy/usr/bin/app"].mode == 0o755
    assert found["lib"].linkname == "usr/lib"
    names = [member.name for member in members]
    assert all(names.index(str(Path(name).parent)) < names.index(name) for name in names if "/" in name)


def test_a_base_comes_first_and_settings_go_over_its_own(tmp_path: Path, tree: Path) -> None:
    base, base_made = make(tmp_path / "base", images.tree_entries(tree))
    settings = images.ImageSettings(architecture="amd64", cmd=["run"], env={"B": "3"}, workdir="/w", user="1:1")
    top, made = make(tmp_path / "top", images.file_entries([{"dest": "/new", "content": "n"}]), base, settings)
    _manifest, config, members = read(top)
    assert made["layers"][0] == base_made["layers"][0]
    assert len(made["layers"]) == 2
    assert [member.name for member in members] == ["new"]
    assert config["config"] == {
        "Entrypoint": ["/app"],
        "Cmd": ["run"],
        "Env": ["A=1", "B=3"],
        "Labels": {"l": "v"},
        "WorkingDir": "/w",
        "User": "1:1",
    }


@pytest.mark.parametrize("dest", ["/", "..", "/a/../../etc/passwd", "."])
def test_no_file_leaves_the_image(dest: str) -> None:
    with pytest.raises(images.ImageError, match="not the path of a file inside an image"):
        images.file_entries([{"dest": dest, "content": "x"}])


def test_sockets_and_missing_sources_are_refused(tmp_path: Path, tree: Path) -> None:
    with pytest.raises(images.ImageError, match="/nope does not exist"):
        images.file_entries([{"dest": "/a", "src": str(tmp_path / "nope")}])
    with pytest.raises(images.ImageError, match="is not a folder"):
        images.tree_entries(tmp_path / "nope")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tree / "socket"))
        with pytest.raises(images.ImageError, match="neither file, folder nor link"):
            images.tree_entries(tree)


def test_a_base_that_is_no_archive_or_does_not_match_is_refused(tmp_path: Path, tree: Path) -> None:
    broken = tmp_path / "broken.tar"
    broken.write_bytes(b"nothing")
    with pytest.raises(images.ImageError, match="must be a docker-archive"):
        make(tmp_path / "a", {}, broken)
    base, _made = make(tmp_path / "base", images.tree_entries(tree))
    # One bit of the program inside the layer.
    base.write_bytes(base.read_bytes().replace(b"program", b"prograM"))
    with pytest.raises(images.ImageError, match="not those of its configuration"):
        make(tmp_path / "b", {}, base)
