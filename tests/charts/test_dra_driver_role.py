# SPDX-License-Identifier: GPL-3.0-or-later
"""The role dra_driver: what it describes, fetches and lays out on the controller, and what it takes off a node."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest
from plays import changed, refused, write_play

Run = t.Callable[..., t.Any]

DRIVER = "ghcr.io/fabiendupont/mock-accel-dra-driver"
MODULE = "ghcr.io/fabiendupont/mock-accel-module"
NAME = "mock-accel.example.com"


class Role:
    """The role on this host, with the node's folders elsewhere."""

    def __init__(self, run: Run, repo: Path, env: dict[str, str], folder: Path) -> None:
        self._run, self._repo, self._env, self.folder = run, repo, env, folder
        self.kubelet, self.cdi = folder / "kubelet", folder / "cdi"

    def __call__(self, *options: str, **variables: t.Any) -> t.Any:
        values = {
            "dra_driver_kubelet_dir": str(self.kubelet),
            "dra_driver_cdi_dir": str(self.cdi),
            "facts": str(self.folder / "facts.json"),
            **variables,
        }
        facts = "{{ {'images': dra_driver_images, 'wanted': dra_driver_is_wanted} | to_json }}"
        copy = {"dest": "{{ facts }}", "content": facts, "mode": "0644"}
        tasks = [
            {"name": "Run the role", "ansible.builtin.include_role": {"name": "mirage.accel.dra_driver"}},
            {
                "name": "Tell",
                "ansible.builtin.copy": copy,
                "changed_when": False,
                "check_mode": False,
            },
        ]
        playbook = write_play(self.folder, values, tasks=tasks)
        return self._run("ansible-playbook", playbook, *options, cwd=self._repo, env=self._env)

    def facts(self) -> dict[str, t.Any]:
        return json.loads((self.folder / "facts.json").read_text())


@pytest.fixture
def role(run: Run, repo: Path, ansible_env: dict[str, str], tmp_path: Path) -> Role:
    return Role(run, repo, ansible_env, tmp_path)


def test_it_is_wanted_where_the_module_is_loaded(role: Role) -> None:
    changed(role())
    loaded = Path("/sys/module/mock_accel").exists()
    assert role.facts()["wanted"] == loaded
    assert bool(role.facts()["images"]) == loaded


def test_the_site_may_say_so(role: Role) -> None:
    changed(role("-e", "mock_device_enabled=false"))
    assert role.facts() == {"wanted": False, "images": []}


def test_packages_are_fetched_once(role: Role, run: Run, tmp_path: Path) -> None:
    variables = {"mock_device_enabled": True, "dra_driver_cache_dir": str(tmp_path / "cache")}
    assert changed(role("--check", **variables)) > 0
    assert not (tmp_path / "cache").exists()
    assert changed(role(**variables)) > 0
    assert changed(role(**variables)) == 0
    [image] = role.facts()["images"]
    assert (image["name"], image["tag"]) == (DRIVER, "1.0.0")
    packages = image["build_contexts"]["packages"]
    assert list(Path(packages).rglob("*.pyc")) == [], "nothing of them is executed on the controller"
    program = "import sys; sys.path[:0] = sys.argv[1:]; import mock_accel_dra.server, grpc; print(grpc.__file__)"
    command = [sys.executable, "-IB", "-c", program, packages, str(Path(image["containerfile"]).parent)]
    assert run(*command).stdout.startswith(packages)


def test_modules_are_laid_out_as_kmm_wants_them(role: Role, tmp_path: Path) -> None:
    kernels = ["6.1.0-50-amd64", "6.17.1-300.fc43.x86_64"]
    for kernel in kernels:
        (tmp_path / f"{kernel}.ko").write_text(kernel)
    (tmp_path / "words").write_text("apple\n")
    modules = [{"kernel": kernel, "file": str(tmp_path / f"{kernel}.ko")} for kernel in kernels]
    variables = {
        "mock_device_enabled": True,
        "dra_driver_modules": modules,
        "dra_driver_wordlist": str(tmp_path / "words"),
        "dra_driver_cache_dir": str(tmp_path / "cache"),
    }
    assert changed(role(**variables)) > 0
    assert changed(role(**variables)) == 0
    image = role.facts()["images"][1]
    assert (image["name"], image["tag"]) == (MODULE, "v1.0.0-fc43")
    folder = Path(image["build_contexts"]["modules"])
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {f"opt/lib/modules/{kernel}/mock_accel.ko" for kernel in kernels} | {"firmware/mock-accel-wordlist"}
    # Another module of the same kernel, another folder, by which container_images knows that the image is another one.
    (tmp_path / f"{kernels[0]}.ko").write_text("another build")
    assert changed(role(**variables)) > 0
    assert role.facts()["images"][1]["build_contexts"]["modules"] != str(folder)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        pytest.param(
            {"mock_device_enabled": "perhaps"},
            "mock_device_enabled is 'perhaps': set it to true, to false, or to auto",
            id="enabled",
        ),
        pytest.param(
            {"dra_driver_python_version": "3.9"},
            "dra_driver_python_version is '3.9': set it to the Python of the image's base, 3.11 or newer",
            id="python",
        ),
        pytest.param(
            {"dra_driver_modules": [{"kernel": "6.1.0", "file": "/nowhere.ko"}]},
            "The kernel module '/nowhere.ko' of kernel '6.1.0' cannot go into an image",
            id="no-module",
        ),
        pytest.param(
            {"dra_driver_modules": [{"kernel": "../../etc", "file": "/etc/hostname"}]},
            "The kernel module '/etc/hostname' of kernel '../../etc' cannot go into an image",
            id="kernel-is-a-path",
        ),
        pytest.param(
            {"dra_driver_modules": [{"kernel": "6.1.0", "file": "/etc/hostname"}] * 2},
            "dra_driver_modules names a kernel twice (6.1.0, 6.1.0)",
            id="twice",
        ),
        pytest.param(
            {"dra_driver_wordlist": "/nowhere"}, "There is no word list /nowhere on the controller", id="word-list"
        ),
    ],
)
def test_what_cannot_work_is_said_first(role: Role, variables: dict[str, t.Any], text: str) -> None:
    assert text in refused(role(**variables))


