# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rooms of the tree (plugins, roles, charts, native and their parts) may know of each other."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tree_rule import (
    TreeRule,
    assert_it_finds_what_breaks_it,
    c_files,
    imported,
    included,
    is_within,
    python_files,
    top,
)

OURS = "ansible_collections.mirage.accel.plugins"
# The only files that may import a library which neither Python nor ansible-core brings.
GUARDED = {
    "_cffi_dep.py": {"cffi"},
    "_cryptography_dep.py": {"cryptography"},
    "_kubernetes_dep.py": {"kubernetes", "urllib3", "websocket"},
    "_supervisor_dep.py": {"supervisor"},
}
# What judges or counts, and reads nothing.
PURE = ("_difference", "_errors", "_pci_domains", "_profile")


def modules_import_no_modules(root: Path) -> Iterator[str]:
    for path in python_files(root / "plugins"):
        for name in imported(path):
            if is_within(name, f"{OURS}.modules"):
                yield f"{path.relative_to(root)} imports {name}"


def module_utils_know_no_other_room(root: Path) -> Iterator[str]:
    """module_utils -> module_utils, ansible.module_utils, the standard library."""
    for path in python_files(root / "plugins" / "module_utils"):
        for name in imported(path):
            fine = top(name) in sys.stdlib_module_names or name in ("__future__.annotations",)
            fine |= is_within(name, f"{OURS}.module_utils") or is_within(name, "ansible.module_utils")
            fine |= top(name) in GUARDED.get(path.name, set())
            if not fine:
                yield f"{path.relative_to(root)} imports {name}"


def modules_use_utils_only(root: Path) -> Iterator[str]:
    """modules -> module_utils, ansible.module_utils, the standard library."""
    for path in python_files(root / "plugins" / "modules"):
        for name in imported(path):
            fine = top(name) in sys.stdlib_module_names
            fine |= is_within(name, f"{OURS}.module_utils") or is_within(name, "ansible.module_utils")
            if not fine:
                yield f"{path.relative_to(root)} imports {name}"


def pure_files_import_the_standard_library(root: Path) -> Iterator[str]:
    """_dra/*, those of PURE, what judges in _mock_accel/ and all but nvml_* in _gpu_profile/: no I/O; among ours, only
    each other."""
    utils = root / "plugins" / "module_utils"
    pure = [*python_files(utils / "_dra"), *(utils / f"{name}.py" for name in PURE)]
    judges = ("registers", "use", "function", "plan")
    pure += [utils / "_mock_accel" / f"{name}.py" for name in judges]
    profiles = [path for path in python_files(utils / "_gpu_profile") if not path.name.startswith("nvml_")]
    pure += profiles
    allowed = [f"{OURS}.module_utils.{name}" for name in ("_dra", *PURE)]
    allowed += [f"{OURS}.module_utils._gpu_profile.{path.stem}" for path in profiles]
    allowed += [f"{OURS}.module_utils._mock_accel.{name}" for name in judges]
    for path in pure:
        for name in imported(path) if path.exists() else ():
            if top(name) not in sys.stdlib_module_names and not any(is_within(name, one) for one in allowed):
                yield f"{path.relative_to(root)} imports {name}"


def only_plugins_import_plugins(root: Path) -> Iterator[str]:
    """What runs elsewhere (the DRA driver, what is in an image) and the plugins never import each other."""
    for room in ("roles", "charts", "native"):
        for path in python_files(root / room):
            for name in imported(path):
                if top(name) in ("ansible", "ansible_collections"):
                    yield f"{path.relative_to(root)} imports {name}"


def roles_do_not_include_each_other(root: Path) -> Iterator[str]:
    keys = {"include_role", "import_role", "ansible.builtin.include_role", "ansible.builtin.import_role"}
    for role in sorted((root / "roles").glob("*")):
        for path in sorted([*(role / "tasks").rglob("*.yml"), *(role / "handlers").rglob("*.yml")]):
            for task in tasks_of(yaml.safe_load(path.read_text())):
                for key in keys & set(task):
                    yield f"{path.relative_to(root)} includes the role {task[key]}"
        meta = role / "meta" / "main.yml"
        if meta.exists() and (yaml.safe_load(meta.read_text()) or {}).get("dependencies"):
            yield f"{meta.relative_to(root)} names dependencies"


