# SPDX-License-Identifier: GPL-3.0-or-later
"""ResourceClaims at the API server: read one, and say in its status what has become of its devices.

A claim is read from the server each time and from nowhere else: it can be given other devices under the same UID.
"""

from __future__ import annotations

import typing as t

from .errors import Refused
from .prepared import ClaimRef

GROUP = "/apis/resource.k8s.io"
# The shapes of what is used here are the same in all of them.
VERSIONS = ("v1", "v1beta2", "v1beta1")
APPLY_PATCH = "application/apply-patch+yaml"

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

    def apply_devices(self, ref: ClaimRef, manager: str, devices: list[Json]) -> None:
        """Make these the manager's entries of status.devices, and no others its entries."""
        body = {
            "apiVersion": f"resource.k8s.io/{self._served_version()}",
            "kind": "ResourceClaim",
            # With the UID a claim that has been made anew is a conflict.
            "metadata": {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid},
            "status": {"devices": devices},
        }
        params = {"fieldManager": manager, "force": "true"}
        self._client.patch(f"{self._path(ref)}/status", body, APPLY_PATCH, params)

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
