# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that are heard while the claim is still being prepared, by the same instance or by another."""

from __future__ import annotations

import typing as t

import pytest
from dra_node import Node, Reader, claim, nothing_is_left, ref_of, state_of
from mock_accel_dra.errors import ClaimError
from mock_accel_dra.state import Lock

Json = dict[str, t.Any]


@pytest.mark.parametrize("in_a_rolling_update", [False, True])
def test_a_release_that_overtakes_a_slow_server(node: Node, in_a_rolling_update: bool) -> None:
    """The kubelet has given up preparing and has been told that nothing is prepared: it will not ask again.

    In a rolling update the new instance is told to release what the old one is still asking the server for.
    """
    one, rival = claim("c0", "mock0"), claim("rival", "mock0")

    class Slow(Reader):
        def get(self, ref: t.Any) -> Json:
            if ref.name == "c0" and len(self.asked) < 1:
                self.asked.append(ref.name)
                told.unprepare(ref)
            return super().get(ref)

    reader = Slow(one, rival)
    state = state_of(node, reader)
    told = state_of(node, reader) if in_a_rolling_update else state
    with pytest.raises(ClaimError, match="it has been released meanwhile"):
        state.prepare(ref_of(one))
    assert nothing_is_left(node)
    told.prepare(ref_of(rival))
    told.unprepare(ref_of(rival))
    # Asked for anew, it is prepared.
    assert [device.name for device in told.prepare(ref_of(one)).devices] == ["mock0"]


@pytest.mark.parametrize("in_a_rolling_update", [False, True])
def test_a_release_that_overtakes_a_lock(
    node: Node, in_a_rolling_update: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked for later, and gets the lock first."""
    one = claim("c0", "mock0")
    reader = Reader(one)
    told = state_of(node, reader)
    state = state_of(node, reader) if in_a_rolling_update else told
    held = Lock.held
    overtaken = False

    def slow(lock: Lock) -> t.Any:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            told.unprepare(ref_of(one))
        return held(lock)

    monkeypatch.setattr(Lock, "held", slow)
    with pytest.raises(ClaimError, match="it has been released meanwhile"):
        state.prepare(ref_of(one))
    assert reader.asked == []
    assert nothing_is_left(node)
    assert [device.name for device in state.prepare(ref_of(one)).devices] == ["mock0"]


def test_a_new_instance_does_not_end_what_the_old_one_is_asking_for(node: Node) -> None:
    one = claim("c0", "mock0")
    fetching = node.plugin_dir / "fetching"
    fetching.mkdir(parents=True)
    (fetching / "what-a-killed-process-has-left.0123456789abcdef").touch()

    class Slow(Reader):
        def get(self, ref: t.Any) -> Json:
            state_of(node, self).recover()
            assert [path.stem for path in fetching.iterdir()] == [ref.uid]
            return super().get(ref)

    state_of(node, Slow(one)).prepare(ref_of(one))
    assert list(fetching.iterdir()) == []
