# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of attributes for containers: names, content, and what becomes of them."""

from __future__ import annotations

import json
import shutil
import signal
import typing as t
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from dra_agent import DRIVER, wait_for
from dra_node import Node, Reader, claim, ref_of, state_of
from dra_prepared import CLAIM, DEVICE
from mock_accel_dra.device_metadata import MetadataFolder, content, qualified
from mock_accel_dra.errors import CdiError

TOLD = replace(DEVICE, attributes={"uuid": {"string": "60faed32"}, "numaNode": {"int": 0}}, result="accel/parts")
OTHER = replace(TOLD, device_name="mock1", requests=("second",), result="second")
BOTH = replace(CLAIM, devices=(TOLD, OTHER))
INSIDE = "/var/run/kubernetes.io/dra-device-attributes"


@pytest.fixture
def folder(tmp_path: Path) -> MetadataFolder:
    (tmp_path / "cdi").mkdir()
    return MetadataFolder(tmp_path / "plugin", tmp_path / "cdi", DRIVER)


def everything(tmp_path: Path) -> list[str]:
    return sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())


def test_content() -> None:
    assert content(BOTH, "accel", DRIVER) == {
        "apiVersion": "metadata.resource.k8s.io/v1alpha1",
        "kind": "DeviceMetadata",
        "metadata": {"name": "c0", "namespace": "default", "uid": "u0", "generation": 1},
        "requests": [
            {
                "name": "accel/parts",
                "devices": [
                    {
                        "driver": DRIVER,
                        "pool": "worker-0",
                        "name": "mock0-vf1",
                        "attributes": {"uuid": {"string": "60faed32"}, "numaNode": {"int": 0}},
                    }
                ],
            }
        ],
    }
    assert content(replace(BOTH, pod_claim="gpu"), "accel", DRIVER)["podClaimName"] == "gpu"


@pytest.mark.parametrize(
    ("pod_claim", "inside"),
    [
        pytest.param("", f"{INSIDE}/resourceclaims/c0/accel/{DRIVER}-metadata.json", id="named"),
        pytest.param("gpu", f"{INSIDE}/resourceclaimtemplates/gpu/accel/{DRIVER}-metadata.json", id="of a template"),
    ],
)
def test_files_of_a_claim(folder: MetadataFolder, tmp_path: Path, pod_claim: str, inside: str) -> None:
    one = replace(BOTH, pod_claim=pod_claim)
    assert not folder.holds(one)
    folder.write(one)
    assert folder.holds(one)
    assert everything(tmp_path) == [
        f"cdi/{DRIVER}_metadata_u0_accel.json",
        f"cdi/{DRIVER}_metadata_u0_second.json",
        "plugin/dra-device-metadata/default_c0/accel/metadata.json",
        "plugin/dra-device-metadata/default_c0/second/metadata.json",
    ]
    spec = json.loads((tmp_path / f"cdi/{DRIVER}_metadata_u0_accel.json").read_text())
    (device,) = spec["devices"]
    assert (spec["cdiVersion"], spec["kind"]) == ("0.5.0", f"{DRIVER}/metadata")
    assert f"{spec['kind']}={device['name']}" == qualified(one, "accel", DRIVER) == f"{DRIVER}/metadata=u0_accel"
    (mount,) = device["containerEdits"]["mounts"]
    assert (mount["containerPath"], mount["options"]) == (inside, ["ro", "bind"])
    # A stream of JSON objects, of which there is one as yet.
    (line,) = Path(mount["hostPath"]).read_text().splitlines()
    assert json.loads(line) == content(one, "accel", DRIVER)
    assert not folder.holds(replace(one, devices=(replace(TOLD, attributes={"uuid": {"string": "x"}}), OTHER)))
    folder.remove(one, [])
    assert everything(tmp_path) == []
    folder.remove(one, [])


def test_a_claim_of_which_nothing_is_to_be_told(folder: MetadataFolder, tmp_path: Path) -> None:
    assert folder.holds(CLAIM)
    folder.write(CLAIM)
    assert everything(tmp_path) == []


def test_a_claim_that_has_the_name_of_another_keeps_its_files(folder: MetadataFolder, tmp_path: Path) -> None:
    anew = replace(BOTH, ref=replace(BOTH.ref, uid="u1"))
    folder.write(BOTH)
    folder.write(anew)
    folder.remove(BOTH, [anew])
    assert folder.holds(anew)
    folder.remove(anew, [])
    assert everything(tmp_path) == []


def test_cleaning_leaves_what_is_of_others(folder: MetadataFolder, tmp_path: Path) -> None:
    gone = replace(BOTH, ref=replace(BOTH.ref, uid="u1", name="c1"))
    for one in (BOTH, gone):
        folder.write(one)
    kept = everything(tmp_path)
    kept = [name for name in kept if "u1" not in name and "c1" not in name]
    others = ["cdi/other.example.com_metadata_u1_accel.json", f"cdi/{DRIVER}_u9.json"]
    for name in [*others, f"cdi/.{DRIVER}_metadata_u0_accel.json.tmp", f"cdi/{DRIVER}_metadata_u0_third.json"]:
        (tmp_path / name).write_text("{}")
    folder.remove_others([BOTH])
    assert everything(tmp_path) == sorted([*kept, *others])
    assert folder.holds(BOTH)


