#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_device_verify
version_added: "0.1.0"
short_description: Verify that a container has the devices that it should
description:
  - Looks into a running container, by running commands in it, and compares its environment, its device nodes and the
    GPUs that NVML shows there (through C(nvidia-smi -L)) with what is expected. Compares the health that the kubelet
    tells of the container's devices, too.
  - With O(uuids_of_claims), the GPUs must be just those that the pod's claims have been given.
  - With O(wait), the pod is watched until its container runs and its health is as expected; what is inside is then
    looked at once.
options:
  name:
    description: Name of the pod.
    type: str
    required: true
  namespace:
    description: Namespace of the pod.
    type: str
    default: default
  container:
    description: Name of the container. Without it, the pod's first.
    type: str
  environment:
    description:
      - Expected variables by name. An empty value (V(null)) means that the variable must not be there, a mapping with
        C(regex) that its value must match. For it, the image needs the command C(env).
    type: dict
    default: {}
  device_nodes:
    description: Paths of character devices that must be there. For it, the image needs C(sh).
    type: list
    elements: str
    default: []
  absent_device_nodes:
    description: Paths of character devices that must not be there. For it, the image needs C(sh).
    type: list
    elements: str
    default: []
  uuids:
    description: UUIDs of the GPUs that NVML must show, just these.
    type: list
    elements: str
  uuids_of_claims:
    description: Whether NVML must show just the GPUs that the container's claims have been given.
    type: bool
    default: false
  uuid_attribute:
    description: Name of the attribute of a device in a ResourceSlice that holds its UUID, for O(uuids_of_claims).
    type: str
    default: uuid
  gpu_count:
    description: Number of GPUs that NVML must show.
    type: int
  nvidia_smi:
    description: The command C(nvidia-smi) in the container.
    type: str
    default: nvidia-smi
  health:
    description:
      - Health that the kubelet must tell of each of the container's devices in C(status.allocatedResourcesStatus). The
        feature gate ResourceHealthStatus makes it do so.
    type: str
    choices: [Healthy, Unhealthy, Unknown]
  wait:
    description: Whether to wait until the container runs and the health is as expected.
    type: bool
    default: false
  wait_timeout:
    description: How many seconds to wait before the differences that are left make the module fail.
    type: int
    default: 120
notes:
  - The user needs the verbs C(list) and, for O(wait), C(watch) on pods, C(get) and C(create) on pods/exec, and for
    O(uuids_of_claims) C(list) on resourceclaims and resourceslices.
extends_documentation_fragment:
  - mirage.accel._attributes.read_only
  - mirage.accel._kubernetes_auth
seealso:
  - module: mirage.accel.resource_claim_verify
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Verify that a pod sees just the two GPUs of its claim
  mirage.accel.pod_device_verify:
    name: train-0
    namespace: training
    uuids_of_claims: true
    gpu_count: 2
    device_nodes: [/dev/nvidiactl]
    wait: true

- name: Verify what a mock accelerator's driver has put into a container
  mirage.accel.pod_device_verify:
    name: test-pod
    environment:
      MOCK_ACCEL_UUID:
        regex: ^[0-9a-f-]{36}$
      NVIDIA_VISIBLE_DEVICES:

- name: Verify that the kubelet calls the devices healthy
  mirage.accel.pod_device_verify:
    name: train-0
    health: Healthy
"""

RETURN = r"""
container:
  description: Name of the container.
  returned: when the API server answered
  type: str
  sample: main
differences:
  description:
    - Everything that is not as expected; empty when the module succeeds. C(msg) tells the first three and how many
      there are.
    - Not there when the module fails for another reason, for example because a command cannot be run.
  returned: when the API server answered
  type: list
  elements: dict
  contains:
    path:
      description: Where, for example V(pods[default/train-0].containers[main].environment[A]).
      type: str
    expected:
      description: What was expected.
      type: raw
    actual:
      description: What was found; V(null) where there is nothing.
      type: raw
  sample:
    - path: pods[training/train-0].containers[main].gpus[GPU-4d0a5524-1d1d-5a33-8463-31a79f163b88]
      expected: present
      actual:
uuids:
  description: UUIDs of the GPUs that NVML shows; V(null) where it was not asked.
  returned: when the API server answered
  type: list
  elements: str
  sample: [GPU-4d0a5524-1d1d-5a33-8463-31a79f163b88]
