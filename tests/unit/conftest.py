# SPDX-License-Identifier: GPL-3.0-or-later
"""What the unit tests of the modules share: a small NVML library built here, and a scripted API server."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import threading
import time
import typing as t
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return FIXTURES


@pytest.fixture(scope="session")
def fake_nvml(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Builds fixtures/fake_nvml*.c, with macros if asked for, and gives the library's path."""
    folder = tmp_path_factory.mktemp("fake_nvml")

    def build(*macros: str) -> Path:
        library = folder / f"libfake{''.join(macros).lower()}.so"
        if not library.exists():
            flags = ["-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", *[f"-D{macro}" for macro in macros]]
            subprocess.run(["cc", *flags, "-o", str(library), *map(str, FIXTURES.glob("fake_nvml*.c"))], check=True)
        return library

    return build


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, t.Any]]:
    """Runs a module's main() in this process and gives its answer, with `failed` and the exit status as `rc`."""

    def run(module: t.Any, **options: t.Any) -> dict[str, t.Any]:
        output = io.StringIO()
        with patch_module_args(options), contextlib.redirect_stdout(output), pytest.raises(SystemExit) as exit_:
            module.main()
        answer = json.loads(output.getvalue())
        return {"failed": False, **answer, "rc": exit_.value.code}

    return run


class MockGpus(t.NamedTuple):
    """Two mock GPUs of a driver root: the options that name them, and what `mock-nvml` says and does."""

    options: dict[str, str]

    def run(self, *arguments: str) -> str:
        argv = [self.options["command"], "--root", self.options["path"], *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def status(self) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads(self.run("status", "--json")))

    @property
    def page(self) -> Path:
        return Path(json.loads(self.run("status", "--dry-run", "--json"))["page"])

    def boot(self) -> None:
        """As if the machine had been booted anew: the page is of another boot (struct page_header)."""
        with self.page.open("r+b") as file:
            file.seek(80)
            high = int.from_bytes(file.read(8), "little") >> 32 ^ 1
            # As boot_of(): the low half says that the high one is right.
            number = high << 32 | (high ^ high >> 15) * 0x9E3779B1 & 0xFFFFFFFF
            file.seek(80)
            file.write(number.to_bytes(8, "little"))

    @property
    def uuids(self) -> list[str]:
        return [device["uuid"] for device in self.status()["devices"]]


@pytest.fixture
def mock_gpus(native_build: Path, repo: Path, tmp_path: Path) -> MockGpus:
    made = MockGpus({"path": str(tmp_path / "driver"), "command": str(native_build / "mock-nvml")})
    profile = repo / "charts" / "gpu-mock" / "profiles" / "a100.yaml"
    made.run("apply", "--count", "2", "--node-name", "node", str(profile))
    return made


@pytest.fixture
def node() -> Callable[..., dict[str, t.Any]]:
    """A Node as a cluster has it (fixtures/node.yaml), with other amounts and labels where asked for."""
    text = (FIXTURES / "node.yaml").read_text()

    def make(
        name: str = "worker-0",
        *,
        version: int = 1,
        allocatable: dict[str, str | None] | None = None,
        capacity: dict[str, str | None] | None = None,
        labels: dict[str, str | None] | None = None,
    ) -> dict[str, t.Any]:
        made = yaml.safe_load(text)
        made["metadata"].update(name=name, resourceVersion=str(version))
        changes = [
            (made["status"]["allocatable"], allocatable),
            (made["status"]["capacity"], capacity),
            (made["metadata"]["labels"], labels),
        ]
        for holder, wanted in changes:
            holder.update(wanted or {})
            for key in [key for key, value in holder.items() if value is None]:
                del holder[key]
        return made

    return make


@pytest.fixture(scope="session")
def _recordings() -> dict[str, str]:
    return {path.stem: json.dumps(yaml.safe_load(path.read_text())) for path in (FIXTURES / "dra").glob("*.yaml")}


@pytest.fixture
def recorded(_recordings: dict[str, str]) -> Callable[[str], list[dict[str, t.Any]]]:
    """Items of a list that an API server has once returned (fixtures/dra), to be changed as a test likes."""
    return lambda name: json.loads(_recordings[name])["items"]


@pytest.fixture
def dra_api(api: FakeApi, recorded: Callable[[str], list[dict[str, t.Any]]]) -> Callable[..., FakeApi]:
    """Has the scripted API server serve resource.k8s.io; paths may be given other items than the recorded."""

    def serve(version: str = "v1", **items: list[dict[str, t.Any]]) -> FakeApi:
        group = f"/apis/resource.k8s.io/{version}"
        slices = items.get("slices", recorded(f"resource_slices_{version}"))
        claims = items.get("claims", recorded(f"resource_claims_{version}"))
        pods = items.get("pods", recorded("pods"))
        api.objects = {
            "/apis/resource.k8s.io": {"kind": "APIGroup", "versions": [{"version": version}]},
            f"{group}/resourceslices": api.listing(*slices),
            f"{group}/resourceclaims": api.listing(*claims),
            f"{group}/deviceclasses": api.listing(*items.get("classes", recorded("device_classes"))),
        }
        for namespace in sorted({item["metadata"]["namespace"] for item in [*claims, *pods]}):
            for kind, of_kind in (
                (f"{group}/namespaces/%s/resourceclaims", claims),
                ("/api/v1/namespaces/%s/pods", pods),
            ):
                inside = [item for item in of_kind if item["metadata"]["namespace"] == namespace]
                api.objects[kind % namespace] = api.listing(*inside)
        return api

    return serve


