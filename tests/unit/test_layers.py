# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way imports and includes point among the layers of one program."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tree_rule import TreeRule, assert_it_finds_what_breaks_it, c_files, imported, included, top

# The DRA driver, from the top to the bottom; each may import those of later rows only.
DRIVER = [
    {"__main__"},
    {"server", "controller"},
    {"plugin", "registration", "health", "binding", "publisher"},
    {"state"},
    {"cdi", "checkpoint", "kube", "claim_status", "device_metadata", "devices", "preparation", "resource_slice"},
    {"claim_api", "slices"},
    {"allocation", "claim_bytes", "conditions", "sharing"},
    {"device_status"},
    {"opaque", "prepared", "inventory", "access", "files"},
    {"backoff", "config", "grpc_server", "metrics", "points", "quantity", "removals"},
    {"errors", "log", "api"},
]

# The command mock-accel-functions, in the same way.
COMMAND = [
    {"__main__"},
    {"execution", "vfs"},
    {"change", "progress"},
    {"description", "record", "kernel"},
    {"attributes", "errors", "sightings"},
    {"openers", "use"},
]

# native/nvml, from the bottom up: a file may include headers of its own height and below. The rest (nvml_*.c and what
# they share) is above them all.
HEIGHTS = [
    (0, re.compile(r"checksum|lock|log")),
    (
        1,
        re.compile(
            r"page(_\w+)?|profile(_\w+)?|state(_\w+)?|motion(_\w+)?|boot|capability|fault_kind|host|identity|liveness|readings"
            r"|source|trace|visible"
        ),
    ),
    (2, re.compile(r"handle")),
]


def points_down(root: Path, package: str, rows: list[set[str]]) -> Iterator[str]:
    """A file of a package imports those of later rows only."""
    row = {name: number for number, names in enumerate(rows) for name in names}
    for path in sorted((root / package).glob("*.py")):
        for name in imported(path):
            target = name.lstrip(".").split(".")[0] if name.startswith(".") else None
            if target in row and row.get(path.stem, 0) >= row[target] and target != path.stem:
                yield f"{path.relative_to(root)} imports {name}"


def driver_points_down(root: Path) -> Iterator[str]:
    yield from points_down(root, "roles/dra_driver/files/mock_accel_dra", DRIVER)


def the_command_points_down(root: Path) -> Iterator[str]:
    """What the role mock_accel puts on hosts, which need have Python and nothing else."""
    package = "roles/mock_accel/files/mock_accel_functions"
    yield from points_down(root, package, COMMAND)
    for path in sorted((root / package).glob("*.py")):
        for name in imported(path):
            if not name.startswith(".") and top(name) not in sys.stdlib_module_names:
                yield f"{path.relative_to(root)} imports {name}"


def height(stem: str) -> int:
    return next((number for number, form in HEIGHTS if form.fullmatch(stem)), len(HEIGHTS))


def the_library_points_down(root: Path) -> Iterator[str]:
    """nvml_*.c -> handle -> page -> log."""
    for path in sorted((root / "native" / "nvml").glob("*.[ch]")):
        for header in included(path):
            if height(Path(header).stem) > height(path.stem):
                yield f"{path.relative_to(root)} includes {header}"


def getters_parse_nothing(root: Path) -> Iterator[str]:
    """What answers a client reads the page; only the profile's own files and the control command know YAML."""
    for path in c_files(root / "native"):
        if re.fullmatch(r"(nvml_\w+|handle|page\w*|log|mock_accel\w*)\.[ch]", path.name):
            for header in re.findall(r"#\s*include\s+[<\"](yaml\.h|profile_internal\.h)", path.read_text()):
                yield f"{path.relative_to(root)} includes {header}"


DRA = "roles/dra_driver/files/mock_accel_dra"
COMMAND_FILES = "roles/mock_accel/files/mock_accel_functions"

RULES = [
    TreeRule(
        driver_points_down,
        {
            f"{DRA}/errors.py": "from .config import x\n",
            f"{DRA}/slices.py": "from . import kube\n",
            f"{DRA}/state.py": "from .plugin import x\n",
            f"{DRA}/cdi.py": "from .checkpoint import x\n",
        },
        {f"{DRA}/plugin.py": "from .state import x\nfrom . import errors\nimport json\n"},
    ),
    TreeRule(
        the_command_points_down,
        {
            f"{COMMAND_FILES}/errors.py": "from .attributes import x\n",
            f"{COMMAND_FILES}/kernel.py": "from .change import x\n",
            f"{COMMAND_FILES}/vfs.py": "import yaml\n",
        },
        {f"{COMMAND_FILES}/change.py": "import json\nfrom .kernel import x\n"},
    ),
    TreeRule(
        the_library_points_down,
        {
            "native/nvml/log.c": '#include "page.h"\n',
            "native/nvml/page_write.c": '#include "handle.h"\n',
            "native/nvml/handle.c": '#  include "nvml_internal.h"\n',
        },
        {"native/nvml/nvml_pci.c": '#include "nvml_internal.h"\n#include "page.h"\n#include <nvml_internal.h>\n'},
    ),
    TreeRule(
        getters_parse_nothing,
        {"native/nvml/nvml_init.c": "#include <yaml.h>\n", "native/nvml/page.c": '# include "profile_internal.h"\n'},
        {"native/nvml/profile_yaml.c": "#include <yaml.h>\n", "native/nvml/mock_nvml.c": "#include <yaml.h>\n"},
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_tree_keeps_the_rule(repo: Path, rule: TreeRule) -> None:
    assert list(rule.violations(repo)) == []


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_rule_finds_what_breaks_it(tmp_path: Path, rule: TreeRule) -> None:
    assert_it_finds_what_breaks_it(rule, tmp_path)
