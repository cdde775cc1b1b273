# SPDX-License-Identifier: GPL-3.0-or-later
"""nvtop 3 of Debian 13, with that release's C library and all else it needs, unpacked aside and never installed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte
import pytest

# Version None means whatever Debian 13 has; where another release's package may lie in the cache too, one is named.
PACKAGES = {
    "nvtop": "3.2.0",
    "libc6": "2.41",
    "libncursesw6": "6.5+20250216",
    "libtinfo6": "6.5+20250216",
    "ncurses-base": "6.5+20250216",
    "libsystemd0": None,
    "libcap2": None,
}
COLUMNS, LINES = 160, 60


@pytest.fixture(scope="session")
def packages(cache: Path) -> dict[str, Path]:
    from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

    def unpack(name: str, version: str | None) -> Path:
        components = ["main", "contrib"]
        return _deb_unpack.unpack(
            name=name, version=version, suite="trixie", components=components, cache_dir=cache
        ).path

    return {name: unpack(name, version) for name, version in PACKAGES.items()}


@pytest.fixture(scope="session")
def nvtop(packages: dict[str, Path], native_build: Path) -> list[str]:
    """The command: Debian 13's loader starts it, as this machine's C library may be older than nvtop asks for."""
    folders = [folder for package in packages.values() for folder in package.glob("usr/lib/*-linux-gnu*")]
    loader = next(packages["libc6"].glob("usr/lib/*-linux-gnu*/ld-linux-*.so.*"))
    program = packages["nvtop"] / "usr" / "bin" / "nvtop"
    return [str(loader), "--library-path", ":".join(map(str, [*folders, native_build])), str(program)]


def test_snapshot_has_every_gpu(nvtop: list[str], client: Callable[..., str], node: dict):
    seen = json.loads(client(*nvtop, "--snapshot"))
    assert [gpu["device_name"] for gpu in seen] == [gpu["name"] for gpu in node["devices"]]
    assert all(gpu["temp"].endswith("C") and gpu["power_draw"].endswith("W") for gpu in seen)


def test_screen_shows_every_gpu(
    nvtop: list[str], client_env: dict[str, str], packages: dict[str, Path], node: dict, tmp_path: Path
):
    env = {
        **client_env,
        "TERM": "xterm-256color",
        "TERMINFO_DIRS": ":".join(str(packages["ncurses-base"] / at) for at in ("usr/share/terminfo", "lib/terminfo")),
        "HOME": str(tmp_path),
    }
    child = pexpect.spawn(nvtop[0], nvtop[1:], env=env, dimensions=(LINES, COLUMNS), timeout=30)
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    wanted = [f"Device {gpu['index']} [{gpu['name']}]" for gpu in node["devices"]]
    shown = ""
    until = time.monotonic() + 30
    try:
        # Each GPU has its name and a line of readings, which come one by one.
        while time.monotonic() < until and not (
            all(name in shown for name in wanted) and shown.count("TEMP") >= len(wanted)
        ):
            try:
                stream.feed(child.read_nonblocking(65536, timeout=1))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                break
            shown = "\n".join(screen.display)
        assert [name for name in wanted if name not in shown] == [], shown
        assert shown.count("TEMP") >= len(wanted)
        child.send("q")
        child.expect(pexpect.EOF, timeout=10)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0
