# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that need no cluster: programs really built by Go, certificates, files, and an image that containerd runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# The kubelet's side of containerd, which an import does not need.
CRI_PLUGINS = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
GREET = """\
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	char text[6] = "";
	FILE *file = fopen("/etc/greeting", "r");

	if (!file || !fgets(text, sizeof(text), file))
		return 1;
	return printf("%s %s\\n", getenv("GREETING"), text) < 0;
}
"""


def assert_played(done) -> None:
    """The play ran to its end, and its assertions were among what it ran."""
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All assertions passed" in done.stdout
    assert "failed=0" in done.stdout


@pytest.fixture(scope="module")
def programs(repo: Path, run, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of containerd, runc and the CNI plugins, as the role builds them and from the same cache."""
    wanted = {
        "top": str(repo),
        "role_path": str(repo / "roles/local_cluster"),
        "programs_cache": str(cache),
        "programs_file": str(tmp_path_factory.mktemp("programs") / "programs.json"),
        "programs_names": ["containerd", "runc", "cni"],
    }
    book = repo / "tests/integration/programs.yml"
    playbook = Path(sys.executable).with_name("ansible-playbook")
    done = run(sys.executable, playbook, book, "-e", json.dumps(wanted), cwd=repo)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: Path(path) for name, path in json.loads(Path(wanted["programs_file"]).read_text()).items()}


def test_go_build(playbook, repo: Path, cache: Path, programs: dict[str, Path]) -> None:
    version = re.match(r"cni-(v[0-9.]+)-", programs["cni"].name)
    assert version
    pins = repo / "roles/local_cluster/files/go/cni"
    assert_played(playbook("go_build", {"pins": str(pins), "version": version[1], "cache": str(cache)}))


def test_cluster_pki(playbook) -> None:
    assert_played(playbook("cluster_pki", {}))


def test_file_set(playbook) -> None:
    assert_played(playbook("file_set", {}))


@pytest.fixture
def ctr(tmp_path: Path, programs: dict[str, Path]) -> Iterator[Callable[..., str]]:
    """The command ctr on a containerd of the test's own, which ends with it."""
    socket = tmp_path / "containerd.sock"
    config = tmp_path / "containerd.toml"
    config.write_text(
        f'version = 3\nroot = "{tmp_path}/root"\nstate = "{tmp_path}/state"\nimports = []\n'
        f"disabled_plugins = {json.dumps(CRI_PLUGINS)}\n"
        f'[grpc]\naddress = "{socket}"\n'
        f'[plugins."io.containerd.internal.v1.opt"]\npath = "{tmp_path}/opt"\n'
    )
    path = f"{programs['containerd']}:{programs['runc']}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "CONTAINERD_ADDRESS": str(socket)}
    command = [programs["containerd"] / "containerd", "--config", config]

    def call(*arguments: str | Path) -> str:
        done = subprocess.run(
            [programs["containerd"] / "ctr", *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with (
        (tmp_path / "containerd.log").open("w") as log,
        subprocess.Popen(command, env=environment, stderr=log) as daemon,
    ):
        try:
            for _ in range(300):
                if socket.exists():
                    break
                time.sleep(0.1)
            yield call
        finally:
            daemon.terminate()


def test_image_archive(playbook, ctr: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "greet.c").write_text(GREET)
    program = tmp_path / "greet"
    subprocess.run(["cc", "-static", "-o", program, tmp_path / "greet.c"], check=True)
    assert_played(playbook("image_archive", {"program": str(program)}))
    ctr("images", "import", tmp_path / "image.tar")
    assert ctr("images", "list", "--quiet").split() == ["localhost/test/greet:1"]
    said = ctr("run", "--rm", "--cgroup", "", "--runc-root", tmp_path / "runc", "localhost/test/greet:1", "one")
    # The program of the base, the file of the upper layer, the environment of the upper image.
    assert said == "hello hello\n"
