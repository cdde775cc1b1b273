# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that imports the Python client `kubernetes` (and urllib3 and websocket, which come with it).

Only its reading of kubeconfig files, its connection pool and its websocket are used; objects stay plain JSON. The
package itself imports a file for each kind of object and each group of the API, which takes longer than all the rest of
a module's start: so the parts that are used are imported without it.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import sys
import traceback
import types
import typing as t

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.mirage.accel.plugins.module_utils._errors import DependencyError

# The oldest that the unit tests have passed with.
MINIMUM = (24, 2)

# Packages that import much for others in their own __init__; the files in them that are used need none of it.
_BARE = ("kubernetes", "kubernetes.client", "kubernetes.stream", "kubernetes.utils")
# What was imported of them, by its full name: not in sys.modules, where others expect the whole package.
_parts: dict[str, types.ModuleType] = {}


@contextlib.contextmanager
def _apart() -> t.Iterator[None]:
    """Within it `kubernetes` is our parts of it; afterwards it is again what it was to everybody else, or nothing."""
    others = _take()
    sys.modules.update(_parts)
    try:
        yield
    finally:
        _parts.update(_take())
        sys.modules.update(others)


def _take() -> dict[str, types.ModuleType]:
    """What is imported of the client, which then counts as not imported."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "kubernetes"}


def _load_parts() -> t.Any:
    """The package with what is used of it and nothing else; any exception where its files lie in another way."""
    with _apart():
        for name in _BARE:
            _put_bare(name)
        package: t.Any = sys.modules["kubernetes"]
        package.__version__ = importlib.metadata.version("kubernetes")
        package.client.Configuration = importlib.import_module("kubernetes.client.configuration").Configuration
        # The kubeconfig loader needs it where the token of an OpenID Connect user has to be renewed.
        package.client.ApiClient = _whole_api_client
        importlib.import_module("kubernetes.client.rest")
        importlib.import_module("kubernetes.config")
    return package


def _whole_api_client(*args: t.Any, **kwargs: t.Any) -> t.Any:
    """The client's ApiClient, which takes the whole package; what imports it gets it as everybody else does."""
    return importlib.import_module("kubernetes.client").ApiClient(*args, **kwargs)


def _put_bare(name: str) -> None:
    """Put a package into its place whose files can be imported and whose own __init__ has not run."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    sys.modules[name] = importlib.util.module_from_spec(spec)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, sys.modules[name])


try:
    try:
        kubernetes = _load_parts()
    except Exception:
        # A release that lies in another way, or one that is not whole: then all of it, or a plain ImportError.
        _parts.clear()
        import kubernetes
        import kubernetes.client.rest
        import kubernetes.config
    import urllib3

    # In urllib3 itself only since its release 2, and some releases of the client want an older one.
    from urllib3._collections import HTTPHeaderDict

    IMPORT_ERROR = None
except ImportError:
    kubernetes = t.cast(t.Any, None)
    urllib3 = t.cast(t.Any, None)
    HTTPHeaderDict = t.cast(t.Any, None)
    IMPORT_ERROR = traceback.format_exc()


def stream() -> tuple[t.Any, t.Any]:
    """The client's websocket, and the library below it with the exceptions; only what runs commands needs them."""
    try:
        with _apart() if _parts else contextlib.nullcontext():
            return importlib.import_module("kubernetes.stream.ws_client"), importlib.import_module("websocket")
    except ImportError as error:
        raise DependencyError(missing_required_lib("websocket-client")) from error


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
