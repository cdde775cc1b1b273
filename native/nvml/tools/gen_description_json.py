#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the C that prints a description with all its fields, from the header that declares them.

So that a comparison of two descriptions never forgets a field that somebody has added. Whatever the header has and this
program does not know ends the build.

    gen_description_json.py readings.h profile.h --out FILE
"""

from __future__ import annotations

import argparse
import re
import typing as t
from pathlib import Path

UNSIGNED = {"uint8_t", "uint16_t", "uint32_t", "uint64_t"}
SIGNED = {"int32_t", "int64_t"}
# Arrays of which only so many items have a meaning.
COUNTED = {("description", "devices"): "device_count", ("description", "boards"): "board_count"}
# The header's structs that are no part of a description.
OTHERS = {"profile_site", "profile_error"}
ROOT = "description"


class Field(t.NamedTuple):
    type: str
    name: str
    sizes: list[str]


def structs(text: str) -> dict[str, list[Field]]:
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found: dict[str, list[Field]] = {}
    for name, body in re.findall(r"^struct (\w+) \{(.*?)^\};", text, re.S | re.M):
        if name not in OTHERS:
            found[name] = [field(name, statement) for statement in body.split(";") if statement.strip()]
    return found


def field(struct: str, statement: str) -> Field:
    match = re.fullmatch(r"\s*((?:struct )?\w+)\s+(\w+)((?:\[\w+\])*)\s*", statement)
    if match is None:
        raise SystemExit(f"gen_description_json.py: cannot read the field '{statement.strip()}' of struct {struct}")
    return Field(match[1], match[2], re.findall(r"\[(\w+)\]", match[3]))


def print_value(kind: str, name: str, expression: str, known: t.Container[str]) -> str:
    if kind.removeprefix("struct ") in known:
        inner = kind.removeprefix("struct ")
        return f"json_open(json, {name}, '{{'); put_{inner}(json, &{expression}); json_close(json, '}}');"
    if kind in UNSIGNED:
        return f"json_number(json, {name}, {expression});"
    if kind in SIGNED:
        return f"json_signed(json, {name}, {expression});"
    raise SystemExit(f"gen_description_json.py: cannot print the type '{kind}' of {expression}")


def print_field(struct: str, one: Field, known: t.Container[str]) -> list[str]:
    expression, name = f"it->{one.name}", f'"{one.name}"'
    if one.type == "char" and len(one.sizes) == 1:
        return [f"json_string(json, {name}, {expression});"]
    lines: list[str] = []
    sizes = list(one.sizes)
    if (struct, one.name) in COUNTED:
        sizes[0] = f"it->{COUNTED[struct, one.name]}"
    for depth, size in enumerate(sizes):
        lines += [f"json_open(json, {name}, '[');", f"for (uint32_t i{depth} = 0; i{depth} < {size}; i{depth}++) {{"]
        expression, name = f"{expression}[i{depth}]", "NULL"
    lines.append(print_value(one.type, name, expression, known))
    for _ in sizes:
        lines += ["}", "json_close(json, ']');"]
    return lines


def write(found: dict[str, list[Field]]) -> str:
    """A function for each struct; the header declares each before it is a member."""
    lines = [
        "/* Written by tools/gen_description_json.py from readings.h and profile.h. */",
        '#include "json.h"',
        '#include "mock_nvml.h"',
        "",
    ]
    for name, fields in found.items():
        lines.append(f"static void put_{name}(struct json *json, const struct {name} *it)")
        lines.append("{")
        for one in fields:
            lines += [f"\t{line}" for line in print_field(name, one, found)]
        lines += ["}", ""]
    lines += [
        f"void print_whole_description(struct json *json, const struct {ROOT} *description)",
        "{",
        f"\tput_{ROOT}(json, description);",
        "}",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "headers", type=Path, nargs="+", metavar="HEADER", help="what is included before what includes it"
    )
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    found = structs("".join(header.read_text() for header in arguments.headers))
    if ROOT not in found:
        raise SystemExit(f"gen_description_json.py: {arguments.headers[-1]} has no struct {ROOT}")
    arguments.out.write_text(write(found))


if __name__ == "__main__":
    main()
