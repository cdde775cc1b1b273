# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command in a container, through the API server's websocket."""

from __future__ import annotations

import json
import time
import typing as t
import urllib.parse

from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_client
from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_dep as dep
from ansible_collections.mirage.accel.plugins.module_utils._errors import ApiError, UnavailableError

_STDOUT, _STDERR, _ERROR = 1, 2, 3


class Done(t.NamedTuple):
    """How a command ended: its exit status (None: it did not start), what it wrote, and what the runtime said."""

    status: int | None
    output: str
    errors: str
    reason: str


def run(
    client: _kubernetes_client.Client,
    namespace: str,
    pod: str,
    container: str,
    command: t.Sequence[str],
    timeout: float = 30.0,
) -> Done:
    """Run the command and wait for its end; ApiError where the server or the kubelet does not let it."""
    doing = f"running {command[0]} in container {container} of pod {namespace}/{pod}"
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), *[("command", part) for part in command]]
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec?{urllib.parse.urlencode(query)}"
    _ws_client, websocket = dep.stream()
    stream = client.websocket(path, doing)
    try:
        deadline = time.monotonic() + timeout
        while stream.is_open():
            left = deadline - time.monotonic()
            if left <= 0:
                raise UnavailableError(
                    f"Error while {doing} at {client.host}: the command has not ended after {timeout:g} s;"
                    " see what holds it up in the container"
                )
            stream.update(timeout=left)
        output, errors = stream.read_channel(_STDOUT), stream.read_channel(_STDERR)
        return _done(output, errors, stream.read_channel(_ERROR), doing, client.host)
    except (OSError, websocket.WebSocketException) as error:
        raise UnavailableError(
            f"Error while {doing} at {client.host}: the connection was lost ({error}); try again"
        ) from error
    finally:
        stream.close()


def _done(output: str, errors: str, status: str, doing: str, host: str) -> Done:
    try:
        answer = json.loads(status)
    except ValueError:
        raise UnavailableError(
            f"Error while {doing} at {host}: the connection ended before the command did; try again"
        ) from None
    if not isinstance(answer, dict) or answer.get("status") not in ("Success", "Failure"):
        raise ApiError(f"Error while {doing} at {host}: the answer {status[:80]!r} is not known")
    if answer["status"] == "Success":
        return Done(0, output, errors, "")
    for cause in (answer.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode" and str(cause.get("message")).isdigit():
            return Done(int(cause["message"]), output, errors, answer.get("message", ""))
    return Done(None, output, errors, answer.get("message", ""))
