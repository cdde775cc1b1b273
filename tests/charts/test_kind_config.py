# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that the playbook kind_config writes for kind."""

from __future__ import annotations

import re
import tomllib
import typing as t
from pathlib import Path

import pytest
import yaml

V1BETA1, V1BETA2 = "resource.k8s.io/v1beta1", "resource.k8s.io/v1beta2"


@pytest.fixture
def write(run, repo: Path, ansible_env: dict[str, str], tmp_path: Path) -> t.Callable[..., t.Any]:
    def call(**variables: str) -> t.Any:
        given = {"kind_config": str(tmp_path / "kind.yaml"), **variables}
        options = [part for name, value in given.items() for part in ("-e", f"{name}={value}")]
        return run("ansible-playbook", "playbooks/kind_config.yml", *options, cwd=repo, env=ansible_env)

    return call


@pytest.mark.parametrize(
    ("version", "served"),
    [
        pytest.param("1.32.0", {V1BETA1: "true"}, id="v1beta1"),
        pytest.param("1.33.4", {V1BETA1: "true", V1BETA2: "true"}, id="v1beta2"),
        pytest.param("1.34.0", None, id="v1-by-default"),
    ],
)
def test_dra_is_switched_on_in_the_words_of_the_version(
    write, tmp_path: Path, version: str, served: dict | None
) -> None:
    done = write(kind_kubernetes_version=version, kind_workers="2")
    assert done.returncode == 0, done.stdout + done.stderr
    config = yaml.safe_load((tmp_path / "kind.yaml").read_text())
    assert (config["kind"], config["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    assert config.get("runtimeConfig") == served
    assert config.get("featureGates") == ({"DynamicResourceAllocation": True} if served else None)
    [patch] = config["containerdConfigPatches"]
    assert tomllib.loads(patch)["plugins"]["io.containerd.grpc.v1.cri"]["enable_cdi"] is True
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    assert "changed=0" in write(kind_kubernetes_version=version, kind_workers="2").stdout


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"kind_config": ""}, id="no-file"),
        pytest.param({"kind_kubernetes_version": "v1.34.0"}, id="version-with-a-v"),
        pytest.param({"kind_kubernetes_version": "1.31.2"}, id="too-old"),
        pytest.param({"kind_workers": "two"}, id="no-number"),
    ],
)
def test_bad_input_is_named(write, tmp_path: Path, variables: dict[str, str]) -> None:
    done = write(**variables)
    assert done.returncode != 0
    assert "Set kind_config to the file to write, kind_kubernetes_version" in re.sub(r"\s+", " ", done.stdout)
    assert not (tmp_path / "kind.yaml").exists()