def test_errors_say_which_claim(folder: MetadataFolder, tmp_path: Path) -> None:
    (tmp_path / "plugin").write_text("")
    with pytest.raises(CdiError, match="Error while writing the metadata of the claim default/c0: Not a directory"):
        folder.write(BOTH)


# --- with the node agent ---

ALTERNATIVES = [{"name": "accel", "firstAvailable": [{"name": "whole"}, {"name": "parts"}]}]


def two_parts() -> dict[str, t.Any]:
    devices = [{"device": f"mock0-vf{number}", "request": "accel/parts"} for number in range(2)]
    made = claim("c0", *devices, requests=ALTERNATIVES)
    made["metadata"]["annotations"] = {"resource.kubernetes.io/pod-claim-name": "gpu"}
    return made


def names(node: Node) -> list[str]:
    return (
        everything(node.plugin_dir / "dra-device-metadata")
        if (node.plugin_dir / "dra-device-metadata").exists()
        else []
    )


def test_a_claims_life(node: Node) -> None:
    one = two_parts()
    uid = one["metadata"]["uid"]
    node.api.add(one)
    node.start("--device-metadata")
    with node.kubelet() as kubelet:
        for _ in range(2):
            answer = kubelet.prepare(one)[uid]
            assert not answer.error
            # Each container that has the request gets the file once.
            ids = [name for device in answer.devices for name in device.cdi_device_ids if "/metadata=" in name]
            assert ids == [f"{DRIVER}/metadata={uid}_accel"]
        (path,) = (node.plugin_dir / "dra-device-metadata").rglob("metadata.json")
        (request,) = json.loads(path.read_text())["requests"]
        assert request["name"] == "accel/parts"
        assert [device["name"] for device in request["devices"]] == ["mock0-vf0", "mock0-vf1"]
        assert request["devices"][1]["attributes"]["resource.kubernetes.io/pciBusID"] == {"string": "1000:00:00.2"}
        assert request["devices"][1]["attributes"]["deviceType"] == {"string": "vf"}
        assert not kubelet.unprepare(one)[uid].error
    assert names(node) == []
    assert node.cdi_files() == []


def test_without_the_flag_there_is_none(node: Node) -> None:
    one = two_parts()
    node.api.add(one)
    node.start()
    with node.kubelet() as kubelet:
        answer = kubelet.prepare(one)[one["metadata"]["uid"]]
    assert not any("/metadata=" in name for device in answer.devices for name in device.cdi_device_ids)
    assert names(node) == []
    # Nor has the record anything that an older instance beside this one would not know.
    assert "attributes" not in node.checkpoint.read_text()


def test_a_restart_makes_what_is_missing_and_removes_what_is_too_much(node: Node) -> None:
    one, gone = two_parts(), claim("gone", "mock1")
    node.api.add(one, gone)
    node.start("--device-metadata")
    with node.kubelet() as kubelet:
        kubelet.prepare(one, gone)
    before, files = names(node), node.cdi_files()
    assert len(before) == 2
    node.kill()
    shutil.rmtree(node.plugin_dir / "dra-device-metadata")
    del node.api.claims["gone"]
    # Whatever the flag says now: what a pod was given stays as long as it has it.
    node.start()
    wait_for(lambda: names(node) == [name for name in before if "gone" not in name], otherwise=node.log.read_text)
    wait_for(lambda: node.cdi_files() == [name for name in files if gone["metadata"]["uid"] not in name])
    with node.kubelet() as kubelet:
        assert not kubelet.unprepare(one)[one["metadata"]["uid"]].error
    assert (names(node), node.cdi_files()) == ([], [])


@pytest.mark.parametrize(
    "point", [*(f"metadata-{name}" for name in ("opened", "half-written", "renamed:1", "renamed:2")), "cdi-opened"]
)
def test_a_death_while_they_are_written_leaves_nothing(node: Node, point: str) -> None:
    one = claim("c0", "mock0")
    node.api.add(one)
    process = node.start("--device-metadata", die_at=point)
    with node.kubelet() as kubelet, pytest.raises(grpc.RpcError):
        kubelet.prepare(one)
    assert process.wait(20) == -signal.SIGKILL
    node.start("--device-metadata")
    wait_for(lambda: (names(node), node.cdi_files()) == ([], []), otherwise=node.log.read_text)
    with node.kubelet() as kubelet:
        assert not kubelet.prepare(one)[one["metadata"]["uid"]].error
    assert len(names(node)) == 1


def test_a_failure_leaves_nothing(node: Node) -> None:
    one = claim("c0", "mock0")
    node.api.add(one)
    node.start("--device-metadata")
    (node.plugin_dir / "dra-device-metadata").write_text("")
    with node.kubelet() as kubelet:
        answer = kubelet.prepare(one)[one["metadata"]["uid"]]
    assert "Error while writing the metadata of the claim default/c0: " in answer.error
    assert (node.recorded(), node.cdi_files(), node.sysfs.statuses()) == ({}, [], {})


def test_attributes_are_those_of_now_after_a_reboot(node: Node) -> None:
    one = claim("c0", "mock0")
    state = state_of(node, Reader(one), metadata=True)
    state.prepare(ref_of(one))
    node.sysfs.write("mock0", "uuid", "another")
    state_of(node, Reader(one), metadata=True).recover()
    (path,) = (node.plugin_dir / "dra-device-metadata").rglob("metadata.json")
    ((device,),) = [request["devices"] for request in json.loads(path.read_text())["requests"]]
    assert device["attributes"]["uuid"] == {"string": "another"}
