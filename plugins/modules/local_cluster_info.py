#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: local_cluster_info
short_description: Say how an embedded Kubernetes would run on a host, and what stands in the way
version_added: 0.1.0
description:
  - Reads the facts of a host that an embedded Kubernetes depends on, and what they mean for it.
  - What stands in the way is named before anything starts, each with what to do about it.
author:
  - mirage.accel contributors (@mirage-accel)
options:
  state_dir:
    description: State folder of the cluster.
    type: path
    default: /var/lib/mirage-accel/cluster
  node_address:
    description: IPv4 address of the node.
    type: str
    default: ""
  node_name:
    description: Name of the node. Without it the name is not judged.
    type: str
  pod_cidr:
    description: Addresses of pods.
    type: str
    default: 10.244.0.0/16
  service_cidr:
    description: Addresses of services.
    type: str
    default: 10.96.0.0/12
  certificate_days:
    description: How long a certificate is valid.
    type: int
    default: 365
  certificate_renew_days:
    description: A certificate with fewer days left is made anew.
    type: int
    default: 60
  ports:
    description: TCP ports that the cluster listens on, each with what it is for.
    type: dict
    default: {}
  memory_mib:
    description: Memory that must be available before the cluster starts.
    type: int
    default: 1536
  disk_mib:
    description: Space that must be free at O(state_dir) before the cluster starts.
    type: int
    default: 4096
  libraries:
    description: Python libraries that the host must have for the cluster's modules.
    type: list
    elements: str
    default: [cryptography]
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Only reads.
  platform:
    support: full
    description: Runs on Linux.
    platforms: linux
"""

EXAMPLES = r"""
- name: Read what the host offers
  mirage.accel.local_cluster_info:
    node_address: "{{ ansible_facts['default_ipv4']['address'] }}"
    ports:
      6443: kube-apiserver
  register: host

- name: Refuse a host that cannot run a cluster
  ansible.builtin.assert:
    that: not host.problems
    fail_msg: "{{ host.problems | join('; ') }}"
"""

RETURN = r"""
facts:
  description: What was read.
  type: dict
  returned: success
choices:
  description: How the cluster's parts are set up on this host.
  type: dict
  returned: success
  sample:
    cgroup_driver: cgroupfs
    fail_cgroup_v1: false
    forward_dns: true
    resolv_conf: /etc/resolv.conf
    restrict_oom_score_adj: true
    snapshotter: overlayfs
    supervisor: supervisord
problems:
  description: What stands in the way, each with what to do.
  type: list
  elements: str
  returned: success
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._local_cluster.choices import choose, find_problems
from ansible_collections.mirage.accel.plugins.module_utils._local_cluster.facts import gather
from ansible_collections.mirage.accel.plugins.module_utils._local_cluster.settings import Settings, setting_problems


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            "state_dir": {"type": "path", "default": "/var/lib/mirage-accel/cluster"},
            "node_address": {"type": "str", "default": ""},
            "node_name": {"type": "str"},
            "pod_cidr": {"type": "str", "default": "10.244.0.0/16"},
            "service_cidr": {"type": "str", "default": "10.96.0.0/12"},
            "certificate_days": {"type": "int", "default": 365},
            "certificate_renew_days": {"type": "int", "default": 60},
            "ports": {"type": "dict", "default": {}},
            "memory_mib": {"type": "int", "default": 1536},
            "disk_mib": {"type": "int", "default": 4096},
            "libraries": {"type": "list", "elements": "str", "default": ["cryptography"]},
        },
        supports_check_mode=True,
    )
    params = module.params
    ports = {str(port): str(purpose) for port, purpose in params["ports"].items()}
    settings = Settings(
        params["node_name"],
        params["pod_cidr"],
        params["service_cidr"],
        params["certificate_days"],
        params["certificate_renew_days"],
    )
    facts = gather(params["state_dir"], params["node_address"], libraries=params["libraries"])
    module.exit_json(
        changed=False,
        facts=facts,
        choices=choose(facts),
        problems=[
            *setting_problems(settings),
            *find_problems(facts, ports, params["memory_mib"], params["disk_mib"]),
        ],
    )


if __name__ == "__main__":
    main()
