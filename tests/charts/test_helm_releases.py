# SPDX-License-Identifier: GPL-3.0-or-later
"""The role helm_releases without a cluster: what it refuses, and how it packs charts."""

from __future__ import annotations

import json
import re
import shutil
import typing as t
from pathlib import Path

import pytest
import yaml
from plays import refused, write_play

Run = t.Callable[..., t.Any]


@pytest.fixture
def role(run: Run, repo: Path, ansible_env: dict[str, str], tmp_path: Path) -> Run:
    def play(tasks_from: str = "main", **variables: t.Any) -> t.Any:
        include = {"name": "mirage.accel.helm_releases", "tasks_from": tasks_from, "public": True}
        tasks = [{"name": "Run the role", "ansible.builtin.include_role": include}]
        return run("ansible-playbook", write_play(tmp_path, variables, tasks=tasks), cwd=repo, env=ansible_env)

    return play


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        pytest.param(
            {"helm_releases_kubeconfig": "/nowhere/config"},
            "There is no kubeconfig /nowhere/config: set kubeconfig to the file of a cluster",
            id="no-kubeconfig",
        ),
        pytest.param(
            {"helm_releases_values": {"gpu-mok": {}}},
            "helm_releases_values has values for gpu-mok, and helm_releases has only gpu-mock, "
            "nvidia-device-plugin, nvidia-dra-driver, mock-device",
            id="misspelt-release",
        ),
        pytest.param(
            {"gpu_consumers": ["dra_drivers"]},
            "There is no consumer 'dra_drivers': set gpu_consumers to a list of device_plugin",
            id="unknown-consumer",
        ),
        pytest.param(
            {"gpu_consumers": "[device_plugin, dra_driver]"},
            "Device plugin and DRA driver on one node would both hand out the same GPUs: choose one of them",
            id="both-on-one-node",
        ),
        pytest.param(
            {
                "gpu_consumers": ["device_plugin", "dra_driver"],
                "gpu_consumer_nodes": {
                    "device_plugin": {"pool": "a", "arch": "x"},
                    "dra_driver": {"pool": "a", "b": "c"},
                },
            },
            "set gpu_consumer_nodes to node labels that tell their nodes apart",
            id="both-on-nodes-that-may-be-the-same",
        ),
    ],
)
def test_what_cannot_work_is_said_first(role: Run, variables: dict[str, t.Any], text: str) -> None:
    done = role(**variables)
    assert text in refused(done)
    assert re.findall(r"\bchanged=(\d+)", done.stdout) == ["0"]


CONSUMERS = (
    "{{ helm_releases | selectattr('condition', 'defined') | selectattr('condition') | map(attribute='name') | list }}"
)
SELECTORS = "{{ [helm_releases[1]['values'].nodeSelector, helm_releases[2]['values'].kubeletPlugin.nodeSelector] }}"
APART = {"device_plugin": {"gpus": "plugin"}, "dra_driver": {"gpus": "dra"}}


@pytest.mark.parametrize(
    ("variables", "releases", "selectors"),
    [
        pytest.param({}, ["nvidia-device-plugin"], [{}, {}], id="default"),
        pytest.param({"gpu_consumers": "[dra_driver]"}, ["nvidia-dra-driver"], [{}, {}], id="dra"),
        pytest.param({"gpu_consumers": []}, [], [{}, {}], id="none"),
        pytest.param(
            {"gpu_consumers": [], "mock_device_enabled": "true"}, ["mock-device"], [{}, {}], id="accelerators"
        ),
        pytest.param(
            {"gpu_consumers": [], "mock_device_enabled": "auto", "dra_driver_is_wanted": True},
            ["mock-device"],
            [{}, {}],
            id="accelerators-are-there",
        ),
        pytest.param({"gpu_consumers": [], "mock_device_enabled": "auto"}, [], [{}, {}], id="nobody-has-looked"),
        pytest.param(
            {"gpu_consumers": ["dra_driver", "device_plugin"], "gpu_consumer_nodes": APART},
            ["nvidia-device-plugin", "nvidia-dra-driver"],
            list(APART.values()),
            id="both-on-different-nodes",
        ),
    ],
)
def test_consumers_are_a_choice_of_the_site(
    run: Run, repo: Path, ansible_env: dict[str, str], tmp_path: Path, variables: dict, releases: list, selectors: list
) -> None:
    include = {"name": "mirage.accel.helm_releases", "tasks_from": "consumers", "public": True}
    told = {"releases": CONSUMERS, "selectors": SELECTORS}
    tasks = [
        {"name": "Run the role", "ansible.builtin.include_role": include},
        {
            "name": "Tell",
            "ansible.builtin.copy": {"dest": str(tmp_path / "told"), "content": "{{ told | to_json }}", "mode": "0600"},
            "vars": {"told": told},
        },
    ]
    playbook = tmp_path / "play.yml"
    play = {"name": "Test", "hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
    playbook.write_text(json.dumps([play]))
    done = run("ansible-playbook", playbook, cwd=repo, env=ansible_env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "told").read_text()) == {"releases": releases, "selectors": selectors}


