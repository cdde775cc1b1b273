# SPDX-License-Identifier: GPL-3.0-or-later
"""The node agent: gRPC on unix sockets, in the order that the kubelet needs, until somebody ends it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import os
import signal
import threading
import typing as t
from pathlib import Path

import grpc
from google.protobuf import message_factory

from . import access, binding, health, inventory, kube, log, metrics, plugin, registration
from .cdi import CdiFolder
from .checkpoint import Checkpoint
from .claim_api import ClaimApi
from .claim_status import ClaimStatusWriter
from .config import Settings
from .devices import SysfsDevices
from .errors import DriverError, InventoryError, ServerError
from .state import Lock, Parts, State

# Calls under way are waited for that long at the end; the kubelet asks again for what is cut off.
GRACE_S = 10.0
# The API server is waited for that long at the start before the kubelet is served without it.
CLEANING_S = 3.0
RETRY_S = (5.0, 10.0, 30.0, 60.0)
THREADS = 24


class Service(t.Protocol):
    """An object whose methods have the names of the descriptor's."""

    descriptor: t.Any


def handler(service: Service) -> grpc.GenericRpcHandler:
    """Serves what the descriptor says by the service's methods."""
    methods = {}
    for method in service.descriptor.methods:
        make = grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
        methods[method.name] = make(
            getattr(service, method.name),
            request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
            response_serializer=message_factory.GetMessageClass(method.output_type).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(service.descriptor.full_name, methods)


class GrpcServer:
    """Some services at each of some addresses: a unix socket's path, or HOST:PORT.

    One server with two sockets and not two servers: each looks after itself every second, which is most of what an idle
    node agent does.
    """

    def __init__(self, addresses: t.Sequence[Path | str], services: t.Iterable[Service], threads: int) -> None:
        self._addresses = addresses
        pool = concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix="grpc")
        # Nobody else listens on our port, whatever the kernel would allow.
        self._server = grpc.server(pool, options=(("grpc.so_reuseport", 0),))
        self._server.add_generic_rpc_handlers([handler(service) for service in services])

    def start(self) -> None:
        """Listen, in the order of the addresses."""
        for address in self._addresses:
            try:
                # What a process that was killed has left; a living one has another name or is not there.
                _remove(address)
                self._server.add_insecure_port(f"unix:{address}" if isinstance(address, Path) else address)
            except (OSError, RuntimeError) as error:
                raise ServerError(f"Error while listening on {address}: {error}") from error
        self._server.start()
        log.info("Serving", 1, addresses=self._addresses)

    def stop(self, grace: float) -> None:
        """Take the sockets away, the last one first, so that nobody new comes; then end the calls under way."""
        for address in reversed(self._addresses):
            with contextlib.suppress(OSError):
                _remove(address)
        self._server.stop(grace).wait()


def _remove(address: Path | str) -> None:
    if isinstance(address, Path):
        address.unlink(missing_ok=True)


