# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a server of this process: what is sent, what its answers become, and broken connections."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
import time
import typing as t

import pytest
from mock_accel_dra import kube
from mock_accel_dra.access import Access

Handler = http.server.BaseHTTPRequestHandler


class Server:
    """Answers with what the test says; keeps what was asked, and on how many connections."""

    def __init__(self) -> None:
        self.answer: t.Callable[[Handler], None] = lambda handler: reply(handler, 200, {})
        self.requests: list[tuple[str, str, dict[str, str], t.Any]] = []
        self.connections: list[socket.socket] = []
        self.url = ""

    def hang_up(self) -> None:
        """Close what is kept open, as servers and balancers do after a while."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def reply(handler: Handler, status: int, body: t.Any, **headers: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


@pytest.fixture
def server() -> t.Iterator[Server]:
    state = Server()

    class Ours(Handler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            state.connections.append(self.connection)

        def handle(self) -> None:
            with contextlib.suppress(OSError):
                super().handle()

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length) if length else None
            if body and "json" in self.headers["Content-Type"]:
                body = json.loads(body)
            state.requests.append((self.command, self.path, dict(self.headers), body))
            state.answer(self)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ours)
    running.daemon_threads = True
    running.block_on_close = False
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{running.server_address[1]}"
    yield state
    state.hang_up()
    running.shutdown()
    running.server_close()


@pytest.fixture
def client(server: Server) -> t.Iterator[kube.Client]:
    tokens = iter(f"token-{number}" for number in range(100))
    made = kube.Client(Access(server.url, lambda: next(tokens)), timeout=2)
    yield made
    made.close()


CALLS: dict[str, tuple[t.Callable[[kube.Client], t.Any], str, str, t.Any, str | None]] = {
    "get": (lambda c: c.get("/a"), "GET", "/a", None, None),
    "get with parameters": (lambda c: c.get("/a", {"x": "1=2"}), "GET", "/a?x=1%3D2", None, None),
    "create": (lambda c: c.create("/a", {"b": 1}), "POST", "/a", {"b": 1}, "application/json"),
    "dry run": (lambda c: c.create("/a", {}, {"dryRun": "All"}), "POST", "/a?dryRun=All", {}, "application/json"),
    "update": (lambda c: c.update("/a/b", {"b": 1}), "PUT", "/a/b", {"b": 1}, "application/json"),
    "merge patch": (lambda c: c.patch("/a/b", {"b": None}), "PATCH", "/a/b", {"b": None}, kube.MERGE_PATCH),
    "another patch": (lambda c: c.patch("/a", [1], kube.JSON_PATCH), "PATCH", "/a", [1], kube.JSON_PATCH),
    "delete": (lambda c: c.delete("/a/b"), "DELETE", "/a/b", None, None),
    "delete one": (lambda c: c.delete("/a", {"p": 1}), "DELETE", "/a", {"p": 1}, "application/json"),
}


@pytest.mark.parametrize(("call", "method", "path", "body", "kind"), CALLS.values(), ids=CALLS)
def test_what_is_sent(
    server: Server,
    client: kube.Client,
    call: t.Callable[[kube.Client], t.Any],
    method: str,
    path: str,
    body: t.Any,
    kind: str | None,
) -> None:
    server.answer = lambda handler: reply(handler, 200, {"kind": "Thing"})
    assert call(client) == {"kind": "Thing"}
    ((sent_method, sent_path, headers, sent_body),) = server.requests
    assert (sent_method, sent_path, sent_body, headers.get("Content-Type")) == (method, path, body, kind)
    assert headers["Authorization"] == "Bearer token-0"
    assert headers["Accept"] == "application/json"


def test_a_list(server: Server, client: kube.Client) -> None:
    server.answer = lambda handler: reply(handler, 200, {"metadata": {"resourceVersion": "5"}, "items": [{"a": 1}]})
    assert client.list("/a") == ([{"a": 1}], "5")
    server.answer = lambda handler: reply(handler, 200, {"metadata": {"resourceVersion": "6"}, "items": None})
    assert client.list("/a") == ([], "6")


def test_one_connection_is_kept_and_each_request_has_the_newest_token(server: Server, client: kube.Client) -> None:
    for _ in range(5):
        client.get("/a")
    with pytest.raises(kube.NotFound):
        server.answer = lambda handler: reply(handler, 404, {"message": "no"})
        client.get("/b")
    assert len(server.connections) == 1
    assert [headers["Authorization"] for _, _, headers, _ in server.requests] == [f"Bearer token-{n}" for n in range(6)]


def test_threads_share_the_connection(server: Server, client: kube.Client) -> None:
    server.answer = lambda handler: reply(handler, 200, {"path": handler.path})
    answers: list[bool] = []

    def ask(number: int) -> None:
        for _ in range(20):
            answers.append(client.get(f"/{number}") == {"path": f"/{number}"})

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 80
    assert len(server.connections) == 1


STATUS = {"kind": "Status", "message": "because"}


@pytest.mark.parametrize(
    ("body", "resource"),
    [
        pytest.param({**STATUS, "details": {"name": "a", "kind": "resourceclaims"}}, "resourceclaims", id="no object"),
        pytest.param({**STATUS, "details": {}}, "", id="no kind of object"),
        pytest.param({**STATUS, "details": "x"}, "", id="other details"),
        pytest.param(b"404 page not found", "", id="no path"),
    ],
)
def test_what_is_not_found(server: Server, client: kube.Client, body: t.Any, resource: str) -> None:
    server.answer = lambda handler: reply(handler, 404, body)
    with pytest.raises(kube.NotFound) as caught:
        client.get("/a")
    assert caught.value.resource == resource


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        pytest.param(404, STATUS, kube.NotFound, r"Error while calling GET /a: because \(HTTP 404\)", id="404"),
        pytest.param(409, STATUS, kube.Conflict, "because", id="409"),
        pytest.param(410, STATUS, kube.Expired, "because", id="410"),
        pytest.param(400, STATUS, kube.Refused, "because", id="400"),
        pytest.param(401, STATUS, kube.Refused, "because", id="401"),
        pytest.param(403, STATUS, kube.Refused, "because", id="403"),
        pytest.param(422, STATUS, kube.Refused, "because", id="422"),
        pytest.param(429, STATUS, kube.Unavailable, "because", id="429"),
        pytest.param(500, STATUS, kube.Unavailable, "because", id="500"),
        pytest.param(503, b"upstream <b>gone</b>", kube.Unavailable, "upstream <b>gone</b>", id="a balancer's words"),
        pytest.param(403, b"", kube.Refused, "no reason given", id="no words"),
        pytest.param(403, b'["x"]', kube.Refused, "x", id="other JSON"),
        pytest.param(200, b"<html>", kube.Unavailable, "Error while calling GET /a: ", id="a login page"),
    ],
)
def test_a_refusal(
    server: Server, client: kube.Client, status: int, body: t.Any, kind: type[kube.KubeError], text: str
) -> None:
    server.answer = lambda handler: reply(handler, status, body)
    with pytest.raises(kube.KubeError, match=text) as caught:
        client.get("/a")
    assert type(caught.value) is kind


@pytest.mark.parametrize(("wish", "seconds"), [("7", 7.0), ("soon", None), (None, None)], ids=["7", "a date", "none"])
def test_how_long_a_server_wants_to_be_left_alone(
    server: Server, client: kube.Client, wish: str | None, seconds: float | None
) -> None:
    server.answer = lambda handler: reply(handler, 429, STATUS, **({"Retry_After": wish} if wish else {}))
    with pytest.raises(kube.Unavailable) as caught:
        client.get("/a")
    assert caught.value.retry_after == seconds


# --- broken connections ---


def test_a_kept_connection_that_the_server_has_closed_is_replaced(server: Server, client: kube.Client) -> None:
    client.get("/a")
    server.hang_up()
    time.sleep(0.05)
    assert client.create("/b", {}) == {}
    assert len(server.connections) == 2


class Breaking:
    """Breaks the connection at the second request, in the moment in which it is read."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, handler: Handler) -> None:
        self.count += 1
        if self.count == 2:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
        else:
            reply(handler, 200, {})


