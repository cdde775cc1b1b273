# SPDX-License-Identifier: GPL-3.0-or-later
"""The same site with NVIDIA's DRA driver in the device plugin's place, and back again."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from site_under_test import KUBECONFIG, Site, eventually, placed_files, pod, report_rows

pytestmark = pytest.mark.timeout(5400)

DRIVER = "gpu.nvidia.com"


def rows_of(check: str) -> list[dict]:
    return [row for row in report_rows() if check in row["check"]]


def devices(site: Site) -> dict[str, list[dict]]:
    """Devices of the driver by node, as kubectl shows them."""
    selector = f"--field-selector=spec.driver={DRIVER}"
    slices = json.loads(site.kubectl("get", "resourceslices", selector, "-o", "json"))["items"]
    found: dict[str, list[dict]] = {}
    for one in slices:
        found.setdefault(one["spec"]["nodeName"], []).extend(one["spec"].get("devices") or [])
    return found


@pytest.fixture(scope="module")
def with_driver(up, site: Site) -> subprocess.CompletedProcess[str]:
    done = site.make("up", "-e", "gpu_consumers=[dra_driver]")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    return done


def test_all_rows_are_ok_with_slices_and_a_claim_among_them(with_driver, site: Site) -> None:
    rows = report_rows()
    assert [row for row in rows if row["status"] != "OK"] == []
    [slices], [claim] = rows_of("GPUs in ResourceSlices"), rows_of("Claim for 2")
    assert slices["actual"] == "8, 1 complete pool"
    assert claim["actual"] == "2 reserved"
    [inside] = rows_of("GPUs that its pod lists")
    assert len(re.findall(r"GPU-[0-9a-f-]{36}", inside["actual"])) == 2
    assert rows_of("Node capacity") == [], "the device plugin serves nothing here"


def test_the_plugin_has_left_the_node_to_the_driver(with_driver, site: Site) -> None:
    daemonsets = json.loads(site.kubectl("get", "daemonsets", "--namespace", "nvidia", "-o", "json"))["items"]
    assert [one["metadata"]["name"] for one in daemonsets] == ["nvidia-dra-driver-gpu-kubelet-plugin"]
    assert site.node()["status"]["allocatable"].get("nvidia.com/gpu", "0") == "0"


def test_kubectl_sees_eight_devices_that_are_the_hosts(with_driver, site: Site) -> None:
    [published] = devices(site).values()
    uuids = {one["attributes"]["uuid"]["string"] for one in published}
    assert len(published) == 8
    assert uuids == set(re.findall(r"UUID: (GPU-[0-9a-f-]+)", site.smi("-L")))


def test_second_up_changes_nothing_with_the_driver(with_driver, site: Site) -> None:
    done = site.make("up", "-e", "gpu_consumers=[dra_driver]")
    assert done.returncode == 0, done.stdout[-6000:]
    changed = [int(number) for number in re.findall(r"\bchanged=(\d+)", done.stdout)]
    assert changed and not any(changed), [line for line in done.stdout.splitlines() if line.startswith("changed:")]


def claim(name: str, count: int) -> str:
    request = {"name": "gpus", "exactly": {"deviceClassName": DRIVER, "count": count}}
    spec = {"devices": {"requests": [request]}}
    return json.dumps(
        {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name}, "spec": spec}
    )


def with_claim(name: str) -> str:
    made = json.loads(pod(name, 0))
    made["spec"]["resourceClaims"] = [{"name": "gpus", "resourceClaimName": name}]
    made["spec"]["containers"][0]["resources"] = {"claims": [{"name": "gpus"}]}
    return json.dumps(made)


def test_a_claim_for_nine_waits_and_the_module_says_why(with_driver, site: Site) -> None:
    site.kubectl("apply", "-f", "-", input=claim("nine", 9))
    site.kubectl("apply", "-f", "-", input=with_claim("nine"))
    try:
        eventually(
            lambda: "cannot allocate all claims" in site.kubectl("get", "pod", "nine", "-o", "json"),
            "refused by the scheduler",
        )
        arguments = {"name": "nine", "kubeconfig": str(KUBECONFIG), "state": "allocated"}
        done = site.module("resource_claim_verify", arguments)
        assert done.returncode != 0
        answer = json.loads(done.stdout.partition(" => ")[2])
        assert answer["differences"] == [
            {"path": "claims[default/nine].state", "expected": "allocated", "actual": "pending"}
        ]
        assert "request gpus: 9 devices wanted, 8 of 8 free" in answer["msg"]
        assert "cannot allocate all claims" in answer["msg"], "the scheduler's own words"
    finally:
        site.kubectl("delete", "pod/nine", "resourceclaim/nine", "--now")


def test_the_example_of_the_documentation(with_driver, site: Site) -> None:
    example = ("-f", "examples/two-gpus.yaml")
    site.kubectl("apply", *example)
    try:
        done = site.play("examples/verify_claim.yml")
        assert done.returncode == 0, done.stdout + done.stderr
        shown = set(re.findall(r"GPU-[0-9a-f-]{36}", done.stdout))
        assert set(re.findall(r"GPU-[0-9a-f-]{36}", site.kubectl("logs", "train-0"))) == shown
        assert len(shown) == 2
    finally:
        site.kubectl("delete", *example, "--now")


def test_a_pod_that_asks_as_for_the_plugin_gets_gpus_from_the_driver(with_driver, site: Site) -> None:
    """The driver's DeviceClass serves nvidia.com/gpu as an extended resource: pods for the plugin go on as they are."""
    site.kubectl("apply", "-f", "-", input=pod("as-before", 2))
    try:
        site.kubectl("wait", "--for=condition=Ready", "pod/as-before", "--timeout=120s", timeout=180)
        listed = site.kubectl("exec", "as-before", "--", "env", "LD_LIBRARY_PATH=/usr/lib64", "nvidia-smi", "-L")
        inside = re.findall(r"UUID: (GPU-[0-9a-f-]+)", listed)
        assert len(inside) == 2
        assert set(inside) <= set(re.findall(r"UUID: (GPU-[0-9a-f-]+)", site.smi("-L")))
    finally:
        site.kubectl("delete", "pod", "as-before", "--now")


