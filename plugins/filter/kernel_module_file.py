# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter for built kernel modules on the controller."""

from __future__ import annotations

import hashlib
import pathlib
import re
import typing as t

# What the kernel's own tool appends behind the signature.
SIGNATURE = b"~Module signature appended~\n"


def kernel_module_file(path: str) -> dict[str, t.Any]:
    """What a file says of itself; one that is not there or no module says nothing."""
    try:
        data = pathlib.Path(path).read_bytes()
    except OSError:
        data = b""
    vermagic = re.search(rb"\0vermagic=([^\0]*)\0", data) if data.startswith(b"\x7fELF") else None
    return {
        "exists": bool(data),
        "vermagic": vermagic.group(1).decode("utf-8", "replace") if vermagic else "",
        "signed": data.endswith(SIGNATURE),
        "sha256": hashlib.sha256(data).hexdigest() if data else "",
    }


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"kernel_module_file": kernel_module_file}
