# SPDX-License-Identifier: GPL-3.0-or-later
"""A node under a temporary root, a control command that records its calls, and an API server that answers as the real
one does for the few requests that the pods make."""

from __future__ import annotations

import http.server
import json
import os
import stat
import sys
import threading
import typing as t
import urllib.parse
from pathlib import Path

import pytest

# The image's PYTHONPATH.
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "roles/container_images/files/gpu-mock"))

from gpu_mock import kube, settings  # noqa: E402

NAMESPACE = "default"
FULLNAME = "gpu-mock"
NODE = "node-1"

# What mock-nvml promises of its command line, in ten lines: the config is copied, the page is made beside it.
MOCK_NVML = """#!/usr/bin/env python3
import json, pathlib, sys
args = sys.argv[1:]
text = pathlib.Path(args[-1]).read_text()
if "wrong" in text:
    print(f"{args[-1]}:1: name: expected a string", file=sys.stderr)
    sys.exit(1)
if args[0] == "check":
    sys.exit(0)
options = {name: args[args.index(name) + 1] for name in ("--root", "--count", "--driver-version", "--node-name")}
root = pathlib.Path(options["--root"])
wanted = text + json.dumps(options)
files = [root / "config/config.yaml", root / "lib/firmware/nvidia" / options["--driver-version"] / "gsp_mock.bin"]
stale = [file for file in files if not file.exists() or file.read_text() != wanted]
if "--dry-run" not in args:
    for file in stale:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("r+" if file.exists() else "w").write(wanted)
print(json.dumps({"changed": bool(stale)}))
"""


class FakeApi:
    """Objects by path, with server-side apply for labels and watches for ConfigMaps."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, t.Any]] = {}
        # node -> label -> who set it
        self.managers: dict[str, dict[str, set[str]]] = {}
        self.requests: list[tuple[str, str]] = []
        self.tokens: set[str] = set()
        self.failures: dict[tuple[str, str], int] = {}
        self.changed = threading.Condition()

    def add_node(self, name: str, labels: dict[str, str] | None = None, ready: str = "True") -> None:
        self.objects[f"/api/v1/nodes/{name}"] = {
            "metadata": {"name": name, "labels": dict(labels or {})},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }
        self.managers[name] = {key: {"kubelet"} for key in labels or {}}

    def labels(self, name: str = NODE) -> dict[str, str]:
        return self.objects[f"/api/v1/nodes/{name}"]["metadata"]["labels"]

    def set_order(self, order: str) -> None:
        with self.changed:
            path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{FULLNAME}"
            self.objects[path]["metadata"]["annotations"]["mirage.accel/remove"] = order
            self.changed.notify_all()

    def apply_labels(self, name: str, wanted: dict[str, str], manager: str) -> tuple[int, dict[str, t.Any]]:
        labels, managers = self.labels(name), self.managers[name]
        for key, value in wanted.items():
            others = managers.get(key, set()) - {manager}
            if others and labels.get(key) != value:
                return 409, {"message": f"conflict with {sorted(others)[0]}: .metadata.labels.{key}"}
        for key, value in wanted.items():
            labels[key] = value
            managers.setdefault(key, set()).add(manager)
        for key in [key for key, owners in managers.items() if manager in owners and key not in wanted]:
            managers[key].discard(manager)
            if not managers[key]:
                labels.pop(key, None)
        return 200, self.objects[f"/api/v1/nodes/{name}"]


class Handler(http.server.BaseHTTPRequestHandler):
    """One request to the fake API."""

    api: FakeApi

    def do_GET(self) -> None:
        path, query = self._begin("GET")
        if "watch" in query:
            self._watch(f"{path}/{query['fieldSelector'].removeprefix('metadata.name=')}")
        elif path.rpartition("/")[2] in ("nodes", "pods"):
            items = [value for key, value in self.api.objects.items() if key.rpartition("/")[0] == path]
            self._answer(200, {"items": items})
        else:
            self._answer_object(path)

    def do_PATCH(self) -> None:
        path, query = self._begin("PATCH")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if ("PATCH", path) in self.api.failures:
            self._answer(self.api.failures["PATCH", path], {"message": "denied by the policy"})
        elif path not in self.api.objects:
            self._answer_object(path)
        elif self.headers["Content-Type"] == kube.APPLY_PATCH:
            name = path.rpartition("/")[2]
            self._answer(*self.api.apply_labels(name, body["metadata"]["labels"], query["fieldManager"]))
        else:
            self.api.set_order(body["metadata"]["annotations"]["mirage.accel/remove"])
            self._answer_object(path)

    def _begin(self, method: str) -> tuple[str, dict[str, str]]:
        parts = urllib.parse.urlsplit(self.path)
        self.api.requests.append((method, parts.path))
        self.api.tokens.add(self.headers["Authorization"])
        return parts.path, dict(urllib.parse.parse_qsl(parts.query))

    def _watch(self, path: str) -> None:
        self.send_response(200)
        self.end_headers()
        with self.api.changed:
            self._event("ADDED", path)
            if self.api.changed.wait(timeout=10):
                self._event("MODIFIED", path)

    def _event(self, kind: str, path: str) -> None:
        self.wfile.write(json.dumps({"type": kind, "object": self.api.objects[path]}).encode() + b"\n")
        self.wfile.flush()

    def _answer_object(self, path: str) -> None:
        found = self.api.objects.get(path)
        if found is None:
            self._answer(404, {"kind": "Status", "message": f"{path} not found"})
        else:
            self._answer(200, found)

    def _answer(self, status: int, body: dict[str, t.Any]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the requests are in api.requests."""


