# SPDX-License-Identifier: GPL-3.0-or-later
"""The stubs are what protoc makes of the .proto files, and these say what the kubelet says."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

API = "roles/dra_driver/files/mock_accel_dra/api"
PREFIX = "k8s.io.kubelet.pkg.apis.dra"


def test_stubs_are_those_of_the_protos(repo: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, repo / "tools" / "dra_stubs.py", tmp_path], check=True)
    made = {path.name: path.read_text() for path in tmp_path.glob("*")}
    kept = {path.name: path.read_text() for path in (repo / API).glob("*_pb2.py")}
    assert made == kept, "run `make stubs`"


@pytest.mark.parametrize(
    ("stub", "service", "methods"),
    [
        ("dra_v1", f"{PREFIX}.v1.DRAPlugin", ["NodePrepareResources", "NodeUnprepareResources"]),
        ("dra_v1beta1", f"{PREFIX}.v1beta1.DRAPlugin", ["NodePrepareResources", "NodeUnprepareResources"]),
        ("dra_health_v1", "v1.DRAResourceHealth", ["NodeWatchResources"]),
        ("dra_health_v1alpha1", "v1alpha1.DRAResourceHealth", ["NodeWatchResources"]),
        ("pluginregistration_v1", "pluginregistration.Registration", ["GetInfo", "NotifyRegistrationStatus"]),
        ("grpc_health_v1", "grpc.health.v1.Health", ["Check", "Watch"]),
    ],
)
def test_names_on_the_wire(stub: str, service: str, methods: list[str]) -> None:
    descriptor = importlib.import_module(f"mock_accel_dra.api.{stub}_pb2").DESCRIPTOR
    (found,) = descriptor.services_by_name.values()
    assert found.full_name == service
    assert [method.name for method in found.methods] == methods


def test_numbers_on_the_wire() -> None:
    """One answer with everything, byte by byte."""
    from mock_accel_dra.api import dra_v1_pb2 as v1

    device = v1.Device(request_names=["r"], pool_name="p", device_name="d", cdi_device_ids=["c"], share_id="s")
    assert device.SerializeToString() == b"\x0a\x01r\x12\x01p\x1a\x01d\x22\x01c\x2a\x01s"
    answer = v1.NodePrepareResourcesResponse(claims={"u": v1.NodePrepareResourceResponse(error="e")})
    assert answer.SerializeToString() == b"\x0a\x08\x0a\x01u\x12\x03\x12\x01e"
    claim = v1.Claim(namespace="n", uid="u", name="m")
    assert claim.SerializeToString() == b"\x0a\x01n\x12\x01u\x1a\x01m"
