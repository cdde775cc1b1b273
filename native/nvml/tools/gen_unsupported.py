#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what the hand-written sources leave open of NVML's face.

Every function of the official nvml.h and every name of the 550 driver's library must be exported. Those that no
nvml_*.c defines are written here: each checks what its prototype lets it check (initialised, handle, pointers, the
struct's version) and then answers NVML_ERROR_NOT_SUPPORTED.

    gen_unsupported.py HEADER --sym FILE              writes the linker's version script
    gen_unsupported.py HEADER --out FILE SOURCE...    writes the C file
"""

from __future__ import annotations

import argparse
import re
import sys
import typing as t
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXPORTS_550 = HERE / "nvml-exports-550.txt"
SYM = HERE.parent / "libnvidia-ml.sym"

# Opaque handles of things that do not exist before someone makes them: any value is a wrong one.
FOREIGN_HANDLES = {
    "nvmlUnit_t",
    "nvmlGpuInstance_t",
    "nvmlComputeInstance_t",
    "nvmlEventSet_t",
    "nvmlSystemEventSet_t",
    "nvmlGpmSample_t",
}


class Parameter(t.NamedTuple):
    type: str
    name: str

    @property
    def is_pointer(self) -> bool:
        return self.type.endswith("*")

    @property
    def pointee(self) -> str:
        return self.type.removeprefix("const ").rstrip("* ")


class Function(t.NamedTuple):
    name: str
    parameters: list[Parameter]

    @property
    def counts(self) -> list[Parameter]:
        """Parameters that carry the length of a buffer in and out; the buffer itself may then be NULL."""
        return [
            p for p in self.parameters if p.type == "unsigned int *" and re.search(r"count|size$|length$", p.name, re.I)
        ]

    def required_pointers(self) -> list[Parameter]:
        counts = self.counts
        pointers = [p for p in self.parameters if p.is_pointer]
        return counts if counts else pointers


def strip_comments(text: str) -> str:
    return re.sub(r"//[^\n]*", "", re.sub(r"/\*.*?\*/", "", text, flags=re.S))


def parse_parameters(text: str) -> list[Parameter]:
    text = " ".join(text.split())
    if text in ("", "void"):
        return []
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(.*?[\s*])(\w+)\s*", part)
        if match is None:
            raise SystemExit(f"gen_unsupported.py: cannot read the parameter '{part.strip()}'")
        found.append(Parameter(re.sub(r"\s*\*", " *", match[1].strip()), match[2]))
    return found


def parse_functions(header: str) -> dict[str, Function]:
    pattern = re.compile(r"nvmlReturn_t\s+DECLDIR\s+(nvml\w+)\s*\(([^)]*)\)\s*;")
    return {m[1]: Function(m[1], parse_parameters(m[2])) for m in pattern.finditer(header)}


def parse_versions(header: str) -> dict[str, list[str]]:
    """Struct type -> its version macros, for the structs that begin with a version field."""
    versioned = set()
    for match in re.finditer(
        r"typedef\s+struct\s*\w*\s*\{\s*unsigned\s+int\s+version\s*;(.*?)\}\s*(\w+)_t\s*;", header, re.S
    ):
        if "typedef" not in match[1]:
            versioned.add(match[2])
    macros: dict[str, list[str]] = {}
    for name in re.findall(r"#define\s+(nvml\w+_v\d+)\s+(?:\\\s*)?NVML_STRUCT_VERSION", header):
        if name in versioned:
            macros.setdefault(name.rsplit("_v", 1)[0], []).append(name)
    aliases = dict(re.findall(r"typedef\s+(nvml\w+_v\d+)_t\s+(nvml\w+)_t\s*;", header))
    result = {}
    for names in macros.values():
        for name in names:
            result[f"{name}_t"] = names
            if name in aliases:
                result[f"{aliases[name]}_t"] = names
    return result


def all_names(header: str) -> list[str]:
    declared = set(re.findall(r"DECLDIR\s+(?:char\s*\*\s*)?(nvml\w+)\s*\(", header))
    return sorted(declared | set(EXPORTS_550.read_text().split()))


def defined_names(sources: list[Path]) -> set[str]:
    names: set[str] = set()
    for source in sources:
        names.update(re.findall(r"^(?:nvmlReturn_t|const char \*)\s*(nvml\w+)\(", source.read_text(), re.M))
        names.update(re.findall(r"^[A-Z0-9_]+\((nvml\w+)[,)]", source.read_text(), re.M))
    return names


def render_sym(names: list[str]) -> str:
    body = "".join(f"\t{name};\n" for name in names)
    return (
        f"/* Every exported name; written by tools/gen_unsupported.py --sym. */\n{{\nglobal:\n{body}local:\n\t*;\n}};\n"
    )


def render_checks(function: Function, versions: dict[str, list[str]]) -> tuple[list[tuple[str, str]], set[str]]:
    """Pairs of (condition, error code) in NVML's order, and the names of the parameters they look at."""
    checks: list[tuple[str, str]] = []
    used: set[str] = set()
    for parameter in function.parameters:
        if parameter.type == "nvmlDevice_t":
            checks.append((f"!handle_valid({parameter.name})", "NVML_ERROR_INVALID_ARGUMENT"))
        elif parameter.type in ("nvmlVgpuInstance_t", "nvmlVgpuTypeId_t"):
            checks.append((f"{parameter.name} == 0", "NVML_ERROR_INVALID_ARGUMENT"))
        else:
            continue
        used.add(parameter.name)
    for parameter in function.required_pointers():
        checks.append((f"!{parameter.name}", "NVML_ERROR_INVALID_ARGUMENT"))
        used.add(parameter.name)
        if parameter.pointee in versions:
            wrong = " && ".join(f"{parameter.name}->version != {v}" for v in versions[parameter.pointee])
            checks.append((wrong, "NVML_ERROR_ARGUMENT_VERSION_MISMATCH"))
    return checks, used


def final_answer(function: Function) -> str:
    types = {p.type for p in function.parameters}
    if types & FOREIGN_HANDLES:
        return "NVML_ERROR_INVALID_ARGUMENT"
    # A vGPU instance cannot exist on these boards, so that none is ever found.
    if "nvmlVgpuInstance_t" in types:
        return "NVML_ERROR_NOT_FOUND"
    return "NVML_ERROR_NOT_SUPPORTED"


def render_function(function: Function, versions: dict[str, list[str]]) -> str:
    signature = ", ".join(f"{p.type}{'' if p.is_pointer else ' '}{p.name}" for p in function.parameters) or "void"
    checks, used = render_checks(function, versions)
    lines = ["\tnvmlReturn_t ret = api_enter(__func__);", ""]
    lines += [f"\t(void)({p.name});" for p in function.parameters if p.name not in used]
    lines += ["\tif (ret != NVML_SUCCESS)\n\t\treturn ret;"]
    lines += [f"\tif ({condition})\n\t\treturn {code};" for condition, code in checks]
    lines += [f"\treturn {final_answer(function)};"]
    return f"nvmlReturn_t {function.name}({signature})\n{{\n" + "\n".join(lines) + "\n}\n"


def render_source(functions: list[Function], versions: dict[str, list[str]]) -> str:
    head = '/* Written by tools/gen_unsupported.py; do not edit. */\n#include "handle.h"\n#include "nvml_internal.h"\n'
    return head + "".join("\n" + render_function(f, versions) for f in functions)


def write_source(arguments: argparse.Namespace, header: str) -> None:
    functions = parse_functions(header)
    exported = set(re.findall(r"^\t(nvml\w+);", SYM.read_text(), re.M))
    missing = sorted(set(all_names(header)) - exported)
    if missing:
        raise SystemExit(
            f"gen_unsupported.py: {arguments.header} declares {', '.join(missing)}, which {SYM.name} does not export; "
            f"write it anew with: tools/gen_unsupported.py {arguments.header} --sym {SYM.name}"
        )
    left = exported - defined_names(arguments.sources)
    unknown = sorted(left - functions.keys())
    if unknown:
        raise SystemExit(
            f"gen_unsupported.py: no source defines {', '.join(unknown)} and {arguments.header} has no prototype of it"
        )
    text = render_source([functions[name] for name in sorted(left)], parse_versions(header))
    arguments.out.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("header", type=Path, help="the official nvml.h")
    parser.add_argument("--sym", type=Path, help="write the version script here")
    parser.add_argument("--out", type=Path, help="write the C source here")
    parser.add_argument("sources", type=Path, nargs="*", help="hand-written C files")
    arguments = parser.parse_intermixed_args()
    header = strip_comments(arguments.header.read_text())
    if arguments.sym:
        arguments.sym.write_text(render_sym(all_names(header)))
    if arguments.out:
        write_source(arguments, header)
    return 0


if __name__ == "__main__":
    sys.exit(main())
