# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that imports the Python client `kubernetes` (and urllib3 and websocket, which come with it).

Only its reading of kubeconfig files and its connection pool are used; objects stay plain JSON.
"""

from __future__ import annotations

import sys
import traceback
import typing as t

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.mirage.accel.plugins.module_utils._errors import DependencyError

# The oldest that the unit tests have passed with.
MINIMUM = (24, 2)

try:
    import kubernetes
    import kubernetes.client.rest
    import kubernetes.config
    import kubernetes.stream.ws_client
    import urllib3
    import websocket

    IMPORT_ERROR = None
except ImportError:
    kubernetes = t.cast(t.Any, None)
    urllib3 = t.cast(t.Any, None)
    websocket = t.cast(t.Any, None)
    IMPORT_ERROR = traceback.format_exc()


def version_of(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: "24.2.0a1" gives (24, 2)."""
    numbers = []
    for part in text.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def require() -> t.Any:
    """The client's package, or a DependencyError that says what to install where."""
    minimum = ".".join(map(str, MINIMUM))
    if kubernetes is None:
        raise DependencyError(missing_required_lib(f"kubernetes>={minimum}"))
    if version_of(kubernetes.__version__) < MINIMUM:
        raise DependencyError(
            f"The Python library kubernetes {kubernetes.__version__} of {sys.executable} is too old:"
            f" install kubernetes>={minimum}"
        )
    return kubernetes
