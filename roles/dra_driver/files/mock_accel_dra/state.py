# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepared claims: brings checkpoint, CDI files and the devices' status to what the kubelet asks, and back.

The checkpoint decides. A claim's effects come before its entry is written and go before the entry is removed, so after
a crash everything that the checkpoint does not know is an orphan, and everything that it knows can be made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
import typing as t
from dataclasses import dataclass, replace
from pathlib import Path

from . import allocation, device_status, log, points, preparation
from .cdi import CdiFolder
from .checkpoint import Checkpoint, Claims
from .device_metadata import MetadataFolder
from .errors import CheckpointError, ClaimError, DeviceError, DriverError, NotFound, Unavailable
from .fetches import Fetch, Fetches
from .inventory import AccelDevice
from .prepared import ClaimRef, PreparedClaim, PreparedDevice

_UID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,127}")


class Devices(t.Protocol):
    """What is here, and its status."""

    def find(self, device_name: str) -> AccelDevice | None: ...

    def all(self) -> list[AccelDevice]: ...

    def write_status(self, name: str, allocated: bool) -> bool:
        """False where it is not here."""
        ...


class Reader(t.Protocol):
    def get(self, ref: ClaimRef) -> dict[str, t.Any]: ...


class Listener(t.Protocol):
    """Is told what has been done; it must not block."""

    def prepared(self, claim: PreparedClaim) -> None: ...

    def unprepared(self, ref: ClaimRef) -> None: ...


class Lock:
    """One at a time, in this process and among all that use the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread_lock = threading.Lock()
        self._file = -1

    @contextlib.contextmanager
    def held(self) -> t.Iterator[None]:
        with self._thread_lock:
            try:
                if self._file < 0:
                    self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._file, fcntl.LOCK_EX)
            except OSError as error:
                raise DriverError(f"Error while locking {self._path}: {error.strerror}") from error
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a State works with."""

    lock: Lock
    fetches: Fetches
    checkpoint: Checkpoint
    cdi: CdiFolder
    devices: Devices
    claims: Reader
    listener: Listener
    # Of devices' attributes, for their containers.
    metadata: MetadataFolder
    # Whether claims that are prepared from now on have such files.
    with_metadata: bool = False


