# SPDX-License-Identifier: GPL-3.0-or-later
"""A node for the DRA plugin: sysfs, an API server with claims, the plugin's process, and a kubelet that calls it."""

from __future__ import annotations

import contextlib
import json
import threading
import typing as t
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
from accel_sysfs import AccelTree
from dra_agent import DRIVER, NODE, Agent, listens
from google.protobuf import message_factory
from mock_accel_dra.api import (
    dra_health_v1_pb2,
    dra_health_v1alpha1_pb2,
    dra_v1_pb2,
    dra_v1beta1_pb2,
    grpc_health_v1_pb2,
    pluginregistration_v1_pb2,
)
from mock_accel_dra.cdi import CdiFolder
from mock_accel_dra.checkpoint import Checkpoint
from mock_accel_dra.device_metadata import MetadataFolder
from mock_accel_dra.devices import SysfsDevices
from mock_accel_dra.errors import NotFound
from mock_accel_dra.fetches import Fetches
from mock_accel_dra.prepared import ClaimRef, PreparedClaim
from mock_accel_dra.state import Lock, Parts, State

APIS = {
    "v1": dra_v1_pb2,
    "v1beta1": dra_v1beta1_pb2,
    "health-v1": dra_health_v1_pb2,
    "health-v1alpha1": dra_health_v1alpha1_pb2,
    "liveness": grpc_health_v1_pb2,
    "registration": pluginregistration_v1_pb2,
}


class Sysfs(AccelTree):
    """What the module shows of some functions."""

    def __init__(self, root: Path, pfs: int, vfs: int) -> None:
        super().__init__(root)
        for pf in range(pfs):
            self.add_pf(pf)
            self.add_vfs(pf, vfs)


def claim(
    name: str = "c0",
    *devices: str | dict[str, t.Any],
    uid: str = "",
    requests: list[dict[str, t.Any]] | None = None,
    config: list[dict[str, t.Any]] | None = None,
) -> dict[str, t.Any]:
    """A ResourceClaim that is allocated these devices: names, or whole results."""
    results = []
    for device in devices:
        one = {"request": "accel", "driver": DRIVER, "pool": NODE}
        results.append({**one, **({"device": device} if isinstance(device, str) else device)})
    spec = requests or [{"name": "accel", "exactly": {"deviceClassName": "mock-accel-pf"}}]
    allocation: dict[str, t.Any] = {"devices": {"results": results}}
    if config:
        allocation["devices"]["config"] = config
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "default", "uid": uid or str(uuid.uuid4()), "resourceVersion": "1"},
        "spec": {"devices": {"requests": spec}},
        "status": {"allocation": allocation},
    }


