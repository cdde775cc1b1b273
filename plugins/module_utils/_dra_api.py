# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The group resource.k8s.io of an API server: which version of it to speak, and its collections."""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._dra import resource_claim, resource_slice
from ansible_collections.mirage.accel.plugins.module_utils._errors import ApiError, NotFoundError
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_client import Client, Collection

GROUP = "resource.k8s.io"
# The newest first; all three are read.
VERSIONS = ("v1", "v1beta2", "v1beta1")

Record = t.TypeVar("Record")


class DraApi:
    """resource.k8s.io of one API server."""

    def __init__(self, client: Client, version: str) -> None:
        self.client = client
        self.version = version

    def slices(self, driver: str | None = None, node: str | None = None) -> Collection:
        """ResourceSlices, chosen by the server by their fields."""
        fields = [f"{name}={value}" for name, value in (("spec.driver", driver), ("spec.nodeName", node)) if value]
        path = f"/apis/{GROUP}/{self.version}/resourceslices"
        return self.client.collection(path, "listing ResourceSlices", fieldSelector=",".join(fields))

    def claims(self, namespace: str | None = None, name: str | None = None, labels: str | None = None) -> Collection:
        """ResourceClaims of a namespace, or of all."""
        inside = f"namespaces/{namespace}/" if namespace else ""
        return self.client.collection(
            f"/apis/{GROUP}/{self.version}/{inside}resourceclaims",
            "listing ResourceClaims",
            fieldSelector=f"metadata.name={name}" if name else None,
            labelSelector=labels,
        )

    def classes(self) -> Collection:
        return self.client.collection(f"/apis/{GROUP}/{self.version}/deviceclasses", "listing DeviceClasses")


def discover(client: Client) -> DraApi:
    """The newest version that the server speaks and that is known here; ApiError where it speaks none."""
    advice = (
        "use Kubernetes 1.34 or later, or an older one with the feature gate DynamicResourceAllocation and"
        f" --runtime-config={GROUP}/v1beta1=true"
    )
    try:
        group = client.get(f"/apis/{GROUP}", f"looking for the API group {GROUP}")
    except NotFoundError as error:
        raise ApiError(
            f"Error while looking for the API group {GROUP} at {client.host}: the server has no dynamic resource"
            f" allocation (DRA); {advice}"
        ) from error
    served = [one.get("version") for one in group.get("versions") or ()]
    for version in VERSIONS:
        if version in served:
            return DraApi(client, version)
    raise ApiError(
        f"Error while looking for the API group {GROUP} at {client.host}: the server speaks only"
        f" {', '.join(map(str, served)) or 'no version of it'}, and {', '.join(VERSIONS)} are known; {advice}"
    )


class Reader(t.Generic[Record]):
    """Makes records of objects, each state of an object once: while waiting, most stay as they were."""

    def __init__(self, parse: t.Callable[[dict[str, t.Any]], Record]) -> None:
        self._parse = parse
        self._known: dict[tuple[str, str, str], tuple[str, Record]] = {}

    def read(self, items: t.Iterable[dict[str, t.Any]]) -> list[Record]:
        return [self._record(item) for item in items]

    def _record(self, item: dict[str, t.Any]) -> Record:
        metadata = item.get("metadata") or {}
        key = metadata.get("namespace", ""), metadata.get("name", ""), metadata.get("uid", "")
        version = metadata.get("resourceVersion", "")
        known = self._known.get(key)
        if known is None or known[0] != version or not version:
            known = self._known[key] = version, self._parse(item)
        return known[1]


def slice_reader() -> Reader[resource_slice.Slice]:
    return Reader(resource_slice.parse_slice)


def claim_reader() -> Reader[resource_claim.Claim]:
    return Reader(resource_claim.parse_claim)
