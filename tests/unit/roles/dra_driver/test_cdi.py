# SPDX-License-Identifier: GPL-3.0-or-later
"""CDI specifications and their folder."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from dra_agent import DRIVER
from dra_prepared import CLAIM, DEVICE
from mock_accel_dra import cdi
from mock_accel_dra.errors import CdiError


def test_a_specification() -> None:
    other = replace(DEVICE, name="mock1", cdi_name="claim-u0-mock1", access="r", environment={"A": "1"})
    spec = cdi.specification(replace(CLAIM, devices=(DEVICE, other)))
    assert spec["cdiVersion"] == "0.3.0"
    assert spec["kind"] == "example.com/mock-accel"
    first, second = spec["devices"]
    assert first == {
        "name": "claim-u0-mock0-vf1",
        "containerEdits": {
            "env": [
                "MOCK_ACCEL_UUID=60faed32",
                "MOCK_ACCEL_PCI=1000:00:00.2",
                "MOCK_ACCEL_DEVICE=mock0_vf1",
                "MOCK_ACCEL_UUID_MOCK0_VF1=60faed32",
                "MOCK_ACCEL_PCI_MOCK0_VF1=1000:00:00.2",
                "MOCK_ACCEL_DEVICE_MOCK0_VF1=mock0_vf1",
            ],
            "deviceNodes": [{"path": "/dev/mock0_vf1", "type": "c", "major": 240, "minor": 2, "permissions": "rw"}],
        },
    }
    assert second["containerEdits"]["env"][-1] == "A=1"
    assert second["containerEdits"]["deviceNodes"][0]["permissions"] == "r"
    assert cdi.qualified(DEVICE) == "example.com/mock-accel=claim-u0-mock0-vf1"


def spec(name: str = "a", kind: str = "example.com/mock-accel", **edits: t.Any) -> dict[str, t.Any]:
    return {"kind": kind, "devices": [{"name": name, "containerEdits": edits}]}


@pytest.mark.parametrize(
    ("given", "version"),
    [
        pytest.param(spec(), "0.3.0", id="the least"),
        pytest.param(spec(mounts=[{"hostPath": "/a"}]), "0.3.0", id="a mount"),
        pytest.param(spec(mounts=[{"type": "bind"}]), "0.4.0", id="a mount's type"),
        pytest.param(spec(name="0a"), "0.5.0", id="a name that begins with a digit"),
        pytest.param(spec(deviceNodes=[{"hostPath": "/dev/x"}]), "0.5.0", id="a node's path on the host"),
        pytest.param(spec(kind="example.com/mock.accel"), "0.6.0", id="a class with a dot"),
        pytest.param({**spec(), "annotations": {}}, "0.6.0", id="annotations"),
        pytest.param(spec(additionalGids=[1]), "0.7.0", id="groups"),
        pytest.param(spec(netDevices=[{}], mounts=[{"type": "bind"}]), "1.1.0", id="network devices"),
    ],
)
def test_the_lowest_version(given: dict[str, t.Any], version: str) -> None:
    assert cdi.required_version(given) == version


def test_a_file_of_a_claim(tmp_path: Path) -> None:
    folder = cdi.CdiFolder(tmp_path, DRIVER)
    assert not folder.holds(CLAIM)
    folder.write(CLAIM)
    (path,) = tmp_path.iterdir()
    assert path.name == f"{DRIVER}_u0.json"
    assert json.loads(path.read_text()) == cdi.specification(CLAIM)
    assert path.stat().st_mode & 0o777 == 0o644
    assert folder.holds(CLAIM)
    assert not folder.holds(replace(CLAIM, devices=(replace(DEVICE, minor=3),)))
    assert folder.remove("u0") is True
    assert folder.remove("u0") is False


def test_cleaning_leaves_what_is_of_others(tmp_path: Path) -> None:
    others = [
        "k8s.json",
        "other.example.com_u9.json",
        f".{DRIVER}_u9.json.swp",
        f"{DRIVER}_u9.yaml",
        f"x{DRIVER}_u9.json",
    ]
    ours = [f"{DRIVER}_u1.json", f".{DRIVER}_u2.json.tmp", f".{DRIVER}_u0.json.tmp"]
    for name in [*others, *ours, f"{DRIVER}_u0.json"]:
        (tmp_path / name).write_text("{}")
    folder = cdi.CdiFolder(tmp_path, DRIVER)
    assert folder.remove_others({"u0"}) == ["u1"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, f"{DRIVER}_u0.json"])
    assert folder.remove_others({"u0"}) == []


def test_errors_name_the_file(tmp_path: Path) -> None:
    folder = cdi.CdiFolder(tmp_path / "none", DRIVER)
    with pytest.raises(CdiError, match=f"Error while writing the CDI specification .*{DRIVER}_u0.json: No such file"):
        folder.write(CLAIM)
    (tmp_path / f"{DRIVER}_u0.json").mkdir()
    with pytest.raises(CdiError, match="Error while removing the CDI specification"):
        cdi.CdiFolder(tmp_path, DRIVER).remove("u0")
