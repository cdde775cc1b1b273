# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver root with a stand-in for mock-nvml that writes what it was told; the real one is tested with the role."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.modules import driver_root, driver_root_info

STAND_IN = """\
#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
def value(name): return arguments[arguments.index(name) + 1]
root, text = pathlib.Path(value("--root")), pathlib.Path(arguments[-1]).read_text()
if "broken" in text:
    sys.exit("/dev/stdin:1: broken: expected something else")
text += "site: %s %s %s\\n" % (value("--count"), value("--driver-version"), value("--node-name"))
config = root / "config/config.yaml"
changed = not config.exists() or config.read_text() != text
if changed and "--dry-run" not in arguments:
    page = root / "lib/firmware/nvidia" / value("--driver-version") / "gsp_mock.bin"
    for path in (config, page):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
print(json.dumps({{"changed": changed}}))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mock/driver"


@pytest.fixture
def place(root: Path):
    """Put the files of a driver version into the driver root, as the role does, and name them."""

    def call(version: str = "1.0") -> list[str]:
        command = root / "usr/bin/mock-nvml"
        library = root / f"usr/lib64/lib.so.{version}"
        for path in (command, library):
            path.parent.mkdir(parents=True, exist_ok=True)
        command.write_text(STAND_IN.format(python=sys.executable))
        command.chmod(0o755)
        library.write_text(version)
        return [str(command), str(library)]

    return call


@pytest.fixture
def present(run_module, root: Path):
    def call(files: list[str], check: bool = False, version: str = "1.0", **options):
        settings = {"config": "board: x\n", "profile": "x", "count": 2, "node_name": "n", "driver_version": version}
        return run_module(
            driver_root, path=str(root), files=files, _ansible_check_mode=check, **{**settings, **options}
        )

    return call


@pytest.fixture
def absent(run_module, root: Path):
    def call(check: bool = False, **options):
        return run_module(
            driver_root, path=str(root), top=str(root.parent), state="absent", _ansible_check_mode=check, **options
        )

    return call


def tree(path: Path) -> set[str]:
    return {str(entry.relative_to(path)) for entry in path.rglob("*") if not entry.is_dir()}


def test_present_twice_and_absent_twice(place, present, absent, root: Path, tmp_path: Path) -> None:
    files = place()
    before = tree(root)
    assert present(files, check=True)["changed"]
    assert tree(root) == before

    first = present(files)
    assert first["changed"]
    page = "lib/firmware/nvidia/1.0/gsp_mock.bin"
    assert tree(root) == before | {"config/config.yaml", "config/owner.json", page}
    assert (root / "config/config.yaml").read_text() == "board: x\nsite: 2 1.0 n\n"
    record = json.loads((root / "config/owner.json").read_text())
    assert record["files"] == [*files, str(root / "config/config.yaml"), str(root / page)]
    assert (record["owner"], record["profile"], record["count"]) == ("mirage.accel/mock_nvml", "x", 2)
    assert not present(files)["changed"]
    assert not present(files, check=True)["changed"]

    assert absent(check=True)["changed"]
    assert tree(root) != set()
    assert absent()["changed"]
    assert list(tmp_path.iterdir()) == []
    assert not absent()["changed"]


def test_before_the_first_installation_check_mode_predicts(present, root: Path) -> None:
    assert present([], check=True)["changed"]
    assert not root.exists()


def test_another_version_takes_the_files_of_the_old_one_away(place, present, root: Path) -> None:
    present(place("1.0"))
    answer = present(place("2.0"), version="2.0")
    assert answer["removed"] == [
        str(root / "usr/lib64/lib.so.1.0"),
        str(root / "lib/firmware/nvidia/1.0/gsp_mock.bin"),
        str(root / "lib/firmware/nvidia/1.0"),
    ]
    assert (root / "usr/lib64/lib.so.2.0").exists()
    assert not (root / "usr/lib64/lib.so.1.0").exists()


def test_diff_shows_the_configuration_before_and_after(place, present) -> None:
    files = place()
    present(files)
    configuration, record = present(files, config="board: y\n")["diff"]
    assert configuration["before"].startswith("board: x\n")
    assert configuration["after"].startswith("board: y\n")
    assert record["before"] != record["after"]


def test_a_refused_description_changes_nothing(place, present, root: Path) -> None:
    files = place()
    present(files)
    before = {path: (root / path).read_text() for path in tree(root)}
    answer = present(files, config="broken\n")
    assert answer["msg"].endswith(f"driver root {root}: configuration:1: broken: expected something else")
    assert {path: (root / path).read_text() for path in tree(root)} == before


def test_the_owner_of_the_driver_root_is_respected(place, present, absent, root: Path) -> None:
    files = place()
    present(files, owner="gpu-mock/default/gpu-mock")
    answer = present(files)
    assert answer["failed"]
    assert "belongs to gpu-mock/default/gpu-mock" in answer["msg"]
    left = absent(files=files)
    assert (left["changed"], left["removed"]) == (False, [])
    assert (root / "config/owner.json").exists()


def test_removal_leaves_what_others_put_there(place, present, absent, root: Path) -> None:
    present(place())
    (root / "usr/lib64/theirs.so").write_text("")
    (root.parent / "theirs").write_text("")
    absent()
    assert tree(root.parent) == {"driver/usr/lib64/theirs.so", "theirs"}


def test_capability_files_of_mig_go_too(place, present, absent, root: Path) -> None:
    """They are not on record, for instances come and go; what somebody else has put beside them stays."""
    present(place())
    capabilities = root / "proc/driver/nvidia/capabilities"
    for name in ("mig/config", "mig/monitor", "gpu0/mig/gi1/access", "gpu0/mig/gi1/ci0/access"):
        (capabilities / name).parent.mkdir(parents=True, exist_ok=True)
        (capabilities / name).write_text("DeviceFileMinor: 12\n")
    (root / "proc/driver/nvidia-caps").mkdir()
    (root / "proc/driver/nvidia-caps/mig-minors").write_text("config 1\n")
    (capabilities / "theirs").write_text("")
    assert str(capabilities / "gpu0/mig/gi1/ci0/access") in absent(check=True)["removed"]
    absent()
    assert tree(root) == {"proc/driver/nvidia/capabilities/theirs"}


def test_an_interrupted_installation_can_be_taken_away(place, absent, tmp_path: Path) -> None:
    assert absent(files=place())["changed"]
    assert list(tmp_path.iterdir()) == []


def test_folders_of_files_that_went_before_go_too(place, present, absent, root: Path, tmp_path: Path) -> None:
    """Role device_nodes removes its nodes first and leaves an empty dev/."""
    (root / "dev").mkdir(parents=True)
    present([*place(), str(root / "dev/nvidia0")])
    absent()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_record_stops_everything(place, present, absent, root: Path) -> None:
    present(place())
    (root / "config/owner.json").write_text("{")
    for answer in (present([]), absent()):
        assert answer["failed"]
        assert "it is damaged" in answer["msg"]
    assert (root / "config/config.yaml").exists()


def test_info_tells_owner_and_real_driver(run_module, place, present, root: Path, tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "devices").write_text("Character devices:\n  1 mem\n")
    nobody = run_module(driver_root_info, path=str(root), proc=str(proc))
    assert (nobody["owner"], nobody["real_driver"]) == ({}, "")
    present(place())
    (proc / "devices").write_text("Character devices:\n195 nvidia\n")
    both = run_module(driver_root_info, path=str(root), proc=str(proc))
    assert both["owner"]["owner"] == "mirage.accel/mock_nvml"
    assert both["real_driver"] == f"{proc}/devices (195 nvidia)"


@pytest.fixture
def node(tmp_path: Path):
    """Make a device node beside the driver root, as it is in /dev."""

    def call(name: str, major: int = 195) -> Path:
        path = tmp_path / "dev" / name
        path.parent.mkdir(exist_ok=True)
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(major, 0))
        return path

    return call


def test_nodes_that_are_not_on_record_stay(place, absent, node, root: Path) -> None:
    theirs = node("nvidia0")
    assert absent(files=[*place(), str(theirs)])["changed"]
    assert theirs.exists()
    assert not root.exists()
    assert not absent(files=[str(theirs)])["changed"]


def test_of_what_is_on_record_outside_only_device_nodes_of_gpus_go(
    place, present, absent, node, tmp_path: Path
) -> None:
    ours, another = node("nvidia0"), node("nvidia1", major=508)
    file = tmp_path / "dev/nvidia2"
    file.write_text("mine\n")
    present([*place(), *map(str, (ours, another, file))])
    absent()
    assert [path.exists() for path in (ours, another, file)] == [False, True, True]


def test_fewer_gpus_leave_what_is_no_device_node_of_a_gpu(place, present, node) -> None:
    ours, another = node("nvidia2"), node("nvidia3", major=508)
    files = place()
    present([*files, str(ours), str(another)])
    assert present(files)["removed"] == [str(ours)]
    assert another.exists()
