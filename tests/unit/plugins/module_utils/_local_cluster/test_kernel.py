# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel modules of recorded hosts, and their loading, with a modprobe of the test in the place of the system's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._local_cluster import host, kernel, mounts

SETTING = "proc/sys/net/bridge/bridge-nf-call-iptables"


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def modprobe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A modprobe that knows the modules of a file, and writes down what it is asked for."""
    tool = tmp_path / "tools/modprobe"
    tool.parent.mkdir()
    (tmp_path / "known").write_text("")
    tool.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\nfor last; do :; done\n'
        f'grep -qx "$last" {tmp_path}/known || {{ echo "Module $last not found" >&2; exit 1; }}\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    return tmp_path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> host.Site:
    """A site on a host whose kernel has neither module, and whose mounts and settings need nothing."""
    monkeypatch.setattr(kernel, "is_there", lambda module, root=None: False)
    monkeypatch.setattr(kernel, "is_loaded", lambda module, root=None: True)
    monkeypatch.setattr(kernel, "boot_files_to_write", dict)
    monkeypatch.setattr(mounts, "mounts_to_share", lambda *_given: [])
    monkeypatch.setattr(host, "NEEDED_SYSCTLS", {})
    return host.Site(str(tmp_path / "state"), str(tmp_path / "run"), "mirage0", "mirage", 77)


@pytest.mark.parametrize(
    ("files", "there"),
    [
        pytest.param({"proc/filesystems": "nodev\ttmpfs\n\text4\n"}, [], id="neither"),
        pytest.param({"proc/filesystems": "nodev\toverlay\n"}, ["overlay"], id="overlay"),
        pytest.param({SETTING: "1\n"}, ["br_netfilter"], id="bridge filter"),
    ],
)
def test_what_is_there_is_seen(tmp_path: Path, files: dict[str, str], there: list[str]) -> None:
    root = put(tmp_path, files)
    assert [module for module in kernel.MODULES if kernel.is_there(module, root)] == there


def test_what_could_be_loaded_is_asked_for_without_loading_it(modprobe: Path) -> None:
    (modprobe / "known").write_text("overlay\n")
    assert kernel.loadable_modules(modprobe) == ["overlay"]
    assert (modprobe / "asked").read_text().splitlines() == [
        "--dry-run --quiet br_netfilter",
        "--dry-run --quiet overlay",
    ]


def test_a_missing_bridge_filter_ends_the_preparation_with_its_name(modprobe: Path, site: host.Site) -> None:
    with pytest.raises(
        host.HostError, match=r"module br_netfilter: Module br_netfilter not found; install the modules"
    ):
        host.prepare(site, check_mode=False)
    # What was begun can be removed.
    assert site.record.exists()


def test_check_mode_loads_nothing(modprobe: Path, site: host.Site) -> None:
    (modprobe / "known").write_text("br_netfilter\noverlay\n")
    actions = host.prepare(site, check_mode=True)
    assert {"load the kernel module br_netfilter", "load the kernel module overlay"} <= set(actions)
    assert host.snapshotter_of(site, check_mode=True) == "overlayfs"
    assert all(line.startswith("--dry-run") for line in (modprobe / "asked").read_text().splitlines())
    assert not site.record.exists()


def test_modules_are_loaded_once_and_remembered(
    modprobe: Path, site: host.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (modprobe / "known").write_text("br_netfilter\noverlay\n")
    loaded = modprobe / "asked"
    monkeypatch.setattr(
        kernel, "is_there", lambda module, root=None: loaded.exists() and module in loaded.read_text().splitlines()
    )
    assert "load the kernel module overlay" in host.prepare(site, check_mode=False)
    record = json.loads(site.record.read_text())
    assert record["loaded_modules"] == ["br_netfilter", "overlay"]
    assert record["snapshotter"] == "overlayfs"
    assert host.prepare(site, check_mode=False) == []


def test_the_snapshotter_stays_what_the_cluster_was_made_with(
    modprobe: Path, site: host.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "is_there", lambda module, root=None: module == "br_netfilter")
    host.prepare(site, check_mode=False)
    assert host.snapshotter_of(site, check_mode=False) == "native"
    monkeypatch.setattr(kernel, "is_there", lambda module, root=None: True)
    assert host.prepare(site, check_mode=False) == []
    assert host.snapshotter_of(site, check_mode=False) == "native"


def test_only_systemd_gets_files_for_the_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {str(tmp_path / "modules.conf"): "overlay\n"}
    monkeypatch.setattr(kernel, "BOOT_FILES", files)
    monkeypatch.setattr(kernel, "runs_systemd", lambda: False)
    assert kernel.boot_files_to_write() == {}
    monkeypatch.setattr(kernel, "runs_systemd", lambda: True)
    assert kernel.boot_files_to_write() == files
    (tmp_path / "modules.conf").write_text("overlay\n")
    assert kernel.boot_files_to_write() == {}
