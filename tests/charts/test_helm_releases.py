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

Run = t.Callable[..., t.Any]


@pytest.fixture
def role(run: Run, repo: Path, ansible_env: dict[str, str], tmp_path: Path) -> Run:
    def play(tasks_from: str = "main", **variables: t.Any) -> t.Any:
        include = {"name": "mirage.accel.helm_releases", "tasks_from": tasks_from, "public": True}
        tasks = [{"name": "Run the role", "ansible.builtin.include_role": include}]
        playbook = tmp_path / "play.yml"
        playbook.write_text(
            json.dumps(
                [{"name": "Test", "hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]
            )
        )
        return run("ansible-playbook", playbook, cwd=repo, env=ansible_env)

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
            "helm_releases_values has values for gpu-mok, and helm_releases has only gpu-mock, nvidia-device-plugin",
            id="misspelt-release",
        ),
    ],
)
def test_what_cannot_work_is_said_first(role: Run, variables: dict[str, t.Any], text: str) -> None:
    done = role(**variables)
    assert done.returncode != 0
    assert text in re.sub(r"\s+", " ", done.stdout + done.stderr)
    assert re.findall(r"\bchanged=(\d+)", done.stdout) == ["0"]


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


def test_the_device_plugins_chart_comes_from_its_module(
    role: Run, repo: Path, helm: Path, run: Run, cache: Path, tmp_path: Path
) -> None:
    variables = yaml.safe_load((repo / "roles/helm_releases/vars/main.yml").read_text())
    item = next(one for one in variables["_helm_releases_builtin"] if one["name"] == "nvidia-device-plugin")
    item["go_module"]["src"] = str(repo / "roles/container_images/files/go/k8s-device-plugin")
    # The cache of Go modules is the machine's; the packed chart goes where only this test looks.
    (tmp_path / "go").symlink_to(cache / "go")
    done = role(
        "chart", _helm_releases_binary=str(helm), helm_releases_item=item, helm_releases_cache_dir=str(tmp_path)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [chart] = packed(tmp_path)
    values = tmp_path / "values.yaml"
    # What the role fills in from the site's variables.
    root = "/var/lib/nvidia-mock/driver"
    image = {**item["values"]["image"], "repository": "localhost/mirage/k8s-device-plugin"}
    filled = {"nvidiaDriverRoot": root, "nvidiaDevRoot": root, "podAnnotations": {}, "image": image}
    values.write_text(yaml.safe_dump({**item["values"], **filled}))
    rendered = run(helm, "template", "x", chart, "--namespace", "nvidia", "--values", values)
    assert rendered.returncode == 0, rendered.stderr
    objects = [one for one in yaml.safe_load_all(rendered.stdout) if one]
    plugin = next(
        one for one in objects if one["kind"] == "DaemonSet" and one["metadata"]["name"] == "x-nvidia-device-plugin"
    )
    container = plugin["spec"]["template"]["spec"]["containers"][0]
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert environment["DEVICE_LIST_STRATEGY"] == "cdi-cri"
    assert environment["NVIDIA_CDI_HOOK_PATH"] == "/var/lib/mirage-accel/bin/nvidia-cdi-hook"
    assert container["image"] == "localhost/mirage/k8s-device-plugin:v0.19.3"
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


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


REPOSITORIES = "{{ helm_releases | map(attribute='values.image.repository') | join(' ') }}"


@pytest.mark.parametrize(
    ("variables", "repositories"),
    [
        pytest.param({}, "ghcr.io/nvidia/gpu-mock localhost/mirage/k8s-device-plugin", id="handed-over"),
        pytest.param(
            {"container_images_handover": "registry", "container_images_registry": "reg.example.com/team"},
            "reg.example.com/team/gpu-mock reg.example.com/team/k8s-device-plugin",
            id="registry",
        ),
        pytest.param(
            {"container_images_handover": "kind", "container_images_registry": "reg.example.com/team"},
            "ghcr.io/nvidia/gpu-mock localhost/mirage/k8s-device-plugin",
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
    assert f"images: {repositories}" in done.stdout
