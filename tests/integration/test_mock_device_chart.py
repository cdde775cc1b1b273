# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart mock-device in a real API server: what helm installs there, and how it goes."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
import typing as t
from pathlib import Path

import apiserver as servers
import pytest
import yaml
from dra_controller import Json
from mock_device import CLAIMS, MERGE, Helm, an_allocated_claim, exists, must, remove_namespace, until_true

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def kmm(apiserver: servers.ApiServer, repo: Path) -> t.Iterator[None]:
    """The resource Module, as a cluster with KMM has it."""
    definition = yaml.safe_load((repo / "tests/charts/fixtures/kmm_module_crd.yaml").read_text())
    apiserver.request("POST", CRDS, definition)
    until_true(lambda: exists(apiserver, "/apis/kmm.sigs.x-k8s.io/v1beta1/modules"))
    yield
    apiserver.request("DELETE", f"{CRDS}/modules.kmm.sigs.x-k8s.io")
    until_true(lambda: not exists(apiserver, f"{CRDS}/modules.kmm.sigs.x-k8s.io"))


# --- installing ---


@pytest.mark.parametrize(
    ("options", "namespace"),
    [
        pytest.param([], "default", id="without-a-namespace"),
        pytest.param(["--namespace=mock-device", "--create-namespace"], "mock-device", id="with-its-own"),
        pytest.param(
            [
                "--namespace=mock-device",
                "--create-namespace",
                "--set=draDriver.controller.image.repository=registry.example.com/driver",
                "--set=draDriver.nodeAgent.image.repository=registry.example.com/driver",
                "--set=draDriver.controller.verbosity=8,draDriver.nodeAgent.verbosity=8",
            ],
            "mock-device",
            id="images-and-verbosity",
        ),
    ],
)
@pytest.mark.usefixtures("clean")
def test_installs_upgrades_and_goes(
    helm_to: Helm, apiserver: servers.ApiServer, options: list[str], namespace: str
) -> None:
    notes = must(helm_to("install", *options))
    assert f"helm uninstall mock-device --namespace {namespace}" in notes
    sets = "/apis/apps/v1/namespaces/mock-device/daemonsets"
    names = [one["metadata"]["name"] for one in apiserver.request("GET", sets)["items"]]
    assert names == ["mock-device-controller", "mock-device-node-agent"]
    must(helm_to("upgrade", f"--namespace={namespace}", "--reuse-values", "--set=draDriver.nodeAgent.verbosity=1"))
    must(helm_to("uninstall", f"--namespace={namespace}"))
    assert apiserver.request("GET", sets)["items"] == []
    # It is `kubectl delete namespace` that removes it, in both forms; until then the next release finds it.
    assert exists(apiserver, "/api/v1/namespaces/mock-device")
    must(helm_to("install", *options))


@pytest.mark.usefixtures("clean")
def test_a_namespace_of_somebody_else_is_used_and_not_taken(helm_to: Helm, apiserver: servers.ApiServer) -> None:
    apiserver.request("POST", "/api/v1/namespaces", {"metadata": {"name": "mock-device"}})
    must(helm_to("install"))
    found = apiserver.request("GET", "/api/v1/namespaces/mock-device")["metadata"]
    assert "meta.helm.sh/release-name" not in found.get("annotations", {})


@pytest.mark.usefixtures("clean")
def test_a_namespace_that_forbids_host_paths_is_named(helm_to: Helm, apiserver: servers.ApiServer) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    apiserver.request("POST", "/api/v1/namespaces", {"metadata": {"name": "guarded", "labels": labels}})
    done = helm_to("install", "--namespace=guarded", "--set=namespace.name=")
    assert done.returncode != 0
    assert 'namespace guarded enforces the Pod Security level "baseline"' in done.stderr
    assert "kubectl label namespace guarded pod-security.kubernetes.io/enforce=privileged --overwrite" in done.stderr


@pytest.mark.usefixtures("clean")
def test_a_cluster_without_kmm_is_told_apart(helm_to: Helm) -> None:
    done = helm_to("install", "--set=kernelModule.enabled=true")
    assert done.returncode != 0
    assert "the cluster has no Kernel Module Management (kmm.sigs.x-k8s.io/v1beta1): install KMM 2.4" in done.stderr


@pytest.mark.parametrize("build", [False, True])
@pytest.mark.usefixtures("clean", "kmm")
def test_kmm_gets_its_module(helm_to: Helm, apiserver: servers.ApiServer, repo: Path, build: bool) -> None:
    options = (
        [f"--values={repo}/charts/mock-device/ci/kmm-values.yaml"] if build else ["--set=kernelModule.enabled=true"]
    )
    must(helm_to("install", "--namespace=mock-device", "--create-namespace", *options))
    module = apiserver.request("GET", "/apis/kmm.sigs.x-k8s.io/v1beta1/namespaces/mock-device/modules/mock-accel")
    [first, *_] = module["spec"]["moduleLoader"]["container"]["kernelMappings"]
    assert ("build" in first) == build
    if build:
        name = first["build"]["dockerfileConfigMap"]["name"]
        assert "dockerfile" in apiserver.request("GET", f"/api/v1/namespaces/mock-device/configmaps/{name}")["data"]