def test_gb200_by_four_by_the_tag_of_its_quick_start(with_driver, site: Site) -> None:
    done = site.make("up", "--tags", "dra_driver", "-e", "gpu_mock_profile=gb200", "-e", "gpu_mock_count=4")
    assert done.returncode == 0, done.stdout[-6000:]
    assert [row for row in report_rows() if row["status"] != "OK"] == []
    assert rows_of("Claim for 2")[0]["actual"] == "2 reserved"
    [published] = devices(site).values()
    assert [one["attributes"]["productName"]["string"] for one in published] == ["NVIDIA GB200"] * 4


def test_the_driver_stays_while_a_claim_uses_its_gpus(with_driver, site: Site) -> None:
    site.kubectl("apply", "-f", "-", input=claim("held", 1))
    site.kubectl("apply", "-f", "-", input=with_claim("held"))
    try:
        site.kubectl("wait", "--for=condition=Ready", "pod/held", "--timeout=120s", timeout=180)
        files = placed_files()
        # It also asks for other GPUs, under which the driver could not take back what the pod has.
        done = site.make("up", "--tags", "device_plugin")
        assert done.returncode != 0
        assert re.findall(r"\bchanged=(\d+)", done.stdout) == ["0"]
        assert placed_files() == files
        assert "claim default/held of pods/held" in re.sub(r"\s+", " ", done.stdout)
        assert len(devices(site)) == 1
    finally:
        site.kubectl("delete", "pod/held", "resourceclaim/held", "--now")


def test_back_to_the_plugin_by_the_tag_of_its_quick_start(with_driver, site: Site) -> None:
    done = site.make("up", "--tags", "device_plugin")
    assert done.returncode == 0, done.stdout[-6000:]
    assert [row for row in report_rows() if row["status"] != "OK"] == []
    assert site.node()["status"]["allocatable"]["nvidia.com/gpu"] == "8"
    eventually(lambda: devices(site) == {}, "the driver's slices gone with it")
