# SPDX-License-Identifier: GPL-3.0-or-later
"""The host prepared and put back, in mount, network and pid namespaces of the test, where it may do its worst."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Runs inside the namespaces: the folders that the module removes are empty file systems of the test's own.
INSIDE = """\
set -e
mount --make-rprivate /
mount -t proc proc /proc && mount -t sysfs sysfs /sys
# A cluster of the real host may have mounts there; this namespace has its own copies of them.
awk '$5 ~ "^/(run|var/lib)/" { print $5 }' /proc/self/mountinfo | tac | xargs -r umount --lazy
for folder in /var/lib /var/log /run /usr/libexec /sys/fs/cgroup; do mount -t tmpfs tmpfs $folder; done
exec "$0" "$@"
"""
PROGRAM = """\
import contextlib, io, json, subprocess, sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {tests!r} + "/support"]
import conftest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mirage.accel.plugins.modules import local_cluster_host

STATE = Path("/var/lib/mirage-accel/cluster")

def call(**options):
    output = io.StringIO()
    with patch_module_args(options), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        local_cluster_host.main()
    return json.loads(output.getvalue())

def sh(command):
    return subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout

def look():
    return {{
        "forward": Path("/proc/sys/net/ipv4/ip_forward").read_text().strip(),
        "shared": " shared:" in sh("grep ' /var/lib ' /proc/self/mountinfo"),
        "mounts": sh("awk '{{print $5}}' /proc/self/mountinfo | sort"),
        "links": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "rules": sh("iptables-save | grep -v '^#' || true"),
        "routes": sh("ip -4 route show"),
        "files": sh("find /var/lib /var/log /run /sys/fs/cgroup /usr/libexec | sort"),
    }}

result = {{}}
{body}
print(json.dumps(result))
"""

STAND_IN = """\
#!/bin/sh
# Called as supervisord is: -m supervisor.supervisord --nodaemon --configuration FILE
echo $$ >/run/mirage-accel/supervisord.pid
keeper=/var/lib/mirage-accel/cluster/supervisor/keeper
while :; do
	setpriv --pdeathsig KILL -- flock --close /run/mirage-accel/keeper.lock \\
		setsid --fork $keeper /var/lib/mirage-accel/cluster /run/mirage-accel "$0"
	sleep 0.2
done
"""


@pytest.fixture
def inside(repo: Path):
    """Runs Python statements in new namespaces and gives what they put into `result`."""

    def execute(body: str) -> dict:
        program = PROGRAM.format(tests=str(repo / "tests"), body=body)
        done = subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", INSIDE, sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answers = json.loads(done.stdout.splitlines()[-1])
        print(answers)
        return answers

    return execute


def test_prepare_is_predicted_done_once_and_undone(inside) -> None:
    result = inside("""
Path("/proc/sys/net/ipv4/ip_forward").write_text("0")
result["before"] = look()
result["predicted"] = call(_ansible_check_mode=True)
result["after_prediction"] = look()
result["first"] = call()
result["prepared"] = look()
result["second"] = call()
result["record"] = json.loads((STATE / "host.json").read_text())
result["removed"] = call(state="absent")
result["after"] = look()
result["removed_again"] = call(state="absent")
""")
    assert result["after_prediction"] == result["before"]
    assert result["predicted"]["actions"] == result["first"]["actions"]
    assert "set net.ipv4.ip_forward to 1" in result["first"]["actions"]
    assert "make the mount /var/lib shared" in result["first"]["actions"]
    assert (result["prepared"]["forward"], result["prepared"]["shared"]) == ("1", True)
    assert (result["second"]["changed"], result["second"]["actions"]) == (False, [])
    assert result["record"]["sysctls"]["net/ipv4/ip_forward"] == "0"
    assert result["removed"]["changed"]
    assert result["after"] == result["before"]
    assert result["removed_again"]["changed"] is False


def test_what_a_cluster_leaves_is_removed_and_what_others_have_stays(inside) -> None:
    result = inside("""
Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
sh("mkdir -p /var/lib/cni /sys/fs/cgroup/pids && echo theirs > /var/lib/cni/file")
sh("iptables -N KUBE-OTHERS; iptables -A INPUT -j KUBE-OTHERS; ip link add other0 type bridge")
sh("ip address add 192.0.2.2/24 dev other0; ip link set other0 up; ip route add 198.51.100.0/24 via 192.0.2.9 proto 88")
result["before"] = look()
call()
# What kubelet, containerd, the CNI plugins and, where there are other nodes, pod-routes would do.
sh("ip route add 10.244.1.0/24 via 192.0.2.3 proto 77")
sh("mkdir -p /var/lib/kubelet/pods/a/secret /var/log/pods/x /run/mirage-accel/netns")
sh("mkdir -p /var/lib/mirage-accel/cluster/programs/p /sys/fs/cgroup/pids/kubepods/besteffort/pod1")
sh("mount -t tmpfs tmpfs /var/lib/kubelet/pods/a/secret; mount -t tmpfs tmpfs /run/mirage-accel/netns")
sh("ip link add mirage0 type bridge; ip link add vetha type veth peer name vethb; ip link set vetha master mirage0")
sh("iptables -t nat -N KUBE-SERVICES; iptables -t nat -A PREROUTING -j KUBE-SERVICES")
sh("iptables -N KUBE-FIREWALL; iptables -A INPUT -j KUBE-FIREWALL")
sh("cp /bin/sleep /var/lib/mirage-accel/cluster/programs/p/etcd")
component = subprocess.Popen(["/var/lib/mirage-accel/cluster/programs/p/etcd", "1000"])
stranger = subprocess.Popen(["/bin/sleep", "1000"])
result["predicted"] = call(state="absent", _ansible_check_mode=True)
result["still"] = [component.poll(), Path("/sys/class/net/mirage0").exists()]
result["removed"] = call(state="absent")
result["ended"] = [component.wait(5), stranger.poll()]
stranger.kill()
result["after"] = look()
""")
    assert result["still"] == [None, True]
    assert result["predicted"]["changed"]
    actions = result["removed"]["actions"]
    for action in (
        "end 1 processes",
        "unmount /var/lib/kubelet/pods/a/secret",
        "remove the control groups /sys/fs/cgroup/pids/kubepods",
        "unmount /run/mirage-accel/netns",
        "remove the route to 10.244.1.0/24",
        "remove the link vetha",
        "remove the link mirage0",
        "remove 2 chains of iptables",
        "remove /var/lib/kubelet",
        "remove /var/lib/mirage-accel/cluster",
    ):
        assert action in actions
    assert "remove /var/lib/cni" not in actions
    assert result["ended"] == [-15, None]
    assert result["after"] == result["before"]


def test_keeper_and_supervisor_revive_each_other_until_the_removal(inside, repo: Path) -> None:
    body = """
