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


@pytest.fixture
def render(repo: Path) -> t.Callable[..., list[tuple[str, str, str, str]]]:
    """Renders a template of the role and gives each row as host, check, expected, actual."""
    folder = repo / "roles/verify/templates"
    pattern = yaml.safe_load((repo / "roles/verify/vars/main.yml").read_text())["_verify_smi_pattern"]

    def call(name: str, **variables: t.Any) -> list[tuple[str, str, str, str]]:
        settings = {
            "_verify_label": "nvidia.com/gpu.present",
            "_verify_resource": "nvidia.com/gpu",
            "_verify_driver": "gpu.nvidia.com",
            "_verify_smi_pattern": pattern,
            "_verify_board": BOARD,
            "_verify_pod_gpus": 2,
            "_verify_node_name": "node-0",
            "_verify_smi_uuids": [FIRST, SECOND, THIRD],
            "verify_count": "8",
        }
        templar = Templar(loader=DataLoader(), variables={**settings, **variables})
        text = templar.template(trust_as_template((folder / name).read_text()))
        rows = yaml.safe_load(text)
        return [(row["host"], row["check"], row["expected"], row["actual"]) for row in rows]

    return call


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


DEVICES, PROFILE = "GPUs in ResourceSlices", "They are as the profile says"


def pool(node: str, count: int, *, complete: bool = True, name: str = "") -> dict[str, t.Any]:
    return {"pool": name or node, "node": node, "generation": 1, "complete": complete, "device_count": count}


def difference(path: str, expected: t.Any, actual: t.Any) -> dict[str, t.Any]:
    return {"path": path, "expected": expected, "actual": actual}


def slices(pools: list[dict[str, t.Any]], *differences: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"pools": pools, "differences": list(differences), "api_version": "v1"}


@pytest.mark.parametrize(
    ("answer", "devices", "profile"),
    [
        pytest.param(slices([pool("n0", 8)]), "8, 1 complete pool", "yes", id="right"),
        pytest.param(
            slices([pool("n0", 7)], difference("nodes[n0].count", "8", 7)),
            "7, 1 complete pool",
            "nodes[n0].count: expected 8, found 7",
            id="one-short",
        ),
        pytest.param(
            slices([pool("n0", 8, complete=False)], difference("pools[n0].slices", "2 of generation 1", 1)),
            "8, 1 incomplete pool",
            "pools[n0].slices: expected 2 of generation 1, found 1",
            id="incomplete",
        ),
        pytest.param(
            slices(
                [pool("n0", 4), pool("n0", 4, name="n0-b")], difference("pools[n0-b].slices[x].owner", "Node", None)
            ),
            "8, 2 complete pools",
            "pools[n0-b].slices[x].owner: expected Node, found nothing",
            id="two-pools-and-no-owner",
        ),
        pytest.param(
            slices(
                [pool("n0", 8)], difference("nodes[n0].attributes[uuid]", "A", None), difference("nodes[n0].x", 1, 2)
            ),
            "8, 1 complete pool",
            "nodes[n0].attributes[uuid]: expected A, found nothing (and 1 more)",
            id="two-differences",
        ),
        pytest.param(
            slices([], difference("nodes[n0].count", "8", 0)), "none", "nodes[n0].count: expected 8, found 0", id="none"
        ),
        pytest.param({"msg": "no DRA here"}, "no DRA here", "no answer", id="no-answer"),
    ],
)
def test_slices_of_a_node(render, answer: dict, devices: str, profile: str) -> None:
    rows = render("slice_rows.yml.j2", _verify_driver_nodes=["n0"], __verify_slices=answer)
    assert rows == [("n0", DEVICES, "8, 1 complete pool", devices), ("n0", PROFILE, "yes", profile)]


def test_a_bad_node_is_not_hidden_by_a_good_one(render) -> None:
    answer = slices([pool("n0", 8), pool("n1", 5)], difference("nodes[n1].count", "8", 5))
    rows = render("slice_rows.yml.j2", _verify_driver_nodes=["n0", "n1"], __verify_slices=answer)
    assert [(host, expected == actual) for host, _, expected, actual in rows] == [
        ("n0", True),
        ("n0", True),
        ("n1", False),
        ("n1", False),
    ]


def test_slices_of_other_nodes_are_a_row(render) -> None:
    answer = slices([pool("n0", 8), pool("n9", 2)], difference("nodes[n9].count", 0, 2))
    rows = render("slice_rows.yml.j2", _verify_driver_nodes=["n0"], __verify_slices=answer)
    assert rows[2:] == [("cluster", "ResourceSlices of other nodes", "none", "nodes[n9].count (of 1)")]


