#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as a host of its own, for who is not a test of pytest, and the module that fits its kernel.

guest_host.py start --kernel NAME --dir DIR    start one, print as JSON how Ansible reaches it; DIR appears with it
guest_host.py stop --dir DIR                   end it and remove DIR
guest_host.py module --kernel NAME --dir DIR   build DIR/module/mock_accel.ko for its kernel, print what kernel that is

--node: with memory for a node of Kubernetes, and a network that this host shares (addresses of guest_wire.py).
NAME is bookworm (Debian 12's kernel), trixie or newest. What is written in a guest outlives reboots, until it ends.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

GUEST_MEMORY_MIB, NODE_MEMORY_MIB = 1024, 3072
REPO = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mirage.accel"

# What follows needs the collection, which is this checkout.
_AnsibleCollectionFinder(paths=[str(REPO / ".collections")])._install()

import debian_kernel  # noqa: E402
import guest  # noqa: E402
import guest_image  # noqa: E402
import guest_wire  # noqa: E402
import module_build  # noqa: E402
import root_file_system  # noqa: E402


def start(name: str, place: Path, as_node: bool) -> dict[str, object]:
    kernel = debian_kernel.find(CACHE, name)
    rootfs = root_file_system.archive(root_file_system.GUEST_PACKAGES)
    disk = guest_image.disk(CACHE, rootfs, kernel)
    place.mkdir(parents=True, mode=0o700)
    wire = guest_wire.Wire() if as_node else None
    memory = NODE_MEMORY_MIB if as_node else GUEST_MEMORY_MIB
    try:
        busybox = guest_image.busybox(CACHE)
        guest.start(place, disk, kernel, busybox, name=f"guest-{name}", wire=wire, memory_mib=memory)
    except BaseException:
        guest.stop(place)
        raise
    return {
        "ansible_host": wire.guest if wire else "127.0.0.1",
        "ansible_port": int((place / "port").read_text()),
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(place / "id"),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={place}/known_hosts -o HostKeyAlias=guest",
    }


def module(name: str, folder: Path) -> dict[str, str]:
    kernel = debian_kernel.find(CACHE, name)
    done = module_build.build(kernel, folder)
    if done.returncode:
        raise guest.GuestError(f"the module was not built for Linux {kernel.release}:\n{done.stdout}{done.stderr}")
    return {"release": kernel.release, "file": str(folder / "module/mock_accel.ko")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["start", "stop", "module"])
    parser.add_argument("--kernel", choices=debian_kernel.NAMES, default="bookworm")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--node", action="store_true")
    arguments = parser.parse_args()
    place = arguments.dir.absolute()
    try:
        if arguments.action == "stop":
            guest.stop(place)
        elif arguments.action == "module":
            print(json.dumps(module(arguments.kernel, place)))
        else:
            print(json.dumps(start(arguments.kernel, place, arguments.node)))
    except (guest.GuestError, guest_wire.WireError, root_file_system.RootFileSystemError, OSError) as error:
        print(f"guest_host.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
