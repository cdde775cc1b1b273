# SPDX-License-Identifier: GPL-3.0-or-later
"""The node agent as a process, called over its sockets as the kubelet calls it."""

from __future__ import annotations

import resource
import signal
import socket
import threading
import time
import typing as t
import urllib.request

import grpc
import pytest
from dra_agent import DRIVER, NODE, wait_for
from dra_node import Kubelet, Node, claim

Json = dict[str, t.Any]
POD = "1f5fd40d-8c35-4df1-ad40-c8b541c44d7d"
OTHER_POD = "2f5fd40d-8c35-4df1-ad40-c8b541c44d7d"
ALTERNATIVES = [{"name": "accel", "firstAvailable": [{"name": "pf"}, {"name": "vfs"}]}]


def uid(one: Json) -> str:
    return one["metadata"]["uid"]


def test_registers(node: Node) -> None:
    node.start()
    registrar = Kubelet(node.registry_dir / f"{DRIVER}-reg.sock")
    info = registrar.call("registration", "GetInfo")
    assert (info.type, info.name, info.endpoint) == ("DRAPlugin", DRIVER, str(node.socket()))
    assert list(info.supported_versions) == [
        "v1.DRAPlugin",
        "v1beta1.DRAPlugin",
        "v1.DRAResourceHealth",
        "v1alpha1.DRAResourceHealth",
    ]
    registrar.call("registration", "NotifyRegistrationStatus", plugin_registered=False, error="not now")
    registrar.call("registration", "NotifyRegistrationStatus", plugin_registered=True)
    registrar.close()
    assert 'reason="not now"' in node.log.read_text()


def test_one_bad_claim_harms_nobody_else(node: Node) -> None:
    good, anew, bad, missing = claim("good", "mock0"), claim("anew", "mock1"), claim("bad", "mock1"), claim("missing")
    parameters = {"apiVersion": "mock-accel.example.com/v1", "kind": "DeviceConfig", "acces": "ReadOnly"}
    bad["status"]["allocation"]["devices"]["config"] = [{"opaque": {"driver": DRIVER, "parameters": parameters}}]
    stranger = claim("stranger", "mock7")
    node.api.add(good, claim("anew", "mock1"), bad, stranger)
    node.start()
    with node.kubelet() as kubelet:
        answers = kubelet.prepare(missing, anew, good, bad, stranger)
        assert set(answers) == {uid(one) for one in (missing, anew, good, bad, stranger)}
        assert not answers[uid(good)].error
        for one, words in (
            (missing, "Error while preparing the claim default/missing: Error while calling GET "),
            (anew, f"not {uid(anew)}: it has been deleted and made anew"),
            (bad, "status.allocation.devices.config[0].opaque.parameters.acces: unknown field"),
            (stranger, "the device mock7 of request accel is not on this node any more"),
        ):
            assert words in answers[uid(one)].error
            assert not answers[uid(one)].devices
        assert node.recorded() == {uid(good): ["mock0"]}
        released = kubelet.unprepare(missing, good)
        assert {key: value.error for key, value in released.items()} == {uid(missing): "", uid(good): ""}
    assert (node.recorded(), node.cdi_files(), node.sysfs.statuses()) == ({}, [], {})


@pytest.mark.parametrize("api", ["v1", "v1beta1"])
def test_both_versions(node: Node, api: str) -> None:
    devices = [
        {"device": "mock0-vf0", "request": "accel/vfs"},
        {"device": "mock1", "request": "accel/vfs", "shareID": "s0"},
    ]
    one = claim("c0", *devices, requests=ALTERNATIVES)
    node.api.add(one)
    node.start()
    with node.kubelet() as kubelet:
        answer = kubelet.prepare(one, api=api)[uid(one)]
        assert not answer.error
        # The first device last: its plain variables are those that a container keeps.
        second, first = answer.devices
        assert list(first.request_names) == ["accel"]
        assert (first.pool_name, first.device_name) == (NODE, "mock0-vf0")
        assert list(first.cdi_device_ids) == [f"example.com/mock-accel=claim-{uid(one)}-mock0-vf0"]
        assert second.device_name == "mock1"
        if api == "v1":
            assert (second.HasField("share_id"), second.share_id, first.HasField("share_id")) == (True, "s0", False)
        # The other version answers the same.
        other = kubelet.prepare(one, api="v1beta1" if api == "v1" else "v1")[uid(one)]
        assert [device.device_name for device in other.devices] == ["mock1", "mock0-vf0"]
        assert not kubelet.unprepare(one, api=api)[uid(one)].error


