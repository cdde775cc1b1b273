# SPDX-License-Identifier: GPL-3.0-or-later
"""What others change behind the node agent's back is put right."""

from __future__ import annotations

import errno
import os
import typing as t

import pytest
from dra_agent import DRIVER
from dra_node import Node, Reader, claim, nothing_is_left, ref_of, state_of
from mock_accel_dra import files
from mock_accel_dra.devices import SysfsDevices


def test_what_others_have_changed_is_put_right(node: Node) -> None:
    """A removed file, a device that came back as new, and one that hung while it was released."""
    one, hung = claim("c0", "mock0-vf0", "mock1"), claim("hung", "mock0-vf1")
    state = state_of(node, Reader(one, hung))
    state.prepare(ref_of(one))
    state.prepare(ref_of(hung))
    before = {name: (node.cdi_dir / name).read_text() for name in node.cdi_files()}
    node.sysfs.silence("mock0_vf1")
    state.unprepare(ref_of(hung))
    del before[f"{DRIVER}_{hung['metadata']['uid']}.json"]
    (node.cdi_dir / next(iter(before))).unlink()
    node.sysfs.write("mock1", "status", "0")
    node.sysfs.write("mock0_vf1", "status", "1")
    node.sysfs.write("mock0_vf1", "errors", "0x00")

    def settled() -> list[str]:
        return sorted(state.settle(SysfsDevices(node.sysfs.root).all()))

    assert settled() == ["mock0-vf0", "mock1"]
    assert {name: (node.cdi_dir / name).read_text() for name in node.cdi_files()} == before
    assert node.sysfs.statuses() == {"mock0_vf0": 1, "mock1": 1}
    # One that is gone is left out of it.
    node.sysfs.remove("mock1")
    assert settled() == ["mock0-vf0", "mock1"]
    state.unprepare(ref_of(one))
    assert settled() == []
    assert nothing_is_left(node)


def test_what_cannot_be_put_right_now_does_not_hide_what_is_held(
    node: Node, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    one = claim("c0", "mock0")
    state = state_of(node, Reader(one))
    state.prepare(ref_of(one))
    (node.cdi_dir / node.cdi_files()[0]).unlink()

    def full(*args: t.Any, **more: t.Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", full)
        assert list(state.settle(SysfsDevices(node.sysfs.root).all())) == ["mock0"]
    assert "What others have changed is not put right yet" in capfd.readouterr().err
    state.settle(SysfsDevices(node.sysfs.root).all())
    assert len(node.cdi_files()) == 1
