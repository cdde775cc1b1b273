# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job on this host, from `make up` to `make down`, as a user runs it; the cases follow one another."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import host_state
import pytest

DRIVER_ROOT = Path("/var/lib/nvidia-mock/driver")
REPORT = Path("/var/lib/mirage-accel/report/verify.json")
KUBECONFIG = Path("/var/lib/mirage-accel/cluster/admin.kubeconfig")

pytestmark = pytest.mark.timeout(5400)


class Site:
    """The make targets and the commands a user would type next to them."""

    def __init__(self, repo: Path, run, kubectl: Path, helm: Path) -> None:
        self._repo, self._run = repo, run
        self._tools = {"kubectl": kubectl, "helm": helm}
        self.env = {**os.environ, "KUBECONFIG": str(KUBECONFIG)}

    def make(self, target: str, *args: str) -> subprocess.CompletedProcess[str]:
        argv = ["make", target] + ([f"ARGS={' '.join(args)}"] if args else [])
        return self._run(*argv, cwd=self._repo, timeout=3600)

    def tool(self, name: str, *args: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
        return self._run(self._tools[name], *args, env=self.env, cwd=self._repo, **kwargs)

    def kubectl(self, *args: str, **kwargs: object) -> str:
        done = self.tool("kubectl", *args, **kwargs)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout

    def node(self) -> dict:
        return json.loads(self.kubectl("get", "nodes", "-o", "json"))["items"][0]

    def smi(self, *args: str) -> str:
        done = self._run(
            DRIVER_ROOT / "usr/bin/nvidia-smi",
            *args,
            env={**os.environ, "LD_LIBRARY_PATH": str(DRIVER_ROOT / "usr/lib64")},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def eventually(holds: Callable[[], bool], what: str, seconds: float = 180) -> None:
    """Wait for a state of the cluster; the bound only keeps a broken run from hanging."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s: not {what}"
        time.sleep(1)


def report_rows() -> list[dict]:
    return json.loads(REPORT.read_text())["rows"]


def placed_files() -> dict[str, str]:
    """Every file of the driver root with its contents' hash, and every device node, by path."""
    found = {}
    for path in sorted(DRIVER_ROOT.rglob("*")):
        if path.is_file() and not path.is_symlink():
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif not path.is_dir():
            found[str(path)] = "node or link"
    found.update({str(path): "node" for path in Path("/dev").glob("nvidia*")})
    return found


@pytest.fixture(scope="module")
def site(repo: Path, run, kubectl: Path, helm: Path) -> Iterator[Site]:
    site = Site(repo, run, kubectl, helm)
    yield site
    # Also after a failure the host must be as it was; the last case asserts it for a good run.
    site.make("down")


@pytest.fixture(scope="module")
def before(site: Site) -> host_state.HostState:
    site.make("down")
    state = host_state.observe()
    # Another cluster's rules would hide what ours leaves: their chains have the same names.
    assert not [rule for rule in state.rules if "KUBE-" in rule], "iptables rules of another cluster are here"
    return state


@pytest.fixture(scope="module")
def up(site: Site, before: host_state.HostState) -> subprocess.CompletedProcess[str]:
    done = site.make("up")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    return done


def test_up_ends_with_a_table_in_which_every_row_is_ok(up, site: Site) -> None:
    rows = report_rows()
    assert len(rows) >= 7
    assert [row for row in rows if row["status"] != "OK"] == []
    table = up.stdout.strip().splitlines()[-len(rows) - 6 :]
    assert sum("OK" in line for line in table) >= len(rows), "the table is the last thing that make up prints"


def test_host_sees_eight_a100(up, site: Site) -> None:
    lines = site.smi("-L").splitlines()
    assert len(lines) == 8
    assert all("NVIDIA A100-SXM4-40GB" in line for line in lines)
    assert "550.163.01" in site.smi()
    nodes = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    assert nodes == [f"nvidia{index}" for index in range(8)]
    assert (DRIVER_ROOT / "dev/nvidiactl").is_char_device()


def test_node_has_label_capacity_and_allocatable(up, site: Site) -> None:
    node = site.node()
    assert node["metadata"]["labels"]["nvidia.com/gpu.present"] == "true"
    assert node["status"]["capacity"]["nvidia.com/gpu"] == "8"
    # As the quick start prints it.
    assert site.kubectl("get", "node", "-o", r"jsonpath={.items[0].status.allocatable.nvidia\.com/gpu}") == "8"


def test_second_up_changes_nothing(up, site: Site) -> None:
    done = site.make("up")
    assert done.returncode == 0, done.stdout[-6000:]
    changed = [int(number) for number in re.findall(r"\bchanged=(\d+)", done.stdout)]
    assert changed and not any(changed), [line for line in done.stdout.splitlines() if line.startswith("changed:")]


def test_check_mode_of_a_finished_site_changes_nothing(up, site: Site) -> None:
    files = placed_files()
    done = site.make("up", "--check", "--diff")
    assert done.returncode == 0, done.stdout[-6000:]
    assert placed_files() == files


def pod(name: str, gpus: int) -> str:
    container = {
        "name": "main",
        "image": "localhost/mirage/base:latest",
        "imagePullPolicy": "Never",
        "command": ["sleep", "3600"],
        "resources": {"limits": {"nvidia.com/gpu": gpus}},
    }
    spec = {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})


def test_pod_that_asks_for_nine_stays_pending(up, site: Site) -> None:
    site.kubectl("apply", "-f", "-", input=pod("nine", 9))

    def message() -> str:
        status = json.loads(site.kubectl("get", "pod", "nine", "-o", "json"))["status"]
        return " ".join(condition.get("message", "") for condition in status.get("conditions", []))

    try:
        eventually(lambda: "Insufficient nvidia.com/gpu" in message(), "refused by the scheduler")
        assert json.loads(site.kubectl("get", "pod", "nine", "-o", "json"))["status"]["phase"] == "Pending"
    finally:
        site.kubectl("delete", "pod", "nine", "--now")


BAD_INPUT = [
    pytest.param({"gpu_mock_count": 0}, "128", id="count-0"),
    pytest.param({"gpu_mock_count": 129}, "128", id="count-129"),
    pytest.param({"gpu_mock_count": "x"}, "128", id="count-x"),
    pytest.param({"gpu_mock_profile": "a1000"}, "a1000", id="unknown-profile"),
    pytest.param({"gpu_mock_custom_config": "device_defaults: [broken"}, "expected", id="broken-config"),
]


@pytest.mark.parametrize(("extra", "named"), BAD_INPUT)
def test_bad_input_is_one_clear_error_and_changes_nothing(
    up, site: Site, extra: dict, named: str, tmp_path: Path
) -> None:
    files = placed_files()
    variables = tmp_path / "extra.json"
    variables.write_text(json.dumps(extra))
    done = site.make("up", "-e", f"@{variables}")
    assert done.returncode != 0
    failures = re.findall(r"^fatal: .*?(?=^\S|\Z)", done.stdout, re.MULTILINE | re.DOTALL)
    assert len(failures) == 1, done.stdout[-3000:]
    assert named in failures[0]
    assert "Traceback" not in done.stdout + done.stderr
    assert re.findall(r"\bchanged=(\d+)", done.stdout) in ([], ["0"])
    assert placed_files() == files


COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "containerd",
)


