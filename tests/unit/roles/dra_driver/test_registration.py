# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of sockets, and what the kubelet is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from dra_agent import DRIVER
from mock_accel_dra import registration

UID = "1f5fd40d-8c35-4df1-ad40-c8b541c44d7d"
USUAL = Path("/var/lib/kubelet/plugins_registry")


def deep(length: int) -> Path:
    return Path("/" + "x" * (length - 1))


@pytest.mark.parametrize(
    ("folder", "driver", "uid", "name"),
    [
        pytest.param(USUAL, DRIVER, "", f"{DRIVER}-reg.sock", id="one instance"),
        pytest.param(USUAL, DRIVER, UID, f"{DRIVER}-{UID}-reg.sock", id="the UID fits"),
        pytest.param(USUAL, "d" * 33, UID, "d" * 33 + "-LWkx2e30Yb0-reg.sock", id="a digest of the UID fits"),
        pytest.param(USUAL, "d" * 63, UID, "dra-kJ90t73udwTIGrivyXQGrw-reg.sock", id="a digest of both fits"),
        pytest.param(deep(107 - 33), DRIVER, "", f"{DRIVER}-reg.sock", id="exactly"),
        pytest.param(deep(107 - 32), DRIVER, "", f"{DRIVER}-reg.sock", id="no other without a UID"),
    ],
)
def test_registrar_socket(folder: Path, driver: str, uid: str, name: str) -> None:
    assert registration.registrar_socket(folder, driver, uid) == folder / name


@pytest.mark.parametrize("length", range(1, 64))
def test_the_registrar_socket_fits(length: int) -> None:
    found = registration.registrar_socket(USUAL, "d" * length, UID)
    assert len(str(found)) <= 107


@pytest.mark.parametrize("length", range(1, 64))
def test_each_start_has_a_registrar_socket_that_fits_and_is_found_again(length: int, tmp_path: Path) -> None:
    driver = "d" * length
    for uid in ("", UID):
        start = registration.new_start()
        found = registration.registrar_socket(USUAL, driver, uid, start)
        # Without a UID there is nothing to shorten.
        assert (start in found.name) is bool(uid or length <= 56)
        assert len(str(found)) <= 107
        (tmp_path / found.name).touch()
        assert [path.name for path in registration.registrar_sockets(tmp_path, driver, uid)] == [found.name]
    assert registration.registrar_sockets(tmp_path, driver, "other") == []


def test_where_no_name_of_its_own_fits_a_start_has_the_usual_one() -> None:
    folder = deep(107 - 33)
    assert registration.registrar_socket(folder, DRIVER, "", "s012345") == folder / f"{DRIVER}-reg.sock"


def test_plugin_socket() -> None:
    folder = Path("/var/lib/kubelet/plugins") / DRIVER
    assert registration.plugin_socket(folder, "") == folder / "dra.sock"
    longest = registration.plugin_socket(folder, UID)
    assert longest == folder / f"dra-{UID}.sock"
    assert len(str(longest)) <= 107