keeper = STATE / "supervisor/keeper"
call()
for folder in ("supervisor/python", "log"):
    (STATE / folder).mkdir(parents=True)
Path("/run/mirage-accel").mkdir()
keeper.write_text(Path(KEEPER).read_text())
keeper.chmod(0o755)
# In the place of Python: what supervisord does with the keeper, and one component.
stand_in = Path("/run/stand-in")
stand_in.write_text(STAND_IN)
stand_in.chmod(0o755)
command = [str(keeper), str(STATE), "/run/mirage-accel", str(stand_in)]

def running():
    time.sleep(3)
    lines = [p.read_bytes().replace(b"\\0", b" ").decode() for p in Path("/proc").glob("[0-9]*/cmdline")]
    return {
        "keeper": sum(line.startswith("/bin/sh /var/lib/mirage-accel/cluster/supervisor/keeper") for line in lines),
        "supervisord": sum(line.startswith("/bin/sh /run/stand-in") for line in lines),
    }

def kill(beginning):
    subprocess.run(["pkill", "-KILL", "-f", "^/bin/sh " + beginning], check=True)

subprocess.run(["setsid", "--fork", *command], check=True)
result["started"] = running()
kill("/run/stand-in")
result["supervisord killed"] = running()
kill("/var/lib/mirage-accel/cluster/supervisor/keeper")
result["keeper killed"] = running()
kill("/run/stand-in")
result["supervisord killed again"] = running()
result["removed"] = call(state="absent")
result["after"] = running()
result["left"] = [str(path) for path in (STATE.parent, Path("/run/mirage-accel")) if path.exists()]
"""
    given = f"import time\nKEEPER = {str(repo / 'roles/local_cluster/files/keeper')!r}\nSTAND_IN = {STAND_IN!r}\n"
    result = inside(given + body)
    both = {"keeper": 1, "supervisord": 1}
    for moment in ("started", "supervisord killed", "keeper killed", "supervisord killed again"):
        assert result[moment] == both, moment
    assert not result["removed"].get("failed"), result["removed"]
    assert result["after"] == {"keeper": 0, "supervisord": 0}
    assert result["left"] == []


def test_a_record_of_another_version_is_not_guessed_at(inside) -> None:
    result = inside("""
STATE.mkdir(parents=True)
(STATE / "host.json").write_text('{"version": 7}')
result["failed"] = call(state="absent")
result["kept"] = (STATE / "host.json").exists()
""")
    assert "has version 7, this collection knows version 1" in result["failed"]["msg"]
    assert result["kept"]


@pytest.mark.parametrize("option", ["state_dir", "runtime_dir"])
def test_a_folder_that_is_not_the_clusters_is_neither_taken_nor_emptied(inside, option: str) -> None:
    result = inside(f"""
