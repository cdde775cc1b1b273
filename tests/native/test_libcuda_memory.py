# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory of libcuda: a device's, pinned and managed memory, what a pointer is, copying and filling."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from cuda_program import PRELUDE

INVALID_VALUE, OUT_OF_MEMORY, INVALID_CONTEXT, INVALID_HANDLE, NOT_FOUND = 1, 2, 201, 400, 500
REGISTERED, NOT_REGISTERED, NOT_SUPPORTED = 712, 713, 801

MIB = 1 << 20


@pytest.fixture(scope="module")
def profile(repo):
    return repo / "charts" / "gpu-mock" / "profiles" / "a100.yaml"


BEGIN = """
MIB = 1 << 20
cuda.cuInit(0)
context(0)
def span(address):
    start, size = c_uint64(), c_size_t()
    result = cuda.cuMemGetAddressRange_v2(byref(start), byref(size), c_uint64(address))
    return [result, start.value, size.value]
def managed(bytes):
    return done(out(c_uint64, cuda.cuMemAllocManaged, c_size_t(bytes), 1))
def pinned(bytes):
    return done(out(c_void_p, cuda.cuMemHostAlloc, c_size_t(bytes), 0))
def pointer(kind, attribute, address):
    return out(kind, cuda.cuPointerGetAttribute, attribute, c_uint64(address))
"""


def test_allocations_are_apart_and_counted_in_pages_of_the_device(ask):
    found = ask(
        BEGIN
        + """
whole, total = memory()
one, two, three = (allocate(size).value for size in (1, 3 * MIB, 1 << 30))
found = {
    "apart": sorted([one, two, three]) == sorted({one, two, three}) and not any(a % 512 for a in (one, two, three)),
    "taken": whole - memory()[0],
    "span": [span(two) == [0, two, 3 * MIB], span(two + 3 * MIB - 1) == [0, two, 3 * MIB],
             span(two + 3 * MIB)[1] != two],
    "half": [cuda.cuMemGetAddressRange_v2(None, None, c_uint64(one)), span(8)[0]],
    "wrong": [cuda.cuMemFree_v2(c_uint64(two + 512)), cuda.cuMemFree_v2(c_uint64(8)),
              out(c_uint64, cuda.cuMemAlloc_v2, c_size_t(0))[0], cuda.cuMemAlloc_v2(None, c_size_t(1))],
    "free": [cuda.cuMemFree_v2(c_uint64(address)) for address in (0, one, three, two)],
    "twice": cuda.cuMemFree_v2(c_uint64(one)),
    "all back": memory() == (whole, total),
}
say(found)
"""
    )
    assert found == {
        "apart": True,
        "taken": (1 << 30) + 4 * MIB,
        "span": [True, True, True],
        "half": [0, NOT_FOUND],
        "wrong": [INVALID_VALUE] * 4,
        "free": [0, 0, 0, 0],
        "twice": INVALID_VALUE,
        "all back": True,
    }


def test_a_device_has_no_more_than_its_memory(ask):
    found = ask(
        BEGIN
        + """
free, total = memory()
over = out(c_uint64, cuda.cuMemAlloc_v2, c_size_t(free + 1))[0]
all = allocate(free - free % (2 * MIB))
more = [memory()[0] < 2 * MIB, out(c_uint64, cuda.cuMemAlloc_v2, c_size_t(1))[0]]
context(1)
elsewhere = out(c_uint64, cuda.cuMemAlloc_v2, c_size_t(1 << 30))[0]
huge = [out(c_uint64, cuda.cuMemAlloc_v2, c_size_t(size))[0] for size in (1 << 45, (1 << 63) + 1, (1 << 64) - 1)]
cuda.cuCtxPopCurrent_v2(None)
back = [cuda.cuMemFree_v2(all), memory() == (free, total)]
say([total == out(c_size_t, cuda.cuDeviceTotalMem_v2, 0)[1], over, more, elsewhere, huge, back])
"""
    )
    assert found == [True, OUT_OF_MEMORY, [True, OUT_OF_MEMORY], 0, [OUT_OF_MEMORY] * 3, [0, True]]