claimed_uuids:
  description: UUIDs of the GPUs that the container's claims have been given, with O(uuids_of_claims); else V(null).
  returned: when the API server answered
  type: list
  elements: str
  sample: [GPU-4d0a5524-1d1d-5a33-8463-31a79f163b88]
waited:
  description: Seconds until the container was as expected, or until the module gave up.
  returned: when the API server answered
  type: float
  sample: 0.1
"""

import dataclasses
import re
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import (
    _container_devices,
    _dra_api,
    _kubernetes_client,
    _kubernetes_exec,
    _wait,
)
from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference
from ansible_collections.mirage.accel.plugins.module_utils._dra import pods, resource_slice
from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import ExpectationError
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import parse_claim
from ansible_collections.mirage.accel.plugins.module_utils._errors import ApiError
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_args import AUTH_ARGS, WAIT_ARGS, argument_spec
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_module import Finding, conclude, sentence

Json = dict[str, t.Any]

OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": "default"},
    "container": {"type": "str"},
    "environment": {"type": "dict", "default": {}},
    "device_nodes": {"type": "list", "elements": "str", "default": []},
    "absent_device_nodes": {"type": "list", "elements": "str", "default": []},
    "uuids": {"type": "list", "elements": "str"},
    "uuids_of_claims": {"type": "bool", "default": False},
    "uuid_attribute": {"type": "str", "default": "uuid"},
    "gpu_count": {"type": "int"},
    "nvidia_smi": {"type": "str", "default": "nvidia-smi"},
    "health": {"type": "str", "choices": ["Healthy", "Unhealthy", "Unknown"]},
}
# Prints those of its arguments that are character devices.
_NODES = 'for node; do if [ -c "$node" ]; then printf "%s\\n" "$node"; fi; done'


def expected_of(params: Json) -> _container_devices.Expectation:
    """What the options ask for; ExpectationError says which of them cannot be meant."""
    for name, value in params["environment"].items():
        if isinstance(value, dict):
            if set(value) != {"regex"}:
                raise ExpectationError(f"environment[{name}]: expected a value or a mapping with the one key regex")
            try:
                re.compile(value["regex"])
            except (re.error, TypeError) as error:
                raise ExpectationError(
                    f"environment[{name}].regex: {value['regex']!r} is no regular expression: {error}"
                ) from error
    return _container_devices.Expectation(
        environment=params["environment"],
        device_nodes=tuple(params["device_nodes"]),
        absent_device_nodes=tuple(params["absent_device_nodes"]),
        uuids=None if params["uuids"] is None else tuple(params["uuids"]),
        gpu_count=params["gpu_count"],
    )


class Container:
    """One container of a pod at an API server."""

    def __init__(self, client: _kubernetes_client.Client, pod: Json, name: str, path: str) -> None:
        self.name = name
        self.path = path
        self._client = client
        self._pod = pod
        self._namespace = pod["metadata"]["namespace"]

    def look(self, expected: _container_devices.Expectation, nvidia_smi: str) -> _container_devices.Seen:
        """What is inside, as far as it is expected to be something."""
        nodes = sorted({*expected.device_nodes, *expected.absent_device_nodes})
        environment = self._run(["env"]) if expected.environment else None
        present = self._run(["sh", "-c", _NODES, "sh", *nodes]) if nodes else None
        gpus = self._run([nvidia_smi, "-L"]) if expected.looks_at_gpus else None
        return _container_devices.Seen(
            environment=None if environment is None else _container_devices.parse_environment(environment),
            device_nodes=None if present is None else frozenset(present.split("\n")),
            uuids=None if gpus is None else _container_devices.parse_uuids(gpus),
        )

    def uuids_of_claims(self, attribute: str) -> tuple[str, ...]:
        """UUIDs of the devices that the container's claims have been given."""
        api = _dra_api.discover(self._client)
        claims, _version = api.claims(self._namespace).list(_wait.FIRST_LIST)
        slices, _version = api.slices().list(_wait.FIRST_LIST)
        pools = resource_slice.pools(map(resource_slice.parse_slice, slices))
        devices = {device.key: device for pool in pools for device in pool.devices}
        found = []
        for allocation in pods.container_devices(self._pod, self.name, list(map(parse_claim, claims))):
            device = devices.get(allocation.key)
            uuid = device and device.attribute(attribute)
            if not uuid:
                raise ApiError(
                    f"Error while looking up the UUIDs of the claims of {self.path}: device"
                    f" {allocation.pool}/{allocation.device} of {allocation.driver} has no attribute {attribute}"
                    " in a ResourceSlice; set uuid_attribute, or give the UUIDs in uuids"
                )
            found.append(uuid.value)
        return tuple(found)

    def _run(self, command: list[str]) -> str:
        pod = self._pod["metadata"]["name"]
        done = _kubernetes_exec.run(self._client, self._namespace, pod, self.name, command)
        if done.status == 0:
            return done.output
        said = " ".join(f"{done.reason} {done.errors or done.output}".split())
        raise ApiError(
            f"Error while running {command[0]} in {self.path}: {said[:400]};"
            " check that the image has the command, and that it can run there"
        )


