# SPDX-License-Identifier: GPL-3.0-or-later
"""How the node agent's sockets are called, and which of them go because nobody listens."""

from __future__ import annotations

import re
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dra_agent import DRIVER
from mock_accel_dra import sockets

INSTANCE = "1f5fd40d-8c35-4df1-ad40-c8b541c44d7d-0123ab"
KUBELET = Path("/var/lib/kubelet")
USUAL = KUBELET / "plugins_registry"


def deep(length: int) -> Path:
    return Path("/" + "x" * (length - 1))


@pytest.mark.parametrize(
    ("folder", "driver", "instance", "name"),
    [
        pytest.param(USUAL, DRIVER, "", f"{DRIVER}-reg.sock", id="one instance"),
        pytest.param(USUAL, "d" * 20, INSTANCE, f"{'d' * 20}-{INSTANCE}-reg.sock", id="the instance fits"),
        pytest.param(USUAL, DRIVER, INSTANCE, f"{DRIVER}-wKIA_ZQf9AY-reg.sock", id="a digest of it fits"),
        pytest.param(USUAL, "d" * 63, INSTANCE, "dra-gJs95pdS1KEcAFC5jhnaag-reg.sock", id="a digest of both fits"),
        pytest.param(deep(107 - 33), DRIVER, "", f"{DRIVER}-reg.sock", id="exactly"),
        pytest.param(deep(107 - 32), DRIVER, "", f"{DRIVER}-reg.sock", id="no other without an instance"),
    ],
)
def test_registrar_socket(folder: Path, driver: str, instance: str, name: str) -> None:
    assert sockets.registrar_socket(folder, driver, instance) == folder / name


@pytest.mark.parametrize("length", range(1, 64))
def test_the_registrar_socket_fits(length: int) -> None:
    found = sockets.registrar_socket(USUAL, "d" * length, INSTANCE)
    assert len(str(found)) <= 107


def test_plugin_socket() -> None:
    folder = KUBELET / "plugins" / DRIVER
    assert sockets.plugin_socket(folder, "") == folder / "dra.sock"
    assert sockets.plugin_socket(folder, INSTANCE) == folder / f"dra-{INSTANCE}.sock"
    longest = KUBELET / "plugins" / ("d" * 61)
    assert sockets.plugin_socket(longest, INSTANCE) == longest / "dra-wKIA_ZQf9AY.sock"
    assert len(str(sockets.plugin_socket(longest, INSTANCE))) <= 107


def test_each_start_of_a_pod_is_an_instance() -> None:
    assert sockets.instance("") == ""
    starts = {sockets.instance("uid") for _ in range(20)}
    assert len(starts) == 20
    assert all(re.fullmatch(r"uid-[0-9a-f]{6}", start) for start in starts)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One whose name leaves room for that of a socket."""
    with tempfile.TemporaryDirectory(prefix="dra-") as name:
        yield Path(name)


def test_what_killed_processes_have_left_goes(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plugin_dir, registry_dir = folder / "p", folder / "r"
    left = [
        plugin_dir / "dra.sock",
        plugin_dir / "dra-uid-012345.sock",
        registry_dir / f"{DRIVER}-reg.sock",
        registry_dir / f"{DRIVER}-uid-012345-reg.sock",
    ]
    stays = [
        plugin_dir / "checkpoint.json",
        plugin_dir / ".123abc",
        registry_dir / "gpu.example.com-reg.sock",
        registry_dir / f"{DRIVER}.other-reg.sock",
    ]
    living = [plugin_dir / "dra-other-012345.sock", registry_dir / f"{DRIVER}-other-012345-reg.sock"]
    plugin_dir.mkdir()
    registry_dir.mkdir()
    for path in (*left, *stays):
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    listening = [socket.socket(socket.AF_UNIX) for _ in living]
    for one, path in zip(listening, living, strict=True):
        one.bind(str(path))
        one.listen()
    # Which cannot be removed so.
    (registry_dir / f"{DRIVER}-folder-reg.sock").mkdir()
    try:
        sockets.remove_left_behind(plugin_dir, registry_dir, DRIVER)
    finally:
        for one in listening:
            one.close()
    found = {*plugin_dir.iterdir(), *registry_dir.iterdir()}
    assert found == {*stays, *living, registry_dir / f"{DRIVER}-folder-reg.sock"}
    said = capfd.readouterr().err
    assert [str(path) in said for path in left] == [True] * 4


def test_one_that_does_not_answer_is_not_waited_for(folder: Path) -> None:
    """A process that somebody has stopped, with as many connections waiting as it takes."""
    path = folder / f"{DRIVER}-reg.sock"
    with socket.socket(socket.AF_UNIX) as stopped, socket.socket(socket.AF_UNIX) as waiting:
        stopped.bind(str(path))
        stopped.listen(0)
        waiting.connect(str(path))
        sockets.remove_left_behind(folder, folder, DRIVER)
    assert path.exists()


def test_folders_that_are_not_there_hold_nothing(tmp_path: Path) -> None:
    sockets.remove_left_behind(tmp_path / "p", tmp_path / "r", DRIVER)
