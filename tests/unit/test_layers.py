# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way imports and references point, read from the files of the whole tree, so that the rules grow with it.

Each rule is a function of the top folder that gives its violations; a second test shows each a tree that breaks it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

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
# Oldest Python of a host that modules run on, as their documentation says.
OLDEST_PYTHON = (3, 9)

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
    (0, re.compile(r"log")),
    (
        1,
        re.compile(
            r"page(_\w+)?|profile(_\w+)?|state(_\w+)?|source|visible|identity|motion(_\w+)?|trace|fault_kind|host|boot|readings"
        ),
    ),
    (2, re.compile(r"handle")),
]


def python_files(folder: Path) -> Iterator[Path]:
    # Stubs that protoc has written are of its making.
    return (path for path in sorted(folder.rglob("*.py")) if "api" not in path.parts and "build" not in path.parts)


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, by its full name; of `from a import b` both a.b and a count as a.b."""
    for statement in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            prefix = "." * statement.level + (statement.module or "")
            yield from (f"{prefix}.{alias.name}" for alias in statement.names)


def top(name: str) -> str:
    return name.split(".")[0]


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


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


def included(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.MULTILINE)


def c_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.[ch]")) if "build" not in path.parts)


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


def has_annotations(tree: ast.AST) -> bool:
    return any(getattr(node, "annotation", None) or getattr(node, "returns", None) for node in ast.walk(tree))


def plugins_speak_the_oldest_python(root: Path) -> Iterator[str]:
    for path in python_files(root / "plugins"):
        try:
            tree = ast.parse(path.read_text(), str(path), feature_version=OLDEST_PYTHON)
        except SyntaxError as error:
            yield f"{path.relative_to(root)}: {error.msg}"
            continue
        future = [s for s in tree.body if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
        # Without it, annotations such as `str | None` are evaluated, which is younger than that.
        if has_annotations(tree) and not any(alias.name == "annotations" for s in future for alias in s.names):
            yield f"{path.relative_to(root)}: annotations are evaluated"


RULES: list[Callable[[Path], Iterator[str]]] = [
    modules_import_no_modules,
    modules_use_utils_only,
    module_utils_know_no_other_room,
    pure_files_import_the_standard_library,
    only_plugins_import_plugins,
    driver_points_down,
    the_command_points_down,
    roles_do_not_include_each_other,
    the_way_out_of_a_role_is_in_its_vars,
    charts_know_nothing_of_ansible,
    the_library_points_down,
    getters_parse_nothing,
    our_nvidia_smi_uses_the_public_api,
    native_parts_are_apart,
    plugins_speak_the_oldest_python,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(repo: Path, rule: Callable[[Path], Iterator[str]]) -> None:
    assert list(rule(repo)) == []


UTILS = "plugins/module_utils"
DRA = "roles/dra_driver/files/mock_accel_dra"
COMMAND_FILES = "roles/mock_accel/files/mock_accel_functions"
FUTURE = "from __future__ import annotations\n"

# For each rule: files that break it (one violation each) and files that come near and do not.
EXAMPLES: dict[Callable[[Path], Iterator[str]], tuple[dict[str, str], dict[str, str]]] = {
    modules_import_no_modules: (
        {
            "plugins/modules/a.py": f"from {OURS}.modules import b\n",
            f"{UTILS}/a.py": f"import {OURS}.modules.b\n",
        },
        {"plugins/modules/c.py": f"from {OURS}.module_utils import b\n"},
    ),
    modules_use_utils_only: (
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
    module_utils_know_no_other_room: (
        {
            f"{UTILS}/_a.py": "try:\n    import kubernetes\nexcept ImportError:\n    pass\n",
            f"{UTILS}/_b.py": "from ansible.errors import AnsibleError\n",
            f"{UTILS}/_cffi_dep.py": "import kubernetes\n",
            f"{UTILS}/_local/_c.py": "import yaml\n",
        },
        {f"{UTILS}/_kubernetes_dep.py": "import kubernetes.client\nimport urllib3\n"},
    ),
    pure_files_import_the_standard_library: (
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
    only_plugins_import_plugins: (
        {
            f"{DRA}/a.py": f"from {OURS}.module_utils._dra import quantity\n",
            "charts/c/files/b.py": "import ansible\n",
            "native/nvml/tools/c.py": "from ansible_collections import x\n",
        },
        {f"{DRA}/d.py": "from .config import x\n"},
    ),
    driver_points_down: (
        {
            f"{DRA}/errors.py": "from .config import x\n",
            f"{DRA}/slices.py": "from . import kube\n",
            f"{DRA}/state.py": "from .plugin import x\n",
            f"{DRA}/cdi.py": "from .checkpoint import x\n",
        },
        {f"{DRA}/plugin.py": "from .state import x\nfrom . import errors\nimport json\n"},
    ),
    the_command_points_down: (
        {
            f"{COMMAND_FILES}/errors.py": "from .attributes import x\n",
            f"{COMMAND_FILES}/kernel.py": "from .change import x\n",
            f"{COMMAND_FILES}/vfs.py": "import yaml\n",
        },
        {f"{COMMAND_FILES}/change.py": "import json\nfrom .kernel import x\n"},
    ),
    roles_do_not_include_each_other: (
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
    the_way_out_of_a_role_is_in_its_vars: (
        {
            "roles/a/tasks/main.yml": '- x: "{{ role_path }}/../../charts"\n',
            "roles/b/defaults/main.yml": "x: \"{{ (role_path ~ '/../../native') | realpath }}\"\n",
        },
        {
            "roles/c/vars/main.yml": 'x: "{{ role_path }}/../../charts"\n',
            "roles/c/tasks/main.yml": '- x: "{{ role_path }}/files"\n',
        },
    ),
    charts_know_nothing_of_ansible: (
        {
            "charts/a/templates/x.yaml": "a: ansible.builtin.copy\n",
            "charts/b/values.yaml": "a: mirage.accel.go_build\n",
        },
        {
            "charts/c/values.yaml": "# Role mirage.accel.helm_releases sets this; so does Ansible.\na: 1\n",
            "charts/d/values.yaml": "mirage.accel/remove: no\n",
        },
    ),
    the_library_points_down: (
        {
            "native/nvml/log.c": '#include "page.h"\n',
            "native/nvml/page_write.c": '#include "handle.h"\n',
            "native/nvml/handle.c": '#  include "nvml_internal.h"\n',
        },
        {"native/nvml/nvml_pci.c": '#include "nvml_internal.h"\n#include "page.h"\n#include <nvml_internal.h>\n'},
    ),
    getters_parse_nothing: (
        {"native/nvml/nvml_init.c": "#include <yaml.h>\n", "native/nvml/page.c": '# include "profile_internal.h"\n'},
        {"native/nvml/profile_yaml.c": "#include <yaml.h>\n", "native/nvml/mock_nvml.c": "#include <yaml.h>\n"},
    ),
    our_nvidia_smi_uses_the_public_api: (
        {
            "native/nvml/nvidia_smi/a.c": '#include "page.h"\n',
            "native/nvml/nvidia_smi/b.c": '#include "../handle.h"\n',
        },
        {"native/nvml/nvidia_smi/c.c": '#include "c.h"\n#include <nvml.h>\n', "native/nvml/nvidia_smi/c.h": "\n"},
    ),
    native_parts_are_apart: (
        {
            "native/mock_accel/a.c": '#include "page.h"\n',
            "roles/x/files/b.c": '#include "../../../native/mock_accel/u.h"\n',
            "plugins/c.h": '#include "../native/nvml/page.h"\n',
        },
        {"native/nvml/page.h": "\n", "native/mock_accel/d.c": '#include "mock_accel.h"\n'},
    ),
    plugins_speak_the_oldest_python: (
        {
            "plugins/modules/a.py": FUTURE + "match 1:\n    case 1: pass\n",
            "plugins/filter/b.py": "def f(a: str | None) -> None: ...\n",
        },
        {f"{UTILS}/c.py": FUTURE + "def f(a: str | None) -> None: ...\n", f"{UTILS}/__init__.py": "x = 1\n"},
    ),
}


def test_every_rule_has_its_examples() -> None:
    assert set(EXAMPLES) == set(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_what_breaks_it(tmp_path: Path, rule: Callable[[Path], Iterator[str]]) -> None:
    broken, kept = EXAMPLES[rule]
    for name, text in {**broken, **kept}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = list(rule(tmp_path))
    assert {re.split(r"[ :]", violation)[0] for violation in found} == set(broken)
    assert len(found) == len(broken)
