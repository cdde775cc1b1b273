# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the API server in the background what the devices of prepared claims are (claim.status.devices).

Nobody waits for it: a pod starts as well without, and the kubelet's next call comes first. What the server does not
allow is said once and left.
"""

from __future__ import annotations

import datetime
import threading
import time
import typing as t

from . import log
from .claim_api import ClaimApi
from .device_status import Json, entries, merged
from .errors import Conflict, KubeError, NotFound, Unavailable
from .prepared import ClaimRef, PreparedClaim

DELAY_S = 0.1
RETRY_S = (1.0, 5.0, 15.0, 30.0)


class ClaimStatusWriter:
    """One thread that writes the newest wish for each claim, a moment after it has been wished."""

    def __init__(self, api: ClaimApi, driver: str, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._driver = driver
        self._clock = clock
        self._changed = threading.Condition()
        self._wishes: dict[str, tuple[ClaimRef, list[Json]]] = {}
        # When a wish is due, and how often it has been tried.
        self._when: dict[str, tuple[float, int]] = {}
        # Claims of which the server has, or may have, been told something.
        self._told: set[str] = set()
        self._said: set[str] = set()
        self._hurries = False
        self._ended = False
        self._busy = False
        self._thread = threading.Thread(target=self._run, name="claim-status", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def prepared(self, claim: PreparedClaim) -> None:
        self._wish(claim.ref, entries(claim, self._driver, datetime.datetime.now(datetime.UTC)))

    def unprepared(self, ref: ClaimRef) -> None:
        with self._changed:
            if ref.uid in self._wishes and ref.uid not in self._told:
                # The server has never heard of it.
                del self._wishes[ref.uid], self._when[ref.uid]
                self._changed.notify_all()
                return
        self._wish(ref, [])

    def stop(self, timeout: float) -> None:
        """Do what has not been tried yet, within that time, and end."""
        with self._changed:
            self._hurries = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._busy and self._due() is None, timeout)
            self._ended = True
            self._changed.notify_all()

    def idle(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy and not self._wishes, timeout)

    def _wish(self, ref: ClaimRef, devices: list[Json]) -> None:
        with self._changed:
            self._wishes[ref.uid] = ref, devices
            self._when[ref.uid] = self._clock() + DELAY_S, 0
            self._changed.notify_all()

    def _due(self) -> str | None:
        """A claim whose wish can be tried now."""
        now = self._clock()
        for uid, (time_, tried) in self._when.items():
            if time_ <= now or (self._hurries and not tried):
                return uid
        return None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                while not self._ended and (uid := self._due()) is None:
                    first = min((when for when, _ in self._when.values()), default=None)
                    self._changed.wait(None if first is None else max(0.0, first - self._clock()))
                if self._ended:
                    return
                ref, devices = self._wishes.pop(uid)
                _, tried = self._when.pop(uid)
                self._told.add(uid)
                self._busy = True
            if not self._apply(ref, devices):
                self._again_later(ref, devices, tried)
            elif not devices:
                with self._changed:
                    self._told.discard(uid)

    def _apply(self, ref: ClaimRef, devices: list[Json]) -> bool:
        """False if it is to be tried again."""
        try:
            self._api.change_devices(ref, lambda claim: merged(claim, devices, self._driver))
        except NotFound as error:
            # It is gone, and another of its name is another claim.
            log.info("The claim's status is not written", 5, claim=ref, uid=ref.uid, reason=str(error))
        except (Conflict, Unavailable):
            return False
        except KubeError as error:
            reason = str(error).rpartition(": ")[2]
            if reason not in self._said:
                self._said.add(reason)
                log.warning("The devices in the claims' status are not kept", claim=ref, reason=str(error))
        else:
            log.info("Wrote the claim's status", 5, claim=ref, uid=ref.uid, devices=len(devices))
        return True

    def _again_later(self, ref: ClaimRef, devices: list[Json], tried: int) -> None:
        with self._changed:
            # There may be a newer wish by now.
            if ref.uid not in self._wishes:
                self._wishes[ref.uid] = ref, devices
                self._when[ref.uid] = self._clock() + RETRY_S[min(tried, len(RETRY_S) - 1)], tried + 1