@pytest.mark.parametrize(
    ("call", "again"),
    [
        pytest.param(lambda c: c.get("/a"), True, id="get"),
        pytest.param(lambda c: c.update("/a", {}), True, id="update"),
        pytest.param(lambda c: c.delete("/a"), True, id="delete"),
        pytest.param(lambda c: c.create("/a", {}), False, id="create, which might be done"),
    ],
)
def test_a_connection_breaks_under_a_request(
    server: Server, client: kube.Client, call: t.Callable[[kube.Client], t.Any], again: bool
) -> None:
    server.answer = Breaking()
    client.get("/first")
    if again:
        assert call(client) == {}
    else:
        with pytest.raises(kube.Unavailable, match="Error while calling POST /a: "):
            call(client)
    assert client.get("/last") == {}


def test_a_server_that_says_nothing(server: Server) -> None:
    server.answer = lambda handler: time.sleep(3)
    client = kube.Client(Access(server.url), timeout=0.2)
    with pytest.raises(kube.Unavailable, match="timed out"):
        client.get("/a")


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(kube.Unavailable, match=f"Error while connecting to {url}: .*refused"):
        kube.Client(Access(url)).get("/a")


@pytest.mark.parametrize("error", [FileNotFoundError("no token"), PermissionError("no")], ids=["gone", "forbidden"])
def test_a_token_that_cannot_be_read(server: Server, error: Exception) -> None:
    def token() -> str:
        raise error

    with pytest.raises(kube.Unavailable, match="Error while reading the token"):
        kube.Client(Access(server.url, token)).get("/a")


