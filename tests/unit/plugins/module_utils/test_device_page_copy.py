# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _device_page_copy as device_page_copy
from ansible_collections.mirage.accel.plugins.module_utils._device_page_copy import DevicePageCopyError

MIB = 1 << 20


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A file with some data here and there, and holes between."""
    path = tmp_path / "driver/lib/firmware/nvidia/550.163.01/gsp_mock.bin"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(100 * MIB)
        for place in (0, 40 * MIB, 99 * MIB):
            file.seek(place)
            file.write(os.urandom(3 * 4096))
    return path


def test_the_copy_is_the_same_and_takes_no_more_room(page: Path, tmp_path: Path) -> None:
    with device_page_copy.driver_root(page, str(tmp_path)) as root:
        copy = root / "lib/firmware/nvidia/550.163.01/gsp_mock.bin"
        assert root.parent == tmp_path
        assert copy.read_bytes() == page.read_bytes()
        assert copy.stat().st_blocks <= page.stat().st_blocks + 2048
    assert not root.exists()


def test_it_waits_for_who_writes_the_page(page: Path, tmp_path: Path) -> None:
    with page.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        timer = threading.Timer(0.3, lambda: fcntl.flock(writer, fcntl.LOCK_UN))
        begin = time.monotonic()
        timer.start()
        with device_page_copy.driver_root(page, str(tmp_path)):
            assert time.monotonic() - begin >= 0.2
        timer.join()


def test_what_cannot_be_copied_is_said(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_page_copy, "LOCK_SECONDS", 0.05)
    with page.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        with pytest.raises(DevicePageCopyError) as caught, device_page_copy.driver_root(page, str(tmp_path)):
            pass
    message = str(caught.value)
    assert message.startswith(f"Error while copying the device page {page} to a folder in {tmp_path}: ")
    assert "it was locked for 0.05 seconds; check mode tries a change on a copy" in message
    assert [path for path in tmp_path.iterdir() if path.name.startswith("mirage-accel-")] == []


def test_a_folder_that_is_not_there_is_said(page: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(DevicePageCopyError) as caught,
        device_page_copy.driver_root(page, str(tmp_path / "nowhere")),
    ):
        pass
    message = str(caught.value)
    assert f"{page} to a folder in {tmp_path}/nowhere: No such file or directory; check mode tries" in message
    assert "let the folder for Ansible's temporary files be there, be writable and have room" in message


def test_what_cannot_be_removed_is_left_to_ansible(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        with device_page_copy.driver_root(page, str(tmp_path)) as root:
            patch.setattr("os.rmdir", refuse)
        assert root.exists()


def test_an_error_of_the_block_is_no_error_of_the_copy(page: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), device_page_copy.driver_root(page, str(tmp_path)) as root:
        (root / "nonesuch").read_bytes()
    assert not root.exists()
