#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: local_cluster_host
short_description: Prepare a host for an embedded Kubernetes, and put it back
version_added: 0.1.0
description:
  - With O(state=present), remembers what the host is like (settings of the kernel, packet filter chains, folders),
    once, and gives the cluster what it needs of it, which is mounts that propagate and forwarding of IPv4.
  - With O(state=absent), ends every process of the cluster with all its containers, and removes its mounts, links,
    packet filter rules, control groups and folders. What was remembered is put back.
  - Only what the cluster brought is removed. Chains, folders and settings that were there before stay as they were.
    What others keep beside the cluster's things in a folder that came with it stays too, with a warning.
  - With O(state=present), a state or runtime folder that holds something, and is not remembered to be the cluster's, is
    refused. With O(state=absent) nothing of such a folder is removed.
  - The kernel modules br_netfilter and overlay are loaded where they are missing. Where systemd runs, files in
    C(/etc/modules-load.d) and C(/etc/sysctl.d) do so at every boot.
author:
  - mirage.accel contributors (@mirage-accel)
options:
  state:
    description: Whether the host is prepared for the cluster.
    type: str
    choices: [present, absent]
    default: present
  state_dir:
    description: State folder of the cluster.
    type: path
    default: /var/lib/mirage-accel/cluster
  runtime_dir:
    description: Folder of the cluster's sockets.
    type: path
    default: /run/mirage-accel
  bridge:
    description: Bridge of the pods.
    type: str
    default: mirage0
  network:
    description: Name of the CNI network.
    type: str
    default: mirage
  route_protocol:
    description: Mark of the routes to the pods of other nodes, a number that C(ip route) takes for C(proto).
    type: int
    default: 77
attributes:
  check_mode:
    support: full
    description: Says what would be done.
  diff_mode:
    support: none
    description: RV(actions) says everything.
  platform:
    support: full
    description: Runs on Linux.
    platforms: linux
"""

EXAMPLES = r"""
- name: Prepare the host
  mirage.accel.local_cluster_host:

- name: Put the host back
  mirage.accel.local_cluster_host:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [set net.ipv4.ip_forward to 1]
snapshotter:
  description: containerd's snapshotter, which is chosen when the host is prepared first and then stays.
  type: str
  returned: success and O(state=present)
  sample: overlayfs
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._local_cluster.host import (
    Removal,
    Site,
    prepare,
    snapshotter_of,
)


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "state_dir": {"type": "path", "default": "/var/lib/mirage-accel/cluster"},
            "runtime_dir": {"type": "path", "default": "/run/mirage-accel"},
            "bridge": {"type": "str", "default": "mirage0"},
            "network": {"type": "str", "default": "mirage"},
            "route_protocol": {"type": "int", "default": 77},
        },
        supports_check_mode=True,
    )
    params = module.params
    names = ("state_dir", "runtime_dir", "bridge", "network", "route_protocol")
    site = Site(**{name: params[name] for name in names})
    try:
        if params["state"] == "present":
            actions = prepare(site, module.check_mode)
            more = {"snapshotter": snapshotter_of(site, module.check_mode)}
        else:
            removal = Removal(site, module.check_mode)
            actions, more = removal.run(), {}
            for kept in removal.kept:
                module.warn(kept)
    except (MirageError, OSError) as exc:
        verb = "preparing" if params["state"] == "present" else "putting back"
        module.fail_json(msg=f"Error while {verb} the host: {exc}")
    module.exit_json(changed=bool(actions), actions=actions, **more)


if __name__ == "__main__":
    main()
