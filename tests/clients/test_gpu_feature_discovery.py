# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's gpu-feature-discovery, unmodified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from gpu_node import GpuNode

Labels = Callable[..., dict[str, str]]
# By compute capability, in the words that the program has for it.
FAMILIES = {
    "7.5": "turing",
    "8.0": "ampere",
    "8.9": "ada-lovelace",
    "9.0": "hopper",
    "10.0": "blackwell",
    "10.3": "blackwell",
}
NO_CLUSTER = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def labels(consumers: dict[str, Path], host: GpuNode) -> Labels:
    """Run it once; returns what it would label the node with, without the common beginning."""
    machine, output = host.folder / "product_name", host.folder / "features"
    machine.write_text("A machine\n")
    output.mkdir()

    def discover(*options: str) -> dict[str, str]:
        host.run_program(
            consumers["k8s-device-plugin"] / "gpu-feature-discovery",
            *("--oneshot", "--no-timestamp", "--use-node-feature-api=false"),
            *(f"--output-file={output}/gfd", f"--machine-type-file={machine}", *options),
        )
        pairs = [line.partition("=") for line in (output / "gfd").read_text().splitlines() if line]
        return {name.removeprefix("nvidia.com/"): value for name, _, value in pairs}

    return discover


def test_labels_say_what_the_profile_describes(profile: Path, host: GpuNode, labels: Labels) -> None:
    host.apply(profile)
    found = labels()
    described = host.described
    capability = described["compute_capability"]
    major, minor = capability.split(".")
    driver, cuda = described["driver_version"], described["cuda_version"]
    wanted = {
        "gpu.product": described["name"].replace(" ", "-"),
        "gpu.count": str(described["device_count"]),
        "gpu.replicas": "1",
        "gpu.memory": str(described["memory_total_bytes"] >> 20),
        "gpu.family": FAMILIES[capability],
        "gpu.compute.major": major,
        "gpu.compute.minor": minor,
        "gpu.machine": "A-machine",
        "cuda.driver-version.full": driver,
        "cuda.driver.major": driver.split(".")[0],
        "cuda.runtime-version.full": cuda,
        "mig.capable": str(described["devices"][0]["mig_capable"]).lower(),
        "mps.capable": "false",
        "vgpu.present": "false",
    }
    assert {name: found.get(name) for name in wanted} == wanted
    # Boards of one node alone have a fabric, too, and no cluster.
    fabric = yaml.safe_load(profile.read_text())["device_defaults"].get("fabric", {})
    cluster = fabric.get("cluster_uuid", NO_CLUSTER)
    assert found.get("gpu.clique") == (None if cluster == NO_CLUSTER else f"{cluster}.{fabric['clique_id']}")


def test_labels_of_mig_devices(repo: Path, host: GpuNode, labels: Labels) -> None:
    host.apply(repo / "charts/gpu-mock/profiles/a100.yaml")
    host.nvidia_smi("-i", "0", "-mig", "1")
    host.nvidia_smi("mig", "-i", "0", "-cgi", "9,19,19", "-C")
    found = labels("--mig-strategy=mixed")
    assert found["mig.strategy"] == "mixed"
    assert found["gpu.count"] == "8"
    wanted = {"count": "2", "slices.gi": "1", "multiprocessors": "14", "memory": "4864", "engines.copy": "1"}
    assert {name: found[f"mig-1g.5gb.{name}"] for name in wanted} == wanted
    assert found["mig-3g.20gb.count"] == "1"
    assert found["mig-3g.20gb.product"] == "NVIDIA-A100-SXM4-40GB-MIG-3g.20gb"
