# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets of the node agent that somebody removes while it serves."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
import typing as t
from pathlib import Path

import pytest
from dra_agent import DRIVER, listens, wait_for
from dra_node import Kubelet, Node, claim

POD = "1f5fd40d-8c35-4df1-ad40-c8b541c44d7d"


def registrar(node: Node) -> Path:
    return node.registry_dir / f"{DRIVER}-reg.sock"


def registers(socket: Path) -> bool:
    kubelet = Kubelet(socket)
    try:
        return kubelet.call("registration", "GetInfo").name == DRIVER
    finally:
        kubelet.close()


def wipe(node: Node) -> None:
    shutil.rmtree(node.registry_dir)
    shutil.rmtree(node.plugin_dir)


@pytest.mark.parametrize(
    "remove",
    [
        pytest.param(lambda node: registrar(node).unlink(), id="the registrar's"),
        pytest.param(lambda node: node.socket().unlink(), id="the plugin's"),
        pytest.param(lambda node: (registrar(node).unlink(), node.socket().unlink()), id="both"),
        pytest.param(lambda node: shutil.rmtree(node.registry_dir), id="the registrar's folder"),
        pytest.param(wipe, id="both folders"),
    ],
)
def test_it_is_served_again(node: Node, remove: t.Callable[[Node], object]) -> None:
    one = claim("c0", "mock0")
    node.api.add(one)
    node.start()
    for _ in range(2):
        remove(node)
        started = time.monotonic()
        wait_for(lambda: listens(registrar(node)) and listens(node.socket()), otherwise=node.log.read_text)
        assert time.monotonic() - started < 2
        assert registers(registrar(node))
        with node.kubelet() as kubelet:
            assert not kubelet.prepare(one)[one["metadata"]["uid"]].error
            assert kubelet.call("liveness", "Check").status == 1
    assert node.stop() == 0
    assert list(node.registry_dir.iterdir()) == []
    # Whoever has wiped the folder has taken the lock's file too.
    left = {path.name for path in node.plugin_dir.iterdir()} - {"serialize.lock"}
    assert left == {"checkpoint.json", "fetching"}


def test_what_is_under_way_is_finished(node: Node) -> None:
    slow = claim("slow", "mock0")
    node.api.add(slow)
    node.api.slow.add("slow")
    node.start()
    with node.kubelet() as kubelet:
        answers: list[t.Any] = []
        thread = threading.Thread(target=lambda: answers.append(kubelet.prepare(slow)))
        thread.start()
        wait_for(lambda: any(request.endswith("/slow") for request in node.api.requests))
        node.socket().unlink()
        wait_for(lambda: listens(node.socket()))
        node.api.go_on.set()
        thread.join(20)
        assert not answers[0][slow["metadata"]["uid"]].error
        # The same connection finds what serves now.
        assert not kubelet.unprepare(slow)[slow["metadata"]["uid"]].error


def test_who_has_put_a_socket_in_the_place_of_ours_serves_from_then_on(node: Node) -> None:
    node.start()
    with socket.socket(socket.AF_UNIX) as other:
        name = node.registry_dir / "other"
        other.bind(str(name))
        other.listen()
        name.replace(registrar(node))
        theirs = registrar(node).stat().st_ino
        node.socket().unlink()
        time.sleep(1)
        assert not node.socket().exists()
        assert node.stop() == 0
        assert registrar(node).stat().st_ino == theirs


def test_another_instance_is_left_alone(node: Node) -> None:
    """Of a rolling update: each has sockets of its own, and each serves its own again."""
    node.start(pod_uid=POD)
    old = node.process
    node.start()
    before = node.socket(POD).stat().st_ino
    node.socket().unlink()
    wait_for(lambda: listens(node.socket()))
    assert node.socket(POD).stat().st_ino == before
    assert node.stop() == 0
    assert listens(node.socket(POD))
    assert old
    node.process = old
    assert node.stop() == 0


def test_each_start_of_a_pod_has_sockets_of_its_own(node: Node) -> None:
    """The kubelet remembers names that it has tried in vain, and tries them again minutes later only."""
    used: set[Path] = set()
    for _ in range(3):
        node.start(pod_uid=POD)
        [serving] = node.registrars(POD)
        assert registers(serving)
        assert used.isdisjoint({serving, node.socket(POD)})
        used |= {serving, node.socket(POD)}
        node.kill()
        assert serving.exists()
    node.start(pod_uid=POD)
    assert node.stop() == 0
    assert list(node.registry_dir.iterdir()) == []
    assert list(node.plugin_dir.glob("*.sock")) == []


def test_without_a_pod_the_names_are_the_usual_ones(node: Node) -> None:
    """A kubelet before 1.33 knows one instance, and a former one's end must not be taken for that of the next."""
    node.start()
    node.kill()
    assert not listens(registrar(node))
    node.start()
    assert list(node.registry_dir.iterdir()) == [registrar(node)]
    assert registers(registrar(node))


def test_a_folder_that_cannot_be_made_is_tried_again(node: Node) -> None:
    node.start()
    moved = node.registry_dir.with_name("moved")
    node.registry_dir.rename(moved)
    node.registry_dir.touch()
    with node.kubelet() as kubelet:
        wait_for(lambda: "Sockets that somebody has removed are not served" in node.log.read_text())
        # The plugin does not do its work, and says so.
        assert kubelet.call("liveness", "Check").status == 2
        assert kubelet.call("liveness", "Check", service="liveness").status == 1
    node.registry_dir.unlink()
    wait_for(lambda: listens(registrar(node)), otherwise=node.log.read_text)


def test_it_waits_without_work(node: Node) -> None:
    process = node.start()
    registrar(node).unlink()
    wait_for(lambda: listens(registrar(node)))

    def used() -> float:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    time.sleep(1)
    before = used()
    time.sleep(3)
    assert used() - before < 0.15
