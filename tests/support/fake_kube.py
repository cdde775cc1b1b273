# SPDX-License-Identifier: GPL-3.0-or-later
"""The API as the DRA driver's client shows it, in memory: objects by path, and the ways of a server."""

from __future__ import annotations

import copy
import itertools
import queue
import typing as t

from mock_accel_dra import kube

Json = dict[str, t.Any]
SLICES = "resourceslices"


class FakeClient:
    """Keeps what it is given. `serves` are the fields of devices and specs that it does not drop."""

    def __init__(
        self,
        *versions: str,
        minor: str = "36",
        serves: t.Collection[str] = ("counters", "taints", "sharing", "binding"),
    ) -> None:
        self.versions = versions or ("v1",)
        self.minor = minor
        self.serves = set(serves)
        # As Kubernetes 1.34 does: a device's counters must be of a set in its own slice.
        self.counters_inline = False
        self.objects: dict[str, Json] = {}
        # Method and path of each request but dry runs; reading them is not a write.
        self.requests: list[tuple[str, str]] = []
        # Raised by the next requests of a method, one for each; None lets one pass.
        self.failures: dict[str, list[Exception | None]] = {}
        # Methods whose next request is done, but whose answer gets lost.
        self.lost: set[str] = set()
        self.watches: list[FakeWatch] = []
        self._numbers = itertools.count(1)

    # --- what tests do ---

    def add_node(self, name: str, uid: str = "") -> None:
        self.objects[f"/api/v1/nodes/{name}"] = {"metadata": {"name": name, "uid": uid or f"uid-of-{name}"}}

    @property
    def path(self) -> str:
        version = next(one for one in ("v1", "v1beta2", "v1beta1") if one in self.versions)
        return f"/apis/resource.k8s.io/{version}/{SLICES}"

    @property
    def slices(self) -> list[Json]:
        return sorted(
            (one for key, one in self.objects.items() if SLICES in key), key=lambda one: one["metadata"]["name"]
        )

    @property
    def writes(self) -> list[str]:
        return [method for method, _ in self.requests if method not in ("GET", "LIST", "WATCH")]

    def forget(self) -> None:
        self.requests.clear()

    def edit(self, name: str) -> Json:
        """An object as somebody else writes it: it has another version."""
        item = self.objects[f"{self.path}/{name}"]
        item["metadata"]["resourceVersion"] = str(next(self._numbers))
        return item

    def drop_all(self) -> None:
        """As a kubelet does that starts."""
        for item in self.slices:
            del self.objects[f"{self.path}/{item['metadata']['name']}"]

    # --- what a client does ---

    def get(self, path: str, params: t.Mapping[str, str] | None = None) -> Json:
        self._begin("GET", path)
        if path == "/apis/resource.k8s.io":
            return {"versions": [{"version": version} for version in self.versions]}
        if path == "/version":
            return {"minor": self.minor}
        return copy.deepcopy(self._find(path))

    def list(self, path: str, params: t.Mapping[str, str] | None = None) -> tuple[list[Json], str]:
        self._begin("LIST", path)
        wanted = dict(term.split("=") for term in (params or {})["fieldSelector"].split(","))
        items = [
            copy.deepcopy(item)
            for key, item in self.objects.items()
            if key.rpartition("/")[0] == path
            and item["spec"]["driver"] == wanted["spec.driver"]
            and item["spec"]["nodeName"] == wanted["spec.nodeName"]
        ]
        return items, str(next(self._numbers))

    def create(self, path: str, body: Json, params: t.Mapping[str, str] | None = None) -> Json:
        dry = "dryRun" in (params or {})
        self._begin("DRYRUN" if dry else "POST", path)
        item = self._served(body)
        number = next(self._numbers)
        metadata = item["metadata"]
        # The server cuts a long name to make room for what makes it unique.
        metadata.setdefault("name", metadata.get("generateName", "")[:58] + f"{number:05x}")
        metadata.update(
            uid=f"uid-{number}", resourceVersion=str(number), creationTimestamp=f"2026-01-01T00:00:{number:02d}Z"
        )
        if not dry:
            self.objects[f"{path}/{metadata['name']}"] = item
        self._end("DRYRUN" if dry else "POST")
        return copy.deepcopy(item)

    def update(self, path: str, body: Json, params: t.Mapping[str, str] | None = None) -> Json:
        self._begin("PUT", path)
        old = self._find(path)
        if body["metadata"].get("resourceVersion") != old["metadata"]["resourceVersion"]:
            raise kube.Conflict(f"Error while calling PUT {path}: the object has been modified (HTTP 409)")
        item = self._served(body)
        if item != old:
            item["metadata"]["resourceVersion"] = str(next(self._numbers))
        self.objects[path] = item
        self._end("PUT")
        return copy.deepcopy(item)

    def patch(
        self, path: str, body: t.Any, content_type: str = kube.MERGE_PATCH, params: t.Mapping[str, str] | None = None
    ) -> Json:
        self._begin("PATCH", path)
        item = _merged(self._find(path.removesuffix("/status")), body)
        item["metadata"]["resourceVersion"] = str(next(self._numbers))
        self.objects[path.removesuffix("/status")] = item
        return copy.deepcopy(item)

    def watch(self, path: str, params: t.Mapping[str, str] | None = None, seconds: int = 300) -> FakeWatch:
        self._begin("WATCH", path)
        self.watches.append(FakeWatch())
        return self.watches[-1]

    def tell(self, kind: str, item: Json) -> None:
        """An event to whoever watches."""
        for watch in self.watches:
            watch.events.put((kind, copy.deepcopy(item)))

    def close(self) -> None:
        pass

    def delete(self, path: str, body: Json | None = None, params: t.Mapping[str, str] | None = None) -> Json:
        self._begin("DELETE", path)
        item = self._find(path)
        uid = ((body or {}).get("preconditions") or {}).get("uid", item["metadata"]["uid"])
        if uid != item["metadata"]["uid"]:
            raise kube.Conflict(f"Error while calling DELETE {path}: the UID is another (HTTP 409)")
        del self.objects[path]
        self._end("DELETE")
        return {}

    # --- the ways of a server ---

    def _begin(self, method: str, path: str) -> None:
        if method != "DRYRUN":
            self.requests.append((method, path))
        waiting = self.failures.get(method)
        failure = waiting.pop(0) if waiting else None
        if failure:
            raise failure

    def _end(self, method: str) -> None:
        if method in self.lost:
            self.lost.remove(method)
            raise kube.Unavailable(f"Error while calling {method}: the connection was lost")

    def _find(self, path: str) -> Json:
        if path not in self.objects:
            *_, resource, name = path.split("/")
            raise kube.NotFound(f"Error while calling GET {path}: {name} not found (HTTP 404)", resource)
        return self.objects[path]

    def _served(self, body: Json) -> Json:
        item = copy.deepcopy(body)
        spec = item["spec"]
        if "counters" not in self.serves:
            spec.pop("sharedCounters", None)
        devices = [device.get("basic", device) for device in spec.get("devices") or ()]
        for device in devices:
            if "sharing" not in self.serves:
                for capacity in (device.get("capacity") or {}).values():
                    capacity.pop("requestPolicy", None)
            for field, name in (
                ("counters", "consumesCounters"),
                ("taints", "taints"),
                ("sharing", "allowMultipleAllocations"),
                ("binding", "bindsToNode"),
                ("binding", "bindingConditions"),
                ("binding", "bindingFailureConditions"),
            ):
                if field not in self.serves:
                    device.pop(name, None)
            for taint in device.get("taints") or ():
                taint.setdefault("timeAdded", f"2026-01-01T00:01:{next(self._numbers):02d}Z")
        self._validate(spec, devices)
        return item

    def _validate(self, spec: Json, devices: list[Json]) -> None:
        sets = {one["name"] for one in spec.get("sharedCounters") or ()}
        used = {one["counterSet"] for device in devices for one in device.get("consumesCounters") or ()}
        if self.counters_inline and not used <= sets:
            raise kube.Refused(f"must reference a counterSet in this slice: {sorted(used - sets)} (HTTP 422)")
        if not self.counters_inline and sets and spec.get("devices") is not None:
            raise kube.Refused("only one of `sharedCounters` or `devices` is allowed (HTTP 422)")
        advanced = used or any(device.get("taints") for device in devices)
        if len(devices) > (64 if advanced else 128):
            raise kube.Refused(f"too many devices: {len(devices)} (HTTP 422)")
        if len(sets) > (16 if self.counters_inline else 8):
            raise kube.Refused(f"too many counter sets: {len(sets)} (HTTP 422)")
        if len({device["name"] for device in spec.get("devices") or ()}) != len(devices):
            raise kube.Refused("a device is there twice (HTTP 422)")


class FakeWatch:
    """What tests put into `events`: pairs, an exception, or None for the end in good order."""

    def __init__(self) -> None:
        self.events: queue.Queue[t.Any] = queue.Queue()

    def __iter__(self) -> t.Iterator[tuple[str, Json]]:
        while (event := self.events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self) -> None:
        self.events.put(None)


def _merged(item: t.Any, patch: t.Any) -> t.Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    made = dict(item) if isinstance(item, dict) else {}
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = _merged(made.get(name), value)
    return made