theirs = Path("/var/lib/theirs")
theirs.mkdir()
(theirs / "data").write_text("dear")
sh("mkdir /var/lib/theirs/mounted && mount -t tmpfs tmpfs /var/lib/theirs/mounted")
sh("cp /bin/sleep /var/lib/theirs/server")
server = subprocess.Popen(["/var/lib/theirs/server", "1000"])
result["before"] = look()
result["refused"] = call({option}=str(theirs))
result["predicted"] = call({option}=str(theirs), _ansible_check_mode=True)
result["absent"] = call({option}=str(theirs), state="absent")
result["after"] = look()
result["server"] = server.poll()
server.kill()
""")
    for answer in (result["refused"], result["predicted"]):
        assert "/var/lib/theirs holds data, mounted, server" in answer["msg"]
        assert f"give {option} a folder of its own" in answer["msg"]
    assert (result["absent"]["changed"], result["absent"]["actions"]) == (False, [])
    assert "/var/lib/theirs stays as it is" in str(result["absent"]["warnings"])
    assert result["after"] == result["before"]
    assert result["server"] is None


def test_a_removal_with_another_runtime_folder_is_refused(inside) -> None:
    result = inside("""
call()
sh("mkdir -p /run/other && touch /run/other/socket")
result["refused"] = call(state="absent", runtime_dir="/run/other")
result["kept"] = Path("/run/other/socket").exists() and (STATE / "host.json").exists()
""")
    assert "made with runtime_dir /run/mirage-accel, not /run/other" in result["refused"]["msg"]
    assert result["kept"]


def test_a_removal_that_was_cut_off_can_be_run_again(inside) -> None:
    result = inside("""
from unittest.mock import patch
from ansible_collections.mirage.accel.plugins.module_utils._local_cluster import host
result["before"] = look()
call()
sh("mkdir -p /var/lib/mirage-accel/cluster/programs /var/lib/mirage-accel/cluster/etcd /run/mirage-accel")
with patch.object(host.shutil, "rmtree", side_effect=[None, OSError("cut off")]):
    result["cut"] = call(state="absent")
result["again"] = call(state="absent")
result["after"] = look()
result["third"] = call(state="absent")
""")
    assert "cut off" in result["cut"]["msg"]
    assert result["again"]["changed"]
    assert result["after"] == result["before"]
    assert (result["third"]["changed"], "warnings" in result["third"]) == (False, False)


def test_what_was_installed_since_keeps_its_things_in_shared_folders(inside) -> None:
    result = inside("""
import socket
call()
# What the cluster's programs leave.
pod = "/var/log/pods/kube-system_coredns-1_01234567-89ab-cdef-0123-456789abcdef"
sh("mkdir -p /run/mirage-accel /run/containerd/s /run/containerd/fifo /var/log/containers /run/kubernetes")
sh(f"mkdir -p {pod}/coredns /var/lib/cni/networks/mirage /var/lib/cni/results && touch {pod}/coredns/0.log")
sh(f"ln -s {pod}/coredns/0.log /var/log/containers/coredns.log")
sh("touch /var/lib/cni/networks/mirage/10.244.0.2 /var/lib/cni/results/mirage-1-eth0 /run/kubernetes/apiserver.crt")
sh("echo /run/mirage-accel/containerd/netns/1 >/var/lib/cni/results/cni-loopback-1-lo")
dead = socket.socket(socket.AF_UNIX)
dead.bind("/run/containerd/s/0123")
dead.close()
# What others have.
alive = socket.socket(socket.AF_UNIX)
alive.bind("/run/containerd/s/4567")
sh("touch /run/containerd/containerd.pid /var/lib/cni/results/cni-loopback-2-lo /var/log/pods/notes")
sh("mkdir -p /var/lib/cni/networks/podman && touch /var/lib/cni/networks/podman/10.88.0.2")
result["predicted"] = call(state="absent", _ansible_check_mode=True)
result["removed"] = call(state="absent")
result["left"] = sh("find /run/containerd /var/lib/cni /var/log ! -type d | sort").splitlines()
result["kubernetes"] = Path("/run/kubernetes").exists()
""")
    assert "remove what the cluster made in /var/lib/cni" in result["predicted"]["actions"]
    assert result["left"] == [
        "/run/containerd/containerd.pid",
        "/run/containerd/s/4567",
        "/var/lib/cni/networks/podman/10.88.0.2",
        "/var/lib/cni/results/cni-loopback-2-lo",
        "/var/log/pods/notes",
    ]
    assert result["kubernetes"] is False
    assert "/run/containerd stays: it holds what the cluster did not make" in str(result["removed"]["warnings"])


def test_shared_folders_that_only_the_cluster_used_are_gone(inside) -> None:
    result = inside("""
import socket
result["before"] = look()
call()
sh("mkdir -p /run/mirage-accel /run/containerd/s /run/containerd/fifo /var/log/containers /var/lib/kubelet/pods")
sh("mkdir -p /var/lib/cni/networks/mirage /var/lib/cni/results /usr/libexec/kubernetes/plugins")
sh("touch /var/lib/cni/networks/mirage/last_reserved_ip.0 /var/lib/cni/results/mirage-1-eth0 /var/lib/kubelet/x")
socket.socket(socket.AF_UNIX).bind("/run/containerd/s/0123")
result["removed"] = call(state="absent")
result["after"] = look()
""")
    assert result["after"] == result["before"]
    assert "warnings" not in result["removed"]