class ClaimServer:
    """An API server that has claims and nothing else; `requests` are those made."""

    def __init__(self, version: str = "v1") -> None:
        self.version = version
        self.claims: dict[str, dict[str, t.Any]] = {}
        self.requests: list[str] = []
        # The same by connection.
        self.connections: list[list[str]] = []
        # Names of claims that are answered only when the event is set.
        self.slow: set[str] = set()
        self.go_on = threading.Event()
        self.patches: list[tuple[str, dict[str, t.Any]]] = []
        self.refusal: int | None = None
        self.patch_refusal: int | None = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                self.requests: list[str] = []
                server.connections.append(self.requests)
                super().setup()

            def do_GET(self) -> None:
                self.answer(None)

            def do_PATCH(self) -> None:
                self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def answer(self, body: dict[str, t.Any] | None) -> None:
                self.requests.append(f"{self.command} {self.path}")
                code, answer = server.answer(self.command, self.path, body)
                data = json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, method: str, target: str, body: dict[str, t.Any] | None) -> tuple[int, dict[str, t.Any]]:
        path = target.partition("?")[0]
        self.requests.append(f"{method} {path}")
        refusal = self.refusal or (self.patch_refusal if method == "PATCH" else None)
        if refusal:
            return refusal, {"kind": "Status", "message": "no, says the test", "code": refusal}
        if path == "/apis/resource.k8s.io":
            return 200, {"kind": "APIGroup", "versions": [{"version": self.version}]}
        prefix = f"/apis/resource.k8s.io/{self.version}/namespaces/default/resourceclaims/"
        name = path.removeprefix(prefix).removesuffix("/status")
        if not path.startswith(prefix) or name not in self.claims:
            details = {"name": name, "kind": "resourceclaims"} if path.startswith(prefix) else {}
            message = f'resourceclaims "{name}" not found'
            return 404, {"kind": "Status", "message": message, "details": details, "code": 404}
        if name in self.slow:
            self.go_on.wait(30)
        metadata = self.claims[name]["metadata"]
        if body is not None:
            if body["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
                return 409, {"kind": "Status", "message": "the object has been modified", "code": 409}
            self.patches.append((name, body))
            self.claims[name]["status"]["devices"] = body["status"]["devices"]
            metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        return 200, self.claims[name]

    def add(self, *claims: dict[str, t.Any]) -> None:
        for one in claims:
            self.claims[one["metadata"]["name"]] = one

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class Kubelet:
    """Calls the plugin as the kubelet does."""

    def __init__(self, path: Path) -> None:
        # A channel that gRPC keeps for another one of the same address would remember a server that has died.
        options = (("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50))
        self.channel = grpc.insecure_channel(f"unix:{path}", options=options)

    def call(self, api: str, method: str, timeout: float = 20.0, **fields: t.Any) -> t.Any:
        """One call; a stream's answer is its iterator."""
        (service,) = APIS[api].DESCRIPTOR.services_by_name.values()
        found = service.methods_by_name[method]
        request = message_factory.GetMessageClass(found.input_type)(**fields)
        make = self.channel.unary_stream if found.server_streaming else self.channel.unary_unary
        stub = make(
            f"/{service.full_name}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(found.output_type).FromString,
        )
        return stub(request, timeout=timeout)

    def prepare(self, *claims: dict[str, t.Any], api: str = "v1", timeout: float = 20.0) -> dict[str, t.Any]:
        return self._claims("NodePrepareResources", claims, api, timeout)

    def unprepare(self, *claims: dict[str, t.Any], api: str = "v1", timeout: float = 20.0) -> dict[str, t.Any]:
        return self._claims("NodeUnprepareResources", claims, api, timeout)

    def _claims(self, method: str, claims: t.Iterable[dict[str, t.Any]], api: str, timeout: float) -> dict[str, t.Any]:
        metadata = [one["metadata"] for one in claims]
        refs = [{key: one[key] for key in ("namespace", "name", "uid")} for one in metadata]
        return dict(self.call(api, method, timeout, claims=refs).claims)

    def close(self) -> None:
        self.channel.close()


class Node(Agent):
    """A node of the tests' own: the folders, an API server with claims, the agent, and a kubelet that calls it."""

    def __init__(self, folder: Path, pfs: int = 2, vfs: int = 2) -> None:
        super().__init__(folder, Sysfs(folder / "sys", pfs, vfs))
        self.api = ClaimServer()
        self.use_server(self.api.url)

    def use_server(self, url: str) -> None:
        cluster = {"name": "c", "cluster": {"server": url}}
        context = {"name": "c", "context": {"cluster": "c", "user": "c"}}
        config = {"clusters": [cluster], "contexts": [context], "users": [{"name": "c", "user": {}}]}
        self.kubeconfig.write_text(json.dumps({**config, "current-context": "c"}))

    def socket(self, pod_uid: str = "") -> Path:
        """The plugin's socket; of a pod, that of its start that lives."""
        if not pod_uid:
            return self.plugin_dir / "dra.sock"
        [living] = filter(listens, self.plugin_dir.glob(f"dra-{pod_uid}-*.sock"))
        return living

    @contextlib.contextmanager
    def kubelet(self, pod_uid: str = "") -> Iterator[Kubelet]:
        kubelet = Kubelet(self.socket(pod_uid))
        try:
            yield kubelet
        finally:
            kubelet.close()

    def close(self) -> None:
        super().close()
        self.api.close()


def state_of(node: Node, reader: t.Any, listener: t.Any = None, *, metadata: bool = False) -> State:
    """The plugin's state on the node's folders, in this process."""
    for folder in (node.plugin_dir, node.cdi_dir):
        folder.mkdir(exist_ok=True)
    parts = Parts(
        lock=Lock(node.plugin_dir / "serialize.lock"),
        fetches=Fetches(node.plugin_dir / "fetching"),
        checkpoint=Checkpoint(node.checkpoint),
        cdi=CdiFolder(node.cdi_dir, DRIVER),
        devices=SysfsDevices(node.sysfs.root),
        claims=reader,
        listener=listener or Listener(),
        metadata=MetadataFolder(node.plugin_dir, node.cdi_dir, DRIVER),
        with_metadata=metadata,
    )
    return State(parts, DRIVER, NODE)


def nothing_is_left(node: Node) -> bool:
    return (node.recorded(), node.cdi_files(), node.sysfs.statuses()) == ({}, [], {})


def ref_of(one: dict[str, t.Any]) -> ClaimRef:
    metadata = one["metadata"]
    return ClaimRef(metadata["namespace"], metadata["name"], metadata["uid"])


class Listener:
    """Remembers what it has been told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def prepared(self, claim: PreparedClaim) -> None:
        self.told.append(("prepared", claim.ref.name))

    def unprepared(self, ref: ClaimRef) -> None:
        self.told.append(("unprepared", ref.name))


class Reader:
    """An API server's claims without the server; `error` is raised instead of an answer."""

    def __init__(self, *claims: dict[str, t.Any]) -> None:
        self.claims = {one["metadata"]["name"]: one for one in claims}
        self.asked: list[str] = []
        self.error: Exception | None = None

    def get(self, ref: ClaimRef) -> dict[str, t.Any]:
        self.asked.append(ref.name)
        if self.error:
            raise self.error
        if ref.name not in self.claims:
            message = f'Error while calling GET: resourceclaims "{ref.name}" not found (HTTP 404)'
            raise NotFound(message, "resourceclaims")
        return self.claims[ref.name]
