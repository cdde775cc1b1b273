# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the scheduler, which waits for it, whether the devices of this node that it has just given to claims answer.

It watches the claims of the whole cluster, for nothing in a claim can be selected that says where its devices are.
"""

from __future__ import annotations

import datetime
import threading

from . import conditions, log
from .backoff import Backoff
from .claim_api import ClaimApi
from .conditions import Find, Json
from .errors import DriverError, Expired, NotFound, Refused
from .kube import Client, Watch
from .prepared import ClaimRef

# The server ends a watch after about this time.
WATCH_S = 1800
# A server that ends each watch at once is not asked more often; and one that refuses is asked again after this time.
SHORTEST_WATCH_S = 1.0
REFUSED_S = 30.0


class BindingReporter:
    """One thread that watches claims and writes their conditions."""

    def __init__(self, client: Client, api: ClaimApi, driver: str, pool: str, find: Find) -> None:
        # A connection of its own: lists and watches must not keep those that claims are prepared by.
        self._client = client
        self._api = api
        self._driver = driver
        self._pool = pool
        self._find = find
        self._backoff = Backoff(REFUSED_S)
        self._ended = threading.Event()
        self._watch: Watch | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="binding", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        with self._lock:
            if self._watch:
                self._watch.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            wait = SHORTEST_WATCH_S
            try:
                self._follow()
            except Expired:
                log.info("The watch of claims is too old, listing again", 3)
            except DriverError as error:
                if self._ended.is_set():
                    return
                wait = REFUSED_S if isinstance(error, Refused) else self._backoff.seconds(error)
                log.warning("Claims that wait for this node's devices are not seen", reason=error, again_in=wait)
            self._ended.wait(wait)

    def _follow(self) -> None:
        """One list and one watch, to its end."""
        path = self._api.collection()
        items, version = self._client.list(path)
        for claim in items:
            self._look(claim)
        watch = self._client.watch(path, {"resourceVersion": version}, WATCH_S)
        with self._lock:
            self._watch = watch
        if self._ended.is_set():
            watch.close()
        self._backoff.reset()
        for kind, claim in watch:
            if kind in ("ADDED", "MODIFIED"):
                self._look(claim)

    def _look(self, claim: Json) -> None:
        results = conditions.waiting(claim, self._driver, self._pool)
        if not results:
            return
        metadata = claim["metadata"]
        ref = ClaimRef(metadata["namespace"], metadata["name"], metadata["uid"])
        try:
            written = self._api.change_devices(ref, self._decide)
        except NotFound:
            return
        except Refused as error:
            # Of this claim only; the scheduler gives up by itself after its time.
            log.warning("The scheduler waits in vain for a word on a claim", claim=ref, uid=ref.uid, reason=error)
            return
        if written:
            devices = [result["device"] for result in results]
            log.info("Told the scheduler of the devices of a claim", 1, claim=ref, uid=ref.uid, devices=devices)

    def _decide(self, claim: Json) -> list[Json]:
        """By the claim as it is now: it may have been given other devices since it was seen."""
        now = datetime.datetime.now(datetime.UTC)
        return conditions.decided(claim, self._driver, self._pool, self._find, now)
