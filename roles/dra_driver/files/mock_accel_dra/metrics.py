# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers for Prometheus, in its text format, and the small HTTP server that shows them where an address is given."""

from __future__ import annotations

import re
import socket
import threading
import typing as t

from .errors import ConfigError

PREFIX = "mock_accel_dra_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:]*)):(\d{1,5})")
Labels = tuple[tuple[str, str], ...]


class Metric:
    """One name with its values by labels; a counter only grows."""

    def __init__(self, kind: t.Literal["counter", "gauge"], name: str, meaning: str) -> None:
        self._kind = kind
        self._name = PREFIX + name
        self._meaning = meaning
        self._values: dict[Labels, float] = {}
        self._lock = threading.Lock()

    def add(self, amount: float = 1, **labels: str) -> None:
        with self._lock:
            key = tuple(sorted(labels.items()))
            self._values[key] = self._values.get(key, 0) + amount

    def set(self, value: float, **labels: str) -> None:
        with self._lock:
            self._values[tuple(sorted(labels.items()))] = value

    def lines(self) -> t.Iterator[str]:
        with self._lock:
            values = sorted(self._values.items())
        yield f"# HELP {self._name} {self._meaning}"
        yield f"# TYPE {self._name} {self._kind}"
        for labels, value in values:
            pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
            yield f"{self._name}{'{' + pairs + '}' if pairs else ''} {value:.15g}"


def text(metrics: t.Iterable[Metric]) -> str:
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of HOST:PORT; no host is all of them, an IPv6 address stands in brackets."""
    match = _ADDRESS.fullmatch(address)
    if not match or int(match[3]) > 0xFFFF:
        raise ConfigError(f"Error while reading the settings: {address!r} is not of the form HOST:PORT")
    return match[1] or match[2], int(match[3])


class Server:
    """Answers GET /metrics, GET /healthz for as long as the process lives, and GET /readyz with 503 until it works."""

    def __init__(self, address: str, metrics: t.Iterable[Metric], works: t.Callable[[], bool] = lambda: True) -> None:
        # Those who do not ask for metrics do not pay for them.
        import http.server

        metrics = tuple(metrics)
        host, port = parse_address(address)
        # All addresses are those of either family, where the kernel has both.
        both = not host and socket.has_dualstack_ipv6()

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                status, body = {
                    "/metrics": lambda: (200, text(metrics)),
                    "/healthz": lambda: (200, "ok\n"),
                    "/readyz": lambda: (200, "ok\n") if works() else (503, "not yet\n"),
                }.get(self.path.partition("?")[0], lambda: (404, "not found\n"))()
                data = body.encode()
                self.send_response(status)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: Prometheus asks every few seconds."""

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            address_family = socket.AF_INET6 if ":" in host or both else socket.AF_INET

            def server_bind(self) -> None:
                if both:
                    self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                super().server_bind()

        try:
            self._listener = Listener((host, port), Handler)
        except OSError as error:
            raise ConfigError(f"Error while listening for metrics at {address}: {error.strerror or error}") from error
        self._ended = False
        self._thread = threading.Thread(target=self._serve, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._listener.server_address[1]

    def close(self) -> None:
        self._ended = True
        # It wakes the thread that waits there.
        self._listener.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.server_close()

    def _serve(self) -> None:
        # Not serve_forever(), which looks up twice a second whether it is to end.
        while not self._ended:
            self._listener.handle_request()
