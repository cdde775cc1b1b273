# SPDX-License-Identifier: GPL-3.0-or-later
"""The registration service, which tells the kubelet who we are, and the names of both sockets."""

from __future__ import annotations

import base64
import hashlib
import threading
import typing as t
from pathlib import Path

from . import log
from .api import pluginregistration_v1_pb2 as messages

VERSIONS = ("v1.DRAPlugin", "v1beta1.DRAPlugin", "v1.DRAResourceHealth", "v1alpha1.DRAResourceHealth")
# The kernel allows 108 bytes, and gRPC's library wants a zero behind them.
LONGEST_PATH = 107


def plugin_socket(plugin_dir: Path, pod_uid: str) -> Path:
    """With a pod's UID the old and the new instance of a rolling update have sockets of their own."""
    return plugin_dir / (f"dra-{pod_uid}.sock" if pod_uid else "dra.sock")


def registrar_socket(registry_dir: Path, driver_name: str, pod_uid: str) -> Path:
    """The longest of the usual names that fits."""
    names = [f"{driver_name}-reg.sock"]
    if pod_uid:
        both = f"{driver_name}\0{pod_uid}"
        names = [
            f"{driver_name}-{pod_uid}-reg.sock",
            f"{driver_name}-{_short(pod_uid, 8)}-reg.sock",
            f"dra-{_short(both, 16)}-reg.sock",
        ]
    paths = [registry_dir / name for name in names]
    return next((path for path in paths if len(bytes(path)) <= LONGEST_PATH), paths[-1])


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
