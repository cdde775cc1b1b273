# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart mock-device in a real API server: what helm installs there, and what a pod with its rights may do."""

from __future__ import annotations

import contextlib
import json
import re
import ssl
import sys
import tempfile
import threading
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

import apiserver as servers
import pytest
import yaml
from accel_sysfs import AccelTree
from dra_controller import DRIVER, Cluster, Driver, Json, until
from dra_node import Node, wait_for

NODES = ("worker-1", "worker-2")
SLICES = "/apis/resource.k8s.io/v1/resourceslices"
CLAIMS = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Helm = t.Callable[..., t.Any]


@pytest.fixture
def helm_to(run, helm: Path, repo: Path, apiserver: servers.ApiServer) -> Helm:
    """helm with the chart, at the server; nothing of a person's own settings."""
    kubeconfig = apiserver.kubeconfig()

    def command(*arguments: str, release: str = "mock-device") -> t.Any:
        action, *options = arguments
        chart = [repo / "charts/mock-device"] if action in ("install", "upgrade") else []
        return run(helm, action, release, *chart, f"--kubeconfig={kubeconfig}", *options)

    return command


def must(done: t.Any) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def exists(server: servers.ApiServer, path: str) -> bool:
    try:
        server.request("GET", path)
    except AssertionError as error:
        assert ": 404 " in str(error), error
        return False
    return True


def remove_namespace(server: servers.ApiServer, name: str) -> None:
    """Without a controller manager nobody does what a deletion waits for; what is in it is in nobody's way."""
    path = f"/api/v1/namespaces/{name}"
    if exists(server, path):
        server.request("DELETE", path)
        found = server.request("GET", path)
        server.request("PUT", f"{path}/finalize", {**found, "spec": {"finalizers": []}})


@pytest.fixture
def clean(apiserver: servers.ApiServer, helm_to: Helm) -> t.Iterator[None]:
    yield
    for namespace in ("default", "mock-device", "guarded"):
        helm_to("uninstall", "--ignore-not-found", f"--namespace={namespace}")
    for namespace in ("mock-device", "guarded"):
        remove_namespace(apiserver, namespace)


@pytest.fixture
def kmm(apiserver: servers.ApiServer, repo: Path) -> t.Iterator[None]:
    """The resource Module, as a cluster with KMM has it."""
    definition = yaml.safe_load((repo / "tests/charts/fixtures/kmm_module_crd.yaml").read_text())
    apiserver.request("POST", CRDS, definition)
    until_true(lambda: exists(apiserver, "/apis/kmm.sigs.x-k8s.io/v1beta1/modules"))
    yield
    apiserver.request("DELETE", f"{CRDS}/modules.kmm.sigs.x-k8s.io")
    until_true(lambda: not exists(apiserver, f"{CRDS}/modules.kmm.sigs.x-k8s.io"))


def until_true(condition: t.Callable[[], bool], seconds: float = 30) -> None:
    """A server that is not ready for a question answers it with an error."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(AssertionError):
            if condition():
                return
        assert time.monotonic() < deadline
        time.sleep(0.2)


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


# --- rights ---


class Pods:
    """Pods of the release as far as the API server knows them: each with a token that names its node."""

    def __init__(self, server: servers.ApiServer) -> None:
        self.server = server

    def token(self, account: str, node: str) -> str:
        """As the kubelet asks for it: bound to a pod that is on that node."""
        path = "/api/v1/namespaces/mock-device"
        container = {"name": "c", "image": "none"}
        spec = {"nodeName": node, "serviceAccountName": account, "containers": [container]}
        pod = self.server.request(
            "POST",
            f"{path}/pods",
            {"metadata": {"generateName": f"{account}-"}, "spec": {**spec, "automountServiceAccountToken": False}},
        )["metadata"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": pod["name"], "uid": pod["uid"]}
        request = {"spec": {"audiences": [], "boundObjectRef": bound}}
        return self.server.request("POST", f"{path}/serviceaccounts/{account}/token", request)["status"]["token"]


def ask(
    server: servers.ApiServer,
    headers: dict[str, str],
    method: str,
    path: str,
    body: Json | None = None,
    kind: str = "application/json",
) -> tuple[int, str]:
    """Status and body of a request as somebody else."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        server.url + path, data=data, method=method, headers={"Content-Type": kind, **headers}
    )
    context = ssl.create_default_context(cafile=str(server.ca_cert))
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


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


def a_slice(node: str, driver: str = DRIVER, **spec: t.Any) -> Json:
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    where = {"nodeName": node} if node else {"allNodes": True}
    return {
        "metadata": {"generateName": "a-"},
        "spec": {"driver": driver, "pool": pool, **where, "devices": [{"name": "mock0"}], **spec},
    }


