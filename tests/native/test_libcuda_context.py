# SPDX-License-Identifier: GPL-3.0-or-later
"""Contexts of libcuda: primary ones, a program's own, each thread's stack, and what a context says of itself."""

from __future__ import annotations

import pytest

INVALID_VALUE, NOT_INITIALIZED, INVALID_DEVICE = 1, 3, 101
INVALID_CONTEXT, UNSUPPORTED_LIMIT, IS_DESTROYED, PRIMARY_ACTIVE = 201, 215, 709, 708


@pytest.fixture(scope="module", params=["a100"])
def profile(request, repo):
    return repo / "charts" / "gpu-mock" / "profiles" / f"{request.param}.yaml"


STATE = """
cuda.cuInit(0)
def state(device):
    flags, active = c_uint(7), c_int(7)
    assert cuda.cuDevicePrimaryCtxGetState(device, byref(flags), byref(active)) == 0
    return [flags.value, active.value]
"""


def test_primary_context_lives_while_it_is_retained(ask):
    found = ask(
        STATE
        + """
found = {"none yet": state(0)}
first = out(c_void_p, cuda.cuDevicePrimaryCtxRetain, 0)
second = out(c_void_p, cuda.cuDevicePrimaryCtxRetain, 0)
other = out(c_void_p, cuda.cuDevicePrimaryCtxRetain, 1)
found["retained"] = [first[0], second[0], first == second, first == other, state(0), state(1)]
found["current"] = current()
found["set"] = [cuda.cuCtxSetCurrent(c_void_p(first[1])), current() == first[1]]
found["once"] = [cuda.cuDevicePrimaryCtxRelease_v2(0), state(0), integer(cuda.cuCtxGetDevice)]
found["twice"] = [cuda.cuDevicePrimaryCtxRelease_v2(0), state(0), integer(cuda.cuCtxGetDevice)[0]]
found["once too often"] = cuda.cuDevicePrimaryCtxRelease_v2(0)
found["still on the stack"] = current() == first[1]
again = out(c_void_p, cuda.cuDevicePrimaryCtxRetain, 0)
found["again"] = [again == first, integer(cuda.cuCtxGetDevice)]
found["never destroyed"] = cuda.cuCtxDestroy_v2(c_void_p(first[1]))
say(found)
"""
    )
    assert found == {
        "none yet": [0, 0],
        "retained": [0, 0, True, False, [0, 1], [0, 1]],
        "current": None,
        "set": [0, True],
        "once": [0, [0, 1], [0, 0]],
        "twice": [0, [0, 0], IS_DESTROYED],
        "once too often": INVALID_CONTEXT,
        "still on the stack": True,
        "again": [True, [0, 0]],
        "never destroyed": INVALID_CONTEXT,
    }


def test_reset_takes_what_was_allocated_but_releases_nothing(ask):
    found = ask(
        STATE
        + """
primary = c_void_p(done(out(c_void_p, cuda.cuDevicePrimaryCtxRetain, 0)))
cuda.cuCtxSetCurrent(primary)
whole = memory()[0]
allocate(1 << 30)
less = memory()[0]
found = {"taken": whole - less, "reset": cuda.cuDevicePrimaryCtxReset_v2(0), "state": state(0)}
found["release"] = cuda.cuDevicePrimaryCtxRelease_v2(0)
cuda.cuDevicePrimaryCtxRetain(byref(c_void_p()), 0)
found["afterwards"] = memory()[0] == whole
say(found)
"""
    )
    assert found == {"taken": 1 << 30, "reset": 0, "state": [0, 0], "release": 0, "afterwards": True}