def test_rows_of_an_array(ask):
    found = ask(
        BEGIN
        + """
def pitch(width, height, element=4):
    address, pitch = c_uint64(), c_size_t()
    result = cuda.cuMemAllocPitch_v2(byref(address), byref(pitch), c_size_t(width), c_size_t(height), element)
    return [result, pitch.value, span(address.value)[2] if address.value else 0]
say([pitch(1, 10), pitch(512, 10, 8), pitch(513, 10, 16), pitch(0, 10)[0], pitch(10, 0)[0], pitch(10, 10, 3)[0],
     pitch(1 << 63, 1 << 10)[0], pitch((1 << 64) - 1, 1)[0]])
"""
    )
    assert found == [
        [0, 512, 5120],
        [0, 512, 5120],
        [0, 1024, 10240],
        INVALID_VALUE,
        INVALID_VALUE,
        INVALID_VALUE,
        OUT_OF_MEMORY,
        OUT_OF_MEMORY,
    ]


def test_host_memory_can_be_read_and_written(ask):
    found = ask(
        BEGIN
        + """
free = memory()[0]
address = pinned(100)
ctypes.memmove(address, b"hello", 5)
old = out(c_void_p, cuda.cuMemAllocHost_v2, c_size_t(10))
managed_address = managed(1 << 30)
ctypes.memmove(managed_address + (1 << 30) - 5, b"world", 5)
found = {
    "read": [ctypes.string_at(address, 5).decode(), ctypes.string_at(managed_address + (1 << 30) - 5, 5).decode()],
    "none of the device's": memory()[0] == free,
    "seen by the device": [out(c_uint64, cuda.cuMemHostGetDevicePointer_v2, c_void_p(address), 0) == [0, address],
                           out(c_uint, cuda.cuMemHostGetFlags, c_void_p(address))],
    "flags": [out(c_void_p, cuda.cuMemHostAlloc, c_size_t(1), flags)[0] for flags in (7, 8)],
    "managed flags": [out(c_uint64, cuda.cuMemAllocManaged, c_size_t(1), flags)[0] for flags in (0, 1, 2, 3, 4)],
    "nothing": [out(c_void_p, cuda.cuMemHostAlloc, c_size_t(0), 0)[0],
                out(c_uint64, cuda.cuMemAllocManaged, c_size_t(0), 1)[0]],
    "wrong free": [cuda.cuMemFree_v2(c_uint64(address)), cuda.cuMemFreeHost(c_void_p(managed_address)),
                   cuda.cuMemFreeHost(c_void_p(address + 1))],
    "free": [cuda.cuMemFreeHost(c_void_p(address)), cuda.cuMemFreeHost(c_void_p(old[1])),
             cuda.cuMemFree_v2(c_uint64(managed_address))],
    "twice": cuda.cuMemFreeHost(c_void_p(address)),
}
say(found)
"""
    )
    assert found == {
        "read": ["hello", "world"],
        "none of the device's": True,
        "seen by the device": [True, [0, 2]],
        "flags": [0, INVALID_VALUE],
        "managed flags": [INVALID_VALUE, 0, 0, INVALID_VALUE, INVALID_VALUE],
        "nothing": [INVALID_VALUE, INVALID_VALUE],
        "wrong free": [INVALID_VALUE, INVALID_VALUE, INVALID_VALUE],
        "free": [0, 0, 0],
        "twice": INVALID_VALUE,
    }


def test_a_programs_own_memory_is_registered_once(ask):
    found = ask(
        BEGIN
        + """
room = ctypes.create_string_buffer(8192)
address = ctypes.addressof(room)
register = lambda offset, size, flags=0: cuda.cuMemHostRegister_v2(c_void_p(address + offset), c_size_t(size), flags)
found = {
    "not yet": cuda.cuMemHostUnregister(c_void_p(address)),
    "first": register(0, 4096),
    "overlapping": [register(0, 4096), register(4095, 1), register(4000, 4000)],
    "beside": register(4096, 4096, 1),
    "wrong": [register(0, 0), register(0, 1, 16), register(0, (1 << 64) - 1)],
    "type": pointer(c_uint, 2, address + 5000),
    "not by another way": cuda.cuMemFreeHost(c_void_p(address)),
    "unregister": [cuda.cuMemHostUnregister(c_void_p(address + offset)) for offset in (0, 4096, 0)],
}
say(found)
"""
    )
    assert found == {
        "not yet": NOT_REGISTERED,
        "first": 0,
        "overlapping": [REGISTERED] * 3,
        "beside": 0,
        "wrong": [INVALID_VALUE] * 3,
        "type": [0, 1],
        "not by another way": INVALID_VALUE,
        "unregister": [0, 0, NOT_REGISTERED],
    }