def packed(folder: Path) -> list[Path]:
    return sorted((folder / "charts").glob("*.tgz"))


def test_a_changed_template_makes_another_version(role: Run, repo: Path, helm: Path, run: Run, tmp_path: Path) -> None:
    chart = tmp_path / "gpu-mock"
    shutil.copytree(repo / "charts/gpu-mock", chart)
    variables = {
        "_helm_releases_binary": str(helm),
        "helm_releases_cache_dir": str(tmp_path),
        "helm_releases_item": {"name": "gpu-mock", "chart": str(chart)},
    }

    def pack() -> t.Any:
        done = role("chart", **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    pack()
    [first] = packed(tmp_path)
    version = yaml.safe_load(run(helm, "show", "chart", first).stdout)["version"]
    assert re.fullmatch(r"0\.1\.0\+[0-9a-f]{12}", version)
    assert "changed=0" in pack().stdout
    with (chart / "templates/NOTES.txt").open("a") as notes:
        notes.write("One more line.\n")
    pack()
    assert len(packed(tmp_path)) == 2


def filled(values: t.Any) -> t.Any:
    """Values of a release with what the role fills in from the site's variables, as far as the chart looks at it."""
    known = {
        "_helm_releases_driver_root": "/var/lib/nvidia-mock/driver",
        "_helm_releases_registry": "nvcr.io/nvidia",
        "_helm_releases_gpus": "0123",
        "_helm_releases_consumer_nodes": None,
    }
    if isinstance(values, dict):
        return {key: filled(value) for key, value in values.items()}
    if isinstance(values, str) and values.startswith("{{"):
        value = next(value for name, value in known.items() if name in values)
        return {} if value is None else value + values.partition("}}")[2]
    return values


@pytest.fixture
def rendered(role: Run, repo: Path, helm: Path, run: Run, cache: Path, tmp_path: Path) -> t.Callable[[str], list[dict]]:
    """The objects of one of the role's releases whose chart comes from a Go module."""

    def call(name: str) -> list[dict]:
        variables = yaml.safe_load((repo / "roles/helm_releases/vars/main.yml").read_text())
        item = next(one for one in variables["_helm_releases_builtin"] if one["name"] == name)
        item["go_module"]["src"] = str(
            repo / "roles/container_images/files/go" / item["go_module"]["path"].split("/")[-1]
        )
        # The cache of Go modules is the machine's; the packed chart goes where only this test looks.
        (tmp_path / "go").symlink_to(cache / "go")
        done = role(
            "chart", _helm_releases_binary=str(helm), helm_releases_item=item, helm_releases_cache_dir=str(tmp_path)
        )
        assert done.returncode == 0, done.stdout + done.stderr
        [chart] = packed(tmp_path)
        values = tmp_path / "values.yaml"
        values.write_text(yaml.safe_dump(filled(item["values"])))
        api = "--api-versions=resource.k8s.io/v1/ResourceSlice"
        done = run(helm, "template", "x", chart, "--namespace", "nvidia", "--values", values, api)
        assert done.returncode == 0, done.stderr
        return [one for one in yaml.safe_load_all(done.stdout) if one]

    return call


def container_of(objects: list[dict], daemonset: str) -> dict:
    found = next(one for one in objects if one["kind"] == "DaemonSet" and one["metadata"]["name"] == daemonset)
    [container] = found["spec"]["template"]["spec"]["containers"]
    return container


def test_the_device_plugins_chart_comes_from_its_module(rendered: t.Callable[[str], list[dict]]) -> None:
    container = container_of(rendered("nvidia-device-plugin"), "x-nvidia-device-plugin")
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert environment["DEVICE_LIST_STRATEGY"] == "cdi-cri"
    assert environment["NVIDIA_CDI_HOOK_PATH"] == "/var/lib/mirage-accel/bin/nvidia-cdi-hook"
    assert container["image"] == "nvcr.io/nvidia/k8s-device-plugin:v0.19.3"
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def test_the_dra_drivers_chart_comes_from_its_module(rendered: t.Callable[[str], list[dict]]) -> None:
    objects = rendered("nvidia-dra-driver")
    container = container_of(objects, "nvidia-dra-driver-gpu-kubelet-plugin")
    assert container["name"] == "gpus", "without the container of compute domains"
    # What the chart asks for by default, so that a user's own `helm install` finds our image.
    assert container["image"] == "nvcr.io/nvidia/k8s-dra-driver-gpu:v25.12.0-dev"
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert environment["NVIDIA_DRIVER_ROOT"] == "/var/lib/nvidia-mock/driver"
    assert {one["metadata"]["name"] for one in objects if one["kind"] == "DeviceClass"} >= {"gpu.nvidia.com"}


HELM = """#!/bin/sh
echo "$@" >>"$STATE/calls"
case "$*" in *list*) cat "$STATE/list" ;; *) exit 1 ;; esac
"""


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("pending-upgrade", "go back with: helm rollback x REVISION --namespace lab (helm history x --namespace lab"),
        ("pending-rollback", "go back with: helm rollback x REVISION --namespace lab (helm history x --namespace lab"),
        ("uninstalling", "finish it with: helm uninstall x --namespace lab, and run this again"),
    ],
)
def test_a_release_that_served_is_not_uninstalled(
    role: Run, repo: Path, tmp_path: Path, status: str, text: str
) -> None:
    command = tmp_path / "helm"
    command.write_text(HELM.replace("$STATE", str(tmp_path)))
    command.chmod(0o755)
    (tmp_path / "config").write_text("")
    release = {"name": "x", "namespace": "lab", "revision": "3", "status": status}
    (tmp_path / "list").write_text(json.dumps([release]))
    done = role(
        helm_releases_helm=str(command),
        helm_releases_kubeconfig=str(tmp_path / "config"),
        helm_releases=[{"name": "x", "namespace": "lab", "chart": str(repo / "charts/gpu-mock")}],
        helm_releases_cache_dir=str(tmp_path),
    )
    assert done.returncode != 0
    output = re.sub(r"\s+", " ", done.stdout + done.stderr)
    assert f"release x in namespace lab: its revision 3 has the status {status}" in output
    assert text in output
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 1, "helm was asked to do more than list"


