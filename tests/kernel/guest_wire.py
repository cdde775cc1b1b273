# SPDX-License-Identifier: GPL-3.0-or-later
"""The network between this host and a guest: a tap device of the guest's on a bridge of this host's."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

BRIDGE = "guests0"


class WireError(Exception):
    """The network could not be made; the text says what `ip` said."""


@dataclass(frozen=True)
class Wire:
    """`host` and `guest` are addresses of one network, `prefix` the length of its prefix; `tap` is the device."""

    tap: str = "guest0"
    host: str = "192.168.77.1"
    guest: str = "192.168.77.2"
    prefix: int = 24

    def lay(self) -> None:
        """Make the device, and the bridge where this is its first."""
        if Path("/sys/class/net", self.tap).exists():
            raise WireError(f"the device {self.tap} is here already: another guest uses it")
        if not Path("/sys/class/net", BRIDGE).exists():
            _ip("link", "add", BRIDGE, "type", "bridge")
            _ip("address", "add", f"{self.host}/{self.prefix}", "dev", BRIDGE)
            _ip("link", "set", BRIDGE, "up")
        _ip("tuntap", "add", "dev", self.tap, "mode", "tap")
        _ip("link", "set", self.tap, "master", BRIDGE, "up")


def take_away(tap: str) -> None:
    """Remove a device, and the bridge with the last one of it; what is not there is not missed."""
    if Path("/sys/class/net", tap).exists():
        _ip("link", "delete", tap)
    bridge = Path("/sys/class/net", BRIDGE)
    if bridge.exists() and not any((bridge / "brif").iterdir()):
        _ip("link", "delete", BRIDGE)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise WireError(f"ip {' '.join(arguments)} said: {done.stderr.strip()}")
