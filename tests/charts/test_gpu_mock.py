# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart gpu-mock as helm sees it: what it renders, and what it refuses."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from rendered import Objects, objects

Run = t.Callable[..., t.Any]


CHART = "gpu-mock"


def environment(rendered: Objects, name: str = "gpu-mock") -> dict[str, str]:
    container = rendered["DaemonSet", name]["spec"]["template"]["spec"]["containers"][0]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


def test_a_parent_chart_may_have_a_switch_for_it(template: Run) -> None:
    done = template("--set", "enabled=true")
    assert done.returncode == 0, done.stderr
    assert "enabled" in template("--set", "enabled=perhaps").stderr


def test_the_objects_that_users_look_for(template: Run) -> None:
    assert set(objects(template())) == {
        ("DaemonSet", "gpu-mock"),
        ("ConfigMap", "gpu-mock"),
        ("ServiceAccount", "gpu-mock"),
        ("ServiceAccount", "gpu-mock-removal"),
        ("Role", "gpu-mock"),
        ("Role", "gpu-mock-removal"),
        ("RoleBinding", "gpu-mock"),
        ("RoleBinding", "gpu-mock-removal"),
        ("ClusterRole", "gpu-mock-default"),
        ("ClusterRole", "gpu-mock-default-removal"),
        ("ClusterRoleBinding", "gpu-mock-default"),
        ("ClusterRoleBinding", "gpu-mock-default-removal"),
        ("ValidatingAdmissionPolicy", "gpu-mock-default"),
        ("ValidatingAdmissionPolicyBinding", "gpu-mock-default"),
        ("Job", "gpu-mock-removal"),
    }


# interfaces of the chart: value, default
DEFAULTS = {
    "gpu.profile": "a100",
    "gpu.count": 8,
    "gpu.customConfig": "",
    "image.repository": "ghcr.io/nvidia/gpu-mock",
    "image.tag": "latest",
    "image.pullPolicy": "IfNotPresent",
    "driverVersion": "550.163.01",
    "nodeSelector": {},
    "tolerations": [{"operator": "Exists"}],
}


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items(), ids=DEFAULTS)
def test_documented_defaults(chart: Path, name: str, default: t.Any) -> None:
    value = yaml.safe_load((chart / "values.yaml").read_text())
    for key in name.split("."):
        value = value[key]
    assert value == default


def test_every_value_is_in_the_schema_and_in_the_readme(chart: Path) -> None:
    values = yaml.safe_load((chart / "values.yaml").read_text())
    schema = json.loads((chart / "values.schema.json").read_text())
    # What helm itself puts there for a chart inside another one.
    assert set(schema["properties"]) == {*values, "global", "enabled"}
    readme = (chart / "README.md").read_text()
    for name, value in values.items():
        schema_of = schema["properties"][name]
        keys = list(value) if isinstance(value, dict) and schema_of.get("properties") else []
        assert set(schema_of.get("properties", {})) == set(keys)
        for full in [f"{name}.{key}" for key in keys] or [name]:
            assert f"`{full}`" in readme


def test_the_schema_knows_just_the_profiles_that_are_there(chart: Path) -> None:
    schema = json.loads((chart / "values.schema.json").read_text())
    profiles = sorted(path.stem for path in (chart / "profiles").glob("*.yaml"))
    assert schema["properties"]["gpu"]["properties"]["profile"]["enum"] == profiles


