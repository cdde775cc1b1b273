# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job on this host as a user runs it, with NVIDIA's device plugin; the cases follow one another."""

from __future__ import annotations

import datetime
import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from site_under_test import DRIVER_ROOT, Site, eventually, pid_of, placed_files, pod, report_rows

pytestmark = pytest.mark.timeout(5400)


def test_up_ends_with_a_table_in_which_every_row_is_ok(up, site: Site) -> None:
    rows = report_rows()
    assert len(rows) >= 7
    assert [row for row in rows if row["status"] != "OK"] == []
    table = up.stdout.strip().splitlines()[-len(rows) - 6 :]
    assert sum("OK" in line for line in table) >= len(rows), "the table is the last thing that make up prints"


def test_host_sees_eight_a100(up, site: Site) -> None:
    lines = site.smi("-L").splitlines()
    assert len(lines) == 8
    assert all("NVIDIA A100-SXM4-40GB" in line for line in lines)
    assert "550.163.01" in site.smi()
    nodes = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    assert nodes == [f"nvidia{index}" for index in range(8)]
    assert (DRIVER_ROOT / "dev/nvidiactl").is_char_device()


def test_node_has_label_capacity_and_allocatable(up, site: Site) -> None:
    node = site.node()
    assert node["metadata"]["labels"]["nvidia.com/gpu.present"] == "true"
    assert node["status"]["capacity"]["nvidia.com/gpu"] == "8"
    # As the quick start prints it.
    assert site.kubectl("get", "node", "-o", r"jsonpath={.items[0].status.allocatable.nvidia\.com/gpu}") == "8"


def test_second_up_changes_nothing(up, site: Site) -> None:
    done = site.make("up")
    assert done.returncode == 0, done.stdout[-6000:]
    changed = [int(number) for number in re.findall(r"\bchanged=(\d+)", done.stdout)]
    assert changed and not any(changed), [line for line in done.stdout.splitlines() if line.startswith("changed:")]


def test_check_mode_of_a_finished_site_changes_nothing(up, site: Site) -> None:
    files = placed_files()
    done = site.make("up", "--check", "--diff")
    assert done.returncode == 0, done.stdout[-6000:]
    assert placed_files() == files


def test_pod_that_asks_for_nine_stays_pending(up, site: Site) -> None:
    site.kubectl("apply", "-f", "-", input=pod("nine", 9))

    def message() -> str:
        status = json.loads(site.kubectl("get", "pod", "nine", "-o", "json"))["status"]
        return " ".join(condition.get("message", "") for condition in status.get("conditions", []))

    try:
        eventually(lambda: "Insufficient nvidia.com/gpu" in message(), "refused by the scheduler")
        assert json.loads(site.kubectl("get", "pod", "nine", "-o", "json"))["status"]["phase"] == "Pending"
    finally:
        site.kubectl("delete", "pod", "nine", "--now")


BAD_INPUT = [
    pytest.param({"gpu_mock_count": 0}, "128", id="count-0"),
    pytest.param({"gpu_mock_count": 129}, "128", id="count-129"),
    pytest.param({"gpu_mock_count": "x"}, "128", id="count-x"),
    pytest.param({"gpu_mock_profile": "a1000"}, "a1000", id="unknown-profile"),
    pytest.param({"gpu_consumers": ["dra"]}, "gpu_consumers", id="unknown-consumer"),
    pytest.param({"gpu_consumers": ["device_plugin", "dra_driver"]}, "gpu_consumer_nodes", id="two-on-one-node"),
    pytest.param({"gpu_mock_custom_config": "device_defaults: [broken"}, "expected", id="broken-config"),
]


@pytest.mark.parametrize(("extra", "named"), BAD_INPUT)
def test_bad_input_is_one_clear_error_and_changes_nothing(
    up, site: Site, extra: dict, named: str, tmp_path: Path
) -> None:
    files = placed_files()
    variables = tmp_path / "extra.json"
    variables.write_text(json.dumps(extra))
    done = site.make("up", "-e", f"@{variables}")
    assert done.returncode != 0
    failures = re.findall(r"^fatal: .*?(?=^\S|\Z)", done.stdout, re.MULTILINE | re.DOTALL)
    assert len(failures) == 1, done.stdout[-3000:]
    assert named in failures[0]
    assert "Traceback" not in done.stdout + done.stderr
    assert re.findall(r"\bchanged=(\d+)", done.stdout) in ([], ["0"])
    assert placed_files() == files


COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "containerd",
)


