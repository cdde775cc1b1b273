# SPDX-License-Identifier: GPL-3.0-or-later
"""The role before anything starts: stopped by a port that is taken in a network namespace, or having nothing to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PLAY = """\
- hosts: localhost
  gather_facts: false
  roles:
    - mirage.accel.local_cluster
"""
# The listener is a child of this shell, and ends with it.
INSIDE = """\
ip link set lo up
"$1" -c 'import http.server as s; s.HTTPServer(("127.0.0.1", 6443), s.BaseHTTPRequestHandler).serve_forever()' &
holder=$!
until ss --listening --tcp --numeric | grep -q 127.0.0.1:6443; do sleep 0.1; done
echo "holder $holder"
"$1" "$2" "$3" -e "@$4"
code=$?
kill $holder
exit $code
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "play.yml").write_text(PLAY)
    given = {
        "local_cluster_state_dir": str(tmp_path / "state"),
        "local_cluster_runtime_dir": str(tmp_path / "run"),
        "local_cluster_cache_dir": str(tmp_path / "cache"),
        "local_cluster_node_address": "192.0.2.2",
        "local_cluster_memory_mib": 100_000_000,
        "local_cluster_node_name": "Bad_Name",
        "local_cluster_pod_cidr": "10.96.0.0/16",
        "local_cluster_certificate_days": 30,
    }
    (tmp_path / "variables.json").write_text(json.dumps(given))
    return {"play": tmp_path / "play.yml", "variables": tmp_path / "variables.json"}


def test_what_stands_in_the_way_is_named_before_anything_starts(files, tmp_path: Path, repo: Path) -> None:
    playbook = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", INSIDE, "sh", sys.executable, playbook, files["play"], files["variables"]],
        capture_output=True,
        text=True,
        cwd=repo,
        check=False,
        timeout=300,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    holder = done.stdout.split("holder ")[1].split()[0]
    assert "No cluster is started on localhost:" in said
    assert f"port 6443 (kube-apiserver) is in use by {Path(sys.executable).name[:15]} (pid {holder})" in said
    assert "100000000 MiB are needed" in said
    for problem in (
        "'Bad_Name' cannot be the name of a node",
        "10.96.0.0/16 and the services'",
        "certificates of 30 days",
    ):
        assert problem in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["play.yml", "variables.json"]


def test_with_a_kubeconfig_the_role_does_nothing(files, tmp_path: Path, repo: Path, run) -> None:
    playbook = Path(sys.executable).with_name("ansible-playbook")
    variables = ["-e", f"@{files['variables']}", "-e", "kubeconfig=/elsewhere/admin.conf"]
    for state in ("present", "absent"):
        done = run(sys.executable, playbook, files["play"], *variables, "-e", f"local_cluster_state={state}", cwd=repo)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "A kubeconfig is given (/elsewhere/admin.conf)" in " ".join(done.stdout.split())
        # The checks of the arguments and the message.
        assert "ok=2 " in done.stdout
        assert "changed=0" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["play.yml", "variables.json"]
