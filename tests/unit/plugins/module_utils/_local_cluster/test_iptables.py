# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules the removal takes, on a table recorded from a running cluster and on one that is shared with others."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._local_cluster import iptables

FIXTURES = Path(__file__).parent / "fixtures"


def recorded(name: str) -> str:
    return (FIXTURES / f"{name}.save").read_text()


def test_everything_of_a_cluster_goes() -> None:
    script = iptables.removal_script(recorded("cluster"), set(), "mirage")
    chains = iptables.cluster_chains(recorded("cluster"))
    assert len(chains) == 19
    for chain in chains:
        assert f"-F {chain}\n" in script
        assert f"-X {chain}\n" in script
    # Every rule of a chain that stays and that jumps to one that goes is deleted by its whole text.
    assert script.count("-D INPUT ") == 4
    assert script.count("-D POSTROUTING ") == 3
    assert script.count("COMMIT") == 3


def test_rules_and_chains_of_others_stay() -> None:
    script = iptables.removal_script(recorded("other"), {"KUBE-ROUTER-FORWARD"}, "mirage")
    assert script.splitlines() == [
        "*nat",
        '-D POSTROUTING -s 10.244.0.2/32 -m comment --comment "name: \\"mirage\\" id: \\"bb\\"" '
        "-j CNI-2222222222222222222222bb",
        '-D CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"mirage\\" id: \\"bb\\"" '
        "-m multiport --dports 81 -j CNI-DN-44444444444444444444d",
        "-F CNI-2222222222222222222222bb",
        "-F CNI-DN-44444444444444444444d",
        "-X CNI-2222222222222222222222bb",
        "-X CNI-DN-44444444444444444444d",
        "COMMIT",
    ]


def test_a_host_without_a_cluster_needs_no_script() -> None:
    assert iptables.removal_script("", set(), "mirage") == ""
    assert iptables.removal_script("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n", set(), "mirage") == ""


@pytest.mark.parametrize(
    ("text", "kept", "empty"),
    [
        pytest.param("*nat\n:INPUT ACCEPT [0:0]\nCOMMIT\n", set(), ["nat"], id="left behind"),
        pytest.param("*nat\n:INPUT ACCEPT [0:0]\nCOMMIT\n", {"nat"}, [], id="there before"),
        pytest.param("*nat\n:INPUT DROP [0:0]\nCOMMIT\n", set(), [], id="policy of somebody"),
        pytest.param("*nat\n:INPUT ACCEPT [0:0]\n:MINE - [0:0]\nCOMMIT\n", set(), [], id="chain of somebody"),
        pytest.param("*nat\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n", set(), [], id="rule of somebody"),
    ],
)
def test_only_tables_that_the_cluster_left_empty_go(text: str, kept: set[str], empty: list[str]) -> None:
    assert iptables.empty_tables(text, kept) == empty


def test_the_script_is_what_iptables_restore_takes() -> None:
    """In a network namespace of its own: load the shared table, run the removal, and read what is left."""
    assert shutil.which("iptables-restore"), "install the package iptables"
    program = 'iptables-restore < "$1" && printf %s "$2" | iptables-restore --noflush && iptables-save | grep -v "^#"'
    script = iptables.removal_script(recorded("other"), {"KUBE-ROUTER-FORWARD"}, "mirage")
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", program, "sh", str(FIXTURES / "other.save"), script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "mirage" not in done.stdout
    left = {line[1:].split()[0] for line in done.stdout.splitlines() if line.startswith((":CNI", ":KUBE", ":DOCKER"))}
    assert left == {
        "DOCKER",
        "KUBE-ROUTER-FORWARD",
        "CNI-1111111111111111111111aa",
        "CNI-DN-33333333333333333333c",
        "CNI-HOSTPORT-DNAT",
    }
    assert done.stdout.count("podman") == 3