def test_flags_of_a_primary_context(ask):
    found = ask(
        STATE
        + """
found = {"set": [cuda.cuDevicePrimaryCtxSetFlags_v2(0, 4), state(0)]}
primary = c_void_p(done(out(c_void_p, cuda.cuDevicePrimaryCtxRetain, 0)))
cuda.cuCtxSetCurrent(primary)
found["seen"] = out(c_uint, cuda.cuCtxGetFlags)
found["while active"] = [cuda.cuDevicePrimaryCtxSetFlags_v2(0, 1), state(0), out(c_uint, cuda.cuCtxGetFlags)]
found["by the old form"] = [cuda.cuDevicePrimaryCtxSetFlags(0, 2), cuda.cuDevicePrimaryCtxSetFlags(1, 2), state(1)]
found["wrong"] = [cuda.cuDevicePrimaryCtxSetFlags_v2(0, flags) for flags in (3, 5, 256)]
say(found)
"""
    )
    assert found == {
        "set": [0, [4, 0]],
        "seen": [0, 4],
        "while active": [0, [1, 1], [0, 1]],
        "by the old form": [PRIMARY_ACTIVE, 0, [2, 0]],
        "wrong": [INVALID_VALUE] * 3,
    }


def test_stack_of_a_thread(ask):
    found = ask(
        """
import threading
cuda.cuInit(0)
found = {"empty": [current(), cuda.cuCtxPopCurrent_v2(None), integer(cuda.cuCtxGetDevice)[0]]}
one, two = context(0), context(1)
found["top"] = [current() == two.value, integer(cuda.cuCtxGetDevice)]
found["pop"] = [out(c_void_p, cuda.cuCtxPopCurrent_v2) == [0, two.value], current() == one.value]
found["push"] = [cuda.cuCtxPushCurrent_v2(two), integer(cuda.cuCtxGetDevice)]
found["set"] = [cuda.cuCtxSetCurrent(one), current() == one.value,
                cuda.cuCtxPopCurrent_v2(None), current() == one.value]
found["unset"] = [cuda.cuCtxSetCurrent(None), current(), cuda.cuCtxPopCurrent_v2(None)]
wrong = (0, 1, 2, one.value + (1 << 40), one.value + 1)
found["unknown"] = [cuda.cuCtxPushCurrent_v2(c_void_p(number)) for number in wrong]
cuda.cuCtxPushCurrent_v2(one)
def other():
    found["other thread"] = [current(), cuda.cuCtxPushCurrent_v2(one), integer(cuda.cuCtxGetDevice)]
thread = threading.Thread(target=other)
thread.start()
thread.join()
pushed = 0
while cuda.cuCtxPushCurrent_v2(one) == 0:
    pushed += 1
found["full"] = [pushed >= 32, cuda.cuCtxPushCurrent_v2(one), out(c_void_p, cuda.cuCtxCreate_v2, 0, 0)]
say(found)
"""
    )
    assert found == {
        "empty": [None, INVALID_CONTEXT, INVALID_CONTEXT],
        "top": [True, [0, 1]],
        "pop": [True, True],
        "push": [0, [0, 1]],
        "set": [0, True, 0, True],
        "unset": [0, None, INVALID_CONTEXT],
        "unknown": [INVALID_CONTEXT] * 5,
        "other thread": [None, 0, [0, 0]],
        "full": [True, 2, [2, None]],
    }


def test_a_destroyed_context_is_known_as_such(ask):
    found = ask(
        """
import threading
cuda.cuInit(0)
one = context(0)
def other():
    cuda.cuCtxPushCurrent_v2(one)
    ready.set()
    gone.wait()
    found["in another thread"] = [
        current() == one.value, integer(cuda.cuCtxGetDevice)[0], cuda.cuCtxPopCurrent_v2(None)]
found = {}
ready, gone = threading.Event(), threading.Event()
thread = threading.Thread(target=other)
thread.start()
ready.wait()
found["destroyed"] = [cuda.cuCtxDestroy_v2(one), current()]
gone.set()
thread.join()
two = context(0)
found["not the same"] = one.value != two.value
found["twice"] = [cuda.cuCtxDestroy_v2(one), cuda.cuCtxPushCurrent_v2(one), cuda.cuCtxDestroy_v2(None)]
say(found)
"""
    )
    assert found == {
        "in another thread": [True, IS_DESTROYED, 0],
        "destroyed": [0, None],
        "not the same": True,
        "twice": [INVALID_CONTEXT, INVALID_CONTEXT, INVALID_VALUE],
    }