# --- watches ---


def stream(*lines: t.Any, then: t.Callable[[Handler], None] = lambda handler: None) -> t.Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for line in lines:
            data = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            handler.wfile.flush()
        then(handler)
        handler.wfile.write(b"0\r\n\r\n")

    return answer


ADDED = {"type": "ADDED", "object": {"metadata": {"name": "a"}}}
GONE = {"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}


def test_a_watch(server: Server, client: kube.Client) -> None:
    server.answer = stream(ADDED, {**ADDED, "type": "DELETED"})
    events = list(client.watch("/a", {"resourceVersion": "5"}, 60))
    assert events == [("ADDED", ADDED["object"]), ("DELETED", ADDED["object"])]
    path = server.requests[0][1]
    assert path == "/a?allowWatchBookmarks=true&resourceVersion=5&watch=true&timeoutSeconds=60"


def test_an_event_in_two_pieces_is_one(server: Server, client: kube.Client) -> None:
    data = json.dumps(ADDED).encode() + b"\n"
    server.answer = stream(data[:9], data[9:])
    assert [kind for kind, _ in client.watch("/a")] == ["ADDED"]


def cut(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(stream(ADDED, GONE), kube.Expired, id="too old"),
        pytest.param(lambda handler: reply(handler, 410, STATUS), kube.Expired, id="too old from the start"),
        pytest.param(lambda handler: reply(handler, 403, STATUS), kube.Refused, id="forbidden"),
        pytest.param(lambda handler: reply(handler, 429, STATUS), kube.Unavailable, id="too many"),
        pytest.param(stream(ADDED, b'{"type": "MOD', then=cut), kube.Unavailable, id="cut in an event"),
        pytest.param(stream(ADDED, then=cut), kube.Unavailable, id="cut between events"),
        pytest.param(stream(b"nonsense\n"), kube.Unavailable, id="no JSON"),
        pytest.param(stream([1]), kube.Unavailable, id="no event"),
        pytest.param(stream({"type": "ADDED"}), kube.Unavailable, id="no object"),
    ],
)
def test_the_end_of_a_watch(
    server: Server, client: kube.Client, answer: t.Callable[[Handler], None], kind: type[kube.KubeError]
) -> None:
    server.answer = answer
    with pytest.raises(kube.KubeError) as caught:
        list(client.watch("/a"))
    assert type(caught.value) is kind


def test_another_thread_ends_a_watch(server: Server, client: kube.Client) -> None:
    server.answer = stream(ADDED, then=lambda handler: time.sleep(5))
    watch = client.watch("/a")
    first = threading.Event()
    seen: list[str] = []

    def read() -> None:
        for kind, _ in watch:
            seen.append(kind)
            first.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert first.wait(5)
    watch.close()
    thread.join(2)
    assert not thread.is_alive()
    assert seen == ["ADDED"]


def test_a_watch_has_a_connection_of_its_own(server: Server, client: kube.Client) -> None:
    client.get("/a")
    server.answer = stream(ADDED, then=lambda handler: time.sleep(5))
    watch = client.watch("/a")
    server.answer = lambda handler: reply(handler, 200, {"b": 1})
    assert client.get("/b") == {"b": 1}
    assert len(server.connections) == 2
    watch.close()


def test_bytes_go_and_come_as_they_are(server: Server, client: kube.Client) -> None:
    kind = "application/vnd.kubernetes.protobuf"
    server.answer = lambda handler: reply(handler, 200, b"k8s\0\xff")
    assert client.get_bytes("/a", kind) == b"k8s\0\xff"
    assert server.requests[-1][2]["Accept"] == kind
    server.answer = lambda handler: reply(handler, 409, {"message": "no"})
    with pytest.raises(kube.Conflict, match="calling PUT /a: no"):
        client.update_bytes("/a", b"k8s\0\xfe", kind)
    method, _, headers, body = server.requests[-1]
    assert (method, headers["Content-Type"], headers["Accept"], body) == ("PUT", kind, "application/json", b"k8s\0\xfe")
