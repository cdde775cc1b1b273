# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of tests whose nvidia-smi Debian has no more, and where the program lies."""

from __future__ import annotations

from pathlib import Path

import pytest
import vendor_smi

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack


class Archive:
    """In the place of apt: an archive that has these versions, or does not answer."""

    versions_there: list[str] | None

    def __init__(self, wanted: _deb_unpack.Wanted, _source: object, _place: Path) -> None:
        self.wanted = wanted

    def versions(self) -> list[str]:
        if self.versions_there is None:
            raise _deb_unpack.DebError(f"Error while fetching {self.wanted}: Could not resolve 'mirror.invalid'")
        return self.versions_there


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> type[Archive]:
    monkeypatch.setattr(_deb_unpack, "_Apt", Archive)
    monkeypatch.setattr(_deb_unpack, "_archive", lambda *_: None)
    return Archive


@pytest.mark.parametrize(
    ("there", "why"),
    [(["560.28.03-1"], "there is only 560.28.03-1"), ([], "the archive has no package of that name")],
)
def test_another_version_skips_and_names_the_package(archive, tmp_path: Path, there: list[str], why: str) -> None:
    archive.versions_there = there
    with pytest.raises(pytest.skip.Exception) as skipped:
        vendor_smi.newer(tmp_path)
    assert f"Debian package nvidia-smi {vendor_smi.NEWER_VERSION} (experimental, " in str(skipped.value)
    assert why in str(skipped.value)


def test_a_network_that_fails_is_an_error(archive, tmp_path: Path) -> None:
    archive.versions_there = None
    with pytest.raises(_deb_unpack.DebError, match="Could not resolve"):
        vendor_smi.newer(tmp_path)


def test_the_newer_program_is_not_in_the_users_cache(tmp_path: Path) -> None:
    """There the role mock_nvml would find it."""
    architecture = _deb_unpack.machine_architecture()
    package = tmp_path / "tests" / "deb" / f"nvidia-smi-{vendor_smi.NEWER_VERSION}-4-{architecture}"
    program = package / "usr" / "bin" / "nvidia-smi"
    (package / "usr/share/doc/nvidia-smi").mkdir(parents=True)
    program.parent.mkdir()
    program.touch(0o755)
    assert vendor_smi.newer(tmp_path) == program
    wanted = _deb_unpack.Wanted("nvidia-smi", vendor_smi.NEWER_VERSION, "trixie", ("non-free",), architecture)
    assert _deb_unpack.cached(wanted, tmp_path) is None