@pytest.fixture
def fake_api() -> t.Iterator[FakeApi]:
    fake = FakeApi()
    fake.add_node(NODE, {"kubernetes.io/hostname": NODE})
    fake.objects[f"/api/v1/namespaces/{NAMESPACE}/configmaps/{FULLNAME}"] = {
        "metadata": {"name": FULLNAME, "annotations": {"mirage.accel/remove": "no"}}
    }
    fake.objects[f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{FULLNAME}"] = {
        "metadata": {"name": FULLNAME},
        "spec": {"template": {"spec": {}}},
    }
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"api": fake}))
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def api(fake_api: FakeApi, tmp_path: Path) -> kube.Api:
    token = tmp_path / "token"
    token.write_text("a-token\n")
    return kube.Api(fake_api.url, token, None)  # type: ignore[attr-defined]


@pytest.fixture
def node(tmp_path: Path) -> settings.Settings:
    """A node's pod that asks for two GPUs."""
    payload = tmp_path / "payload"
    for name in ("usr/lib64/libnvidia-ml.so.1", "usr/lib64/libcuda.so.1", "usr/bin/nvidia-smi"):
        (payload / name).parent.mkdir(parents=True, exist_ok=True)
        (payload / name).write_text(f"content of {name}")
    command = payload / "usr/bin/mock-nvml"
    command.write_text(MOCK_NVML)
    command.chmod(0o755)
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "devices").write_text("Character devices:\n  1 mem\n195 something-else\n")
    (tmp_path / "dev").mkdir()
    (tmp_path / "config.yaml").write_text("name: GPU\n")
    return settings.Settings(
        node_name=NODE,
        namespace=NAMESPACE,
        release="rel",
        fullname=FULLNAME,
        profile="a100",
        count=2,
        driver_version="550.163.01",
        config_file=tmp_path / "config.yaml",
        driver_root=tmp_path / "host/nvidia-mock/driver",
        host_dev=tmp_path / "dev",
        proc=proc,
        payload=payload,
        status_dir=tmp_path / "run",
        termination_log=tmp_path / "termination-log",
    )


Snapshot = dict[str, t.Any]


@pytest.fixture
def snapshot(node: settings.Settings, tmp_path: Path) -> t.Callable[[], Snapshot]:
    """Everything below the node's driver root and /dev: content, link target or device number, and inode."""

    def take() -> Snapshot:
        found = {}
        for top in (tmp_path / "host", node.host_dev):
            for path in sorted(top.rglob("*")):
                status = path.lstat()
                if path.is_symlink():
                    value: t.Any = str(path.readlink())
                elif stat.S_ISCHR(status.st_mode):
                    value = (os.major(status.st_rdev), os.minor(status.st_rdev), oct(stat.S_IMODE(status.st_mode)))
                elif path.is_file():
                    value = path.read_text(encoding="latin-1")
                else:
                    continue
                found[str(path.relative_to(tmp_path))] = (value, status.st_ino)
        return found

    return take
