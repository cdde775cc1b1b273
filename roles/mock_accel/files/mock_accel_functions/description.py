# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file asks for: read and judged without a kernel."""

from __future__ import annotations

import json
import re
import typing as t

from .attributes import ATTRIBUTES, MAX_NUMBER
from .errors import FunctionsError

FORMAT = 1


class Function(t.NamedTuple):
    name: str
    enabled: bool
    settings: dict[str, str]


class Description(t.NamedTuple):
    functions: list[Function]
    vfs: dict[str, int]


def read_function(entry: dict[str, t.Any], problems: list[str]) -> Function:
    name = str(entry.get("name", ""))
    settings = {}
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        problems.append(f"'{name}' cannot be the name of a function: use letters, digits, '.', '-' and '_'")
    numbered = re.fullmatch(r"mock(\d{1,64})", name)
    if numbered and int(numbered[1]) > MAX_NUMBER:
        problems.append(f"'{name}' cannot be the name of a function: numbers go up to {MAX_NUMBER}")
    for key, value in entry.items():
        if key in ("name", "enabled"):
            continue
        if key not in ATTRIBUTES:
            problems.append(f"Function {name}: there is no attribute {key}; there are: {', '.join(ATTRIBUTES)}")
            continue
        try:
            settings[key] = ATTRIBUTES[key](str(value))
        except (ValueError, KeyError):
            problems.append(f"Function {name}: '{value}' is no value of {key}")
    return Function(name, bool(entry.get("enabled", True)), settings)


def parse_description(text: str) -> Description:
    try:
        data = json.loads(text)
        version, entries, vfs = data["version"], data["functions"], data.get("vfs", {})
    except (ValueError, KeyError, TypeError) as error:
        raise FunctionsError(f"The description is damaged ({type(error).__name__}: {error})") from error
    if version != FORMAT:
        raise FunctionsError(f"The description has format {version}, this command knows {FORMAT}")
    problems: list[str] = []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FunctionsError("The description's functions are not a list of objects with a name each")
    if not isinstance(vfs, dict) or not all(str(count).isdigit() for count in vfs.values()):
        raise FunctionsError("The description's vfs are not numbers by the names of functions")
    functions = [read_function(entry, problems) for entry in entries]
    names = [function.name for function in functions]
    problems += [f"Function {name} is described twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if problems:
        raise FunctionsError(*problems)
    return Description(functions, {str(name): int(count) for name, count in vfs.items()})
