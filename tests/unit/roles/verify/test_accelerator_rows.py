# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role expects of mock-device's accelerators, and its rows of what it finds, without a cluster."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

PF = {
    "name": "mock0",
    "kind": "physical",
    "address": "1000:00:00.0",
    "uuid": "u0",
    "parent": None,
    "numa_node": 1,
    "pcie_root": "pci1000:00",
    "memory_size": 17179869184,
    "responding": True,
    "errors": 0,
}
VF = {
    **PF,
    "name": "mock0_vf1",
    "kind": "virtual",
    "address": "1000:00:00.2",
    "uuid": "u1",
    "parent": {"address": "1000:00:00.0", "name": "mock0"},
    "numa_node": -1,
    "memory_size": 2147483648,
}
DEVICES, SYSFS = "Accelerators in ResourceSlices", "They are as its sysfs says"
CLAIM, POD, STATUS = (
    "Claim for an accelerator",
    "Its pod has it",
    "Its status, held and released",
)


def rules(repo: Path, accelerators: dict[str, list[dict[str, t.Any]]]) -> dict[str, t.Any]:
    text = (repo / "roles/verify/templates/accelerator_rules.yml.j2").read_text()
    templar = Templar(loader=DataLoader(), variables={"_verify_accelerators": accelerators})
    return yaml.safe_load(templar.template(trust_as_template(text)))


def test_what_a_host_shows_is_what_is_expected(repo: Path) -> None:
    made = rules(repo, {"n0": [PF, VF], "n1": []})
    assert made["n1"] == {"count": 0, "tainted": [], "devices": {}}
    assert made["n0"] == {
        "count": 2,
        "tainted": [],
        "devices": {
            "mock0": {
                "attributes": {
                    "uuid": "u0",
                    "deviceType": "pf",
                    "pciAddress": "1000:00:00.0",
                    "physfn": None,
                    "numaNode": 1,
                    "resource.kubernetes.io/pcieRoot": "pci1000:00",
                },
                "capacity": {"memory": "17179869184"},
            },
            "mock0-vf1": {
                "attributes": {
                    "uuid": "u1",
                    "deviceType": "vf",
                    "pciAddress": "1000:00:00.2",
                    "physfn": "1000:00:00.0",
                    "numaNode": None,
                    "resource.kubernetes.io/pcieRoot": "pci1000:00",
                },
                "capacity": {"memory": "2147483648"},
            },
        },
    }


@pytest.mark.parametrize("fault", [{"responding": False}, {"errors": 2}], ids=["no-answer", "errors"])
def test_a_faulty_one_must_be_tainted(repo: Path, fault: dict[str, t.Any]) -> None:
    assert rules(repo, {"n0": [PF, {**VF, **fault}]})["n0"]["tainted"] == ["mock0-vf1"]


def slices(*differences: dict[str, t.Any], pools: int = 1, count: int = 2) -> dict[str, t.Any]:
    pool = {"pool": "n0", "node": "n0", "complete": True, "device_count": count}
    return {"pools": [pool] * pools, "differences": list(differences), "api_version": "v1"}


GOOD = {
    "_verify_accelerators": {"n0": [PF, VF], "n1": []},
    "__verify_accelerator_slices": slices(),
    "_verify_accelerator_claim": {"devices": [{"device": "mock0"}], "state": "reserved"},
    "_verify_accelerator_node": "n0",
    "_verify_accelerator_function": PF,
    "__verify_accelerator_claim": {"differences": []},
    "__verify_accelerator_made": {"result": {}},
    "__verify_accelerator_pod": {"differences": []},
    "__verify_accelerator_held": {"functions": [{"status": "allocated"}]},
    "__verify_accelerator_free": {"functions": [{"status": "free"}]},
}
GOOD_ROWS = [
    ("n0", DEVICES, "2, 1 complete pool", "2, 1 complete pool"),
    ("n0", SYSFS, "yes", "yes"),
    ("n0", CLAIM, "1 reserved", "1 reserved"),
    ("n0", POD, "mock0", "mock0"),
    ("n0", STATUS, "allocated, free", "allocated, free"),
]


def test_rows_of_what_is_right(render) -> None:
    assert render("accelerator_rows.yml.j2", **GOOD) == GOOD_ROWS


DIFFERENCE = {"path": "nodes[n0].devices[mock0].attributes[uuid]", "expected": "u0", "actual": "u9"}
STRAY = {"path": "nodes[n2].count", "expected": "0", "actual": 3}


@pytest.mark.parametrize(
    ("change", "row"),
    [
        pytest.param(
            {"__verify_accelerator_slices": slices(DIFFERENCE)},
            ("n0", SYSFS, "yes", "nodes[n0].devices[mock0].attributes[uuid]: expected u0, found u9"),
            id="other-uuid",
        ),
        pytest.param(
            {"__verify_accelerator_slices": slices(count=1)},
            ("n0", DEVICES, "2, 1 complete pool", "1, 1 complete pool"),
            id="one-short",
        ),
        pytest.param(
            {"__verify_accelerator_slices": slices(STRAY)},
            ("cluster", "Accelerators of other nodes", "none", "nodes[n2].count (of 1)"),
            id="stray",
        ),
        pytest.param(
            {"__verify_accelerator_slices": {"msg": "no DRA here"}},
            ("n0", DEVICES, "2, 1 complete pool", "no DRA here"),
            id="no-api",
        ),
        pytest.param(
            {"_verify_accelerators": {"n0": []}, "__verify_accelerator_slices": slices(pools=0)},
            ("cluster", DEVICES, "at least one node", "none"),
            id="nothing-anywhere",
        ),
        pytest.param(
            {"__verify_accelerator_claim": {"differences": [DIFFERENCE], "msg": "it waits: none is free"}},
            ("n0", CLAIM, "1 reserved", "it waits: none is free"),
            id="claim-waits",
        ),
        pytest.param(
            {"__verify_accelerator_pod": {"differences": [DIFFERENCE], "msg": "MOCK_ACCEL_UUID is u9"}},
            ("n0", POD, "mock0", "MOCK_ACCEL_UUID is u9"),
            id="other-variables",
        ),
        pytest.param(
            {"__verify_accelerator_free": {"functions": [{"status": "allocated"}]}},
            ("n0", STATUS, "allocated, free", "allocated, allocated"),
            id="not-released",
        ),
        pytest.param(
            {"__verify_accelerator_held": {"functions": [{"status": "free"}]}},
            ("n0", STATUS, "allocated, free", "free, free"),
            id="never-held",
        ),
    ],
)
def test_rows_of_what_is_wrong(render, change: dict[str, t.Any], row: tuple[str, ...]) -> None:
    rows = render("accelerator_rows.yml.j2", **{**GOOD, **change})
    assert row in rows
    assert row[2] != row[3]


def test_rows_where_nothing_could_be_asked(render) -> None:
    left = {name: value for name, value in GOOD.items() if not name.startswith("__")}
    given = {
        **left,
        "_verify_accelerator_claim": {},
        "_verify_accelerator_node": "",
        "_verify_accelerator_function": {},
        "__verify_accelerator_slices": {"msg": "connection refused"},
    }
    rows = render("accelerator_rows.yml.j2", **given)
    assert [expected != actual for _, _, expected, actual in rows] == [True] * 5