REPOSITORIES = (
    "{{ helm_releases | map(attribute='values.image.repository', default='') | select | join(' ') }} "
    "{{ helm_releases[3]['values'].draDriver.values() | map(attribute='image.repository') | unique | join }}"
)


@pytest.mark.parametrize(
    ("variables", "repositories"),
    [
        pytest.param(
            {},
            "ghcr.io/nvidia/gpu-mock nvcr.io/nvidia/k8s-device-plugin nvcr.io/nvidia/k8s-dra-driver-gpu "
            "ghcr.io/fabiendupont/mock-accel-dra-driver",
            id="handed-over",
        ),
        pytest.param(
            {"container_images_handover": "registry", "container_images_registry": "reg.example.com/team"},
            "reg.example.com/team/gpu-mock reg.example.com/team/k8s-device-plugin "
            "reg.example.com/team/k8s-dra-driver-gpu reg.example.com/team/mock-accel-dra-driver",
            id="registry",
        ),
        pytest.param(
            {"container_images_handover": "kind", "container_images_registry": "reg.example.com/team"},
            "ghcr.io/nvidia/gpu-mock nvcr.io/nvidia/k8s-device-plugin nvcr.io/nvidia/k8s-dra-driver-gpu "
            "ghcr.io/fabiendupont/mock-accel-dra-driver",
            id="kind",
        ),
    ],
)
def test_the_releases_take_their_images_from_where_they_were_pushed(
    run: Run, repo: Path, ansible_env: dict[str, str], tmp_path: Path, variables: dict[str, str], repositories: str
) -> None:
    include = {"name": "mirage.accel.helm_releases", "tasks_from": "preflight", "public": True}
    tasks = [
        {"name": "Run the role", "ansible.builtin.include_role": include},
        {"name": "Tell", "ansible.builtin.debug": {"msg": f"images: {REPOSITORIES}"}},
    ]
    playbook = tmp_path / "play.yml"
    play = {"name": "Test", "hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
    playbook.write_text(json.dumps([play]))
    done = run("ansible-playbook", playbook, cwd=repo, env=ansible_env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"images: {repositories}" in re.sub(r"\s+", " ", done.stdout)