def test_a_controller_writes_its_own_nodes_slices(installed: Pods, apiserver: servers.ApiServer) -> None:
    own = {"Authorization": f"Bearer {installed.token('mock-device-controller', NODES[0])}"}
    other = {"Authorization": f"Bearer {installed.token('mock-device-controller', NODES[1])}"}

    status, answer = ask(apiserver, own, "POST", SLICES, a_slice(NODES[0]))
    assert status == 201, answer
    made = json.loads(answer)
    path = f"{SLICES}/{made['metadata']['name']}"
    assert ask(apiserver, own, "PUT", path, made)[0] == 200

    words = 'mock-device on node \\"worker-2\\" may not write a ResourceSlice of node \\"worker-1\\"'
    for method, body in (("PUT", made), ("DELETE", None)):
        status, answer = ask(apiserver, other, method, path, body)
        assert (status, words in answer) == (422, True), answer
    status, answer = ask(apiserver, other, "POST", SLICES, a_slice(NODES[0]))
    assert (status, words in answer) == (422, True), answer

    # Nor one of all nodes, nor of another driver, in any version of the API.
    status, answer = ask(
        apiserver, own, "POST", SLICES, {**a_slice("", pool={"name": "p", "generation": 1, "resourceSliceCount": 1})}
    )
    assert (status, 'of node \\"\\"' in answer) == (422, True), answer
    status, answer = ask(apiserver, own, "POST", SLICES, a_slice(NODES[0], driver="gpu.example.com"))
    assert (status, f"of the driver {DRIVER} only, not of gpu.example.com" in answer) == (422, True), answer
    assert ask(apiserver, own, "DELETE", path)[0] == 200


def test_a_token_that_names_no_node_writes_nothing(installed: Pods, apiserver: servers.ApiServer) -> None:
    path = "/api/v1/namespaces/mock-device/serviceaccounts/mock-device-controller/token"
    token = apiserver.request("POST", path, {"spec": {"audiences": []}})["status"]["token"]
    status, answer = ask(apiserver, {"Authorization": f"Bearer {token}"}, "POST", SLICES, a_slice(NODES[0]))
    assert status == 422
    assert 'mock-device on node \\"\\" may not write' in answer


def test_the_real_controller_gets_by_with_it(
    installed: Pods, apiserver: servers.ApiServer, repo: Path, tmp_path: Path
) -> None:
    """The process with the pod's own token: it makes, changes and deletes slices, and watches them."""
    tree = AccelTree(tmp_path / "sys")
    for number in range(2):
        tree.add_pf(number)
    token = installed.token("mock-device-controller", NODES[0])
    driver = Driver(repo, apiserver, tree, tmp_path / "log", token=token)
    cluster = Cluster(apiserver)
    try:
        until(lambda: cluster.is_published("mock0", "mock1"), driver)
        tree.add_vfs(0, 2)
        until(lambda: len(cluster.devices()) == 4, driver)
        tree.remove("mock0")
        until(lambda: cluster.is_published("mock1"), driver)
        cluster.delete_slices()
        until(lambda: cluster.is_published("mock1"), driver)
        assert driver.said("Lost sight") == 0
        assert driver.said("forbidden") == 0
    finally:
        assert driver.end() == 0