def pid_of(component: str) -> int | None:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if Path(argv[0].decode("utf-8", "replace")).name == component:
            return int(entry.name)
    return None


def is_settled(component: str, old: int) -> bool:
    """Whether a component has a new process that does not end again at once."""
    new = pid_of(component)
    if new in (None, old):
        return False
    time.sleep(5)
    return pid_of(component) == new


@pytest.mark.parametrize("component", COMPONENTS)
def test_component_comes_back_after_kill_9(up, site: Site, component: str) -> None:
    old = pid_of(component)
    assert old is not None, f"no process {component}"
    os.kill(old, signal.SIGKILL)
    killed = datetime.datetime.now(datetime.UTC)
    eventually(lambda: is_settled(component, old), f"{component} running again, and still so after some seconds")

    def healthy() -> bool:
        """The node's condition alone would be true for a while after its kubelet's end; a renewed lease is news."""
        done = site.tool("kubectl", "get", "leases", "--namespace", "kube-node-lease", "-o", "json")
        if done.returncode:
            return False
        renewed = datetime.datetime.fromisoformat(json.loads(done.stdout)["items"][0]["spec"]["renewTime"])
        ready = {condition["type"]: condition["status"] for condition in site.node()["status"]["conditions"]}
        return renewed > killed and ready["Ready"] == "True"

    eventually(healthy, f"a Ready node after the end of {component}")


