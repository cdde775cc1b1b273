# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several docker-archives as one, in which a layer that they share is there once.

The names of layers and configurations in such an archive are digests of what they hold, so equal names are equal files.
"""

from __future__ import annotations

import io
import json
import tarfile
import typing as t
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

MANIFEST = "manifest.json"
# An older form of the manifest, which nobody needs who knows the newer one; its name is no digest.
LEGACY = "repositories"


class BundleError(MirageError):
    """An archive that cannot be part of a bundle."""


def bundle(archives: t.Sequence[Path], target: Path) -> list[str]:
    """Write the images of all archives to `target`; returns their references."""
    images: list[dict[str, t.Any]] = []
    written: set[str] = set()
    with tarfile.open(target, "w") as made:
        for archive in archives:
            try:
                with tarfile.open(archive) as source:
                    images += _copy(source, made, written)
            except (tarfile.TarError, ValueError, KeyError) as error:
                raise BundleError(f"{archive} is no docker-archive: {error}") from error
        manifest = json.dumps(images).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mode = len(manifest), 0o644
        made.addfile(member, io.BytesIO(manifest))
    return [tag for image in images for tag in image["RepoTags"] or ()]


def _copy(source: tarfile.TarFile, made: tarfile.TarFile, written: set[str]) -> list[dict[str, t.Any]]:
    """Add what is not there yet; returns what the archive's own manifest says."""
    manifest: list[dict[str, t.Any]] | None = None
    for member in source:
        if member.name == MANIFEST:
            manifest = json.load(t.cast(t.IO[bytes], source.extractfile(member)))
        elif member.name != LEGACY and member.name not in written:
            written.add(member.name)
            made.addfile(member, source.extractfile(member) if member.isfile() else None)
    if manifest is None:
        raise ValueError(f"it has no {MANIFEST}")
    for image in manifest:
        missing = [name for name in (image["Config"], *image["Layers"]) if name not in written]
        if missing:
            raise ValueError(f"it lacks {missing[0]}")
    return manifest
