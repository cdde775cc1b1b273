# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of an upstream release: downloaded, compared with their checksum, unpacked; nothing unverified is kept."""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
import tempfile
import typing as t
from pathlib import Path, PurePosixPath

from ansible.module_utils.urls import open_url

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

_HEX_SHA256 = re.compile(r"\b[0-9a-fA-F]{64}\b")


class ReleaseError(MirageError):
    """A release that does not answer or is not what was expected; the caller builds instead, and says so."""


def expected_sha256(text: str, file_name: str) -> str:
    """The checksum of a file in what a release publishes: one bare sum, or lines of sum and file name."""
    lines = [line for line in text.splitlines() if _HEX_SHA256.search(line)]
    named = [line for line in lines if file_name in re.split(r"[\s*/()]+", line)]
    if not named and len(lines) == 1 and len(lines[0].split()) == 1:
        named = lines
    if not named:
        raise ReleaseError(f"the list of checksums has none for {file_name}")
    return _HEX_SHA256.search(named[0]).group(0).lower()


def download(url: str, path: Path, timeout: int) -> str:
    """Fetch a URL into a file and return the SHA-256 of what arrived."""
    digest = hashlib.sha256()
    try:
        with open_url(url, timeout=timeout, follow_redirects="all") as response, path.open("wb") as out:
            for chunk in iter(lambda: response.read(1 << 20), b""):
                digest.update(chunk)
                out.write(chunk)
    except Exception as exc:  # urllib, ssl and socket errors have no common base that is narrower
        raise ReleaseError(f"{url}: {exc}") from exc
    return digest.hexdigest()


def unpack_members(archive: Path, members: t.Mapping[str, str], out_dir: Path) -> None:
    """Copy the named members of a tar archive to files of the given names."""
    with tarfile.open(archive) as tar:
        by_name = {str(PurePosixPath(info.name)): info for info in tar if info.isfile()}
        for member, name in members.items():
            info = by_name.get(str(PurePosixPath(member)))
            if info is None:
                raise ReleaseError(f"the archive has no member {member}")
            with tar.extractfile(info) as source, (out_dir / name).open("wb") as out:
                shutil.copyfileobj(source, out)


def wanted_sha256(entry: t.Mapping[str, t.Any], work: Path, timeout: int) -> str:
    """The checksum that an entry states, or that the release publishes for its file."""
    if entry.get("sha256"):
        return entry["sha256"].lower()
    sums = work / ".sums"
    download(entry["sha256_url"], sums, timeout)
    return expected_sha256(sums.read_text(encoding="utf-8", errors="replace"), entry["url"].rsplit("/", 1)[-1])


def fetch(entry: t.Mapping[str, t.Any], out_dir: Path, timeout: int) -> None:
    """Bring one file of a release, or members of it, into a folder; ReleaseError says why that was not possible."""
    url = entry["url"]
    with tempfile.TemporaryDirectory(prefix=".release-", dir=out_dir.parent) as work_name:
        work = Path(work_name)
        wanted = wanted_sha256(entry, work, timeout)
        held = work / "file"
        found = download(url, held, timeout)
        if found != wanted:
            raise ReleaseError(f"{url}: SHA-256 is {found}, expected {wanted}")
        if not entry.get("members"):
            held.rename(out_dir / (entry.get("name") or url.rsplit("/", 1)[-1]))
            return
        try:
            unpack_members(held, entry["members"], out_dir)
        except (tarfile.TarError, OSError, ReleaseError) as exc:
            raise ReleaseError(f"Error while unpacking {url}: {exc}") from exc