@contextlib.contextmanager
def an_allocated_claim(
    server: servers.ApiServer, *other_drivers: str, driver: str = DRIVER, **more: t.Any
) -> t.Iterator[Json]:
    """A device of the driver, and one of each other driver, which a claim may have too."""
    request = {"name": "accel", "exactly": {"deviceClassName": "mock-accel-pf", "count": 1}}
    claim = {"metadata": {"generateName": "claim-"}, "spec": {"devices": {"requests": [request]}}}
    claim = server.request("POST", CLAIMS, claim)
    results = [{"request": "accel", "driver": driver, "pool": NODES[0], "device": "mock0", **more}]
    results += [{"request": "accel", "driver": one, "pool": "p", "device": "gpu0"} for one in other_drivers]
    fields = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [NODES[0]]}]}]
    claim["status"] = {
        "allocation": {"devices": {"results": results}, "nodeSelector": {"nodeSelectorTerms": fields}},
        "reservedFor": [{"resource": "pods", "name": "test-pod", "uid": "1"}],
    }
    path = f"{CLAIMS}/{claim['metadata']['name']}"
    yield server.request("PUT", f"{path}/status", claim)
    server.request("PATCH", f"{path}/status", {"status": None}, "application/merge-patch+json")
    server.request("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
    server.request("DELETE", path)


MERGE = "application/merge-patch+json"


def test_a_node_agent_reports_its_devices_and_no_more(installed: Pods, apiserver: servers.ApiServer) -> None:
    own = {"Authorization": f"Bearer {installed.token('mock-device-node-agent', NODES[0])}"}
    with an_allocated_claim(apiserver) as claim:
        path = f"{CLAIMS}/{claim['metadata']['name']}"
        device = {"driver": DRIVER, "pool": NODES[0], "device": "mock0", "data": {"uuid": "u"}}
        for devices in ([device], None):
            status, answer = ask(apiserver, own, "PATCH", f"{path}/status", {"status": {"devices": devices}}, MERGE)
            assert status == 200, answer
        assert ask(apiserver, own, "GET", path)[0] == 200
        assert ask(apiserver, own, "GET", CLAIMS)[0] == 403
        assert ask(apiserver, own, "DELETE", path)[0] == 403
    assert ask(apiserver, own, "POST", SLICES, a_slice(NODES[0]))[0] == 403


@pytest.fixture
def agent_token(installed: Pods) -> str:
    return installed.token("mock-device-node-agent", NODES[0])


@pytest.fixture
def agent(agent_token: str, apiserver: servers.ApiServer) -> t.Iterator[Node]:
    """The process with the pod's own token, when it is started."""
    with tempfile.TemporaryDirectory(prefix="dra-") as folder:
        node = Node(Path(folder))
        (node.folder / "kubeconfig").write_text(apiserver.kubeconfig(token=agent_token).read_text())
        yield node
        node.close()


def conditions(server: servers.ApiServer, claim: Json) -> dict[str, str]:
    entries = server.request("GET", f"{CLAIMS}/{claim['metadata']['name']}")["status"].get("devices") or []
    return {one["type"]: one["status"] for entry in entries for one in entry["conditions"]}


@pytest.mark.parametrize("waited_for", [False, True], ids=["as usual", "with binding conditions"])
def test_the_real_node_agent_gets_by_with_it(
    agent: Node, agent_token: str, helm_to: Helm, apiserver: servers.ApiServer, waited_for: bool
) -> None:
    """It says that a device answers, where the scheduler waits for that, and that it is prepared."""
    name = f"{DRIVER}/DeviceAnswers"
    answers = {name: "True"} if waited_for else {}
    published = {"bindingConditions": [name]} if waited_for else {}
    flags = ["--binding-conditions"] if waited_for else []
    if waited_for:
        must(helm_to("upgrade", "--namespace=mock-device", "--reuse-values", "--set=draDriver.bindingConditions=true"))
        # RBAC is read from a cache of the server's.
        until_true(lambda: ask(apiserver, {"Authorization": f"Bearer {agent_token}"}, "GET", CLAIMS)[0] == 200)
    agent.start(f"--node-name={NODES[0]}", *flags)
    with an_allocated_claim(apiserver, **published) as claim, agent.kubelet() as kubelet:
        wait_for(lambda: conditions(apiserver, claim) == answers, otherwise=agent.log.read_text)
        assert not kubelet.prepare(claim)[claim["metadata"]["uid"]].error
        wait_for(lambda: conditions(apiserver, claim) == {**answers, "Ready": "True"}, otherwise=agent.log.read_text)
        assert not kubelet.unprepare(claim)[claim["metadata"]["uid"]].error
        wait_for(lambda: conditions(apiserver, claim) == answers, otherwise=agent.log.read_text)
    assert "forbidden" not in agent.log.read_text()


@pytest.fixture
def too_many_rights(apiserver: servers.ApiServer) -> t.Iterator[None]:
    """Servers before 1.36 let whoever may patch a claim's status change all of it; this one asks for more rights."""
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    account = {"kind": "ServiceAccount", "name": "mock-device-node-agent", "namespace": "mock-device"}
    binding = {"metadata": {"name": "too-many-rights"}, "roleRef": role, "subjects": [account]}
    apiserver.request("POST", path, binding)
    yield
    apiserver.request("DELETE", f"{path}/too-many-rights")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param({"reservedFor": None}, "may not change the allocation of a claim, or who uses it", id="users"),
        pytest.param(
            {"allocation": None, "reservedFor": None, "devices": None}, "may not change the allocation", id="allocation"
        ),
        pytest.param(
            {"devices": [{"driver": "gpu.example.com", "pool": "p", "device": "gpu0", "data": {}}]},
            f"may report the devices of the driver {DRIVER} only",
            id="another-drivers-device",
        ),
    ],
)
@pytest.mark.usefixtures("too_many_rights")
def test_a_node_agent_cannot_hand_out(installed: Pods, apiserver: servers.ApiServer, status: Json, words: str) -> None:
    own = {"Authorization": f"Bearer {installed.token('mock-device-node-agent', NODES[0])}"}
    # RBAC is read from a cache of the server's.
    until_true(lambda: ask(apiserver, own, "GET", CLAIMS)[0] == 200)
    with an_allocated_claim(apiserver, "gpu.example.com") as claim:
        path = f"{CLAIMS}/{claim['metadata']['name']}/status"
        code, answer = ask(apiserver, own, "PATCH", path, {"status": status}, MERGE)
        assert (code, words in answer) == (422, True), answer


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
