# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's facts mean for the kernel module mock_accel: how it gets there, and what stands in the way.

Messages quote the options of mock_accel_host_info, as 'install', so that a role can name its own variables instead.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils import _pci_domains
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.use import Sighting, reasons

CAP_SYS_MODULE = 16
SIZES = {"K": 10, "M": 20, "G": 30, "T": 40}
TEXTS = ("uuid_seed", "numa_nodes")
# The numbers of virtual functions change without loading anew.
RUNTIME = ("num_vfs",)

Facts = t.Mapping[str, t.Any]


class Module(t.NamedTuple):
    """What the controller has: a built module, of this file, for this kernel, signed or not."""

    file: str = ""
    exists: bool = False
    vermagic: str = ""
    signed: bool = False


class Wish(t.NamedTuple):
    """What was asked for."""

    install: str = "auto"
    module: Module = Module()
    signing_key: str = ""
    certificate: str = ""
    first_domain: str = "auto"
    num_roots: int = 1
    gpu_domains: tuple[str, ...] = ()


def choose_way(facts: Facts, wish: Wish) -> str:
    """How the module gets on the host."""
    if wish.install != "auto":
        return wish.install
    if wish.module.file:
        return "prebuilt"
    return "dkms" if "dkms" in facts["commands"] and facts["headers"] else "headers"


def choose_sign_command(facts: Facts) -> str:
    """The command that signs a module; both take the same arguments."""
    return facts["sign_file"] or ("kmodsign" if "kmodsign" in facts["commands"] else "")


def choose_persistence(facts: Facts, persist: str) -> str:
    if persist != "auto":
        return persist
    return "systemd" if facts["systemd"] else "init"


def configured_domain(facts: Facts) -> int:
    """The first domain that an earlier run has chosen; 0 for none."""
    found = re.search(r"\bfirst_domain=(0x[0-9a-f]+)", facts["configured"])
    return int(found.group(1), 16) if found else 0


def choose_first_domain(facts: Facts, wish: Wish) -> str:
    """The asked one, else the one chosen before, else the first from which on as many as needed are free."""
    if wish.first_domain != "auto":
        return f"0x{int(wish.first_domain, 0):04x}"
    taken = {int(name, 16) for name, ours in facts["domains"].items() if not ours}
    taken |= {int(name, 16) for name in wish.gpu_domains}
    before = configured_domain(facts)
    for start in ([before] if before else []) + list(_pci_domains.places(wish.num_roots)):
        if taken.isdisjoint(range(start, start + wish.num_roots)):
            return f"0x{start:04x}"
    return f"0x{_pci_domains.FIRST:04x}"


def kernel_problems(facts: Facts) -> list[str]:
    """Why no module can be loaded on this host at all; the first reason says enough."""
    if facts["architecture"] not in ("x86_64", "i686"):
        return [f"the module is for x86, and this machine is {facts['architecture']}"]
    if not facts["has_modules"]:
        return [f"its kernel {facts['kernel']} is built without loadable modules (there is no /proc/modules)"]
    if facts["modules_disabled"]:
        return ["its kernel loads no more modules until it is booted again (kernel.modules_disabled is 1)"]
    if not facts["capabilities"] >> CAP_SYS_MODULE & 1:
        return [
            "the right to load modules (CAP_SYS_MODULE) is missing, as in most containers: run it on the machine itself"
        ]
    if "modprobe" not in facts["commands"]:
        return ["the command modprobe is missing: install the package kmod"]
    return []


def module_problems(facts: Facts, module: Module) -> list[str]:
    """Whether a built module fits the kernel."""
    if not module.file:
        return ["'install' is prebuilt, but 'module' names no file"]
    if not module.exists:
        return [f"there is no module {module.file} on the controller ('module')"]
    if module.vermagic.split(" ")[0] != facts["kernel"]:
        return [
            f"{module.file} is for kernel {module.vermagic.split(' ')[0] or 'unknown'}, and this host runs "
            f"{facts['kernel']}: build it for that one ('module')"
        ]
    return []


def build_problems(facts: Facts, way: str) -> list[str]:
    """Whether the module can be built on the host."""
    problems = []
    if way == "dkms" and "dkms" not in facts["commands"]:
        problems.append("the command dkms is missing: install the package dkms, or set 'install' to headers")
    if not facts["headers"]:
        problems.append(
            f"there are no headers of kernel {facts['kernel']} in /lib/modules/{facts['kernel']}/build: install them "
            f"(Debian: linux-headers-{facts['kernel']}), or give a built one as 'module'"
        )
    tools = [name for name in ("gcc", "make") if name not in facts["commands"]]
    if tools:
        problems.append(f"{' and '.join(tools)} must be installed to build the module")
    return problems


def signing_problems(facts: Facts, way: str, wish: Wish) -> list[str]:
    """Whether the kernel will take the module as far as signatures go."""
    if bool(wish.signing_key) != bool(wish.certificate):
        return ["'signing_key' and 'signing_certificate' belong together: set both or none"]
    if wish.signing_key and not choose_sign_command(facts):
        return [
            "nothing on this host can sign the module: scripts/sign-file of the kernel's headers or the command "
            "kmodsign is needed"
        ]
    signed = wish.signing_key or (way == "prebuilt" and wish.module.signed)
    if facts["enforcement"] and not signed:
        return [
            f"its kernel only loads signed modules ({facts['enforcement']}): set 'signing_key' and "
            "'signing_certificate' to a key that the machine trusts"
        ]
    return []


def find_problems(facts: Facts, wish: Wish) -> list[str]:
    """Why the module cannot be loaded on this host, each with what to do."""
    problems = kernel_problems(facts)
    if problems:
        return problems
    way = choose_way(facts, wish)
    problems = module_problems(facts, wish.module) if way == "prebuilt" else build_problems(facts, way)
    return [*problems, *signing_problems(facts, way, wish)]


def find_users(facts: Facts) -> list[str]:
    """Why the module cannot be taken out of the kernel now, by name."""
    users = []
    for name in sorted({*facts["allocated"], *facts["hanging"], *facts["foreign"], *facts["opened"]}):
        # Of one that was pulled out there is no name any more, but the module stays with it.
        label = f"the device {name}, which is gone," if ":" in name else name
        openers = [(opener["pid"], opener["command"]) for opener in facts["opened"].get(name, [])]
        responding, driver = name not in facts["hanging"], facts["foreign"].get(name)
        users += reasons(Sighting(label, name in facts["allocated"], responding, driver, openers))
    others = [name for name in facts["functions"] if name not in facts["made_functions"]]
    return users + [
        f"function {name} in configfs was not made by mock-accel-functions: remove it with rmdir" for name in others
    ]


def normal(name: str, value: str) -> str:
    """A parameter in one form, whether it was written by people or by the kernel."""
    if name in TEXTS:
        return value
    shift = SIZES.get(value[-1:].upper(), 0)
    try:
        return str(int(value[:-1] if shift else value, 0) << shift)
    except ValueError:
        return value


def changed_parameters(facts: Facts, wanted: t.Mapping[str, str]) -> list[str]:
    """Parameters of the loaded module that are not as wanted and that only loading anew can change.

    An empty seed is the kernel's own choice, which it shows; of NUMA nodes it shows those that were named.
    """
    changed = []
    for name, value in wanted.items():
        loaded = facts["parameters"].get(name)
        if loaded is None or name in RUNTIME or (name == "uuid_seed" and not value):
            continue
        if normal(name, loaded) != normal(name, str(value)):
            changed.append(f"{name} {loaded or 'all'} -> {value if value != '' else 'all'}")
    return changed
