# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: read all functions again and again for some seconds; print how often, and what was seen."""

from __future__ import annotations

import dataclasses
import json
import sys
import time

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.tree import Tree, read_functions, read_module


def main() -> None:
    end = time.monotonic() + float(sys.argv[1])
    counts = {"looks": 0, "unbound": 0, "virtual": 0}
    names = set()
    while time.monotonic() < end:
        found = read_functions(Tree(), read_module(Tree()))
        json.dumps([dataclasses.asdict(function) for function in found])
        counts["looks"] += 1
        counts["unbound"] += sum(function.name is None for function in found)
        counts["virtual"] += sum(function.kind == "virtual" for function in found)
        names |= {function.name for function in found if function.name}
    print(json.dumps({**counts, "names": sorted(names)}))


main()
