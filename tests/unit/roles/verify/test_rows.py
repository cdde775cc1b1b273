# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that the role makes of what the cluster answered, without a cluster."""

from __future__ import annotations

import base64
import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

FIRST, SECOND, THIRD = (f"GPU-0000000{digit}-1111-2222-3333-444444444444" for digit in "123")
BOARD = "NVIDIA A100-SXM4-40GB"


def published(name: str, label: str | None, amount: str | None) -> dict[str, t.Any]:
    resources = {"nvidia.com/gpu": amount}
    labels = {"nvidia.com/gpu.present": label}
    return {"name": name, "labels": labels, "capacity": resources, "allocatable": resources}


def pod(node: str = "node-0", uid: str = "u-1") -> dict[str, t.Any]:
    return {"result": {"metadata": {"name": "p", "uid": uid}, "spec": {"nodeName": node}}}


def log(*uuids: str) -> dict[str, t.Any]:
    lines = [f"GPU {index}: {BOARD} (UUID: {uuid})" for index, uuid in enumerate(uuids)]
    return {"log_lines": [*lines, "end of list", ""]}


def allocations(*uuids: str, uid: str = "u-1") -> dict[str, t.Any]:
    """The kubelet's record, with an entry of another pod and one of another resource beside ours."""
    entries = [
        {"PodUID": "u-0", "ResourceName": "nvidia.com/gpu", "DeviceIDs": {"-1": [THIRD]}},
        {"PodUID": uid, "ResourceName": "example.com/nic", "DeviceIDs": {"0": ["nic"]}},
        {"PodUID": uid, "ResourceName": "nvidia.com/gpu", "DeviceIDs": {"0": list(uuids[:1]), "1": list(uuids[1:])}},
    ]
    data = json.dumps({"Data": {"PodDeviceEntries": entries, "RegisteredDevices": {}}, "Checksum": 1})
    return {"content": base64.b64encode(data.encode()).decode()}


def answers(*of: tuple[str, dict[str, t.Any]]) -> dict[str, t.Any]:
    """What was registered of the module's calls, one for each consumer."""
    return {"results": [{"verify_consumer": consumer, **answer} for consumer, answer in of]}


def test_each_node_gets_its_rows(render) -> None:
    nodes = [published("node-0", "true", "8"), published("node-1", None, None)]
    assert render("node_rows.yml.j2", __verify_published=answers(("device_plugin", {"nodes": nodes}))) == [
        ("node-0", "Node label nvidia.com/gpu.present", "true", "true"),
        ("node-0", "Node capacity nvidia.com/gpu", "8", "8"),
        ("node-0", "Node allocatable nvidia.com/gpu", "8", "8"),
        ("node-1", "Node label nvidia.com/gpu.present", "true", "no label"),
        ("node-1", "Node capacity nvidia.com/gpu", "8", "none"),
        ("node-1", "Node allocatable nvidia.com/gpu", "8", "none"),
    ]


@pytest.mark.parametrize("consumer", ["none", "dra_driver"])
def test_without_the_plugin_only_the_label_counts(render, consumer: str) -> None:
    answer = answers((consumer, {"nodes": [published("n", "true", None)]}))
    rows = render("node_rows.yml.j2", __verify_published=answer)
    assert [row[1] for row in rows] == ["Node label nvidia.com/gpu.present"]


def test_two_consumers_have_their_own_nodes(render) -> None:
    plugin, driver = published("node-0", "true", "8"), published("node-1", "true", None)
    answer = answers(("device_plugin", {"nodes": [plugin]}), ("dra_driver", {"nodes": [driver]}))
    rows = render("node_rows.yml.j2", __verify_published=answer)
    assert [(host, check.removeprefix("Node ").split()[0]) for host, check, _, _ in rows] == [
        ("node-0", "label"),
        ("node-0", "capacity"),
        ("node-0", "allocatable"),
        ("node-1", "label"),
    ]


def test_a_cluster_that_does_not_answer_is_a_row(render) -> None:
    answer = answers(("none", {"msg": 'Error while listing nodes: "refused"'}))
    rows = render("node_rows.yml.j2", __verify_published=answer)
    assert rows == [("cluster", "Nodes with GPUs", "at least one", 'Error while listing nodes: "refused"')]


def test_a_consumer_without_nodes_is_a_row(render) -> None:
    answer = answers(
        ("device_plugin", {"nodes": [published("n", "true", "8")]}), ("dra_driver", {"nodes": [], "msg": "no node"})
    )
    rows = render("node_rows.yml.j2", __verify_published=answer)
    assert rows[-1] == ("cluster", "Nodes of dra_driver", "at least one", "no node")


def test_a_pod_that_sees_what_was_allocated(render) -> None:
    rows = render(
        "pod_rows.yml.j2",
        __verify_pod=pod(),
        __verify_pod_log=log(SECOND, FIRST),
        __verify_pod_waiting={},
        __verify_allocations=allocations(FIRST, SECOND),
    )
    both = f"{FIRST} {SECOND}"
    assert rows == [
        ("node-0", "GPUs that a pod with 2 lists", f"2 x {BOARD}", f"2 x {BOARD}"),
        ("node-0", "They are the allocated ones", both, both),
        ("node-0", "The host lists the same", both, both),
    ]


