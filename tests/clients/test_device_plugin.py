# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's device plugin, unmodified, with a kubelet's side of the API (tests/support/device_plugins.py)."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import device_plugins
import grpc
import pytest
from gpu_node import DRIVER_ROOT, GpuNode

Start = Callable[..., "subprocess.Popen[bytes]"]
CAPABILITIES = Path("proc/driver/nvidia/capabilities")


@pytest.fixture
def kubelet(host: GpuNode) -> Iterator[device_plugins.Kubelet]:
    with device_plugins.kubelet(host.kubelet / "device-plugins") as one:
        yield one


@pytest.fixture
def start(consumers: dict[str, Path], host: GpuNode) -> Start:
    """Start the plugin as its chart does, with driver root and device nodes below one folder."""
    roots = [
        f"--{option}={DRIVER_ROOT}" for option in ("nvidia-driver-root", "nvidia-dev-root", "container-driver-root")
    ]

    def plugin(*options: str, proc: bool = False) -> subprocess.Popen[bytes]:
        return host.start(consumers["k8s-device-plugin"] / "nvidia-device-plugin", *roots, *options, proc=proc)

    return plugin


def registered(host: GpuNode, kubelet: device_plugins.Kubelet, *resources: str) -> list[device_plugins.Plugin]:
    """The plugins of just these resources, once each has said what it lists."""
    host.wait_for(lambda: all(name in kubelet.plugins and kubelet.plugins[name].devices() for name in resources))
    assert sorted(kubelet.plugins) == sorted(resources)
    return [kubelet.plugins[name] for name in resources]


def mig_uuids(host: GpuNode) -> dict[str, list[str]]:
    """UUIDs of MIG devices by the name of their profile, as nvidia-smi lists them."""
    found: dict[str, list[str]] = {}
    for name, uuid in re.findall(r"^  MIG (\S+) +Device +\d+: \(UUID: (MIG-\S+)\)$", host.nvidia_smi("-L"), re.M):
        found.setdefault(name, []).append(uuid)
    return found


def capability(host: GpuNode, file: str) -> str:
    """The device node that a file below capabilities/ names."""
    text = (host.root / CAPABILITIES / file).read_text()
    return f"/dev/nvidia-caps/nvidia-cap{re.findall('DeviceFileMinor: ([0-9]+)', text)[0]}"


def test_every_gpu_is_listed_and_allocated(
    profile: Path, host: GpuNode, kubelet: device_plugins.Kubelet, start: Start
) -> None:
    host.apply(profile)
    plugin = start("--device-list-strategy=envvar,cdi-cri", "--pass-device-specs")
    (gpus,) = registered(host, kubelet, "nvidia.com/gpu")
    assert gpus.version == "v1beta1"
    assert len(host.uuids) == host.described["device_count"]
    assert gpus.devices() == dict.fromkeys(host.uuids, "Healthy")
    assert re.findall(r"UUID: (GPU-\S+)\)", host.nvidia_smi("-L")) == host.uuids

    wanted = host.described["devices"][1]
    answer = gpus.allocate(wanted["uuid"])
    assert answer.envs["NVIDIA_VISIBLE_DEVICES"] == wanted["uuid"]
    assert [one.name for one in answer.cdi_devices] == [f"k8s.device-plugin.nvidia.com/gpu={wanted['uuid']}"]
    nodes = ["/dev/nvidiactl", f"/dev/nvidia{wanted['minor']}"]
    assert [(one.container_path, one.host_path) for one in answer.devices] == [
        (path, f"{DRIVER_ROOT}{path}") for path in nodes
    ]
    assert len(set(gpus.prefer(2))) == 2

    specification = json.loads((host.run / "cdi/k8s.device-plugin.nvidia.com-gpu.json").read_text())
    by_name = {one["name"]: one["containerEdits"]["deviceNodes"] for one in specification["devices"]}
    assert set(by_name) == set(host.uuids)
    assert [(one["path"], one["minor"]) for one in by_name[wanted["uuid"]]] == [(nodes[1], wanted["minor"])]
    mounted = {Path(one["hostPath"]).name for one in specification["containerEdits"]["mounts"]}
    assert {"gsp_mock.bin", "nvidia-smi", "libnvidia-ml.so.550.163.01", "libcuda.so.550.163.01"} <= mounted
    assert host.stop(plugin) == 0


