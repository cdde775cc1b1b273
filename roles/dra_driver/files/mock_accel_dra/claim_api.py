# SPDX-License-Identifier: GPL-3.0-or-later
"""ResourceClaims at the API server: read one, and say in its status what has become of its devices.

A claim is read from the server each time and from nowhere else: it can be given other devices under the same UID.
"""

from __future__ import annotations

import typing as t

from . import claim_bytes
from .errors import Conflict, NotFound, Refused, Unavailable
from .prepared import ClaimRef

GROUP = "/apis/resource.k8s.io"
RESOURCE = "resourceclaims"
# The shapes of what is used here are the same in all of them.
VERSIONS = ("v1", "v1beta2", "v1beta1")
MERGE_PATCH = "application/merge-patch+json"
# How often somebody else may write a claim between our reading and our writing it, each time that we try.
ATTEMPTS = 5

Json = dict[str, t.Any]


class Client(t.Protocol):
    def get(self, path: str, params: t.Mapping[str, str] | None = None) -> Json: ...

    def patch(self, path: str, body: t.Any, content_type: str, params: t.Mapping[str, str] | None = None) -> Json: ...

    def get_bytes(self, path: str, content_type: str) -> bytes: ...

    def update_bytes(self, path: str, data: bytes, content_type: str) -> None: ...


class ClaimApi:
    """One API server, whose version of the group is asked for once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._version = ""

    def get(self, ref: ClaimRef) -> Json:
        """NotFound only where the server says so of the claim: who takes any 404 for that releases what is in use."""
        try:
            return self._client.get(self._path(ref))
        except NotFound as error:
            if error.resource == RESOURCE:
                raise
            # Not the claim is missing but what serves claims, perhaps in this version only.
            self._version = ""
            raise Unavailable(str(error)) from error

    def change_devices(self, ref: ClaimRef, change: t.Callable[[Json], list[Json]]) -> bool:
        """Make of status.devices what `change` makes of the claim; false where there is nothing to write."""
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
            try:
                self._write(ref, claim, before, after)
            except Conflict:
                if attempt == ATTEMPTS:
                    raise
            else:
                return True
        raise AssertionError("not reached")

    def _write(self, ref: ClaimRef, claim: Json, before: list[Json], after: list[Json]) -> None:
        """The whole list, against the version that was read: what others have written since is not lost.

        No server-side apply, which brings opaque parameters into another form, and that is a forbidden change.
        """
        version, path = claim["metadata"]["resourceVersion"], f"{self._path(ref)}/status"
        body = {"metadata": {"resourceVersion": version}, "status": {"devices": after}}
        try:
            self._client.patch(path, body, MERGE_PATCH)
        except Refused:
            if not _has_parameters(claim):
                raise
            # Those may have been written with spaces, which JSON of the server's does not have.
            data = self._client.get_bytes(self._path(ref), claim_bytes.CONTENT_TYPE)
            data = claim_bytes.with_devices(data, version, before, after)
            self._client.update_bytes(path, data, claim_bytes.CONTENT_TYPE)

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


def _has_parameters(claim: Json) -> bool:
    configs = (claim["status"]["allocation"].get("devices") or {}).get("config") or []
    return any("opaque" in config for config in configs)
