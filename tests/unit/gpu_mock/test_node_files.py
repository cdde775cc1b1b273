# SPDX-License-Identifier: GPL-3.0-or-later
"""What is placed on a node, what is left alone, and what is taken off."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import typing as t

import pytest
from gpu_mock import node_files, owner
from gpu_mock.errors import RefusedError
from gpu_mock.settings import Settings

DRIVER = "host/nvidia-mock/driver"
PLACED = {
    f"{DRIVER}/config/config.yaml",
    f"{DRIVER}/config/owner.json",
    f"{DRIVER}/dev/nvidia0",
    f"{DRIVER}/dev/nvidia1",
    f"{DRIVER}/dev/nvidiactl",
    f"{DRIVER}/lib/firmware/nvidia/550.163.01/gsp_mock.bin",
    f"{DRIVER}/usr/bin/mock-nvml",
    f"{DRIVER}/usr/bin/nvidia-smi",
    f"{DRIVER}/usr/lib64/libcuda.so.1",
    f"{DRIVER}/usr/lib64/libcuda.so.550.163.01",
    f"{DRIVER}/usr/lib64/libnvidia-ml.so.1",
    f"{DRIVER}/usr/lib64/libnvidia-ml.so.550.163.01",
    "dev/nvidia0",
    "dev/nvidia1",
    "dev/nvidiactl",
}

Take = t.Callable[[], dict[str, t.Any]]


def place(settings: Settings) -> list[str]:
    return node_files.ensure(settings, owner.read(settings.driver_root))


def record_of(settings: Settings) -> owner.Owner:
    record = owner.read(settings.driver_root)
    assert record is not None
    return record


def test_all_is_placed(node: Settings, snapshot: Take) -> None:
    place(node)
    found = snapshot()
    assert set(found) == PLACED
    assert found["dev/nvidia1"][0] == (195, 1, "0o666")
    assert found[f"{DRIVER}/dev/nvidiactl"][0] == (195, 255, "0o666")
    assert found[f"{DRIVER}/usr/lib64/libnvidia-ml.so.1"][0] == "libnvidia-ml.so.550.163.01"
    assert found[f"{DRIVER}/usr/bin/nvidia-smi"][0] == "content of usr/bin/nvidia-smi"


def test_the_record_lists_just_what_was_placed(node: Settings, snapshot: Take) -> None:
    place(node)
    record = json.loads((node.driver_root / "config/owner.json").read_text())
    names = {
        str(node.driver_root).removesuffix(DRIVER) + name if name.startswith("host") else f"/{name}" for name in PLACED
    }
    assert set(record.pop("files")) == names
    assert len(record.pop("config_sha256")) == 64
    assert record == {
        "version": 1,
        "owner": "gpu-mock/default/rel",
        "profile": "a100",
        "count": 2,
        "driver_version": "550.163.01",
    }


def test_a_second_time_changes_nothing(node: Settings, snapshot: Take) -> None:
    place(node)
    before = snapshot()
    assert place(node) == []
    assert snapshot() == before


def test_a_missing_node_comes_back(node: Settings, snapshot: Take) -> None:
    place(node)
    (node.host_dev / "nvidia1").unlink()
    assert place(node) == ["/dev/nvidia1"]
    assert set(snapshot()) == PLACED


def test_fewer_gpus_take_their_nodes_away(node: Settings, snapshot: Take) -> None:
    place(node)
    before = snapshot()
    place(dataclasses.replace(node, count=1))
    after = snapshot()
    assert PLACED - set(after) == {"dev/nvidia1", f"{DRIVER}/dev/nvidia1"}
    page = f"{DRIVER}/lib/firmware/nvidia/550.163.01/gsp_mock.bin"
    assert after[page][1] == before[page][1], "the page is a bind mount of containers: its inode must stay"


def test_another_version_replaces_the_named_files(node: Settings, snapshot: Take) -> None:
    place(node)
    place(dataclasses.replace(node, driver_version="570.10"))
    found = snapshot()
    assert set(found) == {name.replace("550.163.01", "570.10") for name in PLACED}
    assert found[f"{DRIVER}/usr/lib64/libcuda.so.1"][0] == "libcuda.so.570.10"


def test_removal_leaves_nothing(node: Settings, snapshot: Take) -> None:
    place(node)
    assert len(node_files.remove(node, record_of(node))) == len(PLACED)
    assert snapshot() == {}
    assert not node.driver_root.exists()


@pytest.mark.parametrize("mode", [0o666, 0o640])
def test_removal_leaves_what_was_there_before(node: Settings, snapshot: Take, mode: int) -> None:
    os.mknod(node.host_dev / "nvidia0", stat.S_IFCHR | mode, os.makedev(195, 0))
    (node.host_dev / "nvidia0").chmod(mode)
    (node.host_dev / "nvidia-caps").mkdir()
    (node.driver_root / "usr/share").mkdir(parents=True)
    (node.driver_root / "usr/share/notes").write_text("mine")
    before = snapshot()
    place(node)
    assert "/dev/nvidia0" not in record_of(node).files
    assert place(node) == []
    node_files.remove(node, record_of(node))
    assert snapshot() == before
    assert (node.host_dev / "nvidia-caps").is_dir()


def test_a_node_of_ours_gets_its_mode_back(node: Settings, snapshot: Take) -> None:
    place(node)
    (node.host_dev / "nvidia0").chmod(0o600)
    assert place(node) == ["/dev/nvidia0"]
    assert snapshot()["dev/nvidia0"][0] == (195, 0, "0o666")
    node_files.remove(node, record_of(node))
    assert snapshot() == {}


def test_removal_goes_on_where_it_was_cut_off(node: Settings, snapshot: Take) -> None:
    place(node)
    record = record_of(node)
    (node.driver_root / "usr/bin/nvidia-smi").unlink()
    (node.host_dev / "nvidia0").unlink()
    node_files.remove(node, record)
    assert snapshot() == {}


def test_removal_spares_the_nodes_of_a_real_driver(node: Settings, snapshot: Take) -> None:
    place(node)
    (node.proc / "driver/nvidia").mkdir(parents=True)
    (node.proc / "driver/nvidia/version").write_text("NVRM version")
    node_files.remove(node, record_of(node))
    assert set(snapshot()) == {"dev/nvidia0", "dev/nvidia1", "dev/nvidiactl"}


@pytest.mark.parametrize("name", ["/etc/passwd", "/dev/sda", "/dev/nvidia/../sda", "relative"])
def test_a_damaged_record_removes_nothing_else(node: Settings, snapshot: Take, name: str) -> None:
    place(node)
    before = snapshot()
    record = dataclasses.replace(record_of(node), files=(name,))
    with pytest.raises(RefusedError, match="which no release of gpu-mock places"):
        node_files.remove(node, record)
    assert snapshot() == before


def test_a_wrong_description_changes_nothing(node: Settings, snapshot: Take) -> None:
    place(node)
    before = snapshot()
    node.config_file.write_text("wrong\n")
    with pytest.raises(RefusedError, match="config.yaml:1: name: expected a string"):
        place(node)
    assert snapshot() == before


def test_a_device_of_another_number_is_refused(node: Settings, snapshot: Take) -> None:
    os.mknod(node.host_dev / "nvidia0", stat.S_IFCHR | 0o600, os.makedev(508, 0))
    with pytest.raises(RefusedError, match="nvidia0 is there already and is device 508:0, not 195:0"):
        place(node)
    assert set(snapshot()) == {"dev/nvidia0"}


def test_files_without_a_record_are_refused(node: Settings) -> None:
    place(node)
    (node.driver_root / "config/owner.json").unlink()
    with pytest.raises(RefusedError, match="unknown who placed it"):
        node_files.refuse_foreign(node, None)


def test_another_release_is_refused(node: Settings) -> None:
    place(node)
    other = dataclasses.replace(node, release="second")
    with pytest.raises(RefusedError, match="is served by gpu-mock/default/rel"):
        node_files.refuse_foreign(other, record_of(other))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({"count": 8}, "gpu.count is 2 there and 8 here", id="count"),
        pytest.param({"profile": "gb200"}, "gpu.profile is a100 there and gb200 here", id="profile"),
        pytest.param({"driver_version": "570.10"}, "driverVersion is 550.163.01 there and 570.10 here", id="version"),
    ],
)
def test_an_owner_with_other_gpus_is_refused(node: Settings, change: dict[str, t.Any], text: str) -> None:
    place(node)
    record = dataclasses.replace(record_of(node), owner="mirage.accel/mock_nvml")
    node_files.agree(node, record)
    with pytest.raises(RefusedError, match=text):
        node_files.agree(dataclasses.replace(node, **change), record)


@pytest.mark.parametrize("name", ["/dev/nvidia1", "usr/lib64/libnvidia-ml.so.1"])
def test_an_owner_whose_files_are_gone_is_refused(node: Settings, name: str) -> None:
    place(node)
    record = dataclasses.replace(record_of(node), owner="mirage.accel/mock_nvml")
    node_files.agree(node, record)
    path = node.host_dev / name.removeprefix("/dev/") if name.startswith("/dev/") else node.driver_root / name
    path.unlink()
    with pytest.raises(RefusedError, match=rf"{name} is missing there \(1 of 15 files\)"):
        node_files.agree(node, record)


def test_an_owner_with_another_custom_description_is_refused(node: Settings) -> None:
    custom = dataclasses.replace(node, profile="custom")
    place(custom)
    record = record_of(custom)
    node_files.agree(custom, record)
    node.config_file.write_text("name: another GPU\n")
    with pytest.raises(RefusedError, match="gpu.customConfig is not the text"):
        node_files.agree(custom, record)


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2}', '{"version": 1, "owner": "x"}'])
def test_an_unreadable_record_is_refused(node: Settings, text: str) -> None:
    path = owner.path_in(node.driver_root)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(RefusedError, match="Error while reading .*owner.json"):
        owner.read(node.driver_root)
