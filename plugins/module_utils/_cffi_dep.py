# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that imports cffi. It is also run inside the child of `_nvml_child`, so it needs no Ansible."""

from __future__ import annotations

import sys
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._errors import DependencyError

# The first that Python 3.7 can have as a wheel; Debian 11's python3-cffi is newer.
MINIMUM = (1, 12)

try:
    import cffi
except ImportError:
    cffi = t.cast(t.Any, None)


def require() -> t.Any:
    """The package cffi, or a DependencyError that says what to install where."""
    minimum = ".".join(map(str, MINIMUM))
    if cffi is None:
        raise DependencyError(
            f"The Python library cffi (>= {minimum}) is missing for {sys.executable}:"
            " install it with pip, or the Debian package python3-cffi"
        )
    if cffi.__version_info__[:2] < MINIMUM:
        raise DependencyError(
            f"The Python library cffi {cffi.__version__} of {sys.executable} is too old: install cffi>={minimum}"
        )
    return cffi
