# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the API server's slices of this node to what the devices are, with as few writes as that takes.

What the server has is remembered from our own writes and listed again only where somebody else has written. Nothing is
kept across a restart: the slices themselves say where each device is and since when it is tainted.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from . import log, resource_slice, slices
from .errors import Conflict, KubeError, NotFound, Refused
from .inventory import AccelDevice
from .resource_slice import GROUP, VERSIONS, Owner
from .slices import NO_OPTIONS, Features, Json, Options, Slice

# Somebody who writes our slices again and again is not to be raced for ever.
ATTEMPTS = 3
# The first release that knows resource.kubernetes.io/numaNode.
NUMA_NODE_MINOR = 37
# The field is an int64.
LAST_GENERATION = 2**63 - 1


class Api(t.Protocol):
    """What is needed of a client."""

    def get(self, path: str, params: t.Mapping[str, str] | None = None) -> Json: ...
    def list(self, path: str, params: t.Mapping[str, str] | None = None) -> tuple[list[Json], str]: ...
    def create(self, path: str, body: Json, params: t.Mapping[str, str] | None = None) -> Json: ...
    def update(self, path: str, body: Json, params: t.Mapping[str, str] | None = None) -> Json: ...
    def delete(self, path: str, body: Json | None = None, params: t.Mapping[str, str] | None = None) -> Json: ...


@dataclass(slots=True)
class _Stored:
    """A slice as the server has it."""

    current: Json
    # What was sent when it became so: a server may store something else, and sending it again would change nothing.
    sent: Json | None = None

    @property
    def version(self) -> str:
        return self.current["metadata"]["resourceVersion"]


@dataclass(frozen=True, slots=True)
class Changes:
    """How many writes a call of `publish` has made."""

    created: int = 0
    updated: int = 0
    deleted: int = 0

    def __bool__(self) -> bool:
        return bool(self.created or self.updated or self.deleted)


