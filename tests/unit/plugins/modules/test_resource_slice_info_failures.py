# SPDX-License-Identifier: GPL-3.0-or-later
"""resource_slice_info where there is nothing that it could return: objects that are no slices, servers, options."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from slice_edits import ONE_B, SLICES, ZERO, body, devices, edit, owners, spec

from ansible_collections.mirage.accel.plugins.modules import resource_slice_info as info

RunModule = Callable[..., dict[str, t.Any]]

SLICES_PATH = "/apis/resource.k8s.io/v1/resourceslices"
CLAIMS_PATH = "/apis/resource.k8s.io/v1/resourceclaims"


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(info, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda items: items[ZERO].pop("metadata"), "ResourceSlice without a name", id="no metadata"),
        pytest.param(
            lambda items: items[ZERO].pop("spec"),
            f"{SLICES[ZERO]} is not of a known form: KeyError('spec')",
            id="no spec",
        ),
        pytest.param(
            lambda items: items[ONE_B]["spec"].pop("driver"),
            f"ResourceSlice {SLICES[ONE_B]} is not of a known form: KeyError('driver')",
            id="no driver",
        ),
        pytest.param(
            spec(ONE_B, pool="worker-1"), f"{SLICES[ONE_B]} is not of a known form: TypeError", id="a pool that is text"
        ),
        pytest.param(
            lambda items: devices(items, ZERO)[3].pop("name"),
            f"{SLICES[ZERO]} is not of a known form: KeyError('name')",
            id="a device without a name",
        ),
        pytest.param(
            spec(ZERO, devices=["gpu-0"]), f"{SLICES[ZERO]} is not of a known form", id="a device that is text"
        ),
        pytest.param(
            edit(ZERO, 0, "attributes", uuid="GPU-0"),
            f"{SLICES[ZERO]} is not of a known form",
            id="an attribute without a type",
        ),
        pytest.param(
            body(ZERO, 0, attributes=["uuid"]), f"{SLICES[ZERO]} is not of a known form", id="attributes in a list"
        ),
        pytest.param(
            edit(ZERO, 0, "capacity", memory={}),
            f"{SLICES[ZERO]} is not of a known form: KeyError('value')",
            id="no amount",
        ),
        pytest.param(body(ZERO, 0, taints=5), f"{SLICES[ZERO]} is not of a known form", id="taints that are a number"),
        pytest.param(
            body(ZERO, 0, taints=["x"]), "is not of a known form: TypeError(\"'x' is no object\")", id="a taint"
        ),
        pytest.param(owners(ZERO, "worker-0"), f"{SLICES[ZERO]} is not of a known form: TypeError", id="an owner"),
        pytest.param(
            spec(ZERO, sharedCounters=[{"counters": {}}]),
            "is not of a known form: KeyError('name')",
            id="nameless counters",
        ),
        pytest.param(
            spec(ZERO, sharedCounters=[{"name": "c", "counters": {"m": "1"}}]),
            "is not of a known form: TypeError(\"'1' is no object\")",
            id="a counter that is text",
        ),
    ],
)
def test_what_is_no_slice(look: RunModule, dra_api, recorded, change, message) -> None:
    items = recorded("resource_slices_v1")
    change(items)
    dra_api(slices=items)
    answer = look()
    assert answer["failed"]
    assert message in answer["msg"]
    assert "pools" not in answer


@pytest.mark.parametrize(
    ("path", "code", "body", "options", "message"),
    [
        pytest.param(
            CLAIMS_PATH, 403, None, {}, "listing ResourceClaims at {host}: not allowed", id="claims forbidden"
        ),
        pytest.param(CLAIMS_PATH, 403, None, {"allocations": False}, None, id="claims forbidden and not asked for"),
        pytest.param(SLICES_PATH, 404, None, {}, "listing ResourceSlices at {host}: ", id="slices are not served"),
        pytest.param(
            SLICES_PATH, 500, None, {}, "the server cannot answer now (500: sorry)", id="the server has an error"
        ),
        pytest.param(SLICES_PATH, 200, b"<html>", {}, "the answer is no JSON object (b'<html>')", id="a web page"),
        pytest.param(SLICES_PATH, 200, b"[]", {}, "the answer is no JSON object", id="a bare list"),
        pytest.param(SLICES_PATH, 200, b"{}", {}, "the answer is no list of objects", id="another object"),
        pytest.param(
            CLAIMS_PATH,
            200,
            b'{"metadata": {}, "items": [{"metadata": {"name": "odd"}}]}',
            {},
            "ResourceClaim without a name is not of a known form: KeyError('namespace')",
            id="a claim that is none",
        ),
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
        pytest.param({"allocations": "often"}, "allocations", id="no bool"),
        pytest.param({"nodes": ["worker-0"]}, "Unsupported parameters for", id="no such option"),
    ],
)
def test_options_that_cannot_be_meant(look: RunModule, api, options, message) -> None:
    answer = look(**options)
    assert answer["failed"]
    assert message in answer["msg"]
    assert api.requests == []
