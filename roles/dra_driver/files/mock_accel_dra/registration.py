# SPDX-License-Identifier: GPL-3.0-or-later
"""The registration service, which tells the kubelet who we are, and the names of both sockets."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import socket
import threading
import typing as t
from pathlib import Path

from . import log
from .api import pluginregistration_v1_pb2 as messages

VERSIONS = ("v1.DRAPlugin", "v1beta1.DRAPlugin", "v1.DRAResourceHealth", "v1alpha1.DRAResourceHealth")
# The kernel allows 108 bytes, and gRPC's library wants a zero behind them.
LONGEST_PATH = 107
_END = "-reg.sock"
_START = "s[0-9a-f]{6}"


def plugin_socket(plugin_dir: Path, pod_uid: str) -> Path:
    """With a pod's UID the old and the new instance of a rolling update have sockets of their own."""
    return plugin_dir / (f"dra-{pod_uid}.sock" if pod_uid else "dra.sock")


def registrar_socket(registry_dir: Path, driver_name: str, pod_uid: str, start: str = "") -> Path:
    """The longest of the usual names that fits; with `start`, one of that start's own where such a name fits."""
    ends = [f"-{start}{_END}", _END] if start else [_END]
    paths = [registry_dir / f"{stem}{end}" for end in ends for stem in _stems(driver_name, pod_uid)]
    return next((path for path in paths if len(bytes(path)) <= LONGEST_PATH), paths[-1])


def registrar_sockets(registry_dir: Path, driver_name: str, pod_uid: str) -> list[Path]:
    """Those of this instance that are there: its own, and what earlier starts of it have left, which were killed."""
    stems = "|".join(map(re.escape, _stems(driver_name, pod_uid)))
    names = re.compile(rf"(?:{stems})(?:-{_START})?{re.escape(_END)}")
    return sorted(path for path in registry_dir.iterdir() if names.fullmatch(path.name))


def is_left_behind(path: Path) -> bool:
    """Nobody listens there any more."""
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def new_start() -> str:
    """A word for `start` that no other start has."""
    return f"s{secrets.token_hex(3)}"


def _stems(driver_name: str, pod_uid: str) -> list[str]:
    if not pod_uid:
        return [driver_name]
    both = f"{driver_name}\0{pod_uid}"
    return [f"{driver_name}-{pod_uid}", f"{driver_name}-{_short(pod_uid, 8)}", f"dra-{_short(both, 16)}"]


def _short(text: str, size: int) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:size]).decode().rstrip("=")


class RegistrationService:
    """Answers the kubelet's plugin watcher."""

    def __init__(self, driver_name: str, endpoint: Path) -> None:
        self._driver_name = driver_name
        self._endpoint = endpoint
        self.descriptor = messages.DESCRIPTOR.services_by_name["Registration"]
        self.registered = threading.Event()

    def GetInfo(self, request: t.Any, context: t.Any) -> t.Any:
        return messages.PluginInfo(
            type="DRAPlugin", name=self._driver_name, endpoint=str(self._endpoint), supported_versions=VERSIONS
        )

    def NotifyRegistrationStatus(self, request: t.Any, context: t.Any) -> t.Any:
        if request.plugin_registered:
            self.registered.set()
            log.info("The kubelet has registered the driver", driver=self._driver_name, endpoint=self._endpoint)
        else:
            # It tries again by itself.
            self.registered.clear()
            log.error("The kubelet has not registered the driver", driver=self._driver_name, reason=request.error)
        return messages.RegistrationStatusResponse()