def test_what_a_pointer_is(ask):
    """By attribute: 2 type, 3 and 4 addresses, 8 managed, 9 device, 11 start, 12 size, 13 mapped, 1 context."""
    found = ask(
        BEGIN
        + """
cuda.cuCtxPopCurrent_v2(None)
mine = context(2)
block, shared, host = allocate(MIB).value, managed(MIB), pinned(MIB)
def all_of(address):
    return [pointer(c_uint, 2, address + 9)[1], pointer(c_uint64, 3, address + 9)[1] == address + 9,
            pointer(c_uint64, 4, address + 9)[0], pointer(c_uint, 8, address)[1], pointer(c_int, 9, address)[1],
            pointer(c_uint64, 11, address + 9)[1] == address, pointer(c_uint64, 12, address)[1],
            pointer(c_uint, 13, address)[1], pointer(c_void_p, 1, address)[1] == mine.value]
ids = {pointer(c_uint64, 7, address)[1] for address in (block, shared, host)}
flag = c_uint(1)
say({
    "block": all_of(block), "managed": all_of(shared), "host": all_of(host), "ids": len(ids),
    "unknown": [pointer(c_uint, 2, 4096)[0], pointer(c_uint, 99, block)[0],
                cuda.cuPointerGetAttribute(None, 2, c_uint64(block))],
    "sync": [pointer(c_uint, 6, block), cuda.cuPointerSetAttribute(byref(flag), 6, c_uint64(block)),
             pointer(c_uint, 6, block), cuda.cuPointerSetAttribute(byref(flag), 2, c_uint64(block))],
})
"""
    )
    assert found == {
        "block": [2, True, INVALID_VALUE, 0, 2, True, MIB, 1, True],
        "managed": [2, True, 0, 1, 2, True, MIB, 1, True],
        "host": [1, True, 0, 0, 2, True, MIB, 1, True],
        "ids": 3,
        "unknown": [INVALID_VALUE] * 3,
        "sync": [[0, 0], 0, [0, 1], INVALID_VALUE],
    }


def test_many_attributes_at_once_know_unknown_memory_too(ask):
    found = ask(
        BEGIN
        + """
block = allocate(MIB).value
def many(address, attributes=(2, 8, 9, 12)):
    values = [c_uint64(0xaa) for _ in attributes]
    places = (c_void_p * len(values))(*[ctypes.addressof(value) for value in values])
    result = cuda.cuPointerGetAttributes(len(values), (c_int * len(values))(*attributes), places, c_uint64(address))
    return [result, [value.value for value in values]]
say([many(block), many(4096), many(block, (2, 99))[0], cuda.cuPointerGetAttributes(1, None, None, c_uint64(block))])
"""
    )
    assert found == [[0, [2, 0, 0, MIB]], [0, [0, 0, 0, 0]], INVALID_VALUE, INVALID_VALUE]


def test_copies_where_there_is_memory_to_copy(ask):
    found = ask(
        BEGIN
        + """
source, target, host, block = managed(64), managed(64), pinned(64), allocate(64).value
ours = ctypes.create_string_buffer(b"what is copied", 64)
u, n, h = c_uint64, c_size_t, c_void_p
text = lambda address: ctypes.string_at(address, 14).decode()
found = {
    "to device": [cuda.cuMemcpyHtoD_v2(u(source), ours, n(64)), text(source)],
    "within": [cuda.cuMemcpyDtoD_v2(u(target), u(source), n(64)), text(target)],
    "to host": [cuda.cuMemcpyDtoHAsync_v2(h(host), u(target), n(64), None), text(host)],
    "any": [cuda.cuMemcpy(u(ctypes.addressof(ours) + 8), u(host), n(5)), ours.value.decode()],
    "nothing behind": [cuda.cuMemcpyHtoD_v2(u(block), ours, n(64)), cuda.cuMemcpyDtoH_v2(ours, u(block), n(64)),
                       cuda.cuMemcpyAsync(u(source), u(block), n(1), None), cuda.cuMemsetD8_v2(u(block), 0, n(64))],
    "too far": [cuda.cuMemcpyHtoD_v2(u(source), ours, n(65)), cuda.cuMemcpyHtoD_v2(u(source + 60), ours, n(5)),
                cuda.cuMemcpyHtoD_v2(u(block), ours, n(65))],
    "not the device's": [cuda.cuMemcpyHtoD_v2(u(ctypes.addressof(ours)), ours, n(1)),
                         cuda.cuMemcpyHtoD_v2(u(0), ours, n(1)), cuda.cuMemcpyDtoH_v2(None, u(source), n(1))],
    "no bytes": cuda.cuMemcpyHtoD_v2(u(0), None, n(0)),
    "no stream": cuda.cuMemcpyAsync(u(source), u(target), n(1), c_void_p(99)),
    "per thread": [cuda.cuMemcpy_ptds(u(source), u(target), n(1)),
                   cuda.cuMemcpyHtoDAsync_v2_ptsz(u(source), ours, n(1), h(2))],
}
say(found)
"""
    )
    assert found == {
        "to device": [0, "what is copied"],
        "within": [0, "what is copied"],
        "to host": [0, "what is copied"],
        "any": [0, "what is what d"],
        "nothing behind": [NOT_SUPPORTED] * 4,
        "too far": [INVALID_VALUE] * 3,
        "not the device's": [INVALID_VALUE] * 3,
        "no bytes": 0,
        "no stream": INVALID_HANDLE,
        "per thread": [0, 0],
    }