def test_the_status_of_a_claim_says_its_devices(node: Node) -> None:
    one = claim("c0", "mock0")
    node.api.add(one)
    node.start()
    with node.kubelet() as kubelet:
        kubelet.prepare(one)
        wait_for(lambda: node.api.claims["c0"]["status"].get("devices"))
        (entry,) = node.api.claims["c0"]["status"]["devices"]
        assert (entry["driver"], entry["pool"], entry["device"]) == (DRIVER, NODE, "mock0")
        assert entry["data"]["pciAddress"] == "1000:00:00.0"
        kubelet.unprepare(one)
        wait_for(lambda: not node.api.claims["c0"]["status"]["devices"])


def test_a_server_that_refuses_the_status_keeps_no_pod(node: Node) -> None:
    one, other = claim("c0", "mock0"), claim("c1", "mock1")
    node.api.add(one, other)
    node.api.patch_refusal = 403
    node.start()
    with node.kubelet() as kubelet:
        assert not any(answer.error for answer in kubelet.prepare(one, other).values())
    wait_for(lambda: sum(request.startswith("PATCH") for request in node.api.requests) == 2)
    assert node.log.read_text().count("The devices in the claims' status are not kept") == 1


def test_one_kept_connection_and_no_cache(node: Node) -> None:
    claims = [claim(f"c{number}", "mock0") for number in range(5)]
    node.api.add(*claims)
    node.api.patch_refusal = 403
    node.start()
    with node.kubelet() as kubelet:
        for one in claims:
            assert not kubelet.prepare(one)[uid(one)].error
            assert not kubelet.prepare(one)[uid(one)].error
            assert not kubelet.unprepare(one)[uid(one)].error
    # The status has another one, and reads claims before it writes them.
    gets = [[one for one in requests if "/resourceclaims/" in one] for requests in node.api.connections]
    assert [request.rpartition("/")[2] for request in gets[0]] == [f"c{number}" for number in range(5)]
    assert len(node.api.connections) <= 2


def test_without_the_api_server(node: Node) -> None:
    """What is prepared is answered and released; what is not waits for the server, with an error that says so."""
    one, other = claim("c0", "mock0"), claim("c1", "mock1")
    node.api.add(one, other)
    node.start()
    with node.kubelet() as kubelet:
        kubelet.prepare(one)
    node.kill()
    node.api.refusal = 503
    started = time.monotonic()
    node.start()
    assert time.monotonic() - started < 10
    with node.kubelet() as kubelet:
        answers = kubelet.prepare(one, other)
        assert [device.device_name for device in answers[uid(one)].devices] == ["mock0"]
        assert "no, says the test (HTTP 503)" in answers[uid(other)].error
        assert not kubelet.unprepare(one)[uid(one)].error
        node.api.refusal = None
        assert not kubelet.prepare(other)[uid(other)].error


def test_a_slow_answer_for_one_keeps_no_other(node: Node) -> None:
    slow, quick = claim("slow", "mock0"), claim("quick", "mock1")
    node.api.add(slow, quick)
    node.api.slow.add("slow")
    node.start()
    with node.kubelet() as kubelet, node.kubelet() as another:
        another.prepare(quick)
        answers: list[t.Any] = []
        thread = threading.Thread(target=lambda: answers.append(kubelet.prepare(slow)))
        thread.start()
        wait_for(lambda: any(request.endswith("/slow") for request in node.api.requests))
        assert not another.unprepare(quick, timeout=5)[uid(quick)].error
        node.api.go_on.set()
        thread.join(20)
    assert not answers[0][uid(slow)].error


