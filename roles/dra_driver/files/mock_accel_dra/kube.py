# SPDX-License-Identifier: GPL-3.0-or-later
"""A thin client of the Kubernetes API over the standard library's http.client: it knows how to ask, not what.

One connection is kept alive and used by one thread at a time; a watch has a connection of its own. Measured against
urllib3, httpx and the official client, http.client needs the least memory and processor time (docs/mock_device.md).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import ssl
import threading
import typing as t
import urllib.parse

from .access import Access
from .errors import Conflict, Expired, KubeError, NotFound, Refused, Unavailable

__all__ = [
    "JSON_PATCH",
    "MERGE_PATCH",
    "STRATEGIC_PATCH",
    "Client",
    "Conflict",
    "Expired",
    "KubeError",
    "NotFound",
    "Refused",
    "Unavailable",
    "Watch",
]

Json = dict[str, t.Any]
Params = t.Mapping[str, str]

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"

CONNECT_TIMEOUT_S = 5.0
TIMEOUT_S = 15.0
# A peer that is gone without a word is noticed after IDLE + COUNT * INTERVAL seconds.
KEEPALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


class Client:
    """One API server."""

    def __init__(self, access: Access, user_agent: str = "mock-accel-dra", timeout: float = TIMEOUT_S) -> None:
        self._access = access
        self._user_agent = user_agent
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str, params: Params | None = None) -> Json:
        return self._call("GET", path, params)

    def list(self, path: str, params: Params | None = None) -> tuple[list[Json], str]:
        """The items and the resource version from which a watch can follow."""
        answer = self._call("GET", path, params)
        return answer.get("items") or [], (answer.get("metadata") or {}).get("resourceVersion", "")

    def create(self, path: str, body: t.Mapping[str, t.Any], params: Params | None = None) -> Json:
        return self._call("POST", path, params, body)

    def update(self, path: str, body: t.Mapping[str, t.Any], params: Params | None = None) -> Json:
        return self._call("PUT", path, params, body)

    def patch(self, path: str, body: t.Any, content_type: str = MERGE_PATCH, params: Params | None = None) -> Json:
        return self._call("PATCH", path, params, body, content_type)

    def get_bytes(self, path: str, content_type: str) -> bytes:
        """An object in another encoding than JSON."""
        return self._ask("GET", path, {**self._headers(), "Accept": content_type})

    def update_bytes(self, path: str, data: bytes, content_type: str) -> None:
        """The server answers with JSON, and so it does with its reasons not to."""
        self._ask("PUT", path, {**self._headers(), "Content-Type": content_type}, data)

    def delete(self, path: str, body: t.Mapping[str, t.Any] | None = None, params: Params | None = None) -> Json:
        """`body` are DeleteOptions, such as preconditions."""
        return self._call("DELETE", path, params, body)

    def watch(self, path: str, params: Params | None = None, seconds: int = 300) -> Watch:
        """The events after params' resourceVersion; the server ends the watch after that many seconds."""
        query = {"allowWatchBookmarks": "true", **(params or {}), "watch": "true", "timeoutSeconds": str(seconds)}
        connection = self._new_connection(seconds + self._timeout)
        doing = f"watching {path}"
        try:
            connection.request("GET", _target(path, query), headers=self._headers())
            # A connection forgets its socket where the server will close it.
            sock = connection.sock
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise _refusal(doing, response.status, response.read(), response.getheader("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _broken(doing, error) from error
        except KubeError:
            connection.close()
            raise
        return Watch(doing, connection, sock, response)

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _call(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: t.Any = None,
        content_type: str = "application/json",
    ) -> Json:
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = self._headers() if data is None else {**self._headers(), "Content-Type": content_type}
        answer = self._ask(method, path, headers, data, params)
        try:
            return json.loads(answer) if answer else {}
        except ValueError as error:
            raise _broken(f"calling {method} {path}", error) from error

    def _ask(
        self, method: str, path: str, headers: dict[str, str], data: bytes | None = None, params: Params | None = None
    ) -> bytes:
        doing = f"calling {method} {path}"
        with self._lock:
            status, answer, retry_after = self._exchange(doing, method, _target(path, params), data, headers)
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise _refusal(doing, status, answer, retry_after)
        return answer

    def _exchange(
        self, doing: str, method: str, target: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes, str | None]:
        for again in (True, False):
            reused = self._still_open()
            try:
                if self._connection is None:
                    self._connection = self._new_connection(self._timeout)
                self._connection.request(method, target, data, headers)
                response = self._connection.getresponse()
                return response.status, response.read(), response.getheader("Retry-After")
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                # The server may have closed a kept connection just now. A POST might have been done all the same.
                lost = isinstance(error, (ConnectionError, http.client.RemoteDisconnected, ssl.SSLEOFError))
                if not (again and reused and lost and method != "POST"):
                    raise _broken(doing, error) from error
        raise AssertionError("not reached")

    def _still_open(self) -> bool:
        """Whether there is a kept connection that the server has not closed meanwhile."""
        if self._connection is None or self._connection.sock is None:
            self._drop()
            return False
        # Nothing is owed to us, so what can be read is the end of the connection.
        poll = select.poll()
        poll.register(self._connection.sock, select.POLLIN)
        if poll.poll(0):
            self._drop()
            return False
        return True

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _new_connection(self, timeout: float) -> http.client.HTTPConnection:
        doing = f"connecting to {self._access.server}"
        parts = urllib.parse.urlsplit(self._access.server)
        try:
            context = self._access.tls() if self._access.tls else None
            connection = _Connection(parts.hostname or "", parts.port, context, self._access.tls_server_name)
            connection.connect()
            connection.sock.settimeout(timeout)
        except (OSError, ValueError) as error:
            raise _broken(doing, error) from error
        return connection

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": self._user_agent}
        try:
            token = self._access.token()
        except (OSError, ValueError) as error:
            raise _broken("reading the token", error) from error
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return headers


class Watch:
    """The events of one watch as they come; another thread may close it."""

    def __init__(
        self,
        doing: str,
        connection: http.client.HTTPConnection,
        sock: socket.socket,
        response: http.client.HTTPResponse,
    ) -> None:
        self._doing = doing
        self._connection = connection
        self._socket = sock
        self._response = response
        self._closed = False

    def __iter__(self) -> t.Iterator[tuple[str, Json]]:
        """Pairs of an event's type and its object, until the server ends the watch in good order."""
        try:
            for line in self._lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise _refusal(self._doing, status.get("code", 500), json.dumps(status).encode(), None)
                yield event["type"], event["object"]
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
            if not self._closed:
                raise _broken(self._doing, error) from error
        finally:
            self._response.close()
            self._connection.close()

    def _lines(self) -> t.Iterator[bytes]:
        # Not readline(): it takes a connection that breaks between two events for the end.
        rest = b""
        while data := self._response.read1(1 << 16):
            *lines, rest = (rest + data).split(b"\n")
            yield from lines

    def close(self) -> None:
        self._closed = True
        # It wakes the thread that reads. Not the method of a TLS socket, which would change it under that thread.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Connection(http.client.HTTPConnection):
    """With TLS where there is a context, under a name of its own where that is wanted, and noticing dead peers."""

    def __init__(self, host: str, port: int | None, context: ssl.SSLContext | None, server_name: str) -> None:
        super().__init__(host, port or (443 if context else 80), timeout=CONNECT_TIMEOUT_S)
        self._context = context
        self._server_name = server_name or host

    def connect(self) -> None:
        super().connect()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            self.sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if self._context:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self._server_name)


def _target(path: str, params: Params | None) -> str:
    return f"{path}?{urllib.parse.urlencode(params)}" if params else path


def _broken(doing: str, error: Exception) -> Unavailable:
    return Unavailable(f"Error while {doing}: {error or type(error).__name__}")


def _refusal(doing: str, status: int, body: bytes, retry_after: str | None) -> KubeError:
    """The exception for an answer of the server, with its own sentence where there is one."""
    try:
        answer = json.loads(body)
        reason = answer["message"]
    except (ValueError, KeyError, TypeError):
        answer = {}
        reason = body.decode(errors="replace").strip()[:200] or "no reason given"
    message = f"Error while {doing}: {reason} (HTTP {status})"
    if status == http.HTTPStatus.NOT_FOUND:
        details = answer.get("details")
        return NotFound(message, details.get("kind") or "" if isinstance(details, dict) else "")
    kinds = {409: Conflict, 410: Expired}
    if status in kinds:
        return kinds[status](message)
    if status == http.HTTPStatus.TOO_MANY_REQUESTS or status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
        return Unavailable(message, seconds)
    return Refused(message)
