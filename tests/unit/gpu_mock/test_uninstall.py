# SPDX-License-Identifier: GPL-3.0-or-later
"""The pre-delete hook: which answers it takes, and how it ends."""

from __future__ import annotations

import threading
import typing as t

import pytest
from gpu_mock import kube, progress, uninstall
from gpu_mock.progress import State

READY = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
DOWN = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
RUNNING = {"state": {"running": {}}}


def ended(message: str) -> dict[str, t.Any]:
    return {"terminated": {"message": message, "exitCode": 0}}


def pod(status: dict[str, t.Any] | None, node: str = "n1") -> dict[str, t.Any]:
    return {
        "metadata": {"name": f"gpu-mock-{node}"},
        "spec": {"nodeName": node} if node else {},
        "status": {"containerStatuses": [status]} if status else {},
    }


PULL = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}


@pytest.mark.parametrize(
    ("status", "node", "expected", "detail"),
    [
        pytest.param({"state": ended("removed for o1: 3 files")}, READY, State.DONE, "3 files", id="just-ended"),
        pytest.param(
            {"state": {"waiting": {}}, "lastState": ended("removed for o1: 3 files")},
            READY,
            State.DONE,
            "3 files",
            id="ended-and-starting-again",
        ),
        pytest.param(
            {"state": ended("removed for o0: 3 files")}, READY, State.WAITING, "", id="answer-to-an-older-order"
        ),
        pytest.param({"lastState": ended("failed for o1: full")}, READY, State.FAILED, "full", id="failed"),
        pytest.param(RUNNING, READY, State.WAITING, "has not answered", id="running"),
        pytest.param(PULL, READY, State.WAITING, "ImagePullBackOff: no such image", id="no-image"),
        pytest.param(RUNNING, DOWN, State.UNREACHABLE, "not ready", id="node-down"),
        pytest.param(RUNNING, None, State.UNREACHABLE, "not ready", id="node-gone"),
        pytest.param({"state": ended("removed for o1: 3")}, DOWN, State.DONE, "", id="answered-then-down"),
        pytest.param(None, READY, State.WAITING, "", id="no-status-yet"),
    ],
)
def test_judge(status: dict[str, t.Any] | None, node: dict[str, t.Any] | None, expected: State, detail: str) -> None:
    judged = progress.judge(pod(status), {"n1": node} if node else {}, "o1")
    assert judged is not None
    assert judged.state is expected
    assert detail in judged.detail


def test_a_pod_without_a_node_has_nothing_to_remove() -> None:
    assert progress.judge(pod(None, node=""), {}, "o1") is None


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uninstall, "POLL_S", 0.05)


def add(fake_api: t.Any, node: str, status: dict[str, t.Any], ready: str = "True") -> str:
    fake_api.add_node(node, ready=ready)
    path = f"/api/v1/namespaces/default/pods/gpu-mock-{node}"
    fake_api.objects[path] = pod(status, node)
    return path


def hook(api: kube.Api, timeout_s: float = 5) -> int:
    return uninstall.run(api, "default", "gpu-mock", "app.kubernetes.io/component=node", "o1", timeout_s)


def test_it_asks_and_waits_for_every_node(api: kube.Api, fake_api: t.Any, capsys: pytest.CaptureFixture[str]) -> None:
    paths = {name: add(fake_api, name, RUNNING) for name in ("n1", "n2")}

    def answer() -> None:
        with fake_api.changed:
            assert fake_api.changed.wait(timeout=5), "nobody was asked"
        for name, path in paths.items():
            fake_api.objects[path] = pod({"lastState": ended(f"removed for o1: files of {name}")}, name)

    thread = threading.Thread(target=answer)
    thread.start()
    assert hook(api) == 0
    thread.join()
    output = capsys.readouterr().out
    assert "n1: done: removed for o1: files of n1" in output
    assert output.rstrip().endswith("2 of 2 nodes are clean")


def test_a_node_that_is_down_is_named_and_not_waited_for(
    api: kube.Api, fake_api: t.Any, capsys: pytest.CaptureFixture[str]
) -> None:
    add(fake_api, "n1", {"state": ended("removed for o1: 3")})
    add(fake_api, "n2", RUNNING, ready="Unknown")
    assert hook(api, timeout_s=60) == 0
    output = capsys.readouterr().out
    assert "Left as they are, because they could not be reached: n2." in output
    assert "1 of 2 nodes are clean" in output


@pytest.mark.parametrize(
    ("status", "text"),
    [
        pytest.param(RUNNING, "n1: waiting after 0 s: pod gpu-mock-n1 has not answered", id="silent"),
        pytest.param({"lastState": ended("failed for o1: full")}, "n1: failed, tries again after 0 s", id="failed"),
    ],
)
def test_a_node_that_does_not_get_clean_fails_the_hook(
    api: kube.Api, fake_api: t.Any, capsys: pytest.CaptureFixture[str], status: dict[str, t.Any], text: str
) -> None:
    add(fake_api, "n1", status)
    assert hook(api, timeout_s=0.2) == 1
    output = capsys.readouterr().out
    assert text in output
    assert "uninstall again" in output
