# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the names, addresses and times that a cluster is to have; nothing of the host is read."""

from __future__ import annotations

import dataclasses
import ipaddress
import re

# A subdomain name of DNS (RFC 1123), as Kubernetes asks of a node.
LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
NODE_NAME = re.compile(rf"{LABEL}([.]{LABEL})*")
# The node takes 256 of the pods' addresses, and the addresses of API server and DNS server are counted from a .0; at
# most 65536 nodes fit into the pods' addresses, and at most 1048576 services into theirs.
POD_PREFIXES = range(8, 25)
SERVICE_PREFIXES = range(12, 25)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the user sets; a node name of None is not judged."""

    node_name: str | None
    pod_cidr: str
    service_cidr: str
    certificate_days: int
    renew_days: int


def node_name_problems(name: str | None) -> list[str]:
    if name is None or (len(name) <= 253 and NODE_NAME.fullmatch(name)):
        return []
    return [
        f"{name!r} cannot be the name of a node: set local_cluster_node_name to small letters, digits, '-' and '.', "
        "beginning and ending with a letter or digit"
    ]


def read_network(text: str, variable: str, prefixes: range) -> tuple[ipaddress.IPv4Network | None, str]:
    """The network, or what is wrong with it."""
    advice = f"set {variable} to a network like 10.96.0.0/{prefixes[-1]}, from /{prefixes[0]} to /{prefixes[-1]}"
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as exc:
        return None, f"{text!r} is no IPv4 network ({exc}): {advice}"
    if "/" not in text or network.prefixlen not in prefixes:
        return None, f"{text!r} has a size that the cluster cannot use: {advice}"
    return network, ""


def network_problems(pod_cidr: str, service_cidr: str) -> list[str]:
    pods, pod_problem = read_network(pod_cidr, "local_cluster_pod_cidr", POD_PREFIXES)
    services, service_problem = read_network(service_cidr, "local_cluster_service_cidr", SERVICE_PREFIXES)
    found = [problem for problem in (pod_problem, service_problem) if problem]
    if pods and services and pods.overlaps(services):
        found.append(
            f"the pods' addresses {pod_cidr} and the services' {service_cidr} overlap: "
            "set local_cluster_pod_cidr or local_cluster_service_cidr to another network"
        )
    return found


def certificate_problems(days: int, renew_days: int) -> list[str]:
    if days > renew_days >= 0:
        return []
    return [
        f"certificates of {days} days that are renewed when fewer than {renew_days} are left would be made anew by "
        "every run: set local_cluster_certificate_days to more than local_cluster_certificate_renew_days"
    ]


def setting_problems(settings: Settings) -> list[str]:
    """Each thing that is wrong, with what to set."""
    return [
        *node_name_problems(settings.node_name),
        *network_problems(settings.pod_cidr, settings.service_cidr),
        *certificate_problems(settings.certificate_days, settings.renew_days),
    ]