@pytest.mark.parametrize("profile", ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"])
@pytest.mark.parametrize("count", [1, 4, 128])
def test_profiles_and_counts(template: Run, chart: Path, profile: str, count: int) -> None:
    rendered = objects(template("--set", f"gpu.profile={profile},gpu.count={count}"))
    config = rendered["ConfigMap", "gpu-mock"]["data"]["config.yaml"]
    assert config == (chart / f"profiles/{profile}.yaml").read_text()
    assert environment(rendered)["GPU_PROFILE"] == profile
    assert environment(rendered)["GPU_COUNT"] == str(count)


def test_a_file_replaces_the_profile(template: Run, tmp_path: Path) -> None:
    file = tmp_path / "my-custom-gpus.yaml"
    file.write_text("device_defaults:\n  name: My GPU\n")
    rendered = objects(template("--set-file", f"gpu.customConfig={file}"))
    assert rendered["ConfigMap", "gpu-mock"]["data"]["config.yaml"] == file.read_text()
    assert environment(rendered)["GPU_PROFILE"] == "custom"


def test_another_description_rolls_the_pods(template: Run) -> None:
    def checksum(*options: str) -> str:
        pod = objects(template(*options))["DaemonSet", "gpu-mock"]["spec"]["template"]
        return pod["metadata"]["annotations"]["checksum/config"]

    assert checksum() == checksum("--set", "image.tag=other")
    assert checksum() != checksum("--set", "gpu.profile=gb200")


@pytest.mark.parametrize(
    ("option", "text"),
    [
        pytest.param("gpu.count=0", "'/gpu/count': minimum: got 0, want 1", id="no-gpu"),
        pytest.param("gpu.count=129", "'/gpu/count': maximum: got 129, want 128", id="too-many"),
        pytest.param("gpu.count=x", "'/gpu/count': got string, want integer", id="no-number"),
        pytest.param("gpu.count=1.5", "'/gpu/count': got string, want integer", id="half-a-gpu"),
        pytest.param("gpu.profile=h900", "'/gpu/profile': value must be one of 'a100', 'b200', 'gb200'", id="profile"),
        pytest.param("gpu.profil=a100", "additional properties 'profil' not allowed", id="misspelt"),
        pytest.param("count=8", "additional properties 'count' not allowed", id="wrong-place"),
        pytest.param("driverVersion=latest", "'/driverVersion': 'latest' does not match pattern", id="version"),
        pytest.param("image.pullPolicy=Sometimes", "'/image/pullPolicy': value must be one of", id="pull-policy"),
        pytest.param("removal.timeoutSeconds=0", "'/removal/timeoutSeconds': minimum", id="timeout"),
    ],
)
def test_values_that_the_schema_refuses(template: Run, option: str, text: str) -> None:
    done = template("--set", option)
    assert done.returncode != 0
    assert text in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param(["--set", "gpu.count=300"], 'gpu.count is "300": set it to a number from 1 to 128', id="count"),
        pytest.param(
            ["--set", "gpu.profile=h900"],
            'gpu.profile is "h900", and there is no such profile: set it to one of a100, b200, gb200, gb300, '
            "h100, h200, l40s, t4, or describe",
            id="profile",
        ),
    ],
)
def test_the_templates_refuse_it_where_the_schema_is_skipped(template: Run, options: list[str], text: str) -> None:
    done = template("--skip-schema-validation", *options)
    assert done.returncode != 0
    assert text in done.stderr


def test_a_parent_charts_globals_are_allowed(template: Run) -> None:
    assert template("--set", "global.imageRegistry=registry.example.com").returncode == 0


def test_values_of_an_older_chart_are_enough(template: Run, chart: Path) -> None:
    """`helm upgrade --reuse-values` gives a newer chart no value that the older one did not have."""
    names = yaml.safe_load((chart / "values.yaml").read_text())
    done = template(*(part for name in names for part in ("--set", f"{name}=null")))
    rendered = objects(done)
    assert environment(rendered) == environment(objects(template()))
    assert rendered["DaemonSet", "gpu-mock"]["spec"]["template"]["spec"]["tolerations"] == [{"operator": "Exists"}]


def test_an_older_kubernetes_is_refused(template: Run) -> None:
    done = template("--kube-version", "1.30.0")
    assert done.returncode != 0
    assert "requires kubeVersion: >=1.31.0-0" in done.stderr


def test_it_is_packed_with_its_profiles(packed: list[str]) -> None:
    assert "gpu-mock/profiles/a100.yaml" in packed
