# SPDX-License-Identifier: GPL-3.0-or-later
"""A real API server with Kubernetes' own scheduler, and the DRA driver's controller that publishes to it."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import time
import typing as t
from pathlib import Path

import apiserver as servers
from accel_sysfs import AccelTree
from dra_controller import DRIVER, NODE, Cluster, Driver, Json, until

GROUP = "/apis/resource.k8s.io/v1"
CORE = "/api/v1/namespaces/default"
CLAIMS = f"{GROUP}/namespaces/default/resourceclaims"
DOMAIN = f'device.attributes["{DRIVER}"]'


class Scheduling:
    """A server, a scheduler, the driver, and claims that pods wait for."""

    def __init__(self, server: servers.ApiServer, tree: AccelTree, driver: Driver) -> None:
        self.server = server
        self.tree = tree
        self.driver = driver
        self.cluster = Cluster(server)
        self._numbers = itertools.count()

    def ask(self, kind: str, board: int, **more: t.Any) -> str:
        """A pod that waits for one function of this kind of a board; the claim's name."""
        exactly = {"deviceClassName": f"mock-accel-{kind}", "selectors": on_board(kind, board), **more}
        return self.claim({"name": "accel", "exactly": exactly})

    def claim(self, *requests: Json, namespace: str = "default", **devices: t.Any) -> str:
        """A pod that waits for a claim with these requests; the name of both."""
        name = f"claim-{next(self._numbers)}"
        claim = {"metadata": {"name": name}, "spec": {"devices": {"requests": list(requests), **devices}}}
        self.server.request("POST", f"{GROUP}/namespaces/{namespace}/resourceclaims", claim)
        return self.pod(
            name,
            namespace,
            resources={"claims": [{"name": "accel"}]},
            claims=[{"name": "accel", "resourceClaimName": name}],
        )

    def pod(self, name: str = "", namespace: str = "default", *, resources: Json, claims: t.Sequence[Json] = ()) -> str:
        name = name or f"pod-{next(self._numbers)}"
        spec = {
            "containers": [{"name": "main", "image": "example.com/image", "resources": resources}],
            "resourceClaims": list(claims),
            # Nobody says here that the node is ready.
            "tolerations": [{"operator": "Exists"}],
        }
        self.server.request("POST", f"/api/v1/namespaces/{namespace}/pods", {"metadata": {"name": name}, "spec": spec})
        return name

    def get(self, name: str, namespace: str = "default") -> Json:
        return self.server.request("GET", f"{GROUP}/namespaces/{namespace}/resourceclaims/{name}")

    def results(self, name: str, namespace: str = "default") -> list[Json]:
        """What a claim was given; nothing as long as it waits."""
        return results_of(self.get(name, namespace))

    def given(self, name: str) -> str:
        return next((result["device"] for result in self.results(name)), "")

    def gets(self, name: str) -> str:
        until(lambda: self.given(name), self.driver)
        return self.given(name)

    def waits(self, name: str) -> str:
        """Why; the scheduler has looked for a device and found none."""

        def condition() -> Json:
            status = self.server.request("GET", f"{CORE}/pods/{name}")["status"]
            of_kind = [one for one in status.get("conditions") or () if one["type"] == "PodScheduled"]
            return of_kind[0] if of_kind else {}

        until(lambda: condition().get("status") == "False", self.driver)
        time.sleep(1)
        assert self.given(name) == ""
        return condition()["message"]

    def is_bound(self, name: str, namespace: str = "default") -> bool:
        """Whether a pod has its node."""
        return "nodeName" in self.server.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")["spec"]


def results_of(claim: Json) -> list[Json]:
    allocation = (claim.get("status") or {}).get("allocation") or {}
    return (allocation.get("devices") or {}).get("results") or []


def on_board(kind: str, board: int) -> list[Json]:
    """Selectors of the functions of a kind on a board."""
    address = f"1000:00:{board:02x}.0"
    name = "pciAddress" if kind == "pf" else "physfn"
    # A function without that attribute is no error, and not what is looked for.
    return [{"cel": {"expression": f'"{name}" in {DOMAIN} && {DOMAIN}.{name} == "{address}"'}}]


def make_class(server: servers.ApiServer, kind: str, name: str = "", **spec: t.Any) -> None:
    text = f'device.driver == "{DRIVER}" && {DOMAIN}.deviceType == "{kind}"'
    made = {"metadata": {"name": name or f"mock-accel-{kind}"}, "spec": {"selectors": [{"cel": {"expression": text}}]}}
    made["spec"].update(spec)
    server.request("POST", f"{GROUP}/deviceclasses", made)


@contextlib.contextmanager
def running(
    programs: dict[str, str],
    repo: Path,
    folder: Path,
    tree: AccelTree,
    *flags: str,
    kind: type[servers.ApiServer] = servers.ApiServer,
    controllers: t.Collection[str] = (),
) -> t.Iterator[Scheduling]:
    """All of them on the devices of a tree.

    `flags` are those of the driver, `kind` is another server than the usual, `controllers` are Kubernetes' own.
    """
    with servers.running(programs, kind) as server:
        server.make_node(NODE, allocatable={"pods": "100", "cpu": "8", "memory": "8Gi"})
        server.request("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}})
        for name in ("pf", "vf"):
            make_class(server, name)
        driver = Driver(repo, server, tree, folder / "driver.log", flags=flags)
        processes = [driver.process]
        try:
            processes.append(start(programs, server, folder, "kube-scheduler"))
            if controllers:
                names = f"--controllers={','.join(controllers)}"
                processes.append(start(programs, server, folder, "kube-controller-manager", names))
            made = Scheduling(server, tree, driver)
            until(lambda: len(made.cluster.devices()) == len(list(tree.class_folder.iterdir())), driver)
            yield made
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(15)


def start(
    programs: dict[str, str], server: servers.ApiServer, folder: Path, name: str, *flags: str
) -> subprocess.Popen[bytes]:
    """A program of Kubernetes' that works alone."""
    command = [f"{programs['kubernetes']}/{name}", "--leader-elect=false", "--secure-port=0", *flags]
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen([*command, f"--kubeconfig={server.kubeconfig()}"], stdout=log, stderr=log)