class FakeApi:
    """An API server that follows a script.

    `lists` are the answers to lists in turn (the last serves for all that follow), `watches` those to watches, each a
    list of steps: an event as a dictionary, or one of the functions below. What was asked is kept in `requests`.
    """

    def __init__(self) -> None:
        self.lists: list[t.Any] = []
        self.watches: list[list[t.Any]] = []
        self.requests: list[dict[str, t.Any]] = []
        # Answers to paths that have one of their own, whatever the script says.
        self.objects: dict[str, t.Any] = {}
        self.url = ""
        self.chunked = True

    @staticmethod
    def listing(*items: dict[str, t.Any], version: int = 1) -> dict[str, t.Any]:
        metadata = {"resourceVersion": str(version)}
        return {"kind": "NodeList", "apiVersion": "v1", "metadata": metadata, "items": list(items)}

    @staticmethod
    def event(kind: str, item: dict[str, t.Any]) -> dict[str, t.Any]:
        return {"type": kind, "object": item}

    @staticmethod
    def bookmark(version: int) -> dict[str, t.Any]:
        metadata = {"resourceVersion": str(version), "creationTimestamp": None}
        return {"type": "BOOKMARK", "object": {"kind": "Node", "apiVersion": "v1", "metadata": metadata}}

    @staticmethod
    def error(code: int, message: str, reason: str = "Expired") -> dict[str, t.Any]:
        """The event by which a watch that cannot go on says so."""
        return {"type": "ERROR", "object": FakeApi.status(code, message, reason)}

    @staticmethod
    def status(code: int, message: str, reason: str = "") -> dict[str, t.Any]:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }

    @staticmethod
    def refuse(code: int, message: str = "", body: bytes | None = None) -> tuple[int, bytes]:
        """Instead of a list or a watch: an answer with this code."""
        return code, json.dumps(FakeApi.status(code, message)).encode() if body is None else body

    @property
    def asked(self) -> list[str]:
        """The requests in short: "list", or "watch" with the resource version that it starts at."""
        return [
            f"watch {request['query']['resourceVersion']}" if "watch" in request["query"] else "list"
            for request in self.requests
        ]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        self.requests.append({"path": parts.path, "query": query, "headers": handler.headers})
        if parts.path in self.objects and "watch" not in query:
            self._list(handler, self._chosen(self.objects[parts.path], query))
        elif "watch" in query:
            self._watch(handler, self.watches.pop(0) if self.watches else [self.silence])
        else:
            self._list(handler, self.lists.pop(0) if len(self.lists) > 1 else self.lists[0])

    @staticmethod
    def _chosen(answer: t.Any, query: dict[str, str]) -> t.Any:
        """What a field selector leaves of a list."""
        if not isinstance(answer, dict) or "items" not in answer or "fieldSelector" not in query:
            return answer
        wanted = [term.split("=") for term in query["fieldSelector"].split(",")]

        def field(item: t.Any, path: str) -> t.Any:
            for key in path.split("."):
                item = item.get(key) or {}
            return item

        return {**answer, "items": [i for i in answer["items"] if all(field(i, key) == want for key, want in wanted)]}

    def _list(self, handler: BaseHTTPRequestHandler, answer: t.Any) -> None:
        code, body = answer if isinstance(answer, tuple) else (200, answer)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _watch(self, handler: BaseHTTPRequestHandler, steps: t.Any) -> None:
        if isinstance(steps, tuple):
            self._list(handler, steps)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header(*(("Transfer-Encoding", "chunked") if self.chunked else ("Connection", "close")))
        handler.end_headers()
        for step in steps:
            if callable(step):
                if step(handler) is False:
                    handler.close_connection = True
                    return
            else:
                self.chunk(handler, json.dumps(step).encode() + b"\n")
        self.chunk(handler, b"")

    def chunk(self, handler: BaseHTTPRequestHandler, data: bytes) -> None:
        handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n" if self.chunked else data)
        handler.wfile.flush()

    @staticmethod
    def drop(handler: BaseHTTPRequestHandler) -> bool:
        """A step: the connection breaks in the middle of an event."""
        handler.wfile.write(b'40\r\n{"type": "MODI')
        handler.wfile.flush()
        return False

    @staticmethod
    def silence(handler: BaseHTTPRequestHandler) -> bool:
        """A step: nothing more comes, and the connection stays open; the client must give up by itself."""
        time.sleep(60)
        return False


@pytest.fixture
def api() -> Iterator[FakeApi]:
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body are two writes; the second would wait for the client's acknowledgement of the first.
        disable_nagle_algorithm = True

        def handle(self) -> None:
            # The client may hang up before the script is over.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                super().handle()

        def do_GET(self) -> None:
            fake.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield fake
    server.shutdown()
    server.server_close()
