#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a C file that calls each function of the official nvml.h with a fuzzer's arguments: gen_calls.py nvml.h OUT."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from gen_unsupported import Function, Parameter, parse_functions, parse_versions, strip_comments

# Parameters that say how long to wait: never long.
WAITS = {"timeoutms"}


def is_text_length(parameter: Parameter, previous: Parameter | None) -> bool:
    return previous is not None and previous.type == "char *" and parameter.type == "unsigned int"


def declare(parameter: Parameter, previous: Parameter | None, following: Parameter | None, versions: list[str]) -> str:
    """The C declaration of a local variable that is the argument."""
    name = f"a_{parameter.name}"
    if parameter.type == "nvmlDevice_t":
        return f"nvmlDevice_t {name} = input_device(input);"
    if parameter.type == "const char *":
        return f"const char *{name} = input_text(input);"
    if parameter.type == "char *" and following and is_text_length(following, parameter):
        length = f"a_{following.name}"
        return f"unsigned int {length} = input_below(input, 128); char *{name} = input_text_buffer(input, {length});"
    if is_text_length(parameter, previous):
        return ""
    if parameter.is_pointer:
        array = ", ".join(versions) or "0"
        return (
            f"static const unsigned int v_{parameter.name}[] = {{ {array} }}; "
            f"void *{name} = input_buffer(input, v_{parameter.name}, {len(versions)});"
        )
    if parameter.type.endswith("_t") and parameter.type.startswith(
        ("nvmlUnit", "nvmlGpuInst", "nvmlComputeInst", "nvmlEventSet", "nvmlSystemEventSet", "nvmlGpmSample")
    ):
        return f"{parameter.type} {name} = input_handle(input);"
    limit = "input_scalar(input)"
    if parameter.name in WAITS:
        limit = "input_below(input, 3)"
    elif re.search(r"size$|count$", parameter.name, re.I):
        # Of an array, whose buffer has so much room.
        limit = "input_below(input, 64)"
    return f"{parameter.type} {name} = ({parameter.type}){limit};"


def render(function: Function, versions: dict[str, list[str]]) -> str:
    parameters = function.parameters
    lines = []
    for i, parameter in enumerate(parameters):
        previous = parameters[i - 1] if i else None
        following = parameters[i + 1] if i + 1 < len(parameters) else None
        line = declare(parameter, previous, following, versions.get(parameter.pointee, []))
        lines += [f"\t{line}"] if line else []
    call = ", ".join(f"a_{p.name}" for p in parameters)
    body = "\n".join(lines)
    return (
        f"static nvmlReturn_t call_{function.name}(struct input *input)\n{{\n{body}\n\n"
        f"\t(void)input;\n\treturn {function.name}({call});\n}}\n"
    )


def main() -> int:
    header = strip_comments(Path(sys.argv[1]).read_text())
    functions, versions = parse_functions(header), parse_versions(header)
    text = '#include "fuzz_calls.h"\n\n' + "\n".join(render(f, versions) for f in functions.values())
    table = "".join(f"\tcall_{name},\n" for name in functions)
    text += f"\nconst fuzz_call fuzz_calls[] = {{\n{table}}};\n"
    text += "\nconst unsigned int fuzz_call_count = sizeof(fuzz_calls) / sizeof(fuzz_calls[0]);\n"
    Path(sys.argv[2]).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