class NodeAgent:
    """All parts of one instance."""

    def __init__(self, settings: Settings, environ: t.Mapping[str, str]) -> None:
        server = access.find(settings.kubeconfig, environ)
        # The status is written in the background and must not keep the connection that claims are read by.
        self._claims = ClaimApi(kube.Client(server))
        self._status = ClaimStatusWriter(ClaimApi(kube.Client(server)), settings.driver_name)
        self._settings = settings
        self._devices = SysfsDevices(settings.sysfs_root)
        self._checkpoint = Checkpoint(settings.plugin_dir / "checkpoint.json")
        parts = Parts(
            lock=Lock(settings.plugin_dir / "serialize.lock"),
            checkpoint=self._checkpoint,
            cdi=CdiFolder(settings.cdi_dir, settings.driver_name),
            devices=self._devices,
            claims=self._claims,
            listener=self._status,
        )
        # The pool of a node has the node's name.
        self.state = State(parts, settings.driver_name, settings.node_name)
        self._monitor = health.HealthMonitor(self._devices.all, self.state.held, settings.rescan_interval)
        self._binding: binding.BindingReporter | None = None
        if settings.binding_conditions:
            self._binding = binding.BindingReporter(
                kube.Client(server),
                ClaimApi(kube.Client(server)),
                settings.driver_name,
                settings.node_name,
                self._devices.find,
            )
        self._uevents: inventory.UeventSource | None = None
        self._ended = threading.Event()
        self._servers: list[GrpcServer] = []

    def start(self) -> None:
        self._make_folders()
        self._status.start()
        first_try = threading.Event()
        threading.Thread(target=self._put_right, args=(first_try,), name="put-right", daemon=True).start()
        first_try.wait(CLEANING_S)
        self._monitor.start()
        self._watch_uevents()
        self._serve()
        # Last: the scheduler binds a pod to this node when it hears that the devices answer.
        if self._binding:
            self._binding.start()

    def stop(self) -> None:
        """The kubelet is told first, then calls under way are done; what is prepared stays so."""
        self._ended.set()
        if self._binding:
            self._binding.stop()
        self._monitor.stop()
        for server in reversed(self._servers):
            server.stop(GRACE_S)
        if self._uevents:
            self._uevents.close()
        self._status.stop(2.0)

    def _make_folders(self) -> None:
        for folder in (self._settings.plugin_dir, self._settings.registry_dir, self._settings.cdi_dir):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ServerError(f"Error while making the folder {folder}: {error.strerror}") from error

    def _serve(self) -> None:
        settings = self._settings
        socket = registration.plugin_socket(settings.plugin_dir, settings.pod_uid)
        registrar = registration.registrar_socket(settings.registry_dir, settings.driver_name, settings.pod_uid)
        liveness = health.LivenessService(self._monitor, self._works)
        services: list[Service] = [
            *plugin.services(self.state),
            *health.services(self._monitor, settings.node_name),
            liveness,
        ]
        services.append(registration.RegistrationService(settings.driver_name, socket))
        # The kubelet may call as soon as it sees the registrar's socket.
        self._add_server([socket, registrar], services, THREADS)
        if settings.health_address:
            self._add_server([settings.health_address], [liveness], 2 * health.MOST_STREAMS)

    def _add_server(self, addresses: t.Sequence[Path | str], services: t.Iterable[Service], threads: int) -> None:
        server = GrpcServer(addresses, services, threads)
        server.start()
        self._servers.append(server)

    def _works(self) -> bool:
        try:
            self.state.held()
        except DriverError:
            return False
        return True

    def _put_right(self, first_try: threading.Event) -> None:
        """Recover, then clean against the API server, as often as it takes."""
        recovered = cleaned = False
        for wait in itertools.chain(RETRY_S, itertools.repeat(RETRY_S[-1])):
            try:
                if not recovered:
                    self.state.recover()
                    recovered = True
                cleaned = self.state.clean_orphans()
            except DriverError as error:
                log.error("What a former process has left is not put right yet", reason=str(error))
            first_try.set()
            if cleaned or self._ended.wait(wait):
                return

    def _watch_uevents(self) -> None:
        """Where the kernel's word cannot be heard, the interval has to do."""
        try:
            self._uevents = inventory.UeventSource()
        except InventoryError as error:
            log.warning("Changes are noticed after the rescan interval only", reason=str(error))
            return
        threading.Thread(target=self._hear, args=(self._uevents,), name="uevents", daemon=True).start()

    def _hear(self, uevents: inventory.UeventSource) -> None:
        try:
            while uevents.wait():
                self._monitor.wake()
        except InventoryError as error:
            log.error("Changes are noticed after the rescan interval only", reason=str(error))


def run(settings: Settings, environ: t.Mapping[str, str] = os.environ) -> int:
    """Serve until SIGTERM or SIGINT."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    agent = NodeAgent(settings, environ)
    shown = [*plugin.METRICS, *health.METRICS]
    scraped = metrics.Server(settings.metrics_address, shown) if settings.metrics_address else None
    log.info("Starting", driver=settings.driver_name, node=settings.node_name)
    try:
        agent.start()
        ended.wait()
        log.info("Ending")
    finally:
        agent.stop()
        if scraped:
            scraped.close()
    return 0