@pytest.mark.parametrize("api", ["health-v1", "health-v1alpha1"])
def test_health_reaches_the_kubelet(node: Node, api: str) -> None:
    one = claim("c0", "mock1")
    node.api.add(one)
    node.start("--rescan-interval=1s")
    with node.kubelet() as kubelet:
        kubelet.prepare(one)
        stream = kubelet.call(api, "NodeWatchResources", timeout=30)

        def told(device: str) -> t.Iterator[tuple[int, str]]:
            for answer in stream:
                yield from ((x.health, x.message) for x in answer.devices if x.device.device_name == device)

        assert next(told("mock0")) == (1, "")
        node.sysfs.write("mock0", "errors", "0x05")
        assert next(told("mock0")) == (2, "the device reports errors: memory, power")
        node.sysfs.remove("mock1")
        assert next(told("mock1")) == (2, "the device is gone")
        stream.cancel()


def check(kubelet: Kubelet, service: str = "") -> int:
    return kubelet.call("liveness", "Check", service=service).status


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_liveness(node: Node) -> None:
    port = free_port()
    node.start(f"--health-address=127.0.0.1:{port}", "--rescan-interval=1s")
    with node.kubelet() as kubelet:
        assert (check(kubelet), check(kubelet, "liveness")) == (1, 1)
        with pytest.raises(grpc.RpcError) as error:
            check(kubelet, "x")
        assert error.value.code() is grpc.StatusCode.NOT_FOUND
        assert next(kubelet.call("liveness", "Watch")).status == 1
        node.checkpoint.write_text("{")
        assert (check(kubelet), check(kubelet, "liveness")) == (2, 1)
        kubelet.channel.close()
        kubelet.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        assert check(kubelet) == 2


def test_metrics(node: Node) -> None:
    port = free_port()
    one, missing = claim("c0", "mock0"), claim("missing")
    node.api.add(one)
    node.sysfs.write("mock1", "errors", "0x01")
    node.start(f"--metrics-address=127.0.0.1:{port}")
    with node.kubelet() as kubelet:
        kubelet.prepare(one, missing)
        kubelet.unprepare(one)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    for line in (
        'mock_accel_dra_claims_total{doing="preparing",result="done"} 1',
        'mock_accel_dra_claims_total{doing="preparing",result="failed"} 1',
        'mock_accel_dra_claims_total{doing="releasing",result="done"} 1',
        'mock_accel_dra_claims_total{doing="releasing",result="failed"} 0',
        'mock_accel_dra_devices{health="healthy"} 5',
        'mock_accel_dra_devices{health="unhealthy"} 1',
    ):
        assert line in lines
    assert any(line.startswith('mock_accel_dra_claim_seconds_total{doing="preparing"} 0.') for line in lines)
    assert node.stop() == 0


def test_a_corrupt_checkpoint_is_an_event_of_the_pod(node: Node) -> None:
    one, other = claim("c0", "mock0"), claim("c1", "mock1")
    node.api.add(one, other)
    node.start()
    with node.kubelet() as kubelet:
        kubelet.prepare(one)
    node.kill()
    good, cdi = node.checkpoint.read_text(), node.cdi_files()
    node.checkpoint.write_text(good[:-30])
    node.start()
    with node.kubelet() as kubelet:
        for answers in (kubelet.prepare(one, other), kubelet.unprepare(one, other)):
            for answer in answers.values():
                assert f"Error while reading the checkpoint {node.checkpoint}: it is no JSON" in answer.error
        assert (node.checkpoint.read_text(), node.cdi_files()) == (good[:-30], cdi)
        assert node.sysfs.statuses() == {"mock0": 1}
        node.checkpoint.write_text(good)
        assert not any(answer.error for answer in kubelet.prepare(one, other).values())


