# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes quantities: forms, faults, and what must hold for all of them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mirage.accel.plugins.module_utils._dra import quantity

BINARY = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("8", 8, id="plain"),
        pytest.param(8, 8, id="int"),
        pytest.param(0.1, Fraction(1, 10), id="float is read as it is written"),
        pytest.param("0", 0, id="zero"),
        pytest.param("+3", 3, id="plus"),
        pytest.param("-3", -3, id="minus"),
        pytest.param("500m", Fraction(1, 2), id="milli"),
        pytest.param("7n", Fraction(7, 10**9), id="nano"),
        pytest.param("7u", Fraction(7, 10**6), id="micro"),
        pytest.param("1k", 1000, id="kilo is a small k"),
        pytest.param("40Gi", 40 * 2**30, id="gibi"),
        pytest.param("1.5Ki", 1536, id="fraction of a binary unit"),
        pytest.param(".5Gi", 2**29, id="no digit before the point"),
        pytest.param("5.", 5, id="no digit after the point"),
        pytest.param("1E", 10**18, id="exa"),
        pytest.param("1Ei", 2**60, id="exbi"),
        pytest.param("1E3", 1000, id="exponent after E"),
        pytest.param("1e3", 1000, id="exponent after e"),
        pytest.param("12e-2", Fraction(12, 100), id="negative exponent"),
        pytest.param("1e64", 10**64, id="largest exponent"),
        pytest.param("1e-64", Fraction(1, 10**64), id="smallest exponent"),
        pytest.param("24517656Ki", 24517656 * 1024, id="a kubelet's memory"),
    ],
)
def test_parse(text: object, number: object) -> None:
    assert quantity.parse(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "foo",
        "8 Gi",
        "1K",
        "1ki",
        "1kI",
        "1g",
        "1KiB",
        "0x10",
        "1e",
        "--1",
        "1.2.3",
        ".",
        "+",
        "1_000",
        "٣",
        "inf",
        "nan",
    ],
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(quantity.QuantityError, match="is not a quantity"):
        quantity.parse(text)


@pytest.mark.parametrize("value", [None, True, [8], {"a": 1}, float("nan"), float("inf")], ids=repr)
def test_parse_refuses_what_is_neither_text_nor_number(value: object) -> None:
    with pytest.raises(quantity.QuantityError):
        quantity.parse(value)


@pytest.mark.parametrize("text", ["1e65", "1e-65", "1e999999999"])
def test_an_absurd_exponent_is_refused_and_not_computed(text: str) -> None:
    with pytest.raises(quantity.QuantityError, match="out of range"):
        quantity.parse(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1Ki", "1024", True),
        ("1Ki", "1.024k", True),
        ("1Ki", "1k", False),
        ("1000m", 1, True),
        ("8", 7, False),
        ("40Gi", "42949672960", True),
        ("-0", "0", True),
        ("much", "much", False),
        ("8", None, False),
    ],
)
def test_equal(one: object, other: object, same: bool) -> None:
    assert quantity.equal(one, other) is same


@given(st.integers(-(2**63), 2**63), st.sampled_from(sorted(DECIMAL)))
def test_decimal_suffixes_are_powers_of_ten(number: int, suffix: str) -> None:
    assert quantity.parse(f"{number}{suffix}") == number * Fraction(10) ** DECIMAL[suffix]


@given(st.integers(-(2**63), 2**63), st.integers(0, 5))
def test_binary_suffixes_are_powers_of_two(number: int, power: int) -> None:
    assert quantity.parse(f"{number}{BINARY[power]}") == number * 2 ** (10 * (power + 1))


@given(st.integers(-(10**9), 10**9), st.sampled_from(sorted(DECIMAL)), st.sampled_from(sorted(DECIMAL)))
def test_an_amount_is_the_same_in_every_unit(number: int, one: str, other: str) -> None:
    """Written with a smaller unit it is equal, and a smallest part more or less is not."""
    large, small = sorted((one, other), key=DECIMAL.__getitem__, reverse=True)
    parts = number * 10 ** (DECIMAL[large] - DECIMAL[small])
    assert quantity.equal(f"{number}{large}", f"{parts}{small}")
    assert quantity.equal(f"{number}{large}", f"{number}e{DECIMAL[large]}")
    assert not quantity.equal(f"{number}{large}", f"{parts + 1}{small}")
    assert not quantity.equal(f"{parts - 1}{small}", f"{number}{large}")


@given(st.integers(1, 2**20), st.sampled_from(BINARY))
def test_a_binary_unit_is_more_than_the_decimal_one(number: int, suffix: str) -> None:
    decimal = "k" if suffix == "Ki" else suffix[0]
    assert quantity.parse(f"{number}{suffix}") > quantity.parse(f"{number}{decimal}")
    assert quantity.parse(f"{number}{suffix}") == -quantity.parse(f"-{number}{suffix}")


@given(st.text(max_size=6), st.text(max_size=6))
def test_equality_is_the_same_from_both_sides(one: str, other: str) -> None:
    assert quantity.equal(one, other) == quantity.equal(other, one)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=9))
def test_decimals_are_exact(number: object) -> None:
    assert quantity.parse(f"{number:f}") == Fraction(number)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e60, max_value=1e60))
def test_floats_are_what_python_writes(number: float) -> None:
    if abs(number) < 1e-60:
        number = 0.0
    assert quantity.parse(number) == Fraction(repr(number))


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        assert isinstance(quantity.parse(text), Fraction)
    except quantity.QuantityError as error:
        assert "is not a quantity" in str(error)
