# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMM Module of the chart mock-device, held against what KMM documents."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import jsonschema
import pytest
import yaml
from rendered import Json, objects

Run = t.Callable[..., t.Any]

CHART = "mock-device"
IMAGE = "ghcr.io/fabiendupont/mock-accel-dra-driver:1.0.0"


def strict(schema: Json) -> Json:
    """As a server judges with strict validation: what the schema does not name is refused."""
    closed = dict(schema)
    if "properties" in schema:
        closed["properties"] = {name: strict(below) for name, below in schema["properties"].items()}
        closed["additionalProperties"] = False
    if "items" in schema:
        closed["items"] = strict(schema["items"])
    return closed


@pytest.fixture(scope="session")
def judge(repo: Path) -> t.Callable[[Json], None]:
    """Against what KMM documents, and what its webhook asks for beyond the schema."""
    text = (repo / "tests/charts/fixtures/kmm_module_crd.yaml").read_text()
    [version] = yaml.safe_load(text)["spec"]["versions"]
    spec = strict(version["schema"]["openAPIV3Schema"]["properties"]["spec"])

    def check(module: Json) -> None:
        assert module["apiVersion"] == "kmm.sigs.x-k8s.io/v1beta1"
        jsonschema.validate(module["spec"], spec)
        for mapping in module["spec"]["moduleLoader"]["container"]["kernelMappings"]:
            assert ("regexp" in mapping) != ("literal" in mapping)
            re.compile(mapping.get("regexp", ""))

    return check


def mappings(module: Json) -> dict[str, str]:
    found = module["spec"]["moduleLoader"]["container"]["kernelMappings"]
    return {one["regexp"]: one["containerImage"] for one in found}


TWO = [
    {"regexp": r"^.*\.fc43\.x86_64$", "containerImage": "registry.example.com/m:fc43"},
    {"regexp": r"^.*\.el9_6\.x86_64$", "containerImage": "registry.example.com/m:el9"},
]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        pytest.param([], {"^.+$": "ghcr.io/fabiendupont/mock-accel-module:v1.0.0-fc43"}, id="one-image"),
        pytest.param(
            ["--set-json", f"kernelModule.kernelMappings={json.dumps(TWO)}"],
            {one["regexp"]: one["containerImage"] for one in TWO},
            id="several-distributions",
        ),
        # As it is printed: a shell that took two of the four away, or none.
        pytest.param(
            [
                "--set-json",
                r'kernelModule.kernelMappings=[{"regexp":"^.*\\\\.fc43\\\\.x86_64$","containerImage":"a/b:c"}]',
            ],
            {r"^.*\.fc43\.x86_64$": "a/b:c"},
            id="as-it-is-printed",
        ),
    ],
)
def test_a_module_that_is_built(
    template: Run, judge: t.Callable[[Json], None], options: list[str], wanted: dict[str, str]
) -> None:
    rendered = objects(template("--set", "kernelModule.enabled=true", *options))
    module = rendered["Module", "mock-accel"]
    judge(module)
    assert mappings(module) == wanted
    loader = module["spec"]["moduleLoader"]["container"]
    # A kernel module's name has no hyphen.
    assert loader["modprobe"] == {"moduleName": "mock_accel", "dirName": "/opt"}
    assert module["metadata"]["namespace"] == "mock-device"
    assert module["spec"]["selector"] == {"kubernetes.io/arch": "amd64"}
    assert not [name for kind, name in rendered if kind == "ConfigMap"]


def test_a_module_that_is_built_in_the_cluster(template: Run, judge: t.Callable[[Json], None], chart: Path) -> None:
    rendered = objects(template("--values", str(chart / "ci/kmm-values.yaml")))
    module = rendered["Module", "mock-accel"]
    judge(module)
    builds = [one["build"] for one in module["spec"]["moduleLoader"]["container"]["kernelMappings"]]
    assert builds == [{"dockerfileConfigMap": {"name": "mock-device-build"}}] * 2
    assert module["spec"]["selector"] == {"accelerators": "mock", "kubernetes.io/arch": "amd64"}
    assert module["spec"]["moduleLoader"]["container"]["modprobe"]["parameters"] == ["num_pfs=4", "num_vfs=2"]
    text = rendered["ConfigMap", "mock-device-build"]["data"]["dockerfile"]
    assert re.findall(r"^FROM (.*)$", text, re.M) == [
        f"{IMAGE} AS source",
        "registry.example.com/team/kernel-builder:1 AS builder",
        "source",
    ]
    assert "/opt/lib/modules/${KERNEL_FULL_VERSION}/" in text


def test_the_two_recipes_of_the_module_agree(template: Run, chart: Path, repo: Path) -> None:
    """The Containerfile of the collection, and the one that KMM gets."""
    text = objects(template("--values", str(chart / "ci/kmm-values.yaml")))["ConfigMap", "mock-device-build"]["data"]
    ours = (repo / "roles/dra_driver/files/module/Containerfile").read_text()

    def steps(recipe: str) -> list[str]:
        words = re.sub(r"\\\n\s*", "", recipe)
        known = r'apt-get install[^;]*linux-headers[^;]*|dnf install.*?; fi|make -C "\S+" M=.* modules'
        return re.findall(known, words)

    assert steps(text["dockerfile"]) == steps(ours)
    assert len(steps(ours)) == 3


def test_each_kernel_has_an_image_of_its_own(template: Run) -> None:
    options = ["kernelModule.enabled=true", "kernelModule.build.enabled=true", "kernelModule.build.builderImage=b"]
    module = objects(template(*(part for one in options for part in ("--set", one))))["Module", "mock-accel"]
    assert mappings(module) == {"^.+$": "ghcr.io/fabiendupont/mock-accel-module:v1.0.0-fc43-${KERNEL_FULL_VERSION}"}