def test_no_node_with_the_driver_is_a_row(render) -> None:
    rows = render("slice_rows.yml.j2", _verify_driver_nodes=[], __verify_slices={"skipped": True})
    assert rows == [("cluster", DEVICES, "at least one node", "none")]


def claimed(state: str = "reserved", *, node: str = "node-0", msg: str = "", devices: int = 2) -> dict[str, t.Any]:
    claim = {"state": state, "nodes": [node] if devices else [], "devices": [{}] * devices}
    answer = {"claims": [claim], "differences": [difference("claims[c].state", "reserved", state)] if msg else []}
    return {**answer, "msg": msg} if msg else answer


def looked(claim: list[str], seen: list[str], msg: str = "") -> dict[str, t.Any]:
    answer = {"claimed_uuids": claim, "uuids": seen, "differences": [difference("gpus", 1, 2)] if msg else []}
    return {**answer, "msg": msg} if msg else answer


def test_a_claims_pod_that_sees_its_gpus(render) -> None:
    rows = render(
        "claim_rows.yml.j2",
        __verify_claim=claimed(),
        __verify_claim_pod=looked([SECOND, FIRST], [FIRST, SECOND]),
    )
    both = f"{FIRST} {SECOND}"
    assert rows == [
        ("node-0", "Claim for 2 GPUs", "2 reserved", "2 reserved"),
        ("node-0", "GPUs that its pod lists", both, both),
        ("node-0", "The host lists the same", both, both),
    ]


@pytest.mark.parametrize(
    ("claim", "looks", "failed"),
    [
        pytest.param(
            claimed("pending", devices=0, msg="pending: node-0: 2 devices wanted, 1 of 8 free"),
            {"skipped": True},
            {
                "Claim for 2 GPUs": "pending: node-0: 2 devices wanted, 1 of 8 free",
                "GPUs that its pod lists": "none",
            },
            id="pending",
        ),
        pytest.param(
            claimed(),
            looked([FIRST, SECOND], [FIRST, THIRD], "1 difference: gpus[THIRD]"),
            {"GPUs that its pod lists": "1 difference: gpus[THIRD]"},
            id="another-gpu",
        ),
        pytest.param(
            claimed(),
            looked([FIRST, THIRD[:-1] + "9"], [FIRST, THIRD[:-1] + "9"]),
            {"The host lists the same": FIRST},
            id="one-that-the-host-has-not",
        ),
        pytest.param(
            claimed(), {"msg": "no nvidia-smi"}, {"GPUs that its pod lists": "no nvidia-smi"}, id="nothing-to-run"
        ),
    ],
)
def test_a_claim_that_is_not_right_fails_by_name(render, claim: dict, looks: dict, failed: dict) -> None:
    rows = render("claim_rows.yml.j2", __verify_claim=claim, __verify_claim_pod=looks)
    wrong = {check: actual for _, check, expected, actual in rows if expected != actual}
    assert failed.items() <= wrong.items()


def test_a_claim_that_could_not_be_made_says_why(render) -> None:
    rows = render(
        "claim_rows.yml.j2",
        __verify_claim_made={"msg": "the server could not find the requested resource"},
        __verify_claim={"skipped": True},
        __verify_claim_pod={"skipped": True},
    )
    assert rows[0][3] == "the server could not find the requested resource"
    assert all(expected != actual for _, _, expected, actual in rows)


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        pytest.param("v1", {"name": "gpus", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 2}}, id="v1"),
        pytest.param("v1beta1", {"name": "gpus", "deviceClassName": "gpu.nvidia.com", "count": 2}, id="v1beta1"),
    ],
)
def test_the_claim_is_written_as_the_server_reads_it(repo: Path, version: str, asked: dict) -> None:
    variables = {
        "_verify_dra_version": version,
        "__verify_claim_name": "c-1",
        "verify_namespace": "lab",
        "_verify_claim_label": "mirage-accel-verify-claim",
        "_verify_driver": "gpu.nvidia.com",
        "_verify_pod_gpus": 2,
        "verify_pod_image": "localhost/mirage/base:latest",
    }
    text = (repo / "roles/verify/templates/claim.yml.j2").read_text()
    rendered = Templar(loader=DataLoader(), variables=variables).template(trust_as_template(text))
    claim, user = yaml.safe_load_all(rendered)
    assert claim["apiVersion"] == f"resource.k8s.io/{version}"
    assert claim["spec"]["devices"]["requests"] == [asked]
    assert user["spec"]["resourceClaims"] == [{"name": "gpus", "resourceClaimName": "c-1"}]
    assert {one["metadata"]["namespace"] for one in (claim, user)} == {"lab"}


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
