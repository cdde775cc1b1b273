# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy of a kubeconfig with which roles reach a cluster on another host, as their tasks write it."""

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


@pytest.mark.parametrize("role", ["verify", "helm_releases"])
@pytest.mark.parametrize("local", ["127.0.0.1", "localhost"])
def test_address_changes_and_the_name_in_the_certificate_does_not(repo: Path, role: str, local: str) -> None:
    original = kubeconfig(f"https://{local}:6443", "mirage", "admin", b"authority", b"certificate", b"key")
    (content,) = contents_of_copies(yaml.safe_load((repo / f"roles/{role}/tasks/kubeconfig.yml").read_text()))
    variables = {
        f"__{role}_kubeconfig": {"content": base64.b64encode(original).decode()},
        "_verify_address": "192.0.2.7",
        "ansible_host": "192.0.2.7",
        "inventory_hostname": "gpu-0",
    }
    copied = yaml.safe_load(Templar(loader=DataLoader(), variables=variables).template(trust_as_template(content)))
    expected = yaml.safe_load(original)
    expected["clusters"][0]["cluster"] |= {"server": "https://192.0.2.7:6443", "tls-server-name": "localhost"}
    assert copied == expected
