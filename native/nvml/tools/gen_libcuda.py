#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what libcuda-exports-550.txt says of libcuda's face.

Every function of the driver API that the 550 driver's library exports is there. Those that no source in libcuda/
defines are written here: each looks whether cuInit() was called and whether the place for its answer is there, and then
answers CUDA_ERROR_NOT_SUPPORTED.

    gen_libcuda.py --sym FILE               writes the linker's version script
    gen_libcuda.py --out FILE SOURCE...     writes the C file: those functions and cuGetProcAddress()'s table
"""

from __future__ import annotations

import argparse
import re
import sys
import typing as t
from pathlib import Path

EXPORTS_550 = Path(__file__).resolve().parent / "libcuda-exports-550.txt"

HEAD = """\
/* Written by tools/gen_libcuda.py; do not edit. */
/*
 * The functions below have more arguments than these prototypes say. Both calling conventions in use (System V's of
 * x86_64 and the Arm procedure call standard) let a function leave alone what it was given, and pass a first argument
 * that is a pointer in the first register whatever follows it; none of these functions looks at more.
 */
#include "libcuda/cuda_symbol.h"
#include "libcuda/cuda_unsupported.h"

"""


class Export(t.NamedTuple):
    symbol: str
    since: int | None
    has_answer: bool

    @property
    def name(self) -> str:
        """What programs ask cuGetProcAddress() for: the name without its version and its kind of stream."""
        return re.sub(r"(_v\d+)?(_pt[ds][sz])?$", "", self.symbol)

    @property
    def per_thread(self) -> bool:
        return self.symbol.endswith(("_ptds", "_ptsz"))


def read_exports(text: str) -> list[Export]:
    found = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"(cu[A-Z]\w*) (\d+|-)( out)?", line)
        if match is None:
            raise SystemExit(f"gen_libcuda.py: cannot read the line '{line}' of {EXPORTS_550.name}")
        found.append(Export(match[1], None if match[2] == "-" else int(match[2]), match[3] is not None))
    return found


def defined_symbols(sources: list[Path]) -> set[str]:
    """What the sources define: functions, some by a macro, and further names of them (CUDA_ALSO)."""
    names: set[str] = set()
    for source in sources:
        text = source.read_text()
        names.update(re.findall(r"^CUresult\s+(cu[A-Z]\w*)\(", text, re.M))
        names.update(re.findall(r"^[A-Z]+_[A-Z]+\((cu[A-Z]\w*), ", text, re.M))
        names.update(re.findall(r"^CUDA_ALSO\(\w+, (cu[A-Z]\w*)\)", text, re.M))
    return names


def render_sym(exports: list[Export]) -> str:
    body = "".join(f"\t\t{export.symbol};\n" for export in exports)
    return f"/* Written by tools/gen_libcuda.py; do not edit. */\n{{\n\tglobal:\n{body}\tlocal:\n\t\t*;\n}};\n"


def render_source(exports: list[Export], defined: set[str]) -> str:
    lines = []
    for export in exports:
        if export.symbol in defined:
            lines.append(f"CUDA_DEFINED({export.symbol})\n")
        elif export.has_answer:
            lines.append(f"CUDA_UNSUPPORTED_ANSWER({export.symbol})\n")
        else:
            lines.append(f"CUDA_UNSUPPORTED({export.symbol})\n")
    found = [export for export in exports if export.since is not None]
    # The forms of one name lie together, the youngest first.
    found.sort(key=lambda export: (export.name, -t.cast(int, export.since), export.symbol))
    rows = "".join(
        f'\t{{ "{export.name}", (void *){export.symbol}, {export.since}, {str(export.per_thread).lower()} }},\n'
        for export in found
    )
    table = f"\nconst struct cuda_symbol cuda_symbols[] = {{\n{rows}}};\n"
    count = "\nconst unsigned int cuda_symbol_count = sizeof(cuda_symbols) / sizeof(cuda_symbols[0]);\n"
    return HEAD + "".join(lines) + table + count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sym", type=Path, help="write the version script here")
    parser.add_argument("--out", type=Path, help="write the C source here")
    parser.add_argument("sources", type=Path, nargs="*", help="hand-written C files")
    arguments = parser.parse_intermixed_args()
    exports = read_exports(EXPORTS_550.read_text())
    if arguments.sym:
        arguments.sym.write_text(render_sym(exports))
    if arguments.out:
        defined = defined_symbols(arguments.sources)
        unknown = sorted(defined - {export.symbol for export in exports})
        if unknown:
            raise SystemExit(
                f"gen_libcuda.py: {', '.join(unknown)} is defined, and {EXPORTS_550.name} does not list it"
            )
        arguments.out.write_text(render_source(exports, defined))
    return 0


if __name__ == "__main__":
    sys.exit(main())
