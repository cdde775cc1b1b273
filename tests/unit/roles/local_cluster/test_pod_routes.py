# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that makes the routes to the pods of other nodes, in a network namespace of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

NETWORK = "ip link add net0 type bridge; ip address add 192.0.2.2/24 dev net0; ip link set net0 up"
NODES = [
    {"pod_cidr": "10.244.2.0/24", "address": "192.0.2.4"},
    {"pod_cidr": "10.244.1.0/24", "address": "192.0.2.3"},
]


@pytest.fixture
def program(repo: Path, tmp_path: Path) -> Callable[[list[dict[str, str]]], str]:
    """The command that runs the program as the role writes it for these nodes."""
    role = repo / "roles/local_cluster"
    protocol = yaml.safe_load((role / "vars/main/site.yml").read_text())["_local_cluster_route_protocol"]
    text = trust_as_template((role / "templates/pod-routes.j2").read_text())

    def write(nodes: list[dict[str, str]]) -> str:
        variables = {"_local_cluster_others": nodes, "_local_cluster_route_protocol": protocol, "ansible_managed": ""}
        path = tmp_path / f"pod-routes-{len(list(tmp_path.iterdir()))}"
        path.write_text(Templar(loader=DataLoader(), variables=variables).template(text))
        return f"sh {path}"

    return write


def routes_after(run, *commands: str) -> list[str]:
    """What the commands print, each on a line of its own, in a namespace where the other nodes' network is."""
    script = "; ".join(["set -e", NETWORK, *(f'{command} | tr "\\n" ,; echo' for command in commands)])
    done = run("unshare", "--net", "bash", "-o", "pipefail", "-c", script)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


SHOW = "ip -4 route show proto 77"


def test_routes_are_made_once(program, run) -> None:
    first, second, shown = routes_after(run, program(NODES), program(NODES), SHOW)
    assert first == "10.244.1.0/24 via 192.0.2.3,10.244.2.0/24 via 192.0.2.4,"
    assert second == ""
    assert shown == "10.244.1.0/24 via 192.0.2.3 dev net0 ,10.244.2.0/24 via 192.0.2.4 dev net0 ,"


def test_a_node_that_went_or_moved_is_not_led_to(program, run) -> None:
    moved = [{"pod_cidr": "10.244.1.0/24", "address": "192.0.2.9"}]
    _first, second, shown = routes_after(run, program(NODES), program(moved), SHOW)
    assert second == "10.244.1.0/24 via 192.0.2.9,"
    assert shown == "10.244.1.0/24 via 192.0.2.9 dev net0 ,"


def test_routes_of_others_stay(program, run) -> None:
    theirs = "ip route add 198.51.100.0/24 via 192.0.2.7"
    *_, shown = routes_after(run, theirs, program(NODES), program(NODES[:1]), "ip -4 route show 198.51.100.0/24")
    assert shown == "198.51.100.0/24 via 192.0.2.7 dev net0 ,"


def test_a_node_that_cannot_be_reached_is_a_failure(program, run) -> None:
    far = [{"pod_cidr": "10.244.1.0/24", "address": "203.0.113.1"}]
    done = run("unshare", "--net", "sh", "-c", f"{NETWORK}; {program(far)}")
    assert done.returncode != 0
    assert "the route to the pods of 203.0.113.1: that node must be on a network of this host" in done.stderr