def tasks_of(node: object) -> Iterator[dict[str, object]]:
    """Every mapping of a task file, those in blocks too."""
    if isinstance(node, dict):
        yield node
        for key in ("block", "rescue", "always"):
            yield from tasks_of(node.get(key))
    elif isinstance(node, list):
        for one in node:
            yield from tasks_of(one)


def the_way_out_of_a_role_is_in_its_vars(root: Path) -> Iterator[str]:
    """charts/ and native/ are reached by a path that stands once in a role, in vars/."""
    for path in sorted((root / "roles").glob("*/*/**/*.yml")):
        if path.relative_to(root).parts[2] not in ("vars", "files") and re.search(
            r"role_path\W*\.\.", path.read_text()
        ):
            yield f"{path.relative_to(root)} leaves the role"


def charts_know_nothing_of_ansible(root: Path) -> Iterator[str]:
    for path in sorted((root / "charts").rglob("*")):
        if path.is_file() and path.suffix in (".yaml", ".tpl", ".json", ".txt"):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                code = line.split("#")[0]
                if re.search(r"ansible|mirage\.accel\.", code):
                    yield f"{path.relative_to(root)}:{number} names Ansible"


def our_nvidia_smi_uses_the_public_api(root: Path) -> Iterator[str]:
    folder = root / "native" / "nvml" / "nvidia_smi"
    own = {path.name for path in folder.glob("*.h")} | {"glibc_floor.h", "nvml.h"}
    for path in c_files(folder):
        for header in included(path):
            if header not in own:
                yield f"{path.relative_to(root)} includes {header}"


def native_parts_are_apart(root: Path) -> Iterator[str]:
    """The kernel module and the library share no code, and nobody else includes their headers."""
    headers = {path.name for path in c_files(root / "native" / "nvml") if path.suffix == ".h"}
    rooms = [root / "native" / "mock_accel", root / "roles", root / "charts", root / "plugins"]
    for path in (path for room in rooms for path in c_files(room)):
        for header in included(path):
            if Path(header).name in headers or "native/" in header:
                yield f"{path.relative_to(root)} includes {header}"


UTILS = "plugins/module_utils"
DRA = "roles/dra_driver/files/mock_accel_dra"

