# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, addresses and times that a cluster can have, and what is said about others."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._local_cluster.settings import Settings, setting_problems

DEFAULTS = Settings("node-1", "10.244.0.0/16", "10.96.0.0/12", 365, 60)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"node_name": None}, id="no node name to judge"),
        pytest.param({"node_name": "a.b-c.1"}, id="subdomain"),
        pytest.param({"pod_cidr": "10.1.2.0/24", "service_cidr": "10.1.3.0/24"}, id="smallest"),
        pytest.param({"certificate_days": 1, "renew_days": 0}, id="short certificates"),
    ],
)
def test_what_a_cluster_can_have_is_no_problem(change: dict[str, object]) -> None:
    assert setting_problems(dataclasses.replace(DEFAULTS, **change)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"node_name": ""}, ["'' cannot be", "local_cluster_node_name"], id="no name"),
        pytest.param({"node_name": "Node_1"}, ["'Node_1' cannot be"], id="name with capitals"),
        pytest.param({"node_name": "a; reboot"}, ["'a; reboot' cannot be"], id="name with a command"),
        pytest.param({"node_name": "a..b"}, ["'a..b' cannot be"], id="name with an empty label"),
        pytest.param({"node_name": "a" * 254}, ["cannot be the name"], id="long name"),
        pytest.param({"pod_cidr": "pods"}, ["'pods' is no IPv4 network", "local_cluster_pod_cidr"], id="no network"),
        pytest.param({"pod_cidr": "10.244.0.0/25"}, ["'10.244.0.0/25' has a size", "to /24"], id="few pods"),
        pytest.param({"pod_cidr": "10.244.0.1/16"}, ["is no IPv4 network", "host bits set"], id="host bits"),
        pytest.param({"service_cidr": "10.96.0.0/28"}, ["has a size", "local_cluster_service_cidr"], id="few services"),
        pytest.param({"service_cidr": "10.0.0.0/11"}, ["has a size", "from /12"], id="too many services"),
        pytest.param({"service_cidr": "fd00::/112"}, ["'fd00::/112' is no IPv4 network"], id="IPv6"),
        pytest.param({"service_cidr": "10.244.128.0/20"}, ["10.244.128.0/20 overlap"], id="overlap"),
        pytest.param(
            {"certificate_days": 60}, ["60 days", "local_cluster_certificate_days"], id="certificates always renewed"
        ),
    ],
)
def test_each_problem_is_named_once_with_what_to_set(change: dict[str, object], words: list[str]) -> None:
    found = setting_problems(dataclasses.replace(DEFAULTS, **change))
    assert len(found) == 1
    for word in words:
        assert word in found[0]
