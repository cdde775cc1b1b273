# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules for DRA say of a server that refuses, has no DRA or cannot be asked; that check mode is the same."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_dep
from ansible_collections.mirage.accel.plugins.modules import (
    pod_device_verify,
    resource_claim_info,
    resource_claim_verify,
    resource_slice_info,
    resource_slice_verify,
)

RunModule = Callable[..., dict[str, t.Any]]

DRIVER = "gpu.nvidia.com"
# The modules with the least that each must be given.
OURS = [
    pytest.param(resource_slice_info, {}, "listing ResourceSlices", "resourceslices", id="resource_slice_info"),
    pytest.param(
        resource_slice_verify, {"driver": DRIVER}, "listing ResourceSlices", "resourceslices", id="slice_verify"
    ),
    pytest.param(resource_claim_info, {}, "listing ResourceClaims", "resourceclaims", id="resource_claim_info"),
    pytest.param(
        resource_claim_verify,
        {"name": "a"},
        "listing ResourceClaims",
        "namespaces/default/resourceclaims",
        id="resource_claim_verify",
    ),
]


@pytest.mark.parametrize(("module", "options", "doing", "path"), OURS)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (401, "does not accept the credentials (401 Unauthorized: sorry); the token or certificate may have expired"),
        (403, "not allowed (403 Forbidden: sorry); bind a role with the verbs get, list and watch to this user"),
        (503, "the server cannot answer now (503: sorry); try again, or see its logs"),
    ],
)
def test_refusals(ask: RunModule, dra_api, module, options, doing, path, code, message) -> None:
    api = dra_api()
    api.objects[f"/apis/resource.k8s.io/v1/{path}"] = api.refuse(code, "sorry")
    answer = ask(module, **options)
    assert answer["failed"]
    assert answer["msg"].startswith(f"Error while {doing} at {api.url}: ")
    assert message in answer["msg"]
    assert "differences" not in answer


@pytest.mark.parametrize(("module", "options", "doing", "path"), OURS)
@pytest.mark.parametrize(
    ("group", "message"),
    [
        (
            None,
            "the server has no dynamic resource allocation (DRA); use Kubernetes 1.34 or later, or an older one with",
        ),
        (
            {"versions": [{"version": "v1alpha3"}]},
            "the server speaks only v1alpha3, and v1, v1beta2, v1beta1 are known",
        ),
        ({"versions": []}, "the server speaks only no version of it, and v1, v1beta2, v1beta1 are known"),
    ],
)
def test_servers_without_dra(ask: RunModule, dra_api, module, options, doing, path, group, message) -> None:
    api = dra_api()
    missing = api.refuse(404, "the server could not find the requested resource")
    api.objects["/apis/resource.k8s.io"] = missing if group is None else group
    answer = ask(module, **options)
    assert answer["failed"]
    assert answer["msg"].startswith("Error while looking for the API group resource.k8s.io at ")
    assert message in answer["msg"]


@pytest.mark.parametrize(
    ("module", "options"),
    [
        pytest.param(resource_slice_info, {}, id="resource_slice_info"),
        pytest.param(resource_slice_verify, {"driver": DRIVER}, id="resource_slice_verify"),
        pytest.param(resource_claim_info, {}, id="resource_claim_info"),
        pytest.param(resource_claim_verify, {"name": "a"}, id="resource_claim_verify"),
        pytest.param(pod_device_verify, {"name": "a"}, id="pod_device_verify"),
    ],
)
def test_without_the_client(ask: RunModule, monkeypatch: pytest.MonkeyPatch, module, options) -> None:
    monkeypatch.setattr(_kubernetes_dep, "kubernetes", None)
    assert "kubernetes>=24.2" in ask(module, **options)["msg"]


@pytest.mark.parametrize(("module", "options", "doing", "path"), OURS)
def test_check_mode_does_the_same(ask: RunModule, module, options, doing, path) -> None:
    real = ask(module, **options)
    checked = ask(module, _ansible_check_mode=True, **options)
    assert {**checked, "invocation": None, "waited": None} == {**real, "invocation": None, "waited": None}
