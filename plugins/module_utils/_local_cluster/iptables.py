# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet filter rules that kubelet, kube-proxy and the CNI plugins leave, picked out of what iptables-save prints."""

from __future__ import annotations

import dataclasses
import re

_JUMP = re.compile(r"(?:^|\s)(?:-j|-g|--jump|--goto)\s+(\S+)")
# The CNI plugins write the network's name into the comment of each rule.
_NETWORK = re.compile(r'name: \\?"([^"\\]+)\\?"')


@dataclasses.dataclass
class Table:
    """One table: its chains and its rules, each rule as the arguments after -A."""

    name: str
    chains: list[str]
    rules: list[str]


def parse_save(text: str) -> list[Table]:
    """The tables of an iptables-save output."""
    tables: list[Table] = []
    for line in text.splitlines():
        if line.startswith("*"):
            tables.append(Table(name=line[1:].strip(), chains=[], rules=[]))
        elif line.startswith(":") and tables:
            tables[-1].chains.append(line[1:].split()[0])
        elif line.startswith("-A ") and tables:
            tables[-1].rules.append(line[3:])
    return tables


def chain_of(rule: str) -> str:
    return rule.split(None, 1)[0]


def target_of(rule: str) -> str:
    match = _JUMP.search(rule)
    return match.group(1) if match else ""


def network_of(rule: str) -> str:
    match = _NETWORK.search(rule)
    return match.group(1) if match else ""


def is_cluster_chain(name: str) -> bool:
    return name.startswith(("KUBE-", "CNI-"))


def chains_to_remove(table: Table, kept: set[str], network: str) -> list[str]:
    """The cluster's chains in a table: not those that were there before it, nor those of another CNI network."""
    foreign = set(kept)
    for rule in table.rules:
        if network_of(rule) not in ("", network):
            foreign.update((chain_of(rule), target_of(rule)))
    return [chain for chain in table.chains if is_cluster_chain(chain) and chain not in foreign]


def removal_script(text: str, kept: set[str], network: str) -> str:
    """Input for `iptables-restore --noflush` that takes the cluster's rules and chains away, if any."""
    lines: list[str] = []
    for table in parse_save(text):
        chains = chains_to_remove(table, kept, network)
        rules = [
            rule
            for rule in table.rules
            if chain_of(rule) not in chains and (target_of(rule) in chains or network_of(rule) == network)
        ]
        if chains or rules:
            lines.append(f"*{table.name}")
            lines.extend(f"-D {rule}" for rule in rules)
            lines.extend(f"-F {chain}" for chain in chains)
            lines.extend(f"-X {chain}" for chain in chains)
            lines.append("COMMIT")
    return "".join(f"{line}\n" for line in lines)


def cluster_chains(text: str) -> list[str]:
    """Chains with names like the cluster's that an iptables-save output has."""
    return sorted({chain for table in parse_save(text) for chain in table.chains if is_cluster_chain(chain)})


def empty_tables(text: str, kept: set[str]) -> list[str]:
    """Tables that hold nothing and were not there before: only chains of the kernel, all accepting, and no rule."""
    policies: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("*"):
            name = line[1:].strip()
            policies[name] = []
        elif line.startswith(":"):
            policies[name].append(line.split()[1])
        elif line.startswith("-"):
            policies[name].append("rule")
    return [table for table, found in policies.items() if table not in kept and set(found) <= {"ACCEPT"}]
