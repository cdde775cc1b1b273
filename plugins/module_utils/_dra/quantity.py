# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes quantities ("8", "500m", "40Gi", "1.5e3") as exact numbers. Imports the standard library only."""

from __future__ import annotations

import functools
import re
from fractions import Fraction

_BINARY = {f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {
    suffix: Fraction(10) ** power
    for suffix, power in {
        **{"n": -9, "u": -6, "m": -3, "": 0},
        **{"k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18},
    }.items()
}
_FORM = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:[eE](?P<exponent>[+-]?[0-9]+)|(?P<suffix>[KMGTPE]i|[numkMGTPE]?))",
    re.ASCII,
)
# The API server keeps a quantity within 64 bits; an exponent far beyond must not make us compute for minutes.
_LARGEST_EXPONENT = 64


class QuantityError(ValueError):
    """The text is not a quantity."""


def parse(value: str | int | float | None) -> Fraction:
    """The exact number that a quantity stands for; what is neither text nor a number has no such form either."""
    try:
        return _number(str(value).strip())
    except QuantityError as error:
        raise QuantityError(f"{value!r} is not a quantity: {error}") from None


@functools.lru_cache(maxsize=1024)
def _number(text: str) -> Fraction:
    """The number that a text stands for; thousands of devices have few amounts of memory."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise QuantityError("expected a number or text such as 8, 500m or 40Gi")
    number = Fraction(match["number"])
    if match["exponent"] is not None:
        exponent = int(match["exponent"])
        if abs(exponent) > _LARGEST_EXPONENT:
            raise QuantityError(f"the exponent {exponent} is out of range")
        return number * Fraction(10) ** exponent
    suffix = match["suffix"]
    return number * (_BINARY[suffix] if suffix in _BINARY else _DECIMAL[suffix])


def equal(one: str | int | float | None, other: str | int | float | None) -> bool:
    """Whether two quantities are the same amount, however they are written; what is no quantity equals nothing."""
    try:
        return parse(one) == parse(other)
    except QuantityError:
        return False