@pytest.fixture
def node(role: Role) -> Role:
    """What a driver of ours and one of somebody else have left."""
    for folder, name in (
        (role.kubelet / "plugins" / NAME, "checkpoint.json"),
        (role.kubelet / "plugins_registry", f"{NAME}-reg.sock"),
        (role.kubelet / "plugins_registry", "gpu.example.com-reg.sock"),
        (role.cdi, f"{NAME}_11111111.json"),
        (role.cdi, "gpu.example.com_11111111.json"),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('{"version": 1, "claims": {}}')
    return role


def files(role: Role) -> set[str]:
    return {path.name for folder in (role.kubelet, role.cdi) for path in folder.rglob("*") if path.is_file()}


def test_what_the_driver_has_left_goes(node: Role) -> None:
    assert changed(node("--check", dra_driver_state="absent")) > 0
    assert len(files(node)) == 5
    assert changed(node(dra_driver_state="absent")) > 0
    assert files(node) == {"gpu.example.com-reg.sock", "gpu.example.com_11111111.json"}
    assert changed(node(dra_driver_state="absent")) == 0
    assert [image["name"] for image in node.facts()["images"]] == [DRIVER, MODULE]
    assert not node.facts()["wanted"]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(json.dumps({"version": 1, "claims": {"uid-1": {}}}), id="a-claim"),
        pytest.param('{"version":1,"claims":', id="damaged"),
    ],
)
def test_nothing_goes_while_a_claim_may_be_prepared(node: Role, record: str) -> None:
    (node.kubelet / "plugins" / NAME / "checkpoint.json").write_text(record)
    before = files(node)
    said = refused(node(dra_driver_state="absent"))
    assert f"A claim still has devices of {NAME} on localhost" in said
    assert files(node) == before


def test_the_image_runs(run: Run, repo: Path, ansible_env: dict[str, str], tmp_path: Path) -> None:
    """Made as site.yml makes it, and started as the chart starts the controller: as nobody."""
    told = tmp_path / "archive"
    tell = {"dest": str(told), "content": "{{ container_images_archives.values() | first }}", "mode": "0644"}
    values = {
        "mock_device_enabled": True,
        "container_images": "{{ dra_driver_images }}",
        "container_images_handover": "none",
    }
    roles = ["mirage.accel.dra_driver", "mirage.accel.container_images"]
    tasks = [{"name": "Tell", "ansible.builtin.copy": tell}]
    done = run("ansible-playbook", write_play(tmp_path, values, roles=roles, tasks=tasks), cwd=repo, env=ansible_env)
    assert done.returncode == 0, done.stdout + done.stderr
    archive = Path(told.read_text())
    assert archive.name.startswith("mock-accel-dra-driver-1.0.0-")

    root = tmp_path / "root"
    manifest = json.loads(run("tar", "-xOf", archive, "manifest.json").stdout)[0]
    config = json.loads(run("tar", "-xOf", archive, manifest["Config"]).stdout)["config"]
    root.mkdir()
    for layer in manifest["Layers"]:
        script = 'tar -xOf "$0" "$1" | tar -x --same-owner -C "$2"'
        assert run("sh", "-c", script, archive, layer, root).returncode == 0
    command = [*config["Entrypoint"], "controller", "--node-name=n", "--kubeconfig=/nowhere"]
    env = dict(one.split("=", 1) for one in config["Env"])
    started = run("chroot", "--userspec=65534:65534", root, *command, env=env)
    assert "Error while reading the kubeconfig /nowhere: No such file or directory" in started.stderr
    imported = run("chroot", root, "python3", "-c", "import mock_accel_dra.server", env=env)
    assert imported.returncode == 0, imported.stderr
    assert {"Kbuild", "Makefile", "mock_accel_drv.c"} <= {one.name for one in (root / "usr/src/mock-accel").iterdir()}
