# SPDX-License-Identifier: GPL-3.0-or-later
"""The registration service, which tells the kubelet who we are."""

from __future__ import annotations

import threading
import typing as t
from pathlib import Path

from . import log
from .api import pluginregistration_v1_pb2 as messages

VERSIONS = ("v1.DRAPlugin", "v1beta1.DRAPlugin", "v1.DRAResourceHealth", "v1alpha1.DRAResourceHealth")


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
