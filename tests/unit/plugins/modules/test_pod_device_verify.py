# SPDX-License-Identifier: GPL-3.0-or-later
"""The module against recorded pods; what commands in the container print is given, how they are run is tested apart."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.module_utils import _container_devices, _kubernetes_exec
from ansible_collections.mirage.accel.plugins.modules import pod_device_verify as verify

RunModule = Callable[..., dict[str, t.Any]]
Items = list[dict[str, t.Any]]

POD = "pods[default/train-0]"
MAIN = f"{POD}.containers[main]"
# Of worker-0's gpu-0 and gpu-1, which the claim two-gpus has.
ZERO = "GPU-4d0a5524-1d1d-5a33-8463-31a79f163b88"
ENVIRONMENT = "PATH=/bin\nEMPTY=\nMOCK_ACCEL_UUID=3f2c\nTEXT=one\ntwo\n"


def smi(*uuids: str) -> str:
    return "".join(f"GPU {i}: NVIDIA A100-SXM4-40GB (UUID: {uuid})\n" for i, uuid in enumerate(uuids))


@pytest.fixture
def one_uuid(recorded) -> str:
    return recorded("resource_slices_v1")[0]["spec"]["devices"][1]["attributes"]["uuid"]["string"]


@pytest.fixture
def look(ask: RunModule, monkeypatch: pytest.MonkeyPatch, one_uuid: str) -> t.Any:
    """Runs the module; `inside` is what is printed by command, `ran` is what was run."""

    class Look:
        inside: t.ClassVar[dict[str, t.Any]] = {
            "env": ENVIRONMENT,
            "sh": "/dev/nvidia0\n/dev/nvidiactl\n",
            "nvidia-smi": smi(ZERO, one_uuid),
        }
        ran: t.ClassVar[list[list[str]]] = []

        def __call__(self, **options: t.Any) -> dict[str, t.Any]:
            return ask(verify, **{"name": "train-0", **options})

    made = Look()
    made.inside, made.ran = dict(Look.inside), []

    def run(_client, namespace, pod, container, command, timeout=30.0):
        made.ran.append([namespace, pod, container, *command])
        answer = made.inside[command[0]]
        return answer if isinstance(answer, tuple) else _kubernetes_exec.Done(0, answer, "", "")

    monkeypatch.setattr(_kubernetes_exec, "run", run)
    return made


def state(**values: t.Any) -> Callable[[Items], None]:
    def change(items: Items) -> None:
        pod = next(item for item in items if item["metadata"]["name"] == "train-0")
        pod["status"]["containerStatuses"][0].update(values)

    return change


def leave(items: Items) -> None:
    """As recorded."""


HEALTHY = {"name": "claim:gpu", "resources": [{"resourceID": "a", "health": "Healthy"}]}


@pytest.mark.parametrize(
    ("change", "options"),
    [
        pytest.param(leave, {}, id="it runs"),
        pytest.param(leave, {"container": "main"}, id="a container by name"),
        pytest.param(leave, {"environment": {"PATH": "/bin", "EMPTY": "", "NONE": None}}, id="environment"),
        pytest.param(
            leave, {"environment": {"MOCK_ACCEL_UUID": {"regex": "^[0-9a-f]{4}$"}}}, id="a regular expression"
        ),
        pytest.param(leave, {"environment": {"TEXT": "one\ntwo"}}, id="a value of two lines"),
        pytest.param(leave, {"device_nodes": ["/dev/nvidia0", "/dev/nvidiactl"]}, id="device nodes"),
        pytest.param(leave, {"absent_device_nodes": ["/dev/nvidia7"]}, id="no other nodes"),
        pytest.param(leave, {"gpu_count": 2}, id="a number of GPUs"),
        pytest.param(leave, {"uuids_of_claims": True}, id="the GPUs of its claims"),
        pytest.param(state(allocatedResourcesStatus=[HEALTHY]), {"health": "Healthy"}, id="healthy"),
    ],
)
def test_as_expected(look, dra_api, recorded, change, options) -> None:
    pods = recorded("pods")
    change(pods)
    dra_api(pods=pods)
    answer = look(**options)
    assert (answer.get("msg"), answer["differences"], answer["rc"], answer["changed"]) == (None, [], 0, False)
    assert answer["container"] == "main"


@pytest.mark.parametrize(
    ("change", "inside", "options", "differences"),
    [
        pytest.param(leave, {}, {"name": "nobody"}, [("pods[default/nobody]", "present", None)], id="no pod"),
        pytest.param(
            leave,
            {},
            {"name": "waits"},
            [
                (
                    "pods[default/waits].containers[main].state",
                    "running",
                    "Unschedulable: 0/2 nodes are available: 2 cannot allocate all claims. still not schedulable,"
                    " preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
                )
            ],
            id="not scheduled",
        ),
        pytest.param(
            state(state={"waiting": {"reason": "CreateContainerError", "message": "unresolvable CDI devices"}}),
            {},
            {"gpu_count": 2},
            [(f"{MAIN}.state", "running", "waiting: CreateContainerError: unresolvable CDI devices")],
            id="not created",
        ),
        pytest.param(
            state(state={"terminated": {"exitCode": 1, "reason": "Error"}}),
            {},
            {},
            [(f"{MAIN}.state", "running", "terminated: Error")],
            id="ended",
        ),
        pytest.param(
            leave,
            {},
            {"environment": {"PATH": "/usr/bin"}},
            [(f"{MAIN}.environment[PATH]", "/usr/bin", "/bin")],
            id="another value",
        ),
        pytest.param(
            leave, {}, {"environment": {"NONE": "x"}}, [(f"{MAIN}.environment[NONE]", "x", None)], id="no variable"
        ),
        pytest.param(
            leave, {}, {"environment": {"EMPTY": None}}, [(f"{MAIN}.environment[EMPTY]", None, "")], id="a variable"
        ),
        pytest.param(
            leave,
            {},
            {"environment": {"PATH": {"regex": "^x"}, "NONE": {"regex": "^x"}}},
            [
                (f"{MAIN}.environment[NONE]", "text that ^x matches", None),
                (f"{MAIN}.environment[PATH]", "text that ^x matches", "/bin"),
            ],
            id="no match",
        ),
        pytest.param(
            leave,
            {"sh": "/dev/nvidia0\n"},
            {"device_nodes": ["/dev/nvidia1", "/dev/nvidia0"]},
            [(f"{MAIN}.device_nodes[/dev/nvidia1]", "character device", None)],
            id="no node",
        ),
        pytest.param(
            leave,
            {"sh": "/dev/nvidia3\n"},
            {"absent_device_nodes": ["/dev/nvidia3", "/dev/nvidia4"]},
            [(f"{MAIN}.device_nodes[/dev/nvidia3]", None, "character device")],
            id="a node too many",
        ),
        pytest.param(leave, {}, {"gpu_count": 8}, [(f"{MAIN}.gpus.count", 8, 2)], id="another number of GPUs"),
        pytest.param(
            leave, {"nvidia-smi": "No devices found\n"}, {"gpu_count": 1}, [(f"{MAIN}.gpus.count", 1, 0)], id="none"
        ),
        pytest.param(
            leave,
            {"nvidia-smi": smi(ZERO, "GPU-other")},
            {"uuids": [ZERO, "GPU-mine"]},
            [(f"{MAIN}.gpus[GPU-mine]", "present", None), (f"{MAIN}.gpus[GPU-other]", None, "present")],
            id="other GPUs",
        ),
        pytest.param(
            leave,
            {"nvidia-smi": smi(ZERO)},
            {"uuids_of_claims": True, "gpu_count": 2},
            [(f"{MAIN}.gpus.count", 2, 1), (f"{MAIN}.gpus[ONE]", "present", None)],
            id="one GPU of the claim is not there",
        ),
        pytest.param(
            leave,
            {"nvidia-smi": smi(ZERO) + "  MIG 1g.5gb Device 0: (UUID: MIG-1)\n"},
            {"uuids": []},
            [(f"{MAIN}.gpus[MIG-1]", None, "present")],
            id="MIG devices count, and not the GPU that they are of",
        ),
        pytest.param(
            leave,
            {},
            {"health": "Healthy"},
            [(f"{MAIN}.allocated_resources_status[gpu.nvidia.com/worker-0/gpu-1]", "Healthy", "Unhealthy")],
            id="one is not healthy",
        ),
        pytest.param(
            state(allocatedResourcesStatus=[]),
            {},
            {"health": "Healthy"},
            [(f"{MAIN}.allocated_resources_status", "a status of each device", None)],
            id="nobody tells of health",
        ),
        pytest.param(
            leave,
            {},
            {"health": "Unknown", "gpu_count": 1},
            [
                (f"{MAIN}.allocated_resources_status[gpu.nvidia.com/worker-0/gpu-0]", "Unknown", "Healthy"),
                (f"{MAIN}.allocated_resources_status[gpu.nvidia.com/worker-0/gpu-1]", "Unknown", "Unhealthy"),
                (f"{MAIN}.gpus.count", 1, 2),
            ],
            id="health and what is inside",
        ),
    ],
)
def test_differences(look, dra_api, recorded, one_uuid, change, inside, options, differences) -> None:
    pods = recorded("pods")
    change(pods)
    dra_api(pods=pods)
    look.inside.update(inside)
    answer = look(**options)
    found = [(one["path"].replace(one_uuid, "ONE"), one["expected"], one["actual"]) for one in answer["differences"]]
    assert found == differences
    assert (answer["rc"], answer["failed"]) == (1, True)
    assert answer["msg"].startswith("Error while verifying pod default/")


def test_only_what_is_asked_for_is_run(look) -> None:
    look()
    assert look.ran == []
    look(environment={"A": None}, device_nodes=["/dev/b"], absent_device_nodes=["/dev/a"], gpu_count=2)
    where = ["default", "train-0", "main"]
    assert look.ran == [
        [*where, "env"],
        [*where, "sh", "-c", verify._NODES, "sh", "/dev/a", "/dev/b"],
        [*where, "nvidia-smi", "-L"],
    ]


def test_another_nvidia_smi(look) -> None:
    look.inside["/opt/nvidia-smi"] = smi("GPU-x")
    assert look(nvidia_smi="/opt/nvidia-smi", uuids=["GPU-x"])["uuids"] == ["GPU-x"]


@pytest.mark.parametrize(
    ("done", "message"),
    [
        (_kubernetes_exec.Done(None, "", "", "exec: not found"), f"running env in {MAIN}: exec: not found; check that"),
        (_kubernetes_exec.Done(9, "", "NVML:\n no driver", "exit code 9"), "exit code 9 NVML: no driver; check that"),
        (_kubernetes_exec.Done(9, "said on stdout", "", ""), ": said on stdout; check that the image has the command"),
    ],
    ids=["no such command", "an error with words", "an error with its words on stdout"],
)
def test_a_command_that_fails(look, done, message) -> None:
    look.inside["env"] = done
    answer = look(environment={"A": None})
    assert message in answer["msg"]
    assert "differences" not in answer


PODS = "/api/v1/namespaces/default/pods"


@pytest.mark.parametrize(
    ("path", "code", "options", "message"),
    [
        pytest.param(PODS, 401, {}, "listing pods at {host}: the server does not accept the credentials", id="expired"),
        pytest.param(
            PODS, 403, {}, "listing pods at {host}: not allowed (403 Forbidden: sorry)", id="no right to pods"
        ),
        pytest.param(
            "/apis/resource.k8s.io",
            404,
            {"uuids_of_claims": True},
            "looking for the API group resource.k8s.io at {host}: the server has no dynamic resource allocation (DRA)",
            id="claims where there is no DRA",
        ),
        pytest.param(
            "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims",
            403,
            {"uuids_of_claims": True},
            "listing ResourceClaims at {host}: not allowed",
            id="no right to claims",
        ),
        pytest.param(
            "/apis/resource.k8s.io/v1/resourceslices",
            503,
            {"uuids_of_claims": True},
            "listing ResourceSlices at {host}: the server cannot answer now",
            id="no slices for now",
        ),
        pytest.param("/apis/resource.k8s.io", 404, {"gpu_count": 2}, None, id="no DRA, and nothing asked of claims"),
    ],
)
def test_answers_that_cannot_be_used(look, dra_api, path, code, options, message) -> None:
    api = dra_api()
    api.objects[path] = api.refuse(code, "sorry")
    answer = look(**options)
    assert answer["failed"] is (message is not None)
    assert message is None or answer["msg"].startswith("Error while " + message.format(host=api.url))
    assert message is None or "differences" not in answer


def test_a_device_without_uuid(look) -> None:
    message = "device worker-0/gpu-0 of gpu.nvidia.com has no attribute serial in a ResourceSlice; set uuid_attribute"
    assert message in look(uuids_of_claims=True, uuid_attribute="serial")["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"container": "other"}, "container: the pod has no container other; it has main"),
        ({"environment": {"A": {"regex": "("}}}, "environment[A].regex: '(' is no regular expression"),
        (
            {"environment": {"A": {"value": "x"}}},
            "environment[A]: expected a value or a mapping with the one key regex",
        ),
        ({"uuids": ["a"], "uuids_of_claims": True}, "mutually exclusive: uuids|uuids_of_claims"),
        ({"health": "Fine"}, "value of health must be one of"),
        ({"gpu_count": -1}, "gpu_count: expected a number from 0, found -1"),
    ],
    ids=["no such container", "no regular expression", "no value", "UUIDs twice", "no such health", "less than none"],
)
def test_options_that_cannot_be_meant(look, options, message) -> None:
    assert message in look(**options)["msg"]


def test_every_answer_is_documented(look) -> None:
    assert set(yaml.safe_load(verify.RETURN)) == set(look()) - {"rc", "failed", "changed", "invocation"}


def test_waiting_until_it_runs(look, dra_api, recorded) -> None:
    pods = recorded("pods")
    state(state={"waiting": {"reason": "ContainerCreating"}})(pods)
    api = dra_api(pods=pods)
    running = next(item for item in recorded("pods") if item["metadata"]["name"] == "train-0")
    api.watches = [[api.event("MODIFIED", running)]]
    assert look(wait=True, gpu_count=2)["differences"] == []


@pytest.mark.parametrize(
    ("output", "variables"),
    [
        ("", {}),
        ("A=1\n", {"A": "1"}),
        ("A=b=c\n", {"A": "b=c"}),
        ("lost\nA=1\n", {"A": "1"}),
        ("A=1\n more\nB=2\n", {"A": "1\n more", "B": "2"}),
        ("A.b-c=1\n", {"A.b-c": "1"}),
    ],
)
def test_environment(output, variables) -> None:
    assert _container_devices.parse_environment(output) == variables
