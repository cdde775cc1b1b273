# SPDX-License-Identifier: GPL-3.0-or-later
"""The node agent: gRPC on unix sockets, in the order that the kubelet needs, until somebody ends it."""

from __future__ import annotations

import itertools
import os
import threading
import typing as t

from . import access, binding, ending, health, inventory, kube, log, metrics, plugin, registration, sockets
from .backoff import Backoff
from .cdi import CdiFolder
from .checkpoint import Checkpoint
from .claim_api import ClaimApi
from .claim_status import ClaimStatusWriter
from .config import Settings
from .device_metadata import MetadataFolder
from .devices import SysfsDevices
from .errors import DriverError, InventoryError, ServerError
from .fetches import Fetches
from .grpc_server import GrpcServer, Service
from .removals import Removals
from .state import Lock, Parts, State

# Calls under way are waited for that long at the end; the kubelet asks again for what is cut off.
GRACE_S = 10.0
# The API server is waited for that long at the start before the kubelet is served without it.
CLEANING_S = 3.0
RETRY_S = (5.0, 10.0, 30.0, 60.0)
THREADS = 24
# Whoever removes one of our sockets may be about to remove the other one too.
QUIET_S = 0.2


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
            fetches=Fetches(settings.plugin_dir / "fetching"),
            checkpoint=self._checkpoint,
            cdi=CdiFolder(settings.cdi_dir, settings.driver_name),
            devices=self._devices,
            claims=self._claims,
            listener=self._status,
            metadata=MetadataFolder(settings.plugin_dir, settings.cdi_dir, settings.driver_name),
            with_metadata=settings.device_metadata,
        )
        # The pool of a node has the node's name.
        self.state = State(parts, settings.driver_name, settings.node_name)
        self._monitor = health.HealthMonitor(self._devices.all, self.state.settle, settings.rescan_interval)
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
        # Held while what is served is changed.
        self._serving = threading.Lock()
        self._at_sockets: GrpcServer | None = None
        self._at_port: GrpcServer | None = None
        self._removals: Removals | None = None
        self._instance = sockets.instance(settings.pod_uid)

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
        if self._removals:
            self._removals.close()
        with self._serving:
            for server in (self._at_port, self._at_sockets):
                if server:
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
        liveness = health.LivenessService(self._monitor, self._works)
        if settings.health_address:
            self._at_port = GrpcServer([settings.health_address], [liveness], 2 * health.MOST_STREAMS)
            self._at_port.start()
        sockets.remove_left_behind(settings.plugin_dir, settings.registry_dir, settings.driver_name)
        self._watch_removals()
        # Last: who sees the registrar's socket takes the rest for granted.
        self._serve_sockets(liveness)
        if self._removals:
            threading.Thread(target=self._keep, args=(self._removals, liveness), name="sockets", daemon=True).start()

    def _serve_sockets(self, liveness: health.LivenessService) -> None:
        """Serve the kubelet, in the place of what has served it until now."""
        settings = self._settings
        socket = sockets.plugin_socket(settings.plugin_dir, self._instance)
        registrar = sockets.registrar_socket(settings.registry_dir, settings.driver_name, self._instance)
        services: list[Service] = [
            *plugin.services(self.state, settings.driver_name),
            *health.services(self._monitor, settings.node_name),
            liveness,
            registration.RegistrationService(settings.driver_name, socket),
        ]
        # The kubelet may call as soon as it sees the registrar's socket.
        server = GrpcServer([socket, registrar], services, THREADS)
        server.start()
        before, self._at_sockets = self._at_sockets, server
        if before:
            # Calls under way are finished; the streams of the kubelet, which asks anew, are not waited for here.
            threading.Thread(target=before.stop, args=(GRACE_S,), name="former-sockets", daemon=True).start()

    def _watch_removals(self) -> None:
        """Before there are sockets, so that none goes unseen."""
        try:
            self._removals = Removals([self._settings.plugin_dir, self._settings.registry_dir])
        except ServerError as error:
            log.warning("Sockets that somebody removes are not served again", reason=str(error))

    def _keep(self, removals: Removals, liveness: health.LivenessService) -> None:
        """Serve sockets again that somebody has removed, as a kubelet does whose folders are wiped."""
        backoff = Backoff(RETRY_S[-1])
        wait: float | None = None
        while removals.wait(wait):
            wait = None
            if not (self._at_sockets and self._at_sockets.missing()) or self._ended.wait(QUIET_S):
                continue
            try:
                with self._serving:
                    if self._ended.is_set():
                        return
                    self._make_folders()
                    removals.look()
                    log.warning("Serving sockets again that somebody has removed", sockets=self._at_sockets.missing())
                    self._serve_sockets(liveness)
                backoff.reset()
            except ServerError as error:
                wait = backoff.seconds(error)
                log.error("Sockets that somebody has removed are not served", reason=str(error), again_in=wait)

    def _works(self) -> bool:
        try:
            self.state.held()
        except DriverError:
            return False
        return not (self._at_sockets and self._at_sockets.missing())

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
    ending.on_signal(ended.set)
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