def test_a_disk_that_takes_nothing(node: Node) -> None:
    """What fails is an event of the pod and leaves nothing; what is prepared is answered. The log is there too."""
    one, other = claim("c0", "mock0"), claim("c1", "mock1")
    node.api.add(one, other)
    process = node.start()
    with node.kubelet() as kubelet:
        assert not kubelet.prepare(one)[uid(one)].error
        before = node.recorded(), node.cdi_files(), node.sysfs.statuses()
        for limit, words in (
            (
                300,
                f"Error while writing the CDI specification {node.cdi_dir}/{DRIVER}_{uid(other)}.json: File too large",
            ),
            (750, f"Error while writing the checkpoint {node.checkpoint}: File too large"),
        ):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            answers = kubelet.prepare(other, one)
            assert words in answers[uid(other)].error
            assert not answers[uid(one)].error
            assert (node.recorded(), node.cdi_files(), node.sysfs.statuses()) == before
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert not kubelet.prepare(other)[uid(other)].error


def test_ends_cleanly(node: Node) -> None:
    one, slow = claim("c0", "mock0"), claim("slow", "mock1")
    node.api.add(one, slow)
    node.api.slow.add("slow")
    process = node.start()
    with node.kubelet() as kubelet:
        kubelet.prepare(one)
        stream = kubelet.call("health-v1", "NodeWatchResources", timeout=30)
        next(stream)
        answers: list[t.Any] = []
        thread = threading.Thread(target=lambda: answers.append(kubelet.prepare(slow)))
        thread.start()
        wait_for(lambda: any(request.endswith("/slow") for request in node.api.requests))
        process.send_signal(signal.SIGTERM)
        # The registrar goes first, so that nobody new comes; the call that is under way is answered.
        wait_for(lambda: not (node.registry_dir / f"{DRIVER}-reg.sock").exists())
        node.api.go_on.set()
        thread.join(20)
        assert not answers[0][uid(slow)].error
        assert process.wait(20) == 0
    assert not node.socket().exists()
    # What is prepared stays so.
    assert set(node.recorded()) == {uid(one), uid(slow)}
    assert node.sysfs.statuses() == {"mock0": 1, "mock1": 1}


def test_a_rolling_update_loses_nothing(node: Node) -> None:
    """Old and new serve at once, under load; each releases what the other has prepared."""
    claims = [claim(f"c{number}", f"mock{number % 2}-vf{number // 2 % 2}") for number in range(40)]
    node.api.add(*claims)
    old = node.start(pod_uid=POD)
    with node.kubelet(POD) as before:
        assert not before.prepare(claims[0])[uid(claims[0])].error
        new = node.start(pod_uid=OTHER_POD)
        with node.kubelet(OTHER_POD) as after:
            errors: list[str] = []

            def load(number: int) -> None:
                for one in claims[number::4]:
                    kubelets = (before, after) if number % 2 else (after, before)
                    errors.append(kubelets[0].prepare(one)[uid(one)].error)
                    errors.append(kubelets[1].unprepare(one)[uid(one)].error)

            threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert errors == [""] * 80
            kept = claims[1]
            assert not before.prepare(kept)[uid(kept)].error
            served = node.socket(POD)
            old.send_signal(signal.SIGTERM)
            assert old.wait(20) == 0
            assert [device.device_name for device in after.prepare(kept)[uid(kept)].devices] == ["mock1-vf0"]
            assert not served.exists()
            assert not after.unprepare(kept)[uid(kept)].error
    new.send_signal(signal.SIGTERM)
    assert new.wait(20) == 0
    assert (node.recorded(), node.cdi_files(), node.sysfs.statuses()) == ({}, [], {})


def test_says_why_it_does_not_start(node: Node) -> None:
    (node.folder / "kubeconfig").write_text("{}")
    assert node.start(wait=False).wait(20) == 1
    assert "Error while reading the kubeconfig" in node.log.read_text()
