# SPDX-License-Identifier: GPL-3.0-or-later
"""The kubeconfig with which roles reach a cluster on another host, as tasks write it or variables hold it."""

from __future__ import annotations

import base64
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.mirage.accel.plugins.module_utils._certificates import kubeconfig


def contents_of_copies(tasks: list[dict[str, t.Any]]) -> t.Iterator[str]:
    for task in tasks:
        if "ansible.builtin.copy" in task:
            yield task["ansible.builtin.copy"]["content"]
        yield from contents_of_copies(task.get("block", []))


def copied_by(repo: Path, role: str) -> tuple[str, str]:
    """The variable with the text of the host, and what is made of it."""
    (content,) = contents_of_copies(yaml.safe_load((repo / f"roles/{role}/tasks/kubeconfig.yml").read_text()))
    return f"__{role}_kubeconfig", content


def held_by(repo: Path, role: str) -> tuple[str, str]:
    variables = yaml.safe_load((repo / f"roles/{role}/vars/main.yml").read_text())
    return f"__{role}_embedded", variables[
        {"dra_driver": "_dra_driver_cluster_read"}.get(role, f"_{role}_kubeconfig_read")
    ]


@pytest.mark.parametrize(
    ("source", "role"),
    [
        (copied_by, "verify"),
        (copied_by, "helm_releases"),
        (held_by, "device_classes"),
        (held_by, "dra_driver"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("local", ["127.0.0.1", "localhost"])
def test_address_changes_and_the_name_in_the_certificate_does_not(
    repo: Path, source: t.Callable[[Path, str], tuple[str, str]], role: str, local: str
) -> None:
    original = kubeconfig(f"https://{local}:6443", "mirage", "admin", b"authority", b"certificate", b"key")
    variable, expression = source(repo, role)
    variables = {
        variable: {"content": base64.b64encode(original).decode()},
        "ansible_host": "192.0.2.7",
        "inventory_hostname": "gpu-0",
    }
    made = Templar(loader=DataLoader(), variables=variables).template(trust_as_template(expression))
    copied = yaml.safe_load(made) if isinstance(made, str) else made
    expected = yaml.safe_load(original)
    expected["clusters"][0]["cluster"] |= {"server": "https://192.0.2.7:6443", "tls-server-name": "localhost"}
    assert copied == expected