class State:
    """Prepares and unprepares claims, each call whole or not at all."""

    def __init__(self, parts: Parts, driver_name: str, pool: str) -> None:
        self._parts = parts
        self._driver_name = driver_name
        self._pool = pool

    def prepare(self, ref: ClaimRef) -> PreparedClaim:
        if not _UID.fullmatch(ref.uid):
            raise ClaimError(f"{ref.uid!r} is no UID")
        points.reached("prepare-entered")
        with self._parts.fetches.begun(ref.uid) as fetch:
            return self._prepare(ref, fetch)

    def _prepare(self, ref: ClaimRef, fetch: Fetch) -> PreparedClaim:
        with self._parts.lock.held():
            kept = self._parts.checkpoint.load().get(ref.uid)
            if kept:
                return self._again(kept)
            fetch.check()
        points.reached("prepare-not-known")
        # Not under the lock: a slow server must not keep others from leaving.
        claim = self._parts.claims.get(ref)
        points.reached("prepare-fetched")
        results = allocation.read(claim, ref, self._driver_name, self._pool)
        if not results:
            raise ClaimError(f"its allocation has no device of {self._driver_name}")
        with self._parts.lock.held():
            claims = self._parts.checkpoint.load()
            if ref.uid in claims:
                return self._again(claims[ref.uid])
            fetch.check()
            points.reached("prepare-locked")
            prepared = preparation.compute(ref, results, self._parts.devices.find, self._parts.with_metadata)
            if self._parts.with_metadata:
                prepared = replace(prepared, pod_claim=allocation.pod_claim(claim))
            reason = preparation.conflict(prepared, claims.values())
            if reason:
                raise ClaimError(reason)
            points.reached("prepare-computed")
            self._record(prepared, claims)
        self._parts.listener.prepared(prepared)
        points.reached("prepare-answered")
        log.info("Prepared the claim", claim=ref, uid=ref.uid, devices=[d.device_name for d in prepared.devices])
        return prepared

    def unprepare(self, ref: ClaimRef) -> None:
        """Not an error where it is not prepared: it is what was asked for."""
        if not _UID.fullmatch(ref.uid):
            raise ClaimError(f"{ref.uid!r} is no UID")
        points.reached("unprepare-entered")
        with self._parts.lock.held():
            claims = self._parts.checkpoint.load()
            self._parts.fetches.cancel(ref.uid)
            known = ref.uid in claims
            points.reached("unprepare-loaded")
            if known:
                self._erase(claims[ref.uid], claims)
        if known:
            self._parts.listener.unprepared(ref)
            log.info("Released the claim", claim=ref, uid=ref.uid)
        points.reached("unprepare-answered")

    def held(self) -> dict[str, PreparedDevice]:
        """The devices that claims hold, by name in Kubernetes."""
        with self._parts.lock.held():
            return _held(self._parts.checkpoint.load())

    def recover(self) -> None:
        """Make everything as the checkpoint says, after whatever has happened while nobody was here."""
        with self._parts.lock.held():
            claims = self._parts.checkpoint.load()
            points.reached("recover-loaded")
            self._parts.checkpoint.remove_unfinished()
            self._parts.fetches.remove_ended()
            for uid in self._parts.cdi.remove_others(claims):
                log.info("Removed a CDI file that no prepared claim has", uid=uid)
            self._parts.metadata.remove_others(claims.values())
            points.reached("recover-files-removed")
            self._make_right(claims, self._parts.devices.all())
        points.reached("recover-done")

    def settle(self, devices: t.Iterable[AccelDevice]) -> dict[str, PreparedDevice]:
        """As `held`, after what others have changed since is as the checkpoint says again.

        Such are a CDI file that somebody has removed, and the status of a device that hung while it was released, or
        that was gone for a while.
        """
        with self._parts.lock.held():
            claims = self._parts.checkpoint.load()
            try:
                self._make_right(claims, devices)
            except DriverError as error:
                log.warning("What others have changed is not put right yet", reason=str(error))
            return _held(claims)

    def _make_right(self, claims: Claims, devices: t.Iterable[AccelDevice]) -> None:
        here = {device.device_name: device for device in devices}
        refreshed = {uid: preparation.refresh(claim, here.get) for uid, claim in claims.items()}
        for claim in refreshed.values():
            self._keep_files(claim)
            points.reached("recover-file-made")
        self._restore_statuses(refreshed, here)
        points.reached("recover-statuses-restored")
        if refreshed != claims:
            self._parts.checkpoint.save(refreshed)

    def clean_orphans(self) -> bool:
        """Release claims that the API server does not know as ours any more; false where it could not be asked."""
        with self._parts.lock.held():
            claims = dict(self._parts.checkpoint.load())
        complete = True
        for kept in claims.values():
            try:
                gone = self._is_gone(kept)
            except Unavailable as error:
                log.warning("Whether a claim is still there is asked again later", claim=kept.ref, reason=str(error))
                complete = False
                break
            if gone:
                points.reached("clean-found")
                self._release_orphan(kept, gone)
        return complete

    def _is_gone(self, kept: PreparedClaim) -> str:
        """Why the claim has its devices no more; empty where it has."""
        try:
            claim = self._parts.claims.get(kept.ref)
        except NotFound:
            return "it does not exist"
        if claim["metadata"]["uid"] != kept.ref.uid:
            return "it has been made anew"
        devices = {(device.pool, device.device_name, device.share_id) for device in kept.devices}
        now = allocation.identities(claim, self._driver_name)
        if now != devices:
            return "it has been given other devices" if now else "it is not allocated"
        if not device_status.is_reported(claim, self._driver_name):
            # The process ended before it could say so.
            self._parts.listener.prepared(kept)
        return ""

    def _release_orphan(self, kept: PreparedClaim, reason: str) -> None:
        with self._parts.lock.held():
            claims = self._parts.checkpoint.load()
            if claims.get(kept.ref.uid) == kept:
                self._erase(kept, claims)
                log.info("Released an orphaned claim", claim=kept.ref, uid=kept.ref.uid, reason=reason)

    def _again(self, kept: PreparedClaim) -> PreparedClaim:
        """The answer of the last time, with its effects made again where somebody has removed them."""
        found = {device.device_name: self._parts.devices.find(device.device_name) for device in kept.devices}
        gone = sorted(name for name, device in found.items() if device is None)
        if gone:
            raise ClaimError(f"the device {gone[0]} of this claim is not on this node any more")
        refreshed = preparation.refresh(kept, found.get)
        self._keep_files(refreshed)
        for device in refreshed.holds():
            here = found[device.device_name]
            if here and here.allocated is False:
                self._parts.devices.write_status(device.name, allocated=True)
        if refreshed != kept:
            self._parts.checkpoint.save({**self._parts.checkpoint.load(), kept.ref.uid: refreshed})
        return refreshed

    def _keep_files(self, claim: PreparedClaim) -> None:
        """What the runtime is told, where it is not there as it should be."""
        if not self._parts.metadata.holds(claim):
            self._parts.metadata.write(claim)
        if not self._parts.cdi.holds(claim):
            self._parts.cdi.write(claim)
            log.info("Made the claim's CDI file again", claim=claim.ref, uid=claim.ref.uid)

    def _remove_files(self, claim: PreparedClaim, others: Claims) -> None:
        self._parts.cdi.remove(claim.ref.uid)
        self._parts.metadata.remove(claim, others.values())

    def _record(self, prepared: PreparedClaim, claims: Claims) -> None:
        """Effects first, then the entry; a failure takes the effects back."""
        try:
            self._parts.metadata.write(prepared)
            self._parts.cdi.write(prepared)
            points.reached("prepare-cdi-written")
            for device in prepared.holds():
                if not self._parts.devices.write_status(device.name, allocated=True):
                    raise ClaimError(f"the device {device.device_name} has just gone")
                points.reached("prepare-status-written")
            points.reached("prepare-statuses-written")
            self._parts.checkpoint.save({**claims, prepared.ref.uid: prepared})
        except DriverError as error:
            if not (isinstance(error, CheckpointError) and self._is_recorded(prepared)):
                self._take_back(prepared, claims)
            raise
        points.reached("prepare-recorded")

    def _is_recorded(self, prepared: PreparedClaim) -> bool:
        """Whether the entry was written although saving has failed, as when only the folder could not be synced."""
        try:
            return prepared.ref.uid in self._parts.checkpoint.load()
        except DriverError:
            return True

    def _erase(self, claim: PreparedClaim, claims: Claims) -> None:
        others = {uid: other for uid, other in claims.items() if uid != claim.ref.uid}
        self._remove_files(claim, others)
        points.reached("unprepare-cdi-removed")
        self._free(claim, others)
        points.reached("unprepare-statuses-written")
        self._parts.checkpoint.save(others)
        points.reached("unprepare-recorded")

    def _take_back(self, prepared: PreparedClaim, others: Claims) -> None:
        try:
            self._remove_files(prepared, others)
        except DriverError as error:
            log.error("A CDI file stays until the next start", claim=prepared.ref, reason=str(error))
        self._free(prepared, others)

    def _free(self, claim: PreparedClaim, others: Claims) -> None:
        """Status 0 for the devices that nobody else holds. One that does not take it does not keep the pod."""
        kept = {device.name for other in others.values() for device in other.holds()}
        for device in claim.holds():
            if device.name in kept:
                continue
            try:
                self._parts.devices.write_status(device.name, allocated=False)
            except DeviceError as error:
                log.warning("A device keeps its status", device=device.name, claim=claim.ref, reason=str(error))
            points.reached("unprepare-status-written")

    def _restore_statuses(self, claims: Claims, here: t.Mapping[str, AccelDevice]) -> None:
        kept = {device.name for claim in claims.values() for device in claim.holds()}
        for device in here.values():
            wanted = device.name in kept
            if device.allocated is None or device.allocated == wanted:
                continue
            try:
                self._parts.devices.write_status(device.name, allocated=wanted)
                log.info("Put a device's status right", device=device.name, status=int(wanted))
            except DeviceError as error:
                log.warning("A device keeps its status", device=device.name, reason=str(error))
            points.reached("recover-status-written")


def _held(claims: Claims) -> dict[str, PreparedDevice]:
    return {device.device_name: device for claim in claims.values() for device in claim.holds()}
