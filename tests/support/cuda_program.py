# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning of a small program that asks libcuda and prints what it found as JSON."""

from __future__ import annotations

# A process of its own, so that a crash is a failing test. ctypes takes a bare number for a C int: addresses and sizes
# are wrapped.
PRELUDE = """
import ctypes, json, sys
from ctypes import byref, c_int, c_size_t, c_uint, c_uint64, c_ulonglong, c_void_p
cuda = ctypes.CDLL("libcuda.so.1")

def out(kind, function, *more):
    value = kind()
    return [function(byref(value), *more), value.value]
def integer(function, *more):
    value = c_int(-1)
    return [function(byref(value), *more), value.value]
def text(function, *more):
    value = ctypes.create_string_buffer(256)
    return [function(value, 256, *more), value.value.decode()]
def word(function, number):
    value = ctypes.c_char_p(b"untouched")
    return [function(number, byref(value)), value.value.decode() if value.value else None]
def uuid(function, device):
    value = ctypes.create_string_buffer(16)
    return [function(value, device), value.raw.hex()]
def size(function, kind, device):
    return out(kind, function, device)
def done(pair):
    assert pair[0] == 0, pair
    return pair[1]
def context(device=0, flags=0):
    return c_void_p(done(out(c_void_p, cuda.cuCtxCreate_v2, flags, device)))
def current():
    return done(out(c_void_p, cuda.cuCtxGetCurrent))
def allocate(bytes):
    return c_uint64(done(out(c_uint64, cuda.cuMemAlloc_v2, c_size_t(bytes))))
def memory():
    free, total = c_size_t(), c_size_t()
    assert cuda.cuMemGetInfo_v2(byref(free), byref(total)) == 0
    return free.value, total.value
def say(found):
    print(json.dumps(found))
"""