@pytest.mark.parametrize("values", ["", "site-values.yaml", "kmm-values.yaml"])
@pytest.mark.usefixtures("clean", "kmm")
def test_the_server_finds_no_fault(
    run, helm_to: Helm, apiserver: servers.ApiServer, kubectl: Path, helm: Path, repo: Path, values: str
) -> None:
    """Every object, as a dry run with strict validation: a field that the server does not know is refused."""
    chart = repo / "charts/mock-device"
    options = ["--set=draDriver.name=b.example.com", f"--kube-version={version(apiserver)}"]
    options += [f"--values={chart}/ci/{values}"] if values else []
    rendered = must(run(helm, "template", "dry", chart, *options))
    # A dry run puts nothing into a namespace that it has not made either.
    for name in ("mock-device", "accelerators"):
        apiserver.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    try:
        command = [kubectl, f"--kubeconfig={apiserver.kubeconfig()}", "apply", "--dry-run=server", "--validate=strict"]
        done = run(*command, "--server-side", "--filename=-", input=rendered)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        assert done.stdout.count("serverside-applied") == rendered.count("\nkind: ")
    finally:
        remove_namespace(apiserver, "accelerators")


def version(server: servers.ApiServer) -> str:
    return server.request("GET", "/version")["gitVersion"]


# --- before it goes ---


@pytest.fixture
def drain(run, repo: Path, clean_env: dict[str, str], apiserver: servers.ApiServer, tmp_path: Path) -> Helm:
    def play(*options: str) -> t.Any:
        book = tmp_path / "play.yml"
        include = {"name": "mirage.accel.dra_driver", "tasks_from": "drain"}
        task = {"name": "Drain", "ansible.builtin.include_role": include}
        book.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
        given = {"kubeconfig": str(apiserver.kubeconfig()), "dra_driver_drain_timeout": 4}
        command = [Path(sys.executable).parent / "ansible-playbook", book, "-e", json.dumps(given), *options]
        return run(*command, cwd=repo, env={**clean_env, "HOME": str(tmp_path)}, timeout=300)

    return play


PODS = "/api/v1/namespaces/default/pods"
CLASSES = "/apis/resource.k8s.io/v1/deviceclasses"


@contextlib.contextmanager
def a_user_of(server: servers.ApiServer, claim: Json, *, releases: bool) -> t.Iterator[None]:
    """Its pod, and who takes the pod off the claim when it is gone, as the controller manager does."""
    containers = [{"name": "c", "image": "none"}]
    pod = {"metadata": {"name": "test-pod"}, "spec": {"automountServiceAccountToken": False, "containers": containers}}
    server.request("POST", PODS, pod)
    ended = threading.Event()

    def release() -> None:
        while not ended.wait(0.2):
            if not exists(server, f"{PODS}/test-pod"):
                path = f"{CLAIMS}/{claim['metadata']['name']}/status"
                server.request("PATCH", path, {"status": None}, MERGE)
                return

    thread = threading.Thread(target=release, daemon=True)
    if releases:
        thread.start()
    yield
    ended.set()
    if releases:
        thread.join()
    if exists(server, f"{PODS}/test-pod"):
        server.request("DELETE", f"{PODS}/test-pod")


@pytest.fixture
def account(apiserver: servers.ApiServer) -> None:
    """Pods want the namespace's, which the controller manager makes."""
    path = "/api/v1/namespaces/default/serviceaccounts"
    if not exists(apiserver, f"{path}/default"):
        apiserver.request("POST", path, {"metadata": {"name": "default"}})


def classes(server: servers.ApiServer) -> set[str]:
    return {one["metadata"]["name"] for one in server.request("GET", CLASSES)["items"]}


@pytest.mark.usefixtures("installed", "account")
def test_who_uses_a_device_is_ended_while_the_driver_is_there(drain: Helm, apiserver: servers.ApiServer) -> None:
    others = {"metadata": {"name": "of-somebody-else"}, "spec": {}}
    apiserver.request("POST", CLASSES, others)
    try:
        with an_allocated_claim(apiserver) as claim, a_user_of(apiserver, claim, releases=True):
            predicted = drain("--check")
            assert predicted.returncode == 0, predicted.stdout
            assert exists(apiserver, f"{PODS}/test-pod")
            assert len(classes(apiserver)) == 3
            done = drain()
            assert done.returncode == 0, done.stdout
            assert not exists(apiserver, f"{PODS}/test-pod")
            # Nobody takes the devices anew.
            assert classes(apiserver) == {"of-somebody-else"}
        again = drain()
        assert re.findall(r"changed=(\d+)", again.stdout) == ["0"]
    finally:
        apiserver.request("DELETE", f"{CLASSES}/of-somebody-else")


@pytest.mark.usefixtures("installed", "account")
def test_who_still_uses_one_is_named(drain: Helm, apiserver: servers.ApiServer) -> None:
    with an_allocated_claim(apiserver) as claim, a_user_of(apiserver, claim, releases=False):
        done = drain()
    assert done.returncode != 0
    said = re.sub(r"\s+", " ", done.stdout)
    name = claim["metadata"]["name"]
    assert f"cannot go while its devices are in use by claim default/{name} of pods/test-pod" in said


@pytest.mark.usefixtures("installed", "account")
def test_claims_of_other_drivers_are_left_alone(drain: Helm, apiserver: servers.ApiServer) -> None:
    with an_allocated_claim(apiserver, driver="gpu.example.com") as claim, a_user_of(apiserver, claim, releases=False):
        done = drain()
        assert re.findall(r"changed=(\d+)", done.stdout) == ["0"]
        assert exists(apiserver, f"{PODS}/test-pod")
    assert done.returncode == 0, done.stdout
