# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of one base in one archive, made from archives that the collection itself has made."""

from __future__ import annotations

import io
import json
import tarfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._image_archive import (
    Entry,
    ImageSettings,
    make_image,
    read_archive,
)
from ansible_collections.mirage.accel.plugins.modules import image_bundle

SETTINGS = ImageSettings(architecture="amd64")


def image(folder: Path, name: str, content: bytes, base: Path | None = None) -> Path:
    path = folder / f"{name}.tar"
    work = folder / f"work-{name}"
    work.mkdir()
    make_image(path, [f"localhost/{name}:1"], {f"etc/{name}": Entry(0o644, content=content)}, SETTINGS, base, work)
    return path


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    base = image(tmp_path, "base", b"x" * 100_000)
    return [base, *(image(tmp_path, name, name.encode(), base) for name in ("one", "two"))]


def names(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


def manifest(path: Path) -> list[dict[str, t.Any]]:
    with tarfile.open(path) as archive:
        return json.load(t.cast(t.IO[bytes], archive.extractfile("manifest.json")))


def test_all_images_are_there_and_what_they_share_is_there_once(images: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "bundle.tar"
    assert image_bundle.write(target, images) == ["localhost/base:1", "localhost/one:1", "localhost/two:1"]
    assert len(names(target)) == len(set(names(target)))
    assert manifest(target) == [entry for path in images for entry in manifest(path)]
    assert target.stat().st_size < 1.5 * images[0].stat().st_size
    # The layers are those that the images had.
    for path in images:
        with tarfile.open(path) as source, tarfile.open(target) as made:
            for name in manifest(path)[0]["Layers"]:
                ours, theirs = made.extractfile(name), source.extractfile(name)
                assert ours and theirs
                assert ours.read() == theirs.read()


def test_a_bundle_of_one_is_that_one(images: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "bundle.tar"
    image_bundle.write(target, images[:1])
    (tmp_path / "work").mkdir()
    settings, layers = read_archive(target, tmp_path / "work")
    assert settings["architecture"] == "amd64"
    assert len(layers) == 1


def without_a_layer(path: Path) -> bytes:
    made = io.BytesIO()
    gone = manifest(path)[0]["Layers"][-1]
    with tarfile.open(path) as source, tarfile.open(fileobj=made, mode="w") as target:
        for member in source:
            if member.name != gone:
                target.addfile(member, source.extractfile(member) if member.isfile() else None)
    return made.getvalue()


def no_manifest(path: Path) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as target:
        target.add(path, "other")
    return made.getvalue()


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(lambda path: b"no tar at all" * 100, "is no docker-archive", id="no-archive"),
        pytest.param(lambda path: path.read_bytes()[:5000], "is no docker-archive", id="cut-off"),
        pytest.param(no_manifest, "it has no manifest.json", id="no-manifest"),
        pytest.param(without_a_layer, "it lacks ", id="no-layer"),
    ],
)
def test_what_is_no_archive_is_refused_and_nothing_is_left(
    images: list[Path], tmp_path: Path, broken: t.Callable[[Path], bytes], reason: str
) -> None:
    bad, target = tmp_path / "bad.tar", tmp_path / "bundle.tar"
    bad.write_bytes(broken(images[1]))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(image_bundle.MirageError, match=reason) as raised:
        image_bundle.write(target, [bad, images[0]])
    assert str(bad) in str(raised.value)
    assert sorted(tmp_path.iterdir()) == before
