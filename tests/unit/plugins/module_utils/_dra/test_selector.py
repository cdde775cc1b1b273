# SPDX-License-Identifier: GPL-3.0-or-later
"""CEL selectors: the forms that are read, and that every other one is "not known" and never a guess."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mirage.accel.plugins.module_utils._dra import selector
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import parse_slice

D = 'device.attributes["gpu.nvidia.com"]'
C = 'device.capacity["gpu.nvidia.com"]'
R = 'device.attributes["resource.kubernetes.io"]'


@pytest.fixture(scope="module")
def device():
    attributes = {
        "type": {"string": "gpu"},
        "index": {"int": 3},
        "mig": {"bool": True},
        "odd": {"string": "say \"a\" && 'b'"},
        "driverVersion": {"version": "550.163.1"},
        "early": {"version": "1.0.0-rc.1"},
        "links": {"strings": ["a", "b"]},
        "resource.kubernetes.io/pcieRoot": {"string": "pci0000:00"},
    }
    body = {"name": "gpu-0", "attributes": attributes, "capacity": {"memory": {"value": "40Gi"}}}
    pool = {"name": "p", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "gpu.nvidia.com", "nodeName": "n", "pool": pool, "devices": [body]}
    return parse_slice({"metadata": {"name": "s"}, "spec": spec}).devices[0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('device.driver == "gpu.nvidia.com"', True),
        ("device.driver=='gpu.nvidia.com'", True),
        ('device.driver == "x"', False),
        ('device.driver != "x"', True),
        (f'{D}.type == "gpu"', True),
        (f"  {D}.type == 'gpu'\n", True),
        (f'{D}.type != "gpu"', False),
        (f'{D}.type == "mig"', False),
        (f"{D}.index == 3", True),
        (f"{D}.index > 2", True),
        (f"{D}.index > 3", False),
        (f"{D}.index >= 3", True),
        (f"{D}.index < 3", False),
        (f"{D}.index <= 3", True),
        (f"{D}.index > -1", True),
        (f"{D}.mig", True),
        (f"!{D}.mig", False),
        (f"! {D}.mig", False),
        (f"{D}.mig == true", True),
        (f"{D}.mig == false", False),
        (f"{D}.missing == 3", False),
        (f"{D}.missing", False),
        (f"!{D}.missing", False),
        (f'{D}.missing.matches("x")', False),
        (f'{C}.missing.compareTo(quantity("1")) >= 0', False),
        (f'{R}.pcieRoot == "pci0000:00"', True),
        (f'{D}.pcieRoot == "pci0000:00"', False),
        (f'{D}.type.matches("^g.u$")', True),
        (f'{D}.type.matches("^g$")', False),
        (f'{D}.type.startsWith("g")', True),
        (f'{D}.type.startsWith("p")', False),
        (f'{D}.type.endsWith("pu")', True),
        (f'{D}.type.endsWith("g")', False),
        (f'{D}.type.contains("p")', True),
        (f'{D}.type.contains("x")', False),
        (f'{C}.memory.compareTo(quantity("40Gi")) >= 0', True),
        (f'{C}.memory.compareTo(quantity("40Gi")) == 0', True),
        (f'{C}.memory.compareTo(quantity("41Gi")) >= 0', False),
        (f'{C}.memory.compareTo(quantity("41Gi")) < 0', True),
        (f'{C}.memory.isGreaterThan(quantity("39Gi"))', True),
        (f'{C}.memory.isGreaterThan(quantity("40Gi"))', False),
        (f'{C}.memory.isLessThan(quantity("41Gi"))', True),
        (f'{C}.memory.isLessThan(quantity("40Gi"))', False),
        (f'{D}.driverVersion.compareTo(semver("550.54.14")) >= 0', True),
        (f'{D}.driverVersion.compareTo(semver("560.0.0")) >= 0', False),
        (f'{D}.driverVersion.isLessThan(semver("v550.163.2"))', True),
        ('"type" in device.attributes["gpu.nvidia.com"]', True),
        ('"none" in device.attributes["gpu.nvidia.com"]', False),
        ('"memory" in device.capacity["gpu.nvidia.com"]', True),
        (f'{D}.odd == "say \\"a\\" && \'b\'"', True),
        (f"{D}.odd == 'say \"a\" && \\'b\\''", True),
        # Joined.
        (f'device.driver == "gpu.nvidia.com" && {D}.type == "gpu"', True),
        (f'device.driver == "gpu.nvidia.com" && {D}.type == "mig"', False),
        (f"device.driver == 'x' && {D}.type.lowerAscii() == 'gpu'", False),
        (f"device.driver == 'gpu.nvidia.com' && {D}.type.lowerAscii() == 'gpu'", None),
        (f"({D}.index == 3 && {D}.mig) && {D}.index < 4", True),
        (f"(({D}.index == 3))", True),
        (f"({D}.index == 3) && ({D}.index == 4)", False),
        # Not read here.
        (f"{D}.index == 4 || {D}.mig", None),
        (f"{D}.index == 4 || {D}.mig && {D}.mig", None),
        (f"({D}.index == 4 || {D}.mig) && {D}.mig", None),
        (f"({D}.index == 4 || {D}.mig) && {D}.index == 4", False),
        (f'{D}.index == "3"', None),
        (f"{D}.type == 3", None),
        (f"{D}.mig == 1", None),
        (f"{D}.type", None),
        (f'{D}.index.matches("3")', None),
        (f'{D}.type.matches("(")', None),
        (f'{D}.early.compareTo(semver("1.0.0")) < 0', None),
        (f'{C}.memory.compareTo(quantity("much")) >= 0', None),
        (f'{D}.index.compareTo(semver("1.0.0")) >= 0', None),
        (f'{D}.odd == "\\q"', None),
        ("true", None),
        ("", None),
        ("device.attributes.exists(d, true)", None),
    ],
)
def test_forms(device, expression: str, expected: bool | None) -> None:
    assert selector.fulfils(device, expression) is expected


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("a", ["a"]),
        (" a && b ", ["a", "b"]),
        ("(a && b) && c", ["a", "b", "c"]),
        ("(a) && (b)", ["a", "b"]),
        ("a && (b || c)", ["a", "(b || c)"]),
        ("a || b && c", ["a || b && c"]),
        ('x == "a && b" && c', ['x == "a && b"', "c"]),
        ("f(a && b) && c", ["f(a && b)", "c"]),
        ("m['a && b'][c && d] && e", ["m['a && b'][c && d]", "e"]),
    ],
)
def test_terms(expression: str, parts: list[str]) -> None:
    assert selector.terms(expression) == parts


def test_the_term_that_fails_is_named(device) -> None:
    expression = f'device.driver == "gpu.nvidia.com" && {D}.strange() && {D}.index == 4 && {D}.index == 5'
    assert selector.failing_term(device, expression) == f"{D}.index == 4"
    assert selector.failing_term(device, f"{D}.index == 3") is None


@given(st.text(alphabet="device.atrbus[\"']()&|! =<>0123x\\", max_size=60))
def test_whatever_is_written_is_no_accident(device, expression: str) -> None:
    assert selector.fulfils(device, expression) in (True, False, None)


@given(st.integers(-99, 99), st.integers(-99, 99), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
def test_numbers_compare_as_python_does(one: int, other: int, sign: str) -> None:
    spec = {
        "driver": "d",
        "pool": {"name": "p", "resourceSliceCount": 1},
        "devices": [{"name": "a", "attributes": {"n": {"int": one}}}],
    }
    device = parse_slice({"metadata": {"name": "s"}, "spec": spec}).devices[0]
    assert selector.fulfils(device, f'device.attributes["d"].n {sign} {other}') == eval(f"{one} {sign} {other}")
