# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter as a playbook calls it."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.filter.remote_kubeconfig import FilterModule
from ansible_collections.mirage.accel.plugins.module_utils._certificates import kubeconfig

remote_kubeconfig = FilterModule().filters()["remote_kubeconfig"]


def config(server: str) -> str:
    return kubeconfig(server, "mirage", "admin", b"authority", b"certificate", b"key").decode()


@pytest.mark.parametrize("local", ["127.0.0.1", "localhost"])
def test_address_changes_and_the_name_in_the_certificate_does_not(local: str) -> None:
    expected = yaml.safe_load(config(f"https://{local}:6443"))
    expected["clusters"][0]["cluster"] |= {"server": "https://192.0.2.7:6443", "tls-server-name": "localhost"}
    assert yaml.safe_load(remote_kubeconfig(config(f"https://{local}:6443"), "192.0.2.7")) == expected


def test_a_server_elsewhere_stays() -> None:
    assert remote_kubeconfig(config("https://10.0.0.1:6443"), "192.0.2.7") == config("https://10.0.0.1:6443")
