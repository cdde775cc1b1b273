# SPDX-License-Identifier: GPL-3.0-or-later
"""The text that Prometheus reads, and the server that shows it."""

from __future__ import annotations

import socket
import typing as t
import urllib.error
import urllib.request

import pytest
from mock_accel_dra import metrics
from mock_accel_dra.errors import ConfigError
from mock_accel_dra.metrics import Metric


def test_a_counter() -> None:
    one = Metric("counter", "writes_total", "Writes by what was done.")
    one.add(verb="update")
    one.add(2, verb="create")
    one.add(verb="update")
    assert list(one.lines()) == [
        "# HELP mock_accel_dra_writes_total Writes by what was done.",
        "# TYPE mock_accel_dra_writes_total counter",
        'mock_accel_dra_writes_total{verb="create"} 2',
        'mock_accel_dra_writes_total{verb="update"} 2',
    ]


@pytest.mark.parametrize(
    ("value", "labels", "line"),
    [
        pytest.param(0, {}, "mock_accel_dra_x 0", id="zero"),
        pytest.param(0.25, {}, "mock_accel_dra_x 0.25", id="broken"),
        pytest.param(1764041406.5, {}, "mock_accel_dra_x 1764041406.5", id="a time"),
        pytest.param(1, {"b": "2", "a": "1"}, 'mock_accel_dra_x{a="1",b="2"} 1', id="two labels"),
        pytest.param(1, {"a": 'q"\\\n'}, r'mock_accel_dra_x{a="q\"\\\n"} 1', id="escapes"),
    ],
)
def test_a_gauge(value: float, labels: dict[str, str], line: str) -> None:
    one = Metric("gauge", "x", "X.")
    one.set(7, **labels)
    one.set(value, **labels)
    assert list(one.lines())[2:] == [line]


@pytest.mark.parametrize(
    ("address", "parsed"),
    [
        ("127.0.0.1:9090", ("127.0.0.1", 9090)),
        (":9090", ("", 9090)),
        ("[::1]:80", ("::1", 80)),
        ("node-1.example.com:1", ("node-1.example.com", 1)),
    ],
)
def test_an_address(address: str, parsed: tuple[str, int]) -> None:
    assert metrics.parse_address(address) == parsed


@pytest.mark.parametrize("address", ["9090", "host", "host:", "host:x", "::1:80", "h:65536", "[::1]"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ConfigError, match="is not of the form HOST:PORT"):
        metrics.parse_address(address)


@pytest.fixture
def server() -> t.Iterator[metrics.Server]:
    one = Metric("gauge", "x", "X.")
    one.set(3)
    made = metrics.Server("127.0.0.1:0", [one])
    yield made
    made.close()


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("/metrics", "mock_accel_dra_x 3\n"),
        ("/metrics?a=b", "x 3\n"),
        ("/healthz", "ok\n"),
        ("/readyz", "ok\n"),
    ],
)
def test_what_is_shown(server: metrics.Server, path: str, end: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert answer.read().decode().endswith(end)


def test_what_is_not_there(server: metrics.Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=5)


def test_it_is_not_ready_before_it_works() -> None:
    works: list[bool] = []
    server = metrics.Server("127.0.0.1:0", [], lambda: bool(works))
    try:
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz", timeout=5)
        works.append(True)
        assert urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz", timeout=5).status == 200
    finally:
        server.close()


def test_no_host_is_every_address() -> None:
    server = metrics.Server(":0", [])
    hosts = ["127.0.0.1", "[::1]"] if socket.has_dualstack_ipv6() else ["127.0.0.1"]
    try:
        for host in hosts:
            assert urllib.request.urlopen(f"http://{host}:{server.port}/healthz", timeout=5).status == 200
    finally:
        server.close()


def test_an_address_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=r"Error while listening for metrics at 127.*: Address already in use"):
            metrics.Server(f"127.0.0.1:{taken.getsockname()[1]}", [])
