# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's DRA driver for GPUs (the kubelet plugin), unmodified, at a real API server."""

from __future__ import annotations

import re
import subprocess
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apiserver import ApiServer
from gpu_node import DRIVER_ROOT, NODE, GpuNode

Start = Callable[..., "subprocess.Popen[bytes]"]
Devices = Callable[[], dict[str, dict[str, t.Any]]]
SLICES = f"/apis/resource.k8s.io/v1/resourceslices?fieldSelector=spec.nodeName%3D{NODE}"
# By compute capability, in the words that the driver has for it.
ARCHITECTURES = {
    "7.5": "Turing",
    "8.0": "Ampere",
    "8.9": "Ada Lovelace",
    "9.0": "Hopper",
    "10.0": "Blackwell",
    "10.3": "Blackwell",
}
UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


@pytest.fixture
def node_object(apiserver: ApiServer) -> Iterator[ApiServer]:
    apiserver.make_node(NODE)
    yield apiserver
    apiserver.request("DELETE", SLICES)
    apiserver.delete_node(NODE)


@pytest.fixture
def start(consumers: dict[str, Path], node_object: ApiServer, host: GpuNode) -> Start:
    """Start the driver as its chart does."""
    folder = consumers["k8s-dra-driver-gpu"]

    def driver(*options: str, proc: bool = False) -> subprocess.Popen[bytes]:
        return host.start(
            folder / "gpu-kubelet-plugin",
            *(f"--node-name={NODE}", f"--kubeconfig={node_object.kubeconfig()}", "--image-name=none"),
            *(f"--nvidia-driver-root={DRIVER_ROOT}", f"--container-driver-root={DRIVER_ROOT}", "--cdi-root=/run/cdi"),
            *(f"--nvidia-cdi-hook-path={folder}/nvidia-cdi-hook", *options),
            proc=proc,
        )

    return driver


@pytest.fixture
def devices(node_object: ApiServer) -> Devices:
    """The devices of the node's slices by name."""

    def published() -> dict[str, dict[str, t.Any]]:
        slices = node_object.request("GET", SLICES)["items"]
        assert {one["spec"]["driver"] for one in slices} <= {"gpu.nvidia.com"}
        return {device["name"]: device for one in slices for device in one["spec"]["devices"]}

    return published


def attributes(device: dict[str, t.Any]) -> dict[str, str]:
    """Values without their types, which the names tell."""
    return {name: next(iter(value.values())) for name, value in device["attributes"].items()}


def quantity(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(\D*)", text).groups()
    return int(number) * UNITS[unit]


def test_the_slice_has_every_gpu(profile: Path, host: GpuNode, start: Start, devices: Devices) -> None:
    host.apply(profile)
    start()
    found = host.wait_for(devices)
    described = host.described
    capability = described["compute_capability"]
    assert len(found) == described["device_count"]
    for gpu in described["devices"]:
        device = found[f"gpu-{gpu['minor']}"]
        about = attributes(device)
        assert (
            about
            | {
                "type": "gpu",
                "uuid": gpu["uuid"],
                "productName": gpu["name"],
                "architecture": ARCHITECTURES[capability],
                "cudaComputeCapability": f"{capability}.0",
                "cudaDriverVersion": f"{described['cuda_version']}.0",
                # A version in the API has no leading zeros.
                "driverVersion": described["driver_version"].replace(".0", "."),
                "pcieBusID": gpu["pci_bus_id"][4:].lower(),
            }
            == about
        )
        assert quantity(device["capacity"]["memory"]["value"]) == gpu["memory_total_bytes"]


def test_mig_devices_are_devices(repo: Path, host: GpuNode, start: Start, devices: Devices) -> None:
    host.apply(repo / "charts/gpu-mock/profiles/a100.yaml")
    host.nvidia_smi("-i", "0", "-mig", "1")
    host.nvidia_smi("mig", "-i", "0", "-cgi", "9,19", "-C")
    made = dict(re.findall(r"^  MIG (\S+) +Device +\d+: \(UUID: (MIG-\S+)\)$", host.nvidia_smi("-L"), re.M))
    start(proc=True)
    found = host.wait_for(devices)
    assert sorted(attributes(device)["type"] for device in found.values()) == ["gpu"] * 8 + ["mig"] * 2
    migs = {about["profile"]: about for device in found.values() if (about := attributes(device))["type"] == "mig"}
    assert {profile: about["uuid"] for profile, about in migs.items()} == made
    assert {about["parentUUID"] for about in migs.values()} == {host.uuids[0]}
    small = next(one for one in found.values() if attributes(one).get("profile") == "1g.5gb")
    assert quantity(small["capacity"]["memory"]["value"]) == 4864 << 20
    assert small["capacity"]["multiprocessors"]["value"] == "14"


def test_without_the_files_in_proc_mig_devices_are_refused_by_the_driver(
    repo: Path, host: GpuNode, start: Start, devices: Devices
) -> None:
    host.apply(repo / "charts/gpu-mock/profiles/a100.yaml")
    host.nvidia_smi("-i", "0", "-mig", "1")
    host.nvidia_smi("mig", "-i", "0", "-cgi", "19", "-C")
    assert start().wait(20) == 1
    assert "error getting MIG capability device paths" in host.said()
    assert devices() == {}


def test_a_lost_gpu_alone_leaves_the_slice(repo: Path, host: GpuNode, start: Start, devices: Devices) -> None:
    host.apply(repo / "charts/gpu-mock/profiles/h100.yaml")
    start("--feature-gates=NVMLDeviceHealthCheck=true")
    before = set(host.wait_for(devices))
    host.mock_nvml("fail", "fallen-off-bus", "-i", "1")
    host.wait_for(lambda: set(devices()) != before, 5)
    assert before - set(devices()) == {f"gpu-{host.described['devices'][1]['minor']}"}
