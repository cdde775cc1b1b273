# SPDX-License-Identifier: GPL-3.0-or-later
"""ResourceClaims at the API server: read one, and say in its status what has become of its devices.

A claim is read from the server each time and from nowhere else: it can be given other devices under the same UID.
"""

from __future__ import annotations

import typing as t

from .errors import Conflict, NotFound, Refused
from .prepared import ClaimRef

GROUP = "/apis/resource.k8s.io"
# The shapes of what is used here are the same in all of them.
VERSIONS = ("v1", "v1beta2", "v1beta1")
MERGE_PATCH = "application/merge-patch+json"
# How often somebody else may write a claim between our reading and our writing it, each time that we try.
ATTEMPTS = 5

Json = dict[str, t.Any]


class Client(t.Protocol):
    def get(self, path: str, params: t.Mapping[str, str] | None = None) -> Json: ...

    def patch(self, path: str, body: t.Any, content_type: str, params: t.Mapping[str, str] | None = None) -> Json: ...


class ClaimApi:
    """One API server, whose version of the group is asked for once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._version = ""

    def get(self, ref: ClaimRef) -> Json:
        return self._client.get(self._path(ref))

    def change_devices(self, ref: ClaimRef, change: t.Callable[[Json], list[Json]]) -> bool:
        """Make of status.devices what `change` makes of the claim; false where there is nothing to write.

        The list is replaced as a whole by a JSON merge patch. A server-side apply would suit better, but it puts the
        opaque parameters of the allocation into another order, which the server then takes for a forbidden change.
        """
        for attempt in range(1, ATTEMPTS + 1):
            claim = self.get(ref)
            if claim["metadata"]["uid"] != ref.uid:
                raise NotFound(f"Error while writing the status of the claim {ref}: it has been made anew")
            status = claim.get("status") or {}
            before = status.get("devices") or []
            # Without an allocation the server has taken all entries away, and allows none.
            after = change(claim) if status.get("allocation") else before
            if after == before:
                return False
            body = {
                # What others have written since is a conflict, not lost.
                "metadata": {"resourceVersion": claim["metadata"]["resourceVersion"]},
                "status": {"devices": after},
            }
            try:
                self._client.patch(f"{self._path(ref)}/status", body, MERGE_PATCH)
            except Conflict:
                if attempt == ATTEMPTS:
                    raise
            else:
                return True
        raise AssertionError("not reached")

    def collection(self) -> str:
        """The path of all claims."""
        return f"{GROUP}/{self._served_version()}/resourceclaims"

    def _path(self, ref: ClaimRef) -> str:
        return f"{GROUP}/{self._served_version()}/namespaces/{ref.namespace}/resourceclaims/{ref.name}"

    def _served_version(self) -> str:
        if not self._version:
            group = self._client.get(GROUP)
            served = [entry["version"] for entry in group.get("versions") or []]
            found = next((version for version in VERSIONS if version in served), "")
            if not found:
                raise Refused(f"Error while reading claims: the server has resource.k8s.io only as {', '.join(served)}")
            self._version = found
        return self._version
