# SPDX-License-Identifier: GPL-3.0-or-later
"""resource_claim_info where there is nothing that it could return: objects that are no claims, servers, options."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from claim_edits import claim, status, wants, without_result

from ansible_collections.mirage.accel.plugins.modules import resource_claim_info as info

RunModule = Callable[..., dict[str, t.Any]]

DRIVER = "gpu.nvidia.com"
CLAIMS_PATH = "/apis/resource.k8s.io/v1/resourceclaims"


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(info, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda items: items[0].pop("metadata"), "ResourceClaim without a name", id="no metadata"),
        pytest.param(
            lambda items: items[0]["metadata"].pop("namespace"),
            "ResourceClaim without a name is not of a known form: KeyError('namespace')",
            id="no namespace",
        ),
        pytest.param(
            lambda items: claim(items, "one-gpu").pop("spec"),
            "ResourceClaim default/one-gpu is not of a known form: KeyError('spec')",
            id="no spec",
        ),
        pytest.param(
            wants("one-gpu", requests=[{}]),
            "ResourceClaim default/one-gpu is not of a known form: KeyError('name')",
            id="a request without a name",
        ),
        pytest.param(
            wants("one-gpu", requests=["gpu"]), "default/one-gpu is not of a known form", id="a request that is text"
        ),
        pytest.param(
            wants("one-gpu", requests=[{"name": "g", "firstAvailable": [{"deviceClassName": DRIVER}]}]),
            "default/one-gpu is not of a known form: KeyError('name')",
            id="an alternative without a name",
        ),
        pytest.param(
            without_result("two-gpus", 1, "pool"),
            "ResourceClaim default/two-gpus is not of a known form: KeyError('pool')",
            id="a device without its pool",
        ),
        pytest.param(
            wants("one-gpu", requests=[{"name": "g", "exactly": {"deviceClassName": DRIVER, "tolerations": ["x"]}}]),
            "default/one-gpu is not of a known form: TypeError(\"'x' is no object\")",
            id="a toleration that is text",
        ),
        pytest.param(
            status("one-gpu", devices=[{"driver": DRIVER, "conditions": ["Ready"]}]),
            "default/one-gpu is not of a known form: TypeError(\"'Ready' is no object\")",
            id="a condition that is text",
        ),
        pytest.param(
            status("one-gpu", devices=["gpu-2"]), "default/one-gpu is not of a known form", id="a report that is text"
        ),
        pytest.param(
            status("two-gpus", reservedFor=[{"resource": "pods"}]),
            "ResourceClaim default/two-gpus is not of a known form: KeyError('name')",
            id="reserved for nobody",
        ),
        pytest.param(
            status("one-gpu", allocation="gpu-2"),
            "default/one-gpu is not of a known form",
            id="an allocation that is text",
        ),
    ],
)
def test_what_is_no_claim(look: RunModule, dra_api, recorded, change, message) -> None:
    items = recorded("resource_claims_v1")
    change(items)
    api = dra_api()
    api.objects[CLAIMS_PATH] = api.listing(*items)
    answer = look(reasons=False)
    assert answer["failed"]
    assert message in answer["msg"]
    assert "claims" not in answer


@pytest.mark.parametrize(
    ("path", "code", "body", "options", "message"),
    [
        pytest.param(
            "/apis/resource.k8s.io/v1/deviceclasses",
            403,
            None,
            {},
            "listing DeviceClasses at {host}: not allowed",
            id="classes forbidden",
        ),
        pytest.param(
            "/apis/resource.k8s.io/v1/resourceslices",
            403,
            None,
            {},
            "listing ResourceSlices at {host}: not allowed",
            id="slices forbidden",
        ),
        pytest.param("/api/v1/namespaces/default/pods", 403, None, {}, "listing pods at {host}", id="pods forbidden"),
        pytest.param(
            "/api/v1/namespaces/default/pods",
            403,
            None,
            {"reasons": False},
            None,
            id="pods forbidden and not asked for",
        ),
        pytest.param(
            "/api/v1/namespaces/default/pods",
            403,
            None,
            {"namespace": "monitoring"},
            None,
            id="pods where none is pending",
        ),
        pytest.param(CLAIMS_PATH, 401, None, {}, "the token or certificate may have expired", id="an expired token"),
        pytest.param(CLAIMS_PATH, 200, b"<html>", {}, "the answer is no JSON object (b'<html>')", id="a web page"),
        pytest.param(CLAIMS_PATH, 200, b"{}", {}, "the answer is no list of objects", id="another object"),
    ],
)
def test_answers_that_cannot_be_used(look: RunModule, dra_api, path, code, body, options, message) -> None:
    api = dra_api()
    api.objects[path] = api.refuse(code, "sorry", body)
    answer = look(**options)
    assert answer["failed"] is (message is not None)
    assert message is None or message.format(host=api.url) in answer["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"host": "localhost"}, "'localhost' is no URL; give it as https://NAME:PORT", id="no URL"),
        pytest.param({"host": "http://127.0.0.1:1"}, "looking for the API group resource.k8s.io", id="nobody answers"),
        pytest.param(
            {"kubeconfig": "/nowhere/config"}, "reading kubeconfig /nowhere/config: No such file", id="no file"
        ),
        pytest.param({"reasons": "some"}, "reasons", id="no bool"),
        pytest.param({"names": ["one-gpu"]}, "Unsupported parameters for", id="no such option"),
    ],
)
def test_options_that_cannot_be_meant(look: RunModule, api, options, message) -> None:
    answer = look(**options)
    assert answer["failed"]
    assert message in answer["msg"]
    assert api.requests == []
