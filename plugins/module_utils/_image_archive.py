# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images as docker-archive files, made from folders and files without a container engine.

The same inputs give the same bytes: entries are sorted, times are zero, everything belongs to root.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import stat
import tarfile
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

EPOCH = "1970-01-01T00:00:00Z"


class ImageError(MirageError):
    """An image that cannot be made from what was given."""


@dataclasses.dataclass(frozen=True)
class ImageSettings:
    """How a container of the image starts; None leaves what the base says."""

    architecture: str
    entrypoint: t.Sequence[str] | None = None
    cmd: t.Sequence[str] | None = None
    env: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    labels: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    workdir: str | None = None
    user: str | None = None


@dataclasses.dataclass(frozen=True)
class Entry:
    """One thing in a layer: a folder, a link (target) or a file (source or content)."""

    mode: int
    source: Path | None = None
    target: str | None = None
    content: bytes | None = None

    def is_folder(self) -> bool:
        return self.source is None and self.target is None and self.content is None


Entries = dict[str, Entry]


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer's tar file and the digest of it, which is its name in the image's configuration."""

    path: Path
    digest: str


def inside(dest: str) -> str:
    """A path in the image without its leading slash; one that leaves the image is refused."""
    path = PurePosixPath(dest)
    if ".." in path.parts or path in (PurePosixPath("/"), PurePosixPath(".")):
        raise ImageError(f"{dest} is not the path of a file inside an image")
    return str(path.relative_to("/") if path.is_absolute() else path)


def tree_entries(folder: Path) -> Entries:
    """Everything below a folder. Sockets and devices have no place in an image."""
    if not folder.is_dir():
        raise ImageError(f"{folder} is not a folder")
    found: Entries = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            found[name] = Entry(mode=0o777, target=str(path.readlink()))
        elif stat.S_ISDIR(status.st_mode):
            found[name] = Entry(mode=mode)
        elif stat.S_ISREG(status.st_mode):
            found[name] = Entry(mode=mode, source=path)
        else:
            raise ImageError(f"{path} is neither file, folder nor link: remove it from the folder")
    return found


def file_entries(files: t.Iterable[t.Mapping[str, t.Any]]) -> Entries:
    """The entries of a list of {dest, src | content | link, mode}; a src folder brings all that is below it."""
    found: Entries = {}
    for item in files:
        dest = inside(item["dest"])
        mode = int(item["mode"], 8) if item.get("mode") else None
        if item.get("link") is not None:
            found[dest] = Entry(mode=0o777, target=item["link"])
        elif item.get("content") is not None:
            found[dest] = Entry(mode=mode or 0o644, content=item["content"].encode())
        elif Path(item["src"]).is_dir():
            found[dest] = Entry(mode=mode or 0o755)
            found.update({f"{dest}/{name}": entry for name, entry in tree_entries(Path(item["src"])).items()})
        elif Path(item["src"]).is_file():
            source = Path(item["src"])
            found[dest] = Entry(mode=mode or stat.S_IMODE(source.stat().st_mode), source=source)
        else:
            raise ImageError(f"{item['src']} does not exist")
    return found


def with_parents(entries: Entries) -> Entries:
    """Add the folders that the entries lie in, where the entries do not bring them."""
    complete = dict(entries)
    for name in entries:
        for parent in PurePosixPath(name).parents:
            if str(parent) != ".":
                complete.setdefault(str(parent), Entry(mode=0o755))
    return complete


def _add(tar: tarfile.TarFile, name: str, mode: int, data: t.BinaryIO | None, size: int, kind: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.mode, info.size, info.type = mode, size, kind
    tar.addfile(info, data)


def write_layer(entries: Entries, path: Path) -> Layer:
    """Write the entries as a layer; parents come before what is in them."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, entry in sorted(with_parents(entries).items()):
            if entry.target is not None:
                info = tarfile.TarInfo(name)
                info.mode, info.type, info.linkname = entry.mode, tarfile.SYMTYPE, entry.target
                tar.addfile(info)
            elif entry.is_folder():
                _add(tar, name, entry.mode, None, 0, tarfile.DIRTYPE)
            elif entry.source is not None:
                with entry.source.open("rb") as source:
                    _add(tar, name, entry.mode, source, entry.source.stat().st_size, tarfile.REGTYPE)
            else:
                _add(tar, name, entry.mode, io.BytesIO(entry.content), len(entry.content), tarfile.REGTYPE)
    return Layer(path=path, digest=file_digest(path))


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        for chunk in iter(lambda: handle.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def image_config(settings: ImageSettings, base: t.Mapping[str, t.Any], digests: t.Sequence[str]) -> bytes:
    """The configuration of the image: what the base says, with the settings over it."""
    config = dict(base.get("config") or {})
    for key, value in (("Entrypoint", settings.entrypoint), ("Cmd", settings.cmd)):
        if value is not None:
            config[key] = list(value)
    for key, text in (("WorkingDir", settings.workdir), ("User", settings.user)):
        if text is not None:
            config[key] = text
    env = dict(line.split("=", 1) for line in config.get("Env") or [])
    env.update(settings.env)
    config["Env"] = [f"{name}={value}" for name, value in sorted(env.items())]
    config["Labels"] = dict(config.get("Labels") or {}, **settings.labels)
    document = {
        "architecture": settings.architecture,
        "os": "linux",
        "created": EPOCH,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": EPOCH, "created_by": "mirage.accel.image_archive"} for _digest in digests],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def write_archive(path: Path, references: t.Sequence[str], config: bytes, layers: t.Sequence[Layer]) -> str:
    """Put configuration and layers into one docker-archive; the image's id is the digest of its configuration."""
    image_id = hashlib.sha256(config).hexdigest()
    manifest = [
        {
            "Config": f"{image_id}.json",
            "RepoTags": list(references),
            "Layers": [f"{layer.digest}.tar" for layer in layers],
        }
    ]
    manifest_text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in (("manifest.json", manifest_text), (f"{image_id}.json", config)):
            _add(tar, name, 0o644, io.BytesIO(data), len(data), tarfile.REGTYPE)
        for digest, layer in {layer.digest: layer for layer in layers}.items():
            with layer.path.open("rb") as source:
                _add(tar, f"{digest}.tar", 0o644, source, layer.path.stat().st_size, tarfile.REGTYPE)
    return f"sha256:{image_id}"


def read_archive(path: Path, work: Path) -> tuple[dict[str, t.Any], list[Layer]]:
    """The configuration and the layers of the first image in a docker-archive, the layers unpacked into a folder."""
    try:
        with tarfile.open(path) as tar:
            manifest = json.load(tar.extractfile("manifest.json"))[0]
            config = json.load(tar.extractfile(manifest["Config"]))
            layers = []
            for number, member in enumerate(manifest["Layers"]):
                held = work / f"base-{number}.tar"
                with tar.extractfile(member) as source, held.open("wb") as out:
                    shutil.copyfileobj(source, out)
                layers.append(Layer(path=held, digest=file_digest(held)))
    except (OSError, tarfile.TarError, KeyError, IndexError, TypeError, AttributeError, ValueError) as exc:
        raise ImageError(f"Error while reading the base image {path}: {exc!r}; it must be a docker-archive") from exc
    promised = [diff_id.rsplit(":", 1)[-1] for diff_id in config["rootfs"]["diff_ids"]]
    if promised != [layer.digest for layer in layers]:
        raise ImageError(f"Error while reading the base image {path}: its layers are not those of its configuration")
    return config, layers


def make_image(
    path: Path,
    references: t.Sequence[str],
    entries: Entries,
    settings: ImageSettings,
    base: Path | None,
    work: Path,
) -> dict[str, t.Any]:
    """Write an image of the base's layers and, where there are entries, one more; returns its id and its layers."""
    base_config: dict[str, t.Any] = {}
    layers: list[Layer] = []
    if base is not None:
        base_config, layers = read_archive(base, work)
    if entries:
        layers = [*layers, write_layer(entries, work / "layer.tar")]
    digests = [layer.digest for layer in layers]
    image_id = write_archive(path, references, image_config(settings, base_config, digests), layers)
    return {"image_id": image_id, "layers": [f"sha256:{digest}" for digest in digests]}
