# SPDX-License-Identifier: GPL-3.0-or-later
"""The charts and roles at a real kube-apiserver, and nothing left in it afterwards."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import apiserver as servers
import pytest
import yaml
from mock_device import NODES, SLICES, Helm, Pods, a_slice, ask, must, remove_namespace, until_true


@pytest.fixture(scope="session")
def chart_rules(run, helm: Path, repo: Path) -> t.Callable[[str], list[dict[str, t.Any]]]:
    """What the chart mock-device lets a component do: controller or node-agent."""

    def rules(component: str) -> list[dict[str, t.Any]]:
        only = "--show-only=templates/rbac-clusterrole.yaml"
        done = run(helm, "template", "mock-device", repo / "charts/mock-device", only)
        assert done.returncode == 0, done.stderr
        roles = {one["metadata"]["name"]: one["rules"] for one in yaml.safe_load_all(done.stdout)}
        return roles[f"mock-device-mock-device-{component}"]

    return rules


@pytest.fixture(scope="session")
def clean_env(ansible_env: dict[str, str]) -> dict[str, str]:
    """Ansible's environment without any way to a cluster of the person who runs the tests."""
    return {name: value for name, value in ansible_env.items() if not name.startswith(("K8S_AUTH_", "KUBECONFIG"))}


@pytest.fixture
def playbook(repo: Path, run, clean_env: dict[str, str], tmp_path: Path) -> t.Callable[..., t.Any]:
    """Runs one of the targets as ansible-test does: as a role, on this host, with the given variables."""

    def play(target: str, variables: dict[str, t.Any], **env: str) -> t.Any:
        book = tmp_path / "play.yml"
        plays = [{"hosts": "localhost", "gather_facts": False, "roles": [target]}]
        book.write_text(yaml.safe_dump(plays))
        (tmp_path / "variables.json").write_text(json.dumps({**variables, "output_dir": str(tmp_path)}))
        roles = {"ANSIBLE_ROLES_PATH": str(repo / "tests" / "integration" / "targets"), "HOME": str(tmp_path)}
        command = [Path(sys.executable).parent / "ansible-playbook", book, "-e", f"@{tmp_path}/variables.json"]
        return run(*command, cwd=repo, env={**clean_env, **roles, **env}, timeout=600)

    return play


@pytest.fixture
def helm_to(run, helm: Path, repo: Path, apiserver: servers.ApiServer) -> Helm:
    """helm with the chart, at the server; nothing of a person's own settings."""
    kubeconfig = apiserver.kubeconfig()

    def command(*arguments: str, release: str = "mock-device") -> t.Any:
        action, *options = arguments
        chart = [repo / "charts/mock-device"] if action in ("install", "upgrade") else []
        return run(helm, action, release, *chart, f"--kubeconfig={kubeconfig}", *options)

    return command


@pytest.fixture
def clean(apiserver: servers.ApiServer, helm_to: Helm) -> t.Iterator[None]:
    yield
    for namespace in ("default", "mock-device", "guarded"):
        helm_to("uninstall", "--ignore-not-found", f"--namespace={namespace}")
    for namespace in ("mock-device", "guarded"):
        remove_namespace(apiserver, namespace)


@pytest.fixture
def installed(helm_to: Helm, apiserver: servers.ApiServer, clean: None) -> t.Iterator[Pods]:
    must(helm_to("install", "--namespace=mock-device", "--create-namespace"))
    for node in NODES:
        apiserver.make_node(node)
    pods = Pods(apiserver)
    # A policy is in force a moment after it was made.
    administrator = {"Authorization": f"Bearer {apiserver.tokens['admin']}"}
    as_controller = {
        **administrator,
        "Impersonate-User": "system:serviceaccount:mock-device:mock-device-controller",
        "Impersonate-Group": "system:serviceaccounts",
        "Impersonate-Extra-Authentication.kubernetes.io%2fNode-Name": NODES[0],
    }
    foreign = f"{SLICES}?dryRun=All", a_slice(NODES[1])
    until_true(lambda: ask(apiserver, as_controller, "POST", *foreign)[0] == 422)
    yield pods
    apiserver.request("DELETE", SLICES)
    for node in NODES:
        apiserver.delete_node(node)
