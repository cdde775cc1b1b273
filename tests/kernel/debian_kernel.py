# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel of Debian with its modules and headers, laid out in the cache without installing anything."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack


@dataclass(frozen=True)
class DebianKernel:
    release: str  # as `uname -r` says
    version: str  # of the Debian packages
    image: Path
    modules: Path  # the folder that becomes /lib/modules/RELEASE
    headers: Path  # what a module's build calls KDIR


def find(cache: Path, suite: str = "bookworm", flavour: str = "cloud-amd64") -> DebianKernel:
    """The suite's kernel of a flavour: the one in the cache, else the newest of the archive."""

    def unpack(name: str, version: str | None = None) -> _deb_unpack.Unpacked:
        return _deb_unpack.unpack(name, version, suite=suite, cache_dir=cache)

    # The package that always depends on the newest kernel names it by the link of its documentation.
    newest = unpack(f"linux-headers-{flavour}")
    target = (newest.path / "usr/share/doc" / f"linux-headers-{flavour}").readlink().name
    release, version = target.removeprefix("linux-headers-"), newest.version
    image = unpack(f"linux-image-{release}", version).path
    headers = unpack(f"linux-headers-{release}", version).path / "usr/src" / f"linux-headers-{release}"
    common = f"linux-headers-{release.removesuffix(f'-{flavour}')}-common"
    # .../lib/linux-kbuild-6.1/scripts
    kbuild = (headers / "scripts").readlink().parent.name
    return DebianKernel(
        release=release,
        version=version,
        image=image / "boot" / f"vmlinuz-{release}",
        modules=image / "lib/modules" / release,
        headers=_join_headers(
            cache / "kernel" / f"headers-{release}-{version}",
            headers,
            unpack(common, version).path / "usr/src" / common,
            unpack(kbuild, version).path / "usr/lib" / kbuild,
        ),
    )


def _join_headers(target: Path, headers: Path, common: Path, kbuild: Path) -> Path:
    """One folder of links to the three packages, which only fit each other when they are installed below /usr."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as place:
            tree = Path(place) / "tree"
            for name, source in (("flavour", headers), ("common", common)):
                (tree / name).mkdir(parents=True)
                for entry in source.iterdir():
                    link = kbuild / entry.name if entry.name in ("scripts", "tools") else entry
                    (tree / name / entry.name).symlink_to(link)
            makefile = tree / "flavour" / "Makefile"
            text = makefile.read_text().replace(f"/usr/src/{headers.name}", f"{target}/flavour")
            makefile.unlink()
            makefile.write_text(text.replace(f"/usr/src/{common.name}", f"{target}/common"))
            # A build that ran beside this one has made the same.
            shutil.rmtree(target, ignore_errors=True)
            tree.rename(target)
    return target / "flavour"