def chosen_container(params: Json, pod: Json) -> str:
    names = [one["name"] for one in pod["spec"]["containers"] + (pod["spec"].get("initContainers") or [])]
    if params["container"] is None:
        return str(names[0])
    if params["container"] not in names:
        raise ExpectationError(f"container: the pod has no container {params['container']}; it has {', '.join(names)}")
    return str(params["container"])


def running(params: Json, items: list[Json]) -> t.Iterator[Difference]:
    """A difference where there is no such pod, or where its container does not run."""
    path = f"pods[{params['namespace']}/{params['name']}]"
    if not items:
        yield Difference(path, "present", None)
        return
    name = chosen_container(params, items[0])
    status = pods.container_status(items[0], name)
    if "running" not in (status.get("state") or {}):
        yield Difference(f"{path}.containers[{name}].state", "running", pods.state_text(items[0], status))


def outside(params: Json, items: list[Json]) -> t.Iterator[Difference]:
    """What can be told without looking inside: whether the container runs, and the health of its devices."""
    stopped = list(running(params, items))
    yield from stopped
    if not stopped:
        name = chosen_container(params, items[0])
        statuses = pods.container_status(items[0], name).get("allocatedResourcesStatus") or ()
        path = f"pods[{params['namespace']}/{params['name']}].containers[{name}]"
        yield from _container_devices.compare_health(params["health"], statuses, path)


class Inside(t.NamedTuple):
    """What a look into the container has found; None where it was not asked for."""

    differences: list[Difference] = []
    uuids: list[str] | None = None
    claimed_uuids: list[str] | None = None


def inside(client: _kubernetes_client.Client, params: Json, pod: Json) -> Inside:
    """What is different inside the container, the UUIDs that NVML shows there, and those of its claims."""
    expected = expected_of(params)
    path = f"pods[{params['namespace']}/{params['name']}].containers[{chosen_container(params, pod)}]"
    container = Container(client, pod, chosen_container(params, pod), path)
    claimed = None
    if params["uuids_of_claims"]:
        claimed = list(container.uuids_of_claims(params["uuid_attribute"]))
        expected = dataclasses.replace(expected, uuids=tuple(claimed))
    seen = container.look(expected, params["nvidia_smi"])
    uuids = None if seen.uuids is None else list(seen.uuids)
    return Inside(list(_container_devices.compare(expected, seen, path)), uuids, claimed)


def verify(params: Json) -> Finding:
    """The module's answer, and in words what is wrong (empty: nothing)."""
    expected_of(params)
    started = time.monotonic()
    client = _kubernetes_client.connect({name: params[name] for name in AUTH_ARGS})
    outcome = _wait.watch_until(
        client.collection(
            f"/api/v1/namespaces/{params['namespace']}/pods",
            "listing pods",
            fieldSelector=f"metadata.name={params['name']}",
        ),
        lambda items: next(outside(params, items), None) is None,
        timeout=params["wait_timeout"] if params["wait"] else 0,
    )
    found, seen = list(outside(params, outcome.items)), Inside()
    if next(running(params, outcome.items), None) is None:
        seen = inside(client, params, outcome.items[0])
        found += seen.differences
    waited = round(time.monotonic() - started, 1)
    answer = {
        "container": chosen_container(params, outcome.items[0]) if outcome.items else params["container"] or "",
        "differences": [difference.as_dict() for difference in found],
        "uuids": seen.uuids,
        "claimed_uuids": seen.claimed_uuids,
        "waited": waited,
    }
    if not found:
        return Finding(answer)
    what = f"pod {params['namespace']}/{params['name']}"
    return Finding(answer, sentence(what, found, waited if params["wait"] else None, outcome.error))


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec=argument_spec(OPTIONS, WAIT_ARGS),
        mutually_exclusive=[("uuids", "uuids_of_claims")],
        supports_check_mode=True,
    )
    conclude(module, verify)


if __name__ == "__main__":
    main()
