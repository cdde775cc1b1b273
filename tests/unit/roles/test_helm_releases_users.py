# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps a consumer from leaving, as role helm_releases reads it from pods and claims."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template


@pytest.fixture
def value(repo: Path) -> t.Callable[..., t.Any]:
    roles = yaml.safe_load((repo / "roles/helm_releases/vars/main.yml").read_text())
    roles = {name: trust_as_template(text) if isinstance(text, str) else text for name, text in roles.items()}

    def call(name: str, **variables: t.Any) -> t.Any:
        templar = Templar(loader=DataLoader(), variables={**roles, **variables})
        return templar.template(trust_as_template("{{ " + name + " }}"))

    return call


def pod(name: str, phase: str = "Running", node: str = "n0", **limits: str) -> dict[str, t.Any]:
    resources = {"limits": limits} if limits else {}
    spec = {"containers": [{"name": "side"}, {"name": "main", "resources": resources}], "nodeName": node}
    return {"metadata": {"namespace": "default", "name": name}, "spec": spec, "status": {"phase": phase}}


GPU = {"nvidia.com/gpu": "1"}


def claim(name: str, driver: str, *users: str) -> dict[str, t.Any]:
    devices = [{"driver": driver, "pool": "n0", "device": "gpu-0"}] if driver else []
    return {"namespace": "lab", "name": name, "devices": devices, "reserved_for": list(users)}


def test_pods_that_hold_gpus_of_the_plugin(value) -> None:
    pods = [
        pod("holds", **GPU),
        pod("starts", "Pending", **GPU),
        pod("waits-for-a-node", "Pending", "", **GPU),
        pod("is-done", "Succeeded", **GPU),
        pod("has-cpu-only", cpu="1"),
        pod("has-nothing"),
    ]
    users = value("_helm_releases_users", __helm_releases_pods_of_all={"resources": pods}, _helm_releases_leaving=[])
    assert users == ["pod default/holds", "pod default/starts"]


@pytest.mark.parametrize(
    ("leaving", "users"),
    [
        pytest.param(
            "nvidia-dra-driver", ["claim lab/used of pods/train-0 and pods/train-1", "claim lab/kept"], id="gpus"
        ),
        pytest.param("mock-device", ["claim lab/of-another-driver of pods/x"], id="accelerators"),
        pytest.param("nvidia-device-plugin", [], id="not-by-claims"),
    ],
)
def test_claims_that_hold_devices_of_the_driver(value, leaving: str, users: list[str]) -> None:
    claims = [
        claim("used", "gpu.nvidia.com", "pods/train-0", "pods/train-1"),
        claim("kept", "gpu.nvidia.com"),
        claim("pending", ""),
        claim("of-another-driver", "mock-accel.example.com", "pods/x"),
    ]
    found = value("_helm_releases_users", __helm_releases_claims={"claims": claims}, _helm_releases_leaving=[leaving])
    assert found == users


@pytest.mark.parametrize(
    ("there", "wanted", "leaving"),
    [
        pytest.param(["gpu-mock"], ["device_plugin"], [], id="first-installation"),
        pytest.param(["gpu-mock", "nvidia-device-plugin"], ["device_plugin"], [], id="the-same-again"),
        pytest.param(["nvidia-device-plugin"], ["dra_driver"], ["nvidia-device-plugin"], id="plugin-leaves"),
        pytest.param(["nvidia-dra-driver"], ["device_plugin"], ["nvidia-dra-driver"], id="driver-leaves"),
        pytest.param(["nvidia-dra-driver"], [], ["nvidia-dra-driver"], id="none-is-wanted"),
        pytest.param(["mock-device"], [], ["mock-device"], id="accelerators-leave"),
    ],
)
def test_releases_that_leave(value, there: list[str], wanted: list[str], leaving: list[str]) -> None:
    releases = [
        {"name": "gpu-mock"},
        {"name": "nvidia-device-plugin", "condition": "device_plugin" in wanted},
        {"name": "nvidia-dra-driver", "condition": "dra_driver" in wanted},
        {"name": "mock-device", "condition": False},
        {"name": "a-users-own", "condition": False},
    ]
    listed = {"stdout": json.dumps([{"name": name, "namespace": "nvidia"} for name in [*there, "a-users-own"]])}
    assert value("_helm_releases_leaving", helm_releases=releases, __helm_releases_list=listed) == leaving