def test_a_pod_that_sees_other_gpus_than_were_allocated(render) -> None:
    stranger = THIRD[:-1] + "9"
    _, allocated, same = render(
        "pod_rows.yml.j2",
        __verify_pod=pod(),
        __verify_pod_log=log(FIRST, stranger),
        __verify_pod_waiting={},
        __verify_allocations=allocations(FIRST, SECOND),
    )
    assert allocated[2:] == (f"{FIRST} {SECOND}", f"{FIRST} {stranger}")
    assert same[2:] == (f"{FIRST} {stranger}", FIRST)


def test_a_pod_that_sees_nothing_is_never_right(render) -> None:
    rows = render(
        "pod_rows.yml.j2",
        __verify_pod=pod(),
        __verify_pod_log={"log_lines": ["Failed to initialize NVML: Driver Not Loaded", "end of list"]},
        __verify_pod_waiting={},
        __verify_allocations=allocations(uid="u-9"),
    )
    assert len(rows) == 3
    assert all(expected != actual for _, _, expected, actual in rows)
    assert "Failed to initialize NVML" in rows[0][3]


def test_a_node_elsewhere_has_no_record_to_compare_with(render) -> None:
    rows = render(
        "pod_rows.yml.j2",
        __verify_pod=pod(node="worker-7"),
        __verify_pod_log=log(FIRST, SECOND),
        __verify_pod_waiting={},
        __verify_allocations={"msg": "no such file"},
    )
    assert rows == [("worker-7", "GPUs that a pod with 2 lists", f"2 x {BOARD}", f"2 x {BOARD}")]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(
            {
                "conditions": [
                    {"type": "PodScheduled", "message": "0/1 nodes are available: Insufficient nvidia.com/gpu."}
                ]
            },
            "0/1 nodes are available: Insufficient nvidia.com/gpu.",
            id="not-scheduled",
        ),
        pytest.param(
            {
                "conditions": [{"type": "Ready", "message": "containers with unready status: [main]"}],
                "containerStatuses": [{"state": {"waiting": {"message": "Back-off pulling image"}}}],
            },
            "containers with unready status: [main]; Back-off pulling image",
            id="image-missing",
        ),
        pytest.param({}, "timed out", id="nothing-said"),
    ],
)
def test_a_pod_that_does_not_run_says_why(render, status: dict, reason: str) -> None:
    rows = render(
        "pod_rows.yml.j2",
        __verify_pod={"msg": "timed out"},
        __verify_pod_log={},
        __verify_pod_waiting={"resources": [{"status": status}]},
        __verify_allocations={},
    )
    assert rows == [("cluster", "GPUs that a pod with 2 lists", f"2 x {BOARD}", reason)]


@pytest.mark.parametrize(
    ("site", "kubeconfig", "node"),
    [
        pytest.param({}, "/var/lib/mirage-accel/cluster/admin.kubeconfig", "host-0", id="defaults"),
        pytest.param(
            {"local_cluster_state_dir": "/srv/c", "local_cluster_node_name": "node-9"},
            "/srv/c/admin.kubeconfig",
            "node-9",
            id="set-for-the-site",
        ),
    ],
)
def test_the_cluster_is_where_the_site_has_it(repo: Path, site: dict, kubeconfig: str, node: str) -> None:
    roles = yaml.safe_load((repo / "roles/verify/vars/main.yml").read_text())
    roles = {name: trust_as_template(text) if isinstance(text, str) else text for name, text in roles.items()}
    variables = {**roles, "ansible_facts": {"hostname": "HOST-0"}, **site}
    templar = Templar(loader=DataLoader(), variables=variables)
    assert templar.template(trust_as_template("{{ _verify_embedded_kubeconfig }}")) == kubeconfig
    assert templar.template(trust_as_template("{{ _verify_node_name }}")) == node


@pytest.mark.parametrize(
    ("site", "consumer", "by_labels", "selectors"),
    [
        pytest.param({}, "dra_driver", False, ["nvidia.com/gpu.present=true"], id="embedded"),
        pytest.param({"kubeconfig": "/c"}, "none", True, ["nvidia.com/gpu.present=true"], id="existing-cluster"),
        pytest.param(
            {"nodes": {"dra_driver": {"gpus": "dra", "zone": "a"}, "device_plugin": {"gpus": "plugin"}}},
            "dra_driver",
            True,
            ["nvidia.com/gpu.present=true", "gpus=dra", "zone=a"],
            id="nodes-of-its-own",
        ),
    ],
)
def test_each_consumer_is_judged_on_its_own_nodes(
    repo: Path, site: dict, consumer: str, by_labels: bool, selectors: list[str]
) -> None:
    roles = yaml.safe_load((repo / "roles/verify/vars/main.yml").read_text())
    roles = {name: trust_as_template(text) if isinstance(text, str) else text for name, text in roles.items()}
    variables = {
        **roles,
        "verify_kubeconfig": site.get("kubeconfig", ""),
        "verify_consumer_nodes": site.get("nodes", {}),
        "verify_consumer": consumer,
    }
    templar = Templar(loader=DataLoader(), variables=variables)
    assert templar.template(trust_as_template("{{ _verify_by_labels }}")) is by_labels
    assert templar.template(trust_as_template("{{ _verify_selectors }}")) == selectors