def is_settled(component: str, old: int) -> bool:
    """Whether a component has a new process that does not end again at once."""
    new = pid_of(component)
    if new in (None, old):
        return False
    time.sleep(5)
    return pid_of(component) == new


@pytest.mark.parametrize("component", COMPONENTS)
def test_component_comes_back_after_kill_9(up, site: Site, component: str) -> None:
    old = pid_of(component)
    assert old is not None, f"no process {component}"
    os.kill(old, signal.SIGKILL)
    killed = datetime.datetime.now(datetime.UTC)
    eventually(lambda: is_settled(component, old), f"{component} running again, and still so after some seconds")

    def healthy() -> bool:
        """The node's condition alone would be true for a while after its kubelet's end; a renewed lease is news."""
        done = site.tool("kubectl", "get", "leases", "--namespace", "kube-node-lease", "-o", "json")
        if done.returncode:
            return False
        renewed = datetime.datetime.fromisoformat(json.loads(done.stdout)["items"][0]["spec"]["renewTime"])
        ready = {condition["type"]: condition["status"] for condition in site.node()["status"]["conditions"]}
        return renewed > killed and ready["Ready"] == "True"

    eventually(healthy, f"a Ready node after the end of {component}")


def test_pods_get_their_gpus_after_all_components_came_back(up, site: Site) -> None:
    done = site.make("verify")
    assert done.returncode == 0, done.stdout[-6000:]
    assert [row for row in report_rows() if row["status"] != "OK"] == []


def allocatable(site: Site) -> str:
    return site.node()["status"]["allocatable"]["nvidia.com/gpu"]


def test_fault_takes_a_gpu_from_the_plugin_until_it_ends(up, site: Site) -> None:
    """By the playbook: the plugin never gives a GPU back by itself, so that it is started anew."""
    done = site.play("playbooks/fault.yml", "-e", "gpu_fault=fallen-off-bus", "-e", "gpu_fault_gpus=3")
    assert done.returncode == 0, done.stdout[-6000:]
    assert "allocatable 8 before, 7 now, of 8" in done.stdout
    assert allocatable(site) == "7"
    again = site.play("playbooks/fault.yml", "-e", "gpu_fault=fallen-off-bus", "-e", "gpu_fault_gpus=3")
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout[-6000:]
    predicted = site.play("playbooks/fault.yml", "-e", "gpu_fault_state=absent", "--check")
    assert predicted.returncode == 0, predicted.stdout[-6000:]
    assert "allocatable 7 before, 7 now, of 8; the device plugin would be started anew" in " ".join(
        predicted.stdout.split()
    )
    assert allocatable(site) == "7"
    ended = site.play("playbooks/fault.yml", "-e", "gpu_fault_state=absent")
    assert ended.returncode == 0, ended.stdout[-6000:]
    assert "allocatable 7 before, 8 now, of 8; the device plugin was started anew" in " ".join(ended.stdout.split())
    assert allocatable(site) == "8"
    again = site.play("playbooks/fault.yml", "-e", "gpu_fault_state=absent")
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout[-6000:]


def test_fault_that_is_none_is_refused(up, site: Site) -> None:
    for arguments, message in (
        ([], "No fault is named"),
        (["-e", "gpu_fault=nonesuch"], "nonesuch"),
        (["-e", "gpu_fault=lost", "-e", "gpu_fault_gpus=12"], "there is no GPU"),
    ):
        done = site.play("playbooks/fault.yml", *arguments)
        assert done.returncode and message in done.stdout, done.stdout[-3000:]
    assert allocatable(site) == "8"


def test_gb200_by_four_everywhere(up, site: Site) -> None:
    done = site.make("up", "-e", "gpu_mock_profile=gb200", "-e", "gpu_mock_count=4")
    assert done.returncode == 0, done.stdout[-6000:]
    assert [row for row in report_rows() if row["status"] != "OK"] == []
    lines = site.smi("-L").splitlines()
    assert len(lines) == 4
    assert all("GB200" in line for line in lines)
    assert sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*")) == [f"nvidia{index}" for index in range(4)]
    assert site.node()["status"]["allocatable"]["nvidia.com/gpu"] == "4"


@pytest.mark.parametrize("count", [1, 128])
def test_smallest_and_largest_count_on_the_host(up, site: Site, count: int) -> None:
    done = site.make("up", "--tags", "build,nodes", "-e", f"gpu_mock_count={count}")
    # Without the verify tag there is no new report, but what make prints last still exists.
    assert done.returncode == 0, done.stdout[-6000:]
    assert len(site.smi("-L").splitlines()) == count