def test_fills(ask):
    found = ask(
        BEGIN
        + """
room = managed(16)
u, n = c_uint64, c_size_t
seen = lambda: ctypes.string_at(room, 16).hex()
say([
    [cuda.cuMemsetD8_v2(u(room), 0x11, n(16)), seen()],
    [cuda.cuMemsetD16_v2(u(room + 2), 0x2233, n(2)), seen()],
    [cuda.cuMemsetD32Async(u(room + 8), 0x44556677, n(2), None), seen()],
    [cuda.cuMemsetD16_v2(u(room + 1), 0, n(1)), cuda.cuMemsetD32_v2(u(room + 2), 0, n(1)),
     cuda.cuMemsetD32_v2(u(room), 0, n(5)), cuda.cuMemsetD32_v2(u(room), 0, n(1 << 62)),
     cuda.cuMemsetD8_v2(u(8), 0, n(1)), cuda.cuMemsetD8_v2(u(8), 0, n(0)),
     cuda.cuMemsetD8Async(u(room), 0, n(1), c_void_p(99))],
])
"""
    )
    assert found == [
        [0, "11" * 16],
        [0, "1111" + "3322" * 2 + "11" * 10],
        [0, "1111" + "3322" * 2 + "1111" + "77665544" * 2],
        [INVALID_VALUE] * 5 + [0, INVALID_HANDLE],
    ]


def test_what_belongs_to_a_context_goes_with_it(ask):
    found = ask(
        """
cuda.cuInit(0)
keep, one = context(0), context(0)
block = allocate(1 << 20)
host = c_void_p(done(out(c_void_p, cuda.cuMemHostAlloc, c_size_t(64), 0)))
cuda.cuCtxDestroy_v2(one)
free, total = memory()
say([free == total, cuda.cuMemFree_v2(block), cuda.cuMemFreeHost(host), out(c_uint, cuda.cuMemHostGetFlags, host)[0]])
"""
    )
    assert found == [True, INVALID_VALUE, INVALID_VALUE, INVALID_VALUE]


def test_without_a_context_there_is_no_memory(ask):
    found = ask(
        """
room, u, n = ctypes.create_string_buffer(64), c_uint64, c_size_t
calls = lambda: [cuda.cuMemAlloc_v2(room, n(1)), cuda.cuMemFree_v2(u(1)), cuda.cuMemGetInfo_v2(room, room),
                 cuda.cuMemHostAlloc(room, n(1), 0), cuda.cuMemcpyHtoD_v2(u(1), room, n(1)),
                 cuda.cuMemsetD8_v2(u(1), 0, n(1)), cuda.cuPointerGetAttribute(room, 2, u(1)),
                 cuda.cuMemHostRegister_v2(room, n(1), 0)]
before = calls()
cuda.cuInit(0)
say([before, calls()])
"""
    )
    assert found == [[3] * 8, [INVALID_CONTEXT] * 8]


def test_the_cpu_cannot_touch_a_devices_memory(native_build, profile, run):
    """A fault, as on a real board, and no silent answer."""
    env = {**os.environ, "LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(profile)}
    script = PRELUDE + "cuda.cuInit(0); context(0); ctypes.string_at(allocate(64).value, 1)"
    assert run(sys.executable, "-c", script, env=env).returncode == -signal.SIGSEGV