def test_a_lost_gpu_alone_is_unhealthy_until_the_plugin_is_restarted(
    profile: Path, host: GpuNode, kubelet: device_plugins.Kubelet, start: Start
) -> None:
    host.apply(profile)
    plugin = start()
    (gpus,) = registered(host, kubelet, "nvidia.com/gpu")
    host.mock_nvml("fail", "fallen-off-bus", "-i", "1")
    unhealthy = {**dict.fromkeys(host.uuids, "Healthy"), host.uuids[1]: "Unhealthy"}
    host.wait_for(lambda: gpus.devices() != dict.fromkeys(host.uuids, "Healthy"), 2)
    assert [one for _, one in gpus.lists] == [dict.fromkeys(host.uuids, "Healthy"), unhealthy]
    # With real GPUs, too (NVIDIA/k8s-device-plugin#2038): the plugin looks at all of them.
    with pytest.raises(grpc.RpcError, match="GPU is lost"):
        gpus.prefer(1)

    host.mock_nvml("clear", "-i", "1")
    assert host.stop(plugin) == 0
    kubelet.plugins.clear()
    start()
    (again,) = registered(host, kubelet, "nvidia.com/gpu")
    assert again.devices() == dict.fromkeys(host.uuids, "Healthy")
    assert len(again.prefer(1)) == 1


def test_xids_of_programs_are_not_of_the_gpu(
    repo: Path, host: GpuNode, kubelet: device_plugins.Kubelet, start: Start
) -> None:
    host.apply(repo / "charts/gpu-mock/profiles/h200.yaml")
    start()
    (gpus,) = registered(host, kubelet, "nvidia.com/gpu")
    host.wait_for(lambda: "Ignoring the following XIDs" in host.said())
    host.mock_nvml("xid", "31", "-i", "0")
    host.mock_nvml("fail", "ecc-uncorrectable", "-i", "2")
    host.wait_for(lambda: gpus.devices()[host.uuids[2]] == "Unhealthy", 2)
    assert [uuid for uuid, health in gpus.devices().items() if health != "Healthy"] == [host.uuids[2]]


@pytest.mark.parametrize(("model", "slice_name"), [("a100", "1g.5gb"), ("h100", "1g.10gb")])
def test_mig_devices_of_strategy_single_are_gpus(
    model: str, slice_name: str, repo: Path, host: GpuNode, kubelet: device_plugins.Kubelet, start: Start
) -> None:
    host.apply(repo / "charts/gpu-mock/profiles" / f"{model}.yaml")
    host.nvidia_smi("-mig", "1")
    host.nvidia_smi("mig", "-cgi", "19,19", "-C")
    start("--mig-strategy=single", proc=True)
    (gpus,) = registered(host, kubelet, "nvidia.com/gpu")
    made = mig_uuids(host)
    assert {name: len(uuids) for name, uuids in made.items()} == {slice_name: 16}
    assert gpus.devices() == dict.fromkeys(made[slice_name], "Healthy")


@pytest.mark.parametrize(("model", "names"), [("a100", ["3g.20gb", "1g.5gb"]), ("h100", ["3g.40gb", "1g.10gb"])])
def test_mig_devices_of_strategy_mixed_are_resources_of_their_own(
    model: str, names: list[str], repo: Path, host: GpuNode, kubelet: device_plugins.Kubelet, start: Start
) -> None:
    host.apply(repo / "charts/gpu-mock/profiles" / f"{model}.yaml")
    host.nvidia_smi("-i", "0", "-mig", "1")
    host.nvidia_smi("mig", "-i", "0", "-cgi", "9,19", "-C")
    start("--mig-strategy=mixed", "--pass-device-specs", proc=True)
    resources = [f"nvidia.com/mig-{name}" for name in names]
    gpus, large, small = registered(host, kubelet, "nvidia.com/gpu", *resources)
    made = mig_uuids(host)
    assert gpus.devices() == dict.fromkeys(host.uuids[1:], "Healthy")
    assert large.devices() == dict.fromkeys(made[names[0]], "Healthy")
    assert small.devices() == dict.fromkeys(made[names[1]], "Healthy")

    (uuid,) = small.devices()
    (instance,) = re.findall(r"^\| +0 +MIG 1g\S+ +19 +(\d+) ", host.nvidia_smi("mig", "-lgi"), re.M)
    answer = small.allocate(uuid)
    assert answer.envs["NVIDIA_VISIBLE_DEVICES"] == uuid
    minor = host.described["devices"][0]["minor"]
    of_instance = f"gpu{minor}/mig/gi{instance}"
    assert [one.container_path for one in answer.devices] == [
        "/dev/nvidiactl",
        f"/dev/nvidia{minor}",
        capability(host, f"{of_instance}/access"),
        capability(host, f"{of_instance}/ci0/access"),
    ]


def test_without_the_files_in_proc_mig_devices_are_refused_by_the_plugin(
    repo: Path, host: GpuNode, kubelet: device_plugins.Kubelet, start: Start
) -> None:
    host.apply(repo / "charts/gpu-mock/profiles/a100.yaml")
    host.nvidia_smi("-i", "0", "-mig", "1")
    host.nvidia_smi("mig", "-i", "0", "-cgi", "19", "-C")
    assert start("--mig-strategy=mixed").wait(20) == 1
    assert "missing MIG GPU instance capability path: /proc/driver/nvidia/capabilities/gpu0/mig/gi" in host.said()
    assert kubelet.plugins == {}
