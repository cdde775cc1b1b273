# SPDX-License-Identifier: GPL-3.0-or-later
"""Opaque parameters are decoded strictly, and an error names the field."""

from __future__ import annotations

import typing as t

import pytest
from mock_accel_dra import opaque
from mock_accel_dra.errors import ClaimError

HEAD = {"apiVersion": opaque.API_VERSION, "kind": opaque.KIND}


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        pytest.param(HEAD, opaque.DeviceConfig(), id="nothing asked"),
        pytest.param({**HEAD, "access": "ReadOnly"}, opaque.DeviceConfig(access="r"), id="read only"),
        pytest.param({**HEAD, "access": "ReadWrite"}, opaque.DeviceConfig(), id="read and write"),
        pytest.param(
            {**HEAD, "environment": {"A": "1", "_b": ""}},
            opaque.DeviceConfig(environment={"A": "1", "_b": ""}),
            id="variables",
        ),
    ],
)
def test_decodes(parameters: t.Any, wanted: opaque.DeviceConfig) -> None:
    assert opaque.decode(parameters, "p") == wanted


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        pytest.param(None, "p: null where an object", id="nothing"),
        pytest.param([], "p: a list where an object", id="a list"),
        pytest.param({"kind": opaque.KIND}, "p.apiVersion: missing", id="no version"),
        pytest.param({**HEAD, "apiVersion": "v2"}, "p.apiVersion: 'v2' is not", id="another version"),
        pytest.param({**HEAD, "kind": "Other"}, "p.kind: 'Other' is not DeviceConfig", id="another kind"),
        pytest.param({**HEAD, "acces": "ReadOnly"}, "p.acces: unknown field; there are access,", id="unknown field"),
        pytest.param({**HEAD, "access": "readonly"}, "p.access: 'readonly' is not one of", id="other case"),
        pytest.param({**HEAD, "access": True}, "p.access: True is not one of", id="access is a boolean"),
        pytest.param({**HEAD, "access": ["ReadOnly"]}, "p.access: ", id="access is a list"),
        pytest.param({**HEAD, "environment": None}, "p.environment: null where an object", id="no variables"),
        pytest.param({**HEAD, "environment": {"A": 1}}, "p.environment.A: a number where a string", id="number"),
        pytest.param({**HEAD, "environment": {"A": True}}, "p.environment.A: a boolean where", id="boolean"),
        pytest.param({**HEAD, "environment": {"1A": ""}}, "p.environment: '1A' is no name", id="name"),
        pytest.param({**HEAD, "environment": {"A\n": ""}}, "p.environment: 'A\\n' is no name", id="line break"),
        pytest.param({**HEAD, "environment": {"MOCK_ACCEL_UUID": ""}}, "are the driver's", id="ours"),
        pytest.param({**HEAD, "environment": {"A": "\0"}}, "p.environment.A: a value has", id="zero"),
        pytest.param({**HEAD, "environment": {"A": "x" * 4097}}, "at most 4096", id="long"),
        pytest.param({**HEAD, "environment": {f"A{n}": "" for n in range(33)}}, "33 variables", id="many"),
    ],
)
def test_refuses(parameters: t.Any, words: str) -> None:
    with pytest.raises(ClaimError) as error:
        opaque.decode(parameters, "p")
    assert words in str(error.value)