def test_what_a_context_says_of_itself(ask):
    found = ask(
        """
cuda.cuInit(0)
first = c_void_p(done(out(c_void_p, cuda.cuCtxCreate, 0, 0)))
one = context(0, 2)
least, greatest = c_int(), c_int()
def version(handle):
    value = c_uint()
    return [cuda.cuCtxGetApiVersion(handle, byref(value)), value.value]
def number(handle):
    value = c_ulonglong()
    assert cuda.cuCtxGetId(handle, byref(value)) == 0
    return value.value
say({
    "versions": [version(handle) for handle in (first, one, None)],
    "flags": [out(c_uint, cuda.cuCtxGetFlags), cuda.cuCtxSetFlags(4), out(c_uint, cuda.cuCtxGetFlags),
              cuda.cuCtxSetFlags(6)],
    "ids": [number(handle) for handle in (first, one, None)],
    "cache": [integer(cuda.cuCtxGetCacheConfig), cuda.cuCtxSetCacheConfig(2), integer(cuda.cuCtxGetCacheConfig),
              cuda.cuCtxSetCacheConfig(4)],
    "banks": [integer(cuda.cuCtxGetSharedMemConfig), cuda.cuCtxSetSharedMemConfig(2),
              integer(cuda.cuCtxGetSharedMemConfig), cuda.cuCtxSetSharedMemConfig(3)],
    "synchronize": [cuda.cuCtxSynchronize(), cuda.cuCtxResetPersistingL2Cache()],
    "priorities": [cuda.cuCtxGetStreamPriorityRange(byref(least), byref(greatest)), least.value, greatest.value],
    "affinity": [out(c_void_p, cuda.cuCtxCreate_v3, None, 0, 0, 0)[0],
                 out(c_void_p, cuda.cuCtxCreate_v3, ctypes.create_string_buffer(64), 1, 0, 0)[0]],
    "wrong": [cuda.cuCtxCreate_v2(None, 0, 0), out(c_void_p, cuda.cuCtxCreate_v2, 3, 0)[0],
              out(c_void_p, cuda.cuCtxCreate_v2, 0, 99)[0], cuda.cuCtxGetApiVersion(one, None),
              version(c_void_p(12345))[0]],
})
"""
    )
    first, second, current = found.pop("ids")
    assert (first, second, current) == (first, current, second) and first != second
    assert found == {
        "versions": [[0, 3010], [0, 3020], [0, 3020]],
        "flags": [[0, 2], 0, [0, 4], INVALID_VALUE],
        "cache": [[0, 0], 0, [0, 2], INVALID_VALUE],
        "banks": [[0, 0], 0, [0, 2], INVALID_VALUE],
        "synchronize": [0, 0],
        "priorities": [0, 0, -5],
        "affinity": [0, 224],
        "wrong": [INVALID_VALUE, INVALID_VALUE, INVALID_DEVICE, INVALID_VALUE, INVALID_CONTEXT],
    }


def test_access_to_peers(ask):
    """Between contexts of linked devices, each way for itself."""
    found = ask(
        """
cuda.cuInit(0)
enable, disable = cuda.cuCtxEnablePeerAccess, cuda.cuCtxDisablePeerAccess
found = {"no context": [enable(None, 0), disable(None)]}
one, two, same = context(0), context(1), context(0)
cuda.cuCtxSetCurrent(one)
found["enable"] = [enable(two, 0), enable(two, 0), enable(two, 1)]
found["not linked"] = enable(same, 0)
found["no other"] = [enable(one, 0), enable(None, 0), enable(c_void_p(99), 0), disable(one)]
cuda.cuCtxSetCurrent(two)
found["the other way"] = [disable(one), enable(one, 0)]
cuda.cuCtxSetCurrent(one)
found["disable"] = [disable(two), disable(two), enable(two, 0)]
cuda.cuCtxDestroy_v2(two)
found["gone"] = [disable(two), enable(two, 0)]
say(found)
"""
    )
    assert found == {
        "no context": [INVALID_CONTEXT] * 2,
        "enable": [0, 704, INVALID_VALUE],
        "not linked": 217,
        "no other": [INVALID_CONTEXT] * 4,
        "the other way": [705, 0],
        "disable": [0, 705, 0],
        "gone": [INVALID_CONTEXT] * 2,
    }