def test_pods_get_their_gpus_after_all_components_came_back(up, site: Site) -> None:
    done = site.make("verify")
    assert done.returncode == 0, done.stdout[-6000:]
    assert [row for row in report_rows() if row["status"] != "OK"] == []


def test_gb200_by_four_everywhere(up, site: Site) -> None:
    done = site.make("up", "-e", "gpu_mock_profile=gb200", "-e", "gpu_mock_count=4")
    assert done.returncode == 0, done.stdout[-6000:]
    assert [row for row in report_rows() if row["status"] != "OK"] == []
    lines = site.smi("-L").splitlines()
    assert len(lines) == 4
    assert all("GB200" in line for line in lines)
    assert sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*")) == [f"nvidia{index}" for index in range(4)]
    assert site.node()["status"]["allocatable"]["nvidia.com/gpu"] == "4"


@pytest.mark.parametrize("count", [1, 128])
def test_smallest_and_largest_count_on_the_host(up, site: Site, count: int) -> None:
    done = site.make("up", "--tags", "build,nodes", "-e", f"gpu_mock_count={count}")
    # Without the verify tag there is no new report, but what make prints last still exists.
    assert done.returncode == 0, done.stdout[-6000:]
    assert len(site.smi("-L").splitlines()) == count


def test_chart_alone_places_all_and_removes_all(up, site: Site, repo: Path) -> None:
    """Quick start by hand: with the role's files gone, helm alone gives the node its GPUs and takes them back."""
    done = site.make("down", "--tags", "nodes,charts")
    assert done.returncode == 0, done.stdout[-6000:]
    assert not DRIVER_ROOT.exists()
    chart = ["gpu-mock", str(repo / "charts/gpu-mock"), "--wait", "--timeout", "180s"]
    done = site.tool("helm", "install", *chart)
    assert done.returncode == 0, done.stderr + site.kubectl("get", "pods", "-A")
    assert len(site.smi("-L").splitlines()) == 8
    assert site.node()["metadata"]["labels"]["nvidia.com/gpu.present"] == "true"
    assert (DRIVER_ROOT / "usr/lib64/libnvidia-ml.so.1").resolve().name == "libnvidia-ml.so.550.163.01"

    bystander = DRIVER_ROOT.parent / "not-ours"
    bystander.write_text("kept\n")
    try:
        done = site.tool("helm", "uninstall", "gpu-mock", "--wait", "--timeout", "180s")
        assert done.returncode == 0, done.stderr
        eventually(lambda: "nvidia.com/gpu.present" not in site.node()["metadata"]["labels"], "label removed")
        eventually(lambda: not DRIVER_ROOT.exists(), "driver root removed")
        assert not list(Path("/dev").glob("nvidia*"))
        assert bystander.read_text() == "kept\n"
    finally:
        bystander.unlink(missing_ok=True)


def test_down_leaves_nothing(up, before: host_state.HostState, site: Site) -> None:
    done = site.make("down")
    assert done.returncode == 0, done.stdout[-6000:]
    eventually(lambda: not host_state.added(before, host_state.observe()).get("processes"), "all processes gone", 30)
    left = host_state.added(before, host_state.observe())
    assert not left, host_state.dump(left)


def test_second_down_changes_nothing(up, site: Site) -> None:
    done = site.make("down")
    assert done.returncode == 0, done.stdout[-6000:]
    assert not any(int(number) for number in re.findall(r"\bchanged=(\d+)", done.stdout))
