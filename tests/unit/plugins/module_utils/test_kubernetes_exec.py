# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a command in a container: a websocket server that answers as the API server does."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import socketserver
import struct
import threading
import time
import typing as t
import urllib.parse
from collections.abc import Iterator

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_client, _kubernetes_exec
from ansible_collections.mirage.accel.plugins.module_utils._errors import AccessError, ApiError, UnavailableError

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SUCCESS = {"metadata": {}, "status": "Success"}


def failure(message: str, **details: t.Any) -> dict[str, t.Any]:
    return {"metadata": {}, "status": "Failure", "message": message, "details": details}


def frame(data: bytes, code: int = 2) -> bytes:
    """One websocket message of a server."""
    length = struct.pack("!B", len(data)) if len(data) < 126 else b"\x7e" + struct.pack("!H", len(data))
    return bytes([0x80 | code]) + length + data


class Kubelet:
    """Answers each command by what `answers` has for its first word: output, errors, status; or a refusal."""

    def __init__(self) -> None:
        self.answers: dict[str, t.Any] = {}
        self.commands: list[list[str]] = []
        self.headers: list[str] = []
        self.url = ""

    def serve(self, stream: t.BinaryIO, connection: socket.socket) -> None:
        request = stream.readline().decode().split()[1]
        headers = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request).query)
        self.commands.append(query["command"])
        self.headers.append(headers.get("authorization", ""))
        answer = self.answers[query["command"][0]]
        if isinstance(answer, int):
            body = json.dumps({"kind": "Status", "message": "sorry"}).encode()
            head = f"HTTP/1.1 {answer} No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            return
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + MAGIC).encode()).digest()).decode()
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode()
        )
        output, errors, status = answer
        for channel, text in ((1, output), (2, errors)):
            for part in (text[:7], text[7:]):
                if part:
                    connection.sendall(frame(bytes([channel]) + part.encode()))
        if callable(status):
            status(connection)
        else:
            connection.sendall(frame(b"\x03" + json.dumps(status).encode()) + frame(b"\x03\xe8", 8))


@pytest.fixture
def kubelet() -> Iterator[Kubelet]:
    made = Kubelet()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                made.serve(self.rfile, self.connection)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()


def run(kubelet: Kubelet, *command: str, **more: t.Any) -> _kubernetes_exec.Done:
    client = _kubernetes_client.connect({"host": kubelet.url, "api_key": "a-token"})
    return _kubernetes_exec.run(client, "default", "train-0", "main", command, **more)


def test_what_a_command_writes(kubelet) -> None:
    kubelet.answers["env"] = ("A=1\nLONG=" + "x" * 300, "warning", SUCCESS)
    done = run(kubelet, "env", "-0", "a b&c")
    assert done == (0, "A=1\nLONG=" + "x" * 300, "warning", "")
    assert kubelet.commands == [["env", "-0", "a b&c"]]
    assert kubelet.headers == ["Bearer a-token"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (failure("command terminated with exit code 7", causes=[{"reason": "ExitCode", "message": "7"}]), 7),
        (failure("exec: nvidia-smi: not found"), None),
        (failure("strange", causes=[{"reason": "ExitCode", "message": "?"}]), None),
        (failure("strange", causes=[{"reason": "Other", "message": "1"}]), None),
    ],
)
def test_how_a_command_fails(kubelet, status, expected) -> None:
    kubelet.answers["x"] = ("", "why", status)
    assert run(kubelet, "x") == (expected, "", "why", status["message"])


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (401, AccessError, r"running x in container main of pod default/train-0 at .*: the server does not accept"),
        (403, AccessError, r"not allowed \(403 Forbidden.*\); bind a role with the verbs get and create on pods/exec"),
        (404, ApiError, "the server answered 404"),
        (500, UnavailableError, "the server cannot answer now"),
    ],
)
def test_refusals(kubelet, code, kind, message) -> None:
    kubelet.answers["x"] = code
    with pytest.raises(kind, match=message):
        run(kubelet, "x")


def test_a_command_that_does_not_end(kubelet) -> None:
    kubelet.answers["sleep"] = ("", "", lambda _connection: time.sleep(2))
    with pytest.raises(UnavailableError, match="running sleep .*: the command has not ended after 0.2 s; see what"):
        run(kubelet, "sleep", timeout=0.2)


def test_a_connection_that_breaks(kubelet) -> None:
    kubelet.answers["x"] = ("half", "", lambda connection: connection.shutdown(socket.SHUT_RDWR))
    with pytest.raises(UnavailableError, match="Error while running x in container main .*; try again"):
        run(kubelet, "x")


@pytest.mark.parametrize("status", [{"status": "Perhaps"}, "no object"])
def test_an_end_that_is_not_known(kubelet, status) -> None:
    kubelet.answers["x"] = ("", "", status)
    with pytest.raises(ApiError, match="is not known"):
        run(kubelet, "x")


def test_a_connection_that_ends_before_the_command(kubelet) -> None:
    kubelet.answers["x"] = ("", "", lambda connection: connection.sendall(frame(b"\x03\xe8", 8)))
    with pytest.raises(UnavailableError, match="the connection ended before the command did"):
        run(kubelet, "x")


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = Kubelet()
        nobody.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnavailableError, match=r"could not be reached \(Connection refused\)"):
            run(nobody, "x")
