# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick starts of the chart as users type them, with helm and kubectl alone; the cases follow one another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from site_under_test import DRIVER_ROOT, Site, eventually, pod

pytestmark = pytest.mark.timeout(5400)


@pytest.fixture(scope="module")
def bystander(up, site: Site) -> Iterator[Path]:
    """The role's files are gone, and a file that is none of ours lies beside where the chart will place its own."""
    done = site.make("down", "--tags", "nodes,charts")
    assert done.returncode == 0, done.stdout[-6000:]
    assert not DRIVER_ROOT.exists()
    path = DRIVER_ROOT.parent / "not-ours"
    path.parent.mkdir(exist_ok=True)
    path.write_text("kept\n")
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def charts(cache: Path, bystander: Path) -> dict[str, Path]:
    """NVIDIA's charts as the role packed them; a user has them from a chart repository."""
    names = ("nvidia-device-plugin", "nvidia-dra-driver-gpu")
    found = {
        name: sorted((cache / "charts").glob(f"{name}-[0-9]*.tgz"), key=lambda path: path.stat().st_mtime)
        for name in names
    }
    return {name: paths[-1] for name, paths in found.items()}


def helm(site: Site, *args: str) -> None:
    done = site.tool("helm", *args, timeout=300)
    assert done.returncode == 0, f"helm {' '.join(args)}: {done.stderr}" + site.kubectl("get", "pods", "-A")


def test_the_chart_alone_gives_the_node_its_gpus(bystander: Path, site: Site, repo: Path) -> None:
    helm(site, "install", "gpu-mock", str(repo / "charts/gpu-mock"), "--wait", "--timeout", "120s")
    site.kubectl("rollout", "status", "daemonset/gpu-mock", "--timeout=60s")
    assert site.kubectl("logs", "-l", "app.kubernetes.io/name=gpu-mock").strip()
    assert len(site.smi("-L").splitlines()) == 8
    assert site.node()["metadata"]["labels"]["nvidia.com/gpu.present"] == "true"
    assert (DRIVER_ROOT / "usr/lib64/libnvidia-ml.so.1").resolve().name == "libnvidia-ml.so.550.163.01"


def test_quick_start_1_the_device_plugin_by_hand(charts: dict[str, Path], site: Site) -> None:
    root = DRIVER_ROOT
    values = {
        "nvidiaDriverRoot": root,
        "nvidiaDevRoot": root,
        "deviceListStrategy": "cdi-cri",
        "migStrategy": "none",
        "cdi.nvidiaHookPath": "/var/lib/mirage-accel/bin/nvidia-cdi-hook",
    }
    settings = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    chart = str(charts["nvidia-device-plugin"])
    helm(site, "install", "nvidia-device-plugin", chart, "--namespace", "nvidia", "--create-namespace", *settings)
    query = ("get", "node", site.node()["metadata"]["name"], "-o", r"jsonpath={.status.allocatable.nvidia\.com/gpu}")
    eventually(lambda: site.kubectl(*query) == "8", "8 allocatable GPUs")
    # One node, one consumer.
    helm(site, "uninstall", "nvidia-device-plugin", "--namespace", "nvidia", "--wait")
    eventually(lambda: site.kubectl(*query) in ("", "0"), "no allocatable GPU without the plugin")


def test_quick_start_2_the_dra_driver_by_hand(charts: dict[str, Path], site: Site) -> None:
    settings = (
        "--set",
        "nvidiaDriverRoot=/var/lib/nvidia-mock/driver",
        "--set",
        "gpuResourcesEnabledOverride=true",
        "--set",
        "resources.computeDomains.enabled=false",
    )
    chart = str(charts["nvidia-dra-driver-gpu"])
    place = ("--namespace", "nvidia", "--create-namespace")
    helm(site, "install", "nvidia-dra-driver", chart, *place, *settings, "--wait", "--timeout", "180s")
    label = ("-l", "app.kubernetes.io/name=nvidia-dra-driver-gpu", "--namespace", "nvidia")
    site.kubectl("wait", "--for=condition=Ready", "pod", *label, "--timeout=120s", timeout=180)
    assert site.kubectl("logs", *label, "--all-containers").strip()

    def published() -> int:
        slices = json.loads(site.kubectl("get", "resourceslices", "-o", "json"))["items"]
        return sum(len(one["spec"].get("devices") or []) for one in slices)

    eventually(lambda: published() == 8, "8 devices over all ResourceSlices")
    # The same pod as with the plugin: the driver's DeviceClass serves nvidia.com/gpu.
    site.kubectl("apply", "-f", "-", input=pod("by-hand", 1))
    site.kubectl("wait", "--for=condition=Ready", "pod/by-hand", "--timeout=120s", timeout=180)
    listed = site.kubectl("exec", "by-hand", "--", "env", "LD_LIBRARY_PATH=/usr/lib64", "nvidia-smi", "-L")
    assert len(re.findall(r"^GPU \d+: NVIDIA A100-SXM4-40GB", listed, re.MULTILINE)) == 1
    site.kubectl("delete", "pod", "by-hand", "--now")
    helm(site, "uninstall", "nvidia-dra-driver", "--namespace", "nvidia", "--wait")
    site.kubectl("delete", "namespace", "nvidia", "--timeout=120s", timeout=180)


def test_the_chart_removes_all_that_it_placed_and_nothing_else(bystander: Path, site: Site) -> None:
    helm(site, "uninstall", "gpu-mock", "--wait", "--timeout", "180s")
    eventually(lambda: "nvidia.com/gpu.present" not in site.node()["metadata"]["labels"], "label removed")
    eventually(lambda: not DRIVER_ROOT.exists(), "driver root removed")
    assert not list(Path("/dev").glob("nvidia*"))
    assert bystander.read_text() == "kept\n"