RULES = [
    TreeRule(
        modules_import_no_modules,
        {
            "plugins/modules/a.py": f"from {OURS}.modules import b\n",
            f"{UTILS}/a.py": f"import {OURS}.modules.b\n",
        },
        {"plugins/modules/c.py": f"from {OURS}.module_utils import b\n"},
    ),
    TreeRule(
        modules_use_utils_only,
        {
            "plugins/modules/a.py": "import kubernetes\n",
            "plugins/modules/b.py": "def f():\n    from cffi import FFI\n",
            "plugins/modules/c.py": f"from {OURS}.doc_fragments import x\n",
            "plugins/modules/d.py": "from ansible.plugins import x\n",
        },
        {
            "plugins/modules/e.py": "import os\nfrom ansible.module_utils.basic import A\n"
            f"from {OURS}.module_utils import x\n"
        },
    ),
    TreeRule(
        module_utils_know_no_other_room,
        {
            f"{UTILS}/_a.py": "try:\n    import kubernetes\nexcept ImportError:\n    pass\n",
            f"{UTILS}/_b.py": "from ansible.errors import AnsibleError\n",
            f"{UTILS}/_cffi_dep.py": "import kubernetes\n",
            f"{UTILS}/_local/_c.py": "import yaml\n",
        },
        {f"{UTILS}/_kubernetes_dep.py": "import kubernetes.client\nimport urllib3\n"},
    ),
    TreeRule(
        pure_files_import_the_standard_library,
        {
            f"{UTILS}/_dra/a.py": "from ansible.module_utils.basic import AnsibleModule\n",
            f"{UTILS}/_dra/b.py": f"from {OURS}.module_utils import _kubernetes_client\n",
            f"{UTILS}/_profile.py": "import cffi\n",
            f"{UTILS}/_difference.py": f"from {OURS}.module_utils._wait import x\n",
            f"{UTILS}/_mock_accel/plan.py": f"from {OURS}.module_utils._mock_accel.tree import x\n",
        },
        {
            f"{UTILS}/_dra/c.py": f"import re\nfrom {OURS}.module_utils._dra.b import x\n",
            f"{UTILS}/_mock_accel/function.py": f"from {OURS}.module_utils._mock_accel.registers import x\n",
        },
    ),
    TreeRule(
        only_plugins_import_plugins,
        {
            f"{DRA}/a.py": f"from {OURS}.module_utils._dra import quantity\n",
            "charts/c/files/b.py": "import ansible\n",
            "native/nvml/tools/c.py": "from ansible_collections import x\n",
        },
        {f"{DRA}/d.py": "from .config import x\n"},
    ),
    TreeRule(
        roles_do_not_include_each_other,
        {
            "roles/a/tasks/main.yml": "- ansible.builtin.include_role: {name: b}\n",
            "roles/b/tasks/deep/x.yml": "- block:\n    - block: []\n      rescue:\n        - import_role: {name: a}\n",
            "roles/c/meta/main.yml": "dependencies: [a]\n",
        },
        {
            "roles/d/tasks/main.yml": "- ansible.builtin.include_tasks: x.yml\n",
            "roles/d/meta/main.yml": "dependencies: []\n",
        },
    ),
    TreeRule(
        the_way_out_of_a_role_is_in_its_vars,
        {
            "roles/a/tasks/main.yml": '- x: "{{ role_path }}/../../charts"\n',
            "roles/b/defaults/main.yml": "x: \"{{ (role_path ~ '/../../native') | realpath }}\"\n",
        },
        {
            "roles/c/vars/main.yml": 'x: "{{ role_path }}/../../charts"\n',
            "roles/c/tasks/main.yml": '- x: "{{ role_path }}/files"\n',
        },
    ),
    TreeRule(
        charts_know_nothing_of_ansible,
        {
            "charts/a/templates/x.yaml": "a: ansible.builtin.copy\n",
            "charts/b/values.yaml": "a: mirage.accel.go_build\n",
        },
        {
            "charts/c/values.yaml": "# Role mirage.accel.helm_releases sets this; so does Ansible.\na: 1\n",
            "charts/d/values.yaml": "mirage.accel/remove: no\n",
        },
    ),
    TreeRule(
        our_nvidia_smi_uses_the_public_api,
        {
            "native/nvml/nvidia_smi/a.c": '#include "page.h"\n',
            "native/nvml/nvidia_smi/b.c": '#include "../handle.h"\n',
        },
        {"native/nvml/nvidia_smi/c.c": '#include "c.h"\n#include <nvml.h>\n', "native/nvml/nvidia_smi/c.h": "\n"},
    ),
    TreeRule(
        native_parts_are_apart,
        {
            "native/mock_accel/a.c": '#include "page.h"\n',
            "roles/x/files/b.c": '#include "../../../native/mock_accel/u.h"\n',
            "plugins/c.h": '#include "../native/nvml/page.h"\n',
        },
        {"native/nvml/page.h": "\n", "native/mock_accel/d.c": '#include "mock_accel.h"\n'},
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_tree_keeps_the_rule(repo: Path, rule: TreeRule) -> None:
    assert list(rule.violations(repo)) == []


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_rule_finds_what_breaks_it(tmp_path: Path, rule: TreeRule) -> None:
    assert_it_finds_what_breaks_it(rule, tmp_path)
