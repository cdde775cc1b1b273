# SPDX-License-Identifier: GPL-3.0-or-later
"""The kubelet's side of the device plugin API, as far as it is needed to look at a plugin."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

pb, services = grpc.protos_and_services("deviceplugin_v1beta1.proto")


class Plugin:
    """One resource of a plugin that has registered: what it lists, and when it said so."""

    def __init__(self, request: t.Any, folder: Path) -> None:
        self.resource: str = request.resource_name
        self.version: str = request.version
        # Health by device, of every message so far, with the time of its arrival.
        self.lists: list[tuple[float, dict[str, str]]] = []
        self._channel = grpc.insecure_channel(f"unix:{folder / request.endpoint}")
        self._stub = services.DevicePluginStub(self._channel)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        # The stream ends with the plugin, or with the channel.
        with contextlib.suppress(grpc.RpcError, ValueError):
            for message in self._stub.ListAndWatch(pb.Empty()):
                self.lists.append((time.monotonic(), {device.ID: device.health for device in message.devices}))

    def devices(self) -> dict[str, str]:
        """Health by device, as it was said last; empty before the first message."""
        return self.lists[-1][1] if self.lists else {}

    def allocate(self, *devices: str) -> t.Any:
        """The plugin's answer for one container."""
        request = pb.AllocateRequest(container_requests=[pb.ContainerAllocateRequest(devices_ids=devices)])
        return self._stub.Allocate(request, timeout=10).container_responses[0]

    def prefer(self, count: int) -> list[str]:
        """Which of all devices the plugin would take."""
        container = pb.ContainerPreferredAllocationRequest(
            available_deviceIDs=list(self.devices()), allocation_size=count
        )
        request = pb.PreferredAllocationRequest(container_requests=[container])
        return list(self._stub.GetPreferredAllocation(request, timeout=10).container_responses[0].deviceIDs)

    def close(self) -> None:
        self._channel.close()
        self._thread.join(10)


class Kubelet:
    """Offers the service Registration, and looks at each plugin from when it has registered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # By resource, the one that registered last; all of them are closed in the end.
        self.plugins: dict[str, Plugin] = {}
        self._all: list[Plugin] = []

    def Register(self, request: t.Any, context: t.Any) -> t.Any:  # noqa: N802 - the service's word
        del context
        plugin = Plugin(request, self._folder)
        self._all.append(plugin)
        self.plugins[plugin.resource] = plugin
        return pb.Empty()

    def close(self) -> None:
        for plugin in self._all:
            plugin.close()


@contextlib.contextmanager
def kubelet(folder: Path) -> Iterator[Kubelet]:
    """A kubelet whose socket lies in the folder."""
    one = Kubelet(folder)
    with ThreadPoolExecutor(max_workers=4) as pool:
        server = grpc.server(pool)
        services.add_RegistrationServicer_to_server(one, server)
        server.add_insecure_port(f"unix:{folder / 'kubelet.sock'}")
        server.start()
        try:
            yield one
        finally:
            one.close()
            server.stop(None).wait()