LIMITS = """
cuda.cuInit(0)
context(0)
def limit(number):
    return out(c_size_t, cuda.cuCtxGetLimit, number)
"""


def test_limits(ask):
    found = ask(
        LIMITS
        + """
say({
    "new": [limit(n) for n in range(7)],
    "unknown": [limit(n)[0] for n in (7, -1)] + [cuda.cuCtxSetLimit(7, c_size_t(1))],
    "set": [[cuda.cuCtxSetLimit(n, c_size_t(v)), limit(n)[1]]
            for n, v in ((0, 4096), (1, 1 << 22), (2, 1 << 26), (3, 24), (4, 4096), (5, 64), (6, 1 << 20))],
    "too high": [cuda.cuCtxSetLimit(n, c_size_t(v)) for n, v in ((0, 1 << 30), (3, 25), (5, 129))],
    "null": cuda.cuCtxGetLimit(None, 0),
})
"""
    )
    assert found == {
        "new": [[0, 1024], [0, 1 << 20], [0, 8 << 20], [0, 2], [0, 2048], [0, 128], [0, 0]],
        "unknown": [UNSUPPORTED_LIMIT] * 3,
        "set": [[0, 4096], [0, 1 << 22], [0, 1 << 26], [0, 24], [0, 4096], [0, 64], [0, 0]],
        "too high": [INVALID_VALUE] * 3,
        "null": INVALID_VALUE,
    }


@pytest.mark.parametrize("profile", ["gb200"], indirect=True)
def test_no_depth_of_waiting_from_capability_9_on(ask):
    found = ask(LIMITS + "say([limit(3)[0], cuda.cuCtxSetLimit(3, c_size_t(2)), limit(4)])")
    assert found == [UNSUPPORTED_LIMIT, UNSUPPORTED_LIMIT, [0, 2048]]


def test_nothing_before_init(ask):
    found = ask(
        """
value = ctypes.create_string_buffer(64)
say([cuda.cuCtxCreate_v2(value, 0, 0), cuda.cuCtxCreate_v3(value, value, 1, 0, 0), cuda.cuCtxDestroy_v2(None),
     cuda.cuCtxPushCurrent_v2(value), cuda.cuCtxPopCurrent_v2(value), cuda.cuCtxSetCurrent(None),
     cuda.cuCtxGetCurrent(value), cuda.cuCtxGetDevice(value), cuda.cuCtxSynchronize(), cuda.cuCtxGetLimit(value, 0),
     cuda.cuDevicePrimaryCtxRetain(value, 0), cuda.cuDevicePrimaryCtxRelease_v2(0)])
"""
    )
    assert found == [NOT_INITIALIZED] * 12


def test_threads_make_contexts_at_once(ask, node):
    """Each thread has its own; none sees another's, and every handle is a different one."""
    found = ask(
        """
import threading
cuda.cuInit(0)
seen, wrong = [], []
def work(device):
    for _ in range(50):
        one = context(device)
        block = allocate(1 << 20)
        seen.append(one.value)
        if current() != one.value or integer(cuda.cuCtxGetDevice) != [0, device]:
            wrong.append("current")
        if cuda.cuMemFree_v2(block) or cuda.cuCtxDestroy_v2(one) or current():
            wrong.append("end")
threads = [threading.Thread(target=work, args=(n % 4,)) for n in range(16)]
[t.start() for t in threads]
[t.join() for t in threads]
context(0)
say([len(seen), len(set(seen)), wrong, memory()[0] == memory()[1]])
"""
    )
    assert found == [800, 800, [], True]