class Publisher:
    """The slices of one driver on one node."""

    def __init__(self, api: Api, driver: str, node: str, options: Options = NO_OPTIONS) -> None:
        self._api = api
        self._options = options
        self._driver = driver
        self._node = node
        self._features: Features | None = None
        self._owner: Owner | None = None
        self._stored: dict[str, _Stored] = {}
        self._listed = False
        self._generation = 0
        self._done: tuple[tuple[AccelDevice, ...], Features | None] | None = None
        self._has_dropped = False
        self.path = ""

    @property
    def selector(self) -> dict[str, str]:
        """Our slices, of this pool and of any other that a former release may have made."""
        return {"fieldSelector": f"spec.driver={self._driver},spec.nodeName={self._node}"}

    @property
    def generation(self) -> int:
        return self._generation

    def names(self) -> list[str]:
        return list(self._stored)

    def is_known(self, name: str, version: str | None) -> bool:
        """Whether a slice has been seen in this version or a later one, or, with none, as deleted."""
        stored = self._stored.get(name)
        if stored is None or version is None:
            return stored is None and version is None
        if stored.version.isdecimal() and version.isdecimal():
            # Our writes in a row are told one by one, when the last is known already.
            return int(version) <= int(stored.version)
        return version == stored.version

    def list_again(self) -> None:
        """Somebody else has written: what is remembered is not to be relied on."""
        self._listed = False
        # A node that is registered anew is another owner, and its slices went with the old one.
        self._owner = None

    def ask_again(self) -> None:
        """It may be another server now: find out again what it serves."""
        self._features = None
        self.list_again()

    def connect(self) -> None:
        """Find out which version the server speaks and what it does with our slices."""
        if self._features:
            return
        version = self._find_version()
        self.path = f"/apis/{GROUP}/{version}/resourceslices"
        self._features = self._probe(Features(version, "none", False, self._knows_numa_node()))
        log.info(
            "Found what the API server serves",
            version=version,
            counters=self._features.counters,
            taints=self._features.taints,
            numa_node=self._features.numa_node,
            sharing=self._features.sharing,
            binding=self._features.binding,
        )
        if self._options.shared and not self._features.sharing:
            log.warning("Devices are not shared, for the API server does not serve DRAConsumableCapacity")
        if self._options.binding and not self._features.binding:
            log.warning("The scheduler waits for nothing, for the API server does not serve DRADeviceBindingConditions")

    def publish(self, devices: t.Sequence[AccelDevice]) -> Changes:
        """One round; afterwards the pool is what the devices are, or there is an exception."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.connect()
                changes = self._round(tuple(devices))
                if not self._serves_less():
                    return changes
            except (Conflict, NotFound) as error:
                # Somebody else has written, or the node or the version of the API is another.
                self.ask_again()
                if attempt == ATTEMPTS:
                    raise
                log.info("Somebody else has written, trying again", 2, reason=error)
            except Refused:
                self.ask_again()
                raise
            except KubeError:
                self.list_again()
                raise
        return changes

    def _serves_less(self) -> bool:
        """Whether the server has dropped fields in this round and now says that it does not serve them."""
        if not self._has_dropped:
            return False
        self._has_dropped = False
        before, self._features = self._features, None
        self.connect()
        return self._features != before

    def _round(self, devices: tuple[AccelDevice, ...]) -> Changes:
        done = (devices, self._features)
        if self._listed and done == self._done:
            return Changes()
        started = time.monotonic()
        if not self._listed:
            self._list()
        changes = self._bring_to(devices)
        self._done = done
        if changes:
            log.info(
                "Published the devices",
                devices=len(devices),
                slices=len(self._stored),
                generation=self._generation,
                created=changes.created,
                updated=changes.updated,
                deleted=changes.deleted,
                seconds=time.monotonic() - started,
            )
        return changes

    # --- what is there ---

    def _find_version(self) -> str:
        try:
            served = {one["version"] for one in self._api.get(f"/apis/{GROUP}")["versions"]}
        except NotFound as error:
            raise Refused(f"Error while looking for {GROUP}: the API server does not serve it") from error
        version = next((one for one in VERSIONS if one in served), None)
        if version is None:
            raise Refused(
                f"Error while looking for {GROUP}: the API server serves {', '.join(sorted(served))}, "
                f"and this driver speaks {', '.join(VERSIONS)}"
            )
        return version

    def _get_owner(self) -> Owner:
        if self._owner is None:
            uid = self._api.get(f"/api/v1/nodes/{self._node}")["metadata"]["uid"]
            self._owner = Owner(self._node, uid)
        return self._owner

    def _knows_numa_node(self) -> bool:
        minor = self._api.get("/version").get("minor", "").rstrip("+")
        return minor.isdecimal() and int(minor) >= NUMA_NODE_MINOR

    def _probe(self, features: Features) -> Features:
        """A server drops what it does not serve without a word, so a dry run is compared with what was sent."""
        refusal: Refused | None = None
        for inline in (False, True):
            sent = resource_slice.probe(self._driver, self._get_owner(), self._options, inline=inline)
            try:
                stored = self._api.create(self.path, self._encoded(sent, features), {"dryRun": "All"})
            except Refused as error:
                # Counters whose set is not in the same slice are an error for 1.34, and such that are for 1.35.
                refusal = refusal or error
                continue
            return resource_slice.with_probe(features, resource_slice.decode(stored), inline=inline)
        raise refusal or AssertionError("not reached")

    def _list(self) -> None:
        items, _ = self._api.list(self.path, self.selector)
        before = self._stored
        self._stored = {}
        for item in items:
            current = resource_slice.decode(item)
            name = current["metadata"]["name"]
            stored = before.get(name)
            known = stored is not None and stored.version == current["metadata"]["resourceVersion"]
            self._stored[name] = _Stored(current, stored.sent if stored and known else None)
        self._listed = True

    # --- what is to be done ---

    def _bring_to(self, devices: tuple[AccelDevice, ...]) -> Changes:
        assert self._features
        matched, obsolete = self._match()
        placed = slices.placement(stored.current for stored in matched.values())
        wanted = {
            part.index: part for part in slices.pool(devices, self._features, self._driver, placed, self._options)
        }
        obsolete += [stored for index, stored in matched.items() if index not in wanted]
        kept = {index: stored for index, stored in matched.items() if index in wanted}
        generations = [stored.current["spec"]["pool"]["generation"] for stored in self._stored.values()]
        self._generation = max([self._generation, *generations])
        if self._generation >= LAST_GENERATION:
            # Somebody has set that. As long as such a slice is there, no lower generation counts.
            log.warning("Publishing anew from generation 1", reason=f"there is none after {self._generation}")
            self._generation = 0
            obsolete, kept = list(self._stored.values()), {}
        changed = [index for index, stored in kept.items() if not self._is(stored, self._made(wanted[index], wanted))]
        created = [part for index, part in wanted.items() if index not in kept]
        if created or len(changed) > 1:
            # From the first write to the last the pool is incomplete, and nobody allocates from a mixture.
            self._generation += 1
            changed = list(kept)
        # First what is gone: should the rest fail, nobody is promised what is not there.
        for stored in obsolete:
            self._delete(stored)
        for index in changed:
            self._update(kept[index], self._made(wanted[index], wanted))
        for part in created:
            self._create(self._made(part, wanted))
        return Changes(len(created), len(changed), len(obsolete))

    def _match(self) -> tuple[dict[int, _Stored], list[_Stored]]:
        """Our slices by index, and those that nobody needs: of another pool, without an index, or a second one."""
        matched: dict[int, _Stored] = {}
        obsolete = []
        # Of two the older serves, so that two publishers would not delete each other's.
        for stored in sorted(self._stored.values(), key=lambda one: _age(one.current)):
            index = slices.index_of(stored.current)
            if index is None or index in matched or stored.current["spec"]["pool"]["name"] != self._node:
                obsolete.append(stored)
            else:
                matched[index] = stored
        return matched, obsolete

    def _made(self, part: Slice, pool: t.Mapping[int, Slice]) -> Json:
        return resource_slice.manifest(part, self._driver, self._get_owner(), self._generation, len(pool))

    def _is(self, stored: _Stored, wanted: Json) -> bool:
        return resource_slice.same(stored.current, wanted) or wanted == stored.sent

    # --- writes ---

    def _create(self, wanted: Json) -> None:
        self._keep(wanted, self._api.create(self.path, self._encoded(wanted)))

    def _update(self, stored: _Stored, wanted: Json) -> None:
        name = stored.current["metadata"]["name"]
        body = resource_slice.updated(stored.current, wanted)
        self._keep(wanted, self._api.update(f"{self.path}/{name}", self._encoded(body)))

    def _delete(self, stored: _Stored) -> None:
        metadata = stored.current["metadata"]
        name = metadata["name"]
        try:
            self._api.delete(f"{self.path}/{name}", {"preconditions": {"uid": metadata["uid"]}})
        except NotFound:
            log.info("Somebody else has deleted a slice", 2, slice=name)
        del self._stored[name]

    def _keep(self, wanted: Json, answer: Json) -> None:
        """Remember what the server made of it, and say where that is less than what was sent."""
        current = resource_slice.decode(answer)
        name = current["metadata"]["name"]
        self._stored[name] = _Stored(current, wanted)
        fields = resource_slice.dropped(wanted["spec"], current["spec"])
        if fields:
            # What it serves has changed since it was asked, so it is asked again after this round.
            log.warning("The API server has dropped fields", slice=name, fields=fields)
            self._has_dropped = True

    def _encoded(self, one: Json, features: Features | None = None) -> Json:
        version = (features or self._features or Features()).version
        return resource_slice.encode(one, version)


def _age(current: Json) -> tuple[str, str]:
    return current["metadata"].get("creationTimestamp") or "", current["metadata"]["name"]
