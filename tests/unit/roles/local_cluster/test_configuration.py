# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role writes for hosts whose facts were recorded: the real tasks, played into a folder of the test."""

from __future__ import annotations

import configparser
import json
import os
import shlex
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

COMPONENTS = [
    "etcd",
    "containerd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
]
HOSTS = {
    "small": {
        "supervisor": "supervisord",
        "cgroup_driver": "cgroupfs",
        "fail_cgroup_v1": False,
        "restrict_oom_score_adj": True,
        "snapshotter": "overlayfs",
        "resolv_conf": "/etc/resolv.conf",
        "forward_dns": True,
    },
    "server": {
        "supervisor": "systemd",
        "cgroup_driver": "systemd",
        "fail_cgroup_v1": True,
        "restrict_oom_score_adj": False,
        "snapshotter": "native",
        "resolv_conf": "",
        "forward_dns": False,
    },
}
PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: mirage.accel.local_cluster
        tasks_from: configure
"""


class Written:
    """What the role wrote for a host."""

    def __init__(self, folder: Path, output: str) -> None:
        self.folder, self.output = folder, output
        self.changed = "changed=0" not in output

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def programs(self) -> dict[str, configparser.SectionProxy]:
        parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
        parser.read_string(self.text("state/supervisor/supervisord.conf"))
        return {name.removeprefix("program:"): parser[name] for name in parser if name.startswith("program:")}

    def units(self) -> dict[str, str]:
        names = {path.name: path.read_text() for path in (self.folder / "units").iterdir()}
        return {name.removeprefix("mirage-accel-").removesuffix(".service"): text for name, text in names.items()}

    def arguments(self, component: str) -> list[str]:
        return shlex.split(self.programs()[component]["command"].replace("%%", "%"))

    def inputs(self) -> dict[str, str]:
        """By component, what its definition says; a difference restarts it."""
        return {name: json.dumps(dict(section)) for name, section in self.programs().items()}


@pytest.fixture(scope="module")
def configure(tmp_path_factory: pytest.TempPathFactory, run, repo: Path) -> Callable[..., Written]:
    """Plays the configuration for a host of the table, with variables over the defaults."""
    play = tmp_path_factory.mktemp("play") / "play.yml"
    play.write_text(PLAY)
    folders = {name: tmp_path_factory.mktemp(name) for name in HOSTS}

    def play_it(host: str, **variables: object) -> Written:
        folder = folders[host]
        # Where Ansible is told that it runs is the only thing of this host that it sees.
        given = {
            "ansible_facts": {"hostname": "Node-1", "architecture": "x86_64", "default_ipv4": {"address": "192.0.2.2"}},
            "local_cluster_state_dir": str(folder / "state"),
            "local_cluster_runtime_dir": str(folder / "run"),
            "_local_cluster_unit_dir": str(folder / "units"),
            "__local_cluster_info": {"choices": HOSTS[host], "facts": {"python": "/usr/bin/python3"}},
            "__local_cluster_sources": {"coredns": "/cache/bin/coredns-v1.15.0-0123456789ab"},
            "__local_cluster_folders": {
                name: f"/state/programs/{name}-v1-abc" for name in ("etcd", "containerd", "runc", "cni", "kubernetes")
            },
            **variables,
        }
        (folder / "variables.json").write_text(json.dumps(given))
        playbook = Path(sys.executable).with_name("ansible-playbook")
        done = run(sys.executable, playbook, play, "-e", f"@{folder / 'variables.json'}", cwd=repo, env=os.environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return Written(folder, done.stdout)

    return play_it


@pytest.fixture(scope="module")
def small(configure) -> Written:
    return configure("small")


@pytest.fixture(scope="module")
def server(configure) -> Written:
    return configure("server")


def test_containerd(small: Written, server: Written) -> None:
    config = tomllib.loads(small.text("state/config/containerd.toml"))
    runtime = config["plugins"]["io.containerd.cri.v1.runtime"]
    options = runtime["containerd"]["runtimes"]["runc"]["options"]
    assert (runtime["enable_cdi"], runtime["cdi_spec_dirs"]) == (True, ["/etc/cdi", "/var/run/cdi"])
    assert (runtime["restrict_oom_score_adj"], options["SystemdCgroup"]) == (True, False)
    assert config["plugins"]["io.containerd.cri.v1.images"]["snapshotter"] == "overlayfs"
    assert config["grpc"]["address"] == f"{small.folder}/run/containerd/containerd.sock"

    config = tomllib.loads(server.text("state/config/containerd.toml"))
    runtime = config["plugins"]["io.containerd.cri.v1.runtime"]
    options = runtime["containerd"]["runtimes"]["runc"]["options"]
    assert (runtime["restrict_oom_score_adj"], options["SystemdCgroup"]) == (False, True)
    assert config["plugins"]["io.containerd.cri.v1.images"]["snapshotter"] == "native"


def test_kubelet(small: Written, server: Written) -> None:
    config = yaml.safe_load(small.text("state/config/kubelet.yaml"))
    assert (config["cgroupDriver"], config["failCgroupV1"]) == ("cgroupfs", False)
    assert config["resolvConf"] == "/etc/resolv.conf"
    assert config["authentication"]["anonymous"]["enabled"] is False
    assert config["clusterDNS"] == ["10.96.0.10"]
    config = yaml.safe_load(server.text("state/config/kubelet.yaml"))
    assert (config["cgroupDriver"], config["failCgroupV1"]) == ("systemd", True)
    assert config["resolvConf"] == ""


def test_coredns_forwards_only_where_there_is_somebody_to_ask(small: Written, server: Written) -> None:
    for host, forwards in ((small, True), (server, False)):
        objects = {item["kind"]: item for item in yaml.safe_load_all(host.text("state/config/coredns.yaml"))}
        assert ("forward ." in objects["ConfigMap"]["data"]["Corefile"]) is forwards
        assert objects["Service"]["spec"]["clusterIP"] == "10.96.0.10"
        container = objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == "localhost/mirage/coredns:v1.15.0-0123456789ab"


def test_network(small: Written) -> None:
    config = json.loads(small.text("state/config/cni/10-mirage.conflist"))
    bridge = config["plugins"][0]
    assert bridge["bridge"] == "mirage0"
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.0.0/24"}]]


def test_every_component_is_supervised_and_restarted(small: Written) -> None:
    programs = small.programs()
    assert list(programs) == ["keeper-watch", *COMPONENTS]
    for name in COMPONENTS:
        assert programs[name]["autorestart"] == "true"
        command = small.arguments(name)
        assert command[:4] == ["setpriv", "--pdeathsig", "KILL", "--"]
        assert Path(command[4]).name == name
        assert command[4].startswith("/state/programs/")
    assert not (small.folder / "units").exists()


def test_units_for_systemd(server: Written) -> None:
    units = server.units()
    assert sorted(units) == sorted(COMPONENTS)
    for name, text in units.items():
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str
        parser.read_string(text)
        service = parser["Service"]
        assert (service["Restart"], parser["Install"]["WantedBy"]) == ("always", "multi-user.target")
        assert shlex.split(service["ExecStart"])[0].endswith(f"/{name}")
        # Containers outlive a restart of what manages them.
        assert service["KillMode"] == ("process" if name in ("containerd", "kubelet") else "mixed")
    assert not (server.folder / "state/supervisor").exists()


def test_the_control_plane_listens_on_the_nodes_address_and_is_known_by_its_names(small: Written) -> None:
    arguments = small.arguments("kube-apiserver")
    assert "--bind-address=0.0.0.0" in arguments
    assert "--advertise-address=192.0.2.2" in arguments
    assert "--runtime-config=resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true" in arguments
    from ansible_collections.mirage.accel.plugins.module_utils import _certificates as certificates

    certificate, _key = certificates.load_pair(small.folder / "state/pki", "apiserver")
    said = certificates.describe(certificate)
    assert {"localhost", "node-1", "kubernetes.default.svc"} <= set(said.names)
    assert set(said.addresses) == {"127.0.0.1", "192.0.2.2", "10.96.0.1"}


def test_a_second_run_changes_nothing(small: Written, server: Written, configure) -> None:
    assert small.changed
    assert server.changed
    assert not configure("small").changed
    assert not configure("server").changed


@pytest.mark.parametrize(
    ("variables", "restarted"),
    [
        pytest.param(
            {"local_cluster_pod_cidr": "10.250.0.0/16"}, {"kube-controller-manager", "kube-proxy"}, id="pod addresses"
        ),
        pytest.param(
            {"local_cluster_extra_arguments": {"kube-scheduler": ["--v=4 %x"]}}, {"kube-scheduler"}, id="argument"
        ),
        pytest.param(
            {"local_cluster_feature_gates": {"SomeGate": False}},
            {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"},
            id="feature gate",
        ),
        pytest.param(
            {"local_cluster_node_address": "192.0.2.3"}, {"kube-apiserver", "kubelet"}, id="address of the node"
        ),
    ],
)
def test_a_change_restarts_only_what_it_concerns(configure, variables: dict[str, object], restarted: set[str]) -> None:
    before = configure("small").inputs()
    after = configure("small", **variables).inputs()
    assert {name for name in before if before[name] != after[name]} == restarted


def test_extra_arguments_reach_the_program_whole(configure) -> None:
    written = configure("small", local_cluster_extra_arguments={"etcd": ["--name=100% mine"]})
    assert written.arguments("etcd")[-1] == "--name=100% mine"


def join(configure, address: str = "192.0.2.1") -> Path:
    """Configures a worker; where its files are."""
    written = configure(
        "server",
        local_cluster_control_plane="first",
        _local_cluster_server=f"https://{address}:6443",
        __local_cluster_joined={"pod_cidr": "10.244.3.0/24"},
        __local_cluster_pki={
            "fingerprints": {
                "ca": "0",
                "nodes/node-1/kubelet-server": "1",
                "nodes/node-1/kubelet": "2",
                "nodes/node-1/kube-proxy": "3",
            }
        },
        _local_cluster_unit_dir="{{ local_cluster_state_dir }}/worker-units",
        local_cluster_state_dir="{{ local_cluster_runtime_dir }}/worker",
    )
    return written.folder / "run/worker"


def test_a_worker_has_the_programs_of_a_node_and_the_identity_that_it_was_given(configure) -> None:
    folder = join(configure)
    units = {path.name for path in (folder / "worker-units").iterdir()}
    assert units == {f"mirage-accel-{name}.service" for name in ("containerd", "kube-proxy", "kubelet")}
    network = json.loads((folder / "config/cni/10-mirage.conflist").read_text())
    assert network["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "10.244.3.0/24"}]]
    # It makes no authority, and no identity: the control plane has given them to it.
    assert not (folder / "pki").exists()
    assert not (folder / "config/coredns.yaml").exists()
    assert not (folder / "bin/kubectl").is_symlink()
    assert (folder / "bin/ctr").is_symlink()


def test_a_worker_whose_control_plane_moves_asks_it_at_the_new_place(configure) -> None:
    def units() -> dict[str, str]:
        return {path.stem: path.read_text() for path in folder.iterdir()}

    folder = join(configure) / "worker-units"
    before = units()
    join(configure, address="192.0.2.9")
    changed = {name.removeprefix("mirage-accel-") for name, text in units().items() if text != before[name]}
    assert changed == {"kubelet", "kube-proxy"}
