# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams and events of libcuda: nothing is ever under way, so all that was asked for is done."""

from __future__ import annotations

import pytest

INVALID_VALUE, NOT_INITIALIZED, INVALID_CONTEXT, INVALID_HANDLE = 1, 3, 201, 400


@pytest.fixture(scope="module")
def profile(repo):
    return repo / "charts" / "gpu-mock" / "profiles" / "a100.yaml"


BEGIN = """
cuda.cuInit(0)
mine = context(0)
def stream(flags=0, priority=0):
    return c_void_p(done(out(c_void_p, cuda.cuStreamCreateWithPriority, flags, priority)))
def event(flags=0):
    return c_void_p(done(out(c_void_p, cuda.cuEventCreate, flags)))
def about(stream, kind, function):
    value = kind()
    return [function(stream, byref(value)), value.value]
def elapsed(start, end):
    return out(ctypes.c_float, cuda.cuEventElapsedTime, start, end)
"""


def test_streams(ask):
    found = ask(
        BEGIN
        + """
one = c_void_p(done(out(c_void_p, cuda.cuStreamCreate, 1)))
low, high = stream(0, 5), stream(0, -9)
say({
    "flags": [about(s, c_uint, cuda.cuStreamGetFlags) for s in (one, low, None)],
    "priorities": [about(s, c_int, cuda.cuStreamGetPriority)[1] for s in (one, low, high, None)],
    "context": [about(s, c_void_p, cuda.cuStreamGetCtx) == [0, mine.value] for s in (one, None, c_void_p(2))],
    "ids": len({about(s, c_ulonglong, cuda.cuStreamGetId)[1] for s in (one, low, high)}),
    "capturing": about(one, c_int, cuda.cuStreamIsCapturing),
    "done": [f(s) for s in (one, None, c_void_p(1), c_void_p(2))
             for f in (cuda.cuStreamQuery, cuda.cuStreamSynchronize)],
    "wrong": [cuda.cuStreamQuery(c_void_p(99)), out(c_void_p, cuda.cuStreamCreate, 2)[0],
              cuda.cuStreamCreate(None, 0), cuda.cuStreamGetFlags(one, None)],
    "destroyed": [cuda.cuStreamDestroy_v2(one), cuda.cuStreamQuery(one), cuda.cuStreamDestroy_v2(one),
                  cuda.cuStreamDestroy_v2(None), cuda.cuStreamDestroy_v2(c_void_p(1))],
    "others live": [cuda.cuStreamQuery(low), cuda.cuStreamQuery_ptsz(high), stream().value != one.value],
})
"""
    )
    assert found == {
        "flags": [[0, 1], [0, 0], [0, 0]],
        "priorities": [0, 0, -5, 0],
        "context": [True, True, True],
        "ids": 3,
        "capturing": [0, 0],
        "done": [0] * 8,
        "wrong": [INVALID_HANDLE, INVALID_VALUE, INVALID_VALUE, INVALID_VALUE],
        "destroyed": [0] + [INVALID_HANDLE] * 4,
        "others live": [0, 0, True],
    }


def test_events_measure_time(ask):
    found = ask(
        BEGIN
        + """
import time
start, end, silent, never, work = event(), event(1), event(2), event(), stream()
record = lambda e, s=None: cuda.cuEventRecord(e, s)
begin = time.monotonic()
recorded = [record(start), time.sleep(0.05), cuda.cuEventRecordWithFlags(end, work, 1), record(silent)]
passed = (time.monotonic() - begin) * 1000
result, milliseconds = elapsed(start, end)
say({
    "recorded": recorded,
    "elapsed": [result, 49 < milliseconds <= passed + 1, elapsed(start, start),
                elapsed(end, start)[1] == -milliseconds],
    "no time": [elapsed(start, silent)[0], elapsed(never, start)[0], elapsed(start, c_void_p(99))[0],
                cuda.cuEventElapsedTime(None, start, end)],
    "done": [f(e) for f in (cuda.cuEventQuery, cuda.cuEventSynchronize) for e in (start, never)],
    "waited for": [cuda.cuStreamWaitEvent(work, start, 0), cuda.cuStreamWaitEvent(work, work, 0),
                   cuda.cuStreamWaitEvent(start, start, 0), cuda.cuStreamWaitEvent(None, start, 2)],
    "wrong": [cuda.cuEventRecord(c_void_p(99), None), record(start, c_void_p(99)), record(start, start),
              cuda.cuEventRecordWithFlags(start, None, 2), out(c_void_p, cuda.cuEventCreate, 8)[0],
              out(c_void_p, cuda.cuEventCreate, 4)[0], out(c_void_p, cuda.cuEventCreate, 6)[0],
              cuda.cuEventCreate(None, 0)],
    "destroyed": [cuda.cuEventDestroy_v2(start), cuda.cuEventQuery(start), cuda.cuEventDestroy_v2(start)],
})
"""
    )
    assert found == {
        "recorded": [0, None, 0, 0],
        "elapsed": [0, True, [0, 0.0], True],
        "no time": [INVALID_HANDLE, INVALID_HANDLE, INVALID_HANDLE, INVALID_VALUE],
        "done": [0] * 4,
        "waited for": [0, INVALID_HANDLE, INVALID_HANDLE, INVALID_VALUE],
        "wrong": [INVALID_HANDLE] * 3 + [INVALID_VALUE] * 3 + [0, INVALID_VALUE],
        "destroyed": [0, INVALID_HANDLE, INVALID_HANDLE],
    }


def test_they_go_with_their_context(ask):
    found = ask(
        BEGIN
        + """
other = context(0)
work, mark = stream(), event()
found = [cuda.cuCtxDestroy_v2(other), current() == mine.value]
say(found + [cuda.cuStreamQuery(work), cuda.cuEventQuery(mark)])
"""
    )
    assert found == [0, True, INVALID_HANDLE, INVALID_HANDLE]


def test_order_of_checks(ask):
    found = ask(
        """
room = ctypes.create_string_buffer(64)
calls = lambda: [cuda.cuStreamCreate(room, 0), cuda.cuStreamQuery(None), cuda.cuStreamDestroy_v2(room),
                 cuda.cuStreamGetFlags(None, room), cuda.cuEventCreate(room, 0), cuda.cuEventRecord(room, None),
                 cuda.cuEventQuery(room), cuda.cuEventElapsedTime(room, room, room),
                 cuda.cuStreamWaitEvent(None, room, 0)]
before = calls()
cuda.cuInit(0)
say([before, calls()])
"""
    )
    assert found == [[NOT_INITIALIZED] * 9, [INVALID_CONTEXT] * 9]


def test_handles_are_never_given_twice(ask):
    found = ask(
        BEGIN
        + """
seen = set()
for _ in range(500):
    one, two = stream(), event()
    seen |= {one.value, two.value}
    cuda.cuStreamDestroy_v2(one)
    cuda.cuEventDestroy_v2(two)
say(len(seen))
"""
    )
    assert found == 1000
