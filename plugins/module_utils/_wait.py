# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch a collection of objects until a predicate of them holds, or time is up.

The API server tells each change once, so nothing is polled: list, then watch from the list's resource version. A watch
that ends is resumed where it stopped (bookmarks move that place on); where that is too old (410 Gone), it lists anew.
"""

from __future__ import annotations

import time
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._errors import ApiError, ExpiredError, UnavailableError

Item = dict[str, t.Any]
Predicate = t.Callable[[list[Item]], bool]

# How long the first list may take: it has nothing to do with how long the caller is ready to wait for a change.
FIRST_LIST = 30.0
# How long the last look may take, when the time is over.
LAST_LIST = 5.0
# A longer silence than this (bookmarks come about every minute) means a connection that died unnoticed.
LONGEST_WATCH = 90.0
# Pause before the next try after a connection was lost or refused: doubled up to the longest.
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0


class Source(t.Protocol):
    """A collection at the API server, as `_kubernetes_client.Collection` gives it."""

    def list(self, timeout: float) -> tuple[list[Item], str]:
        """All items, and the resource version that they are of."""

    def watch(self, resource_version: str, timeout: float) -> t.Iterator[Item]:
        """Events after that version; ends when the server or the timeout ends it."""


class Outcome(t.NamedTuple):
    """The items as last seen, whether the predicate held for them, and why nothing newer was seen, if so."""

    items: list[Item]
    satisfied: bool
    error: ApiError | None


class _Clock:
    """What is left of a time span, and sleeping no longer than that."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, self.left()))


class _Steady:
    """Whether a predicate holds, and has held long enough."""

    def __init__(self, predicate: Predicate, seconds: float) -> None:
        self._predicate = predicate
        self._seconds = seconds
        self.clock: _Clock | None = None

    @property
    def holds(self) -> bool:
        return self.clock is not None

    def left(self) -> float:
        return self.clock.left() if self.clock else self._seconds

    def look(self, items: list[Item]) -> bool:
        """Look at the items as they are now; true when the predicate holds and has held long enough."""
        if not self._predicate(items):
            self.clock = None
        elif self.clock is None:
            self.clock = _Clock(self._seconds)
        return self.holds and not self.left()


def watch_until(source: Source, predicate: Predicate, timeout: float, stable_for: float = 0) -> Outcome:
    """Return when the predicate holds or the timeout is over; an error of the first list, or of access, is raised.

    With `stable_for`, it must go on to hold for that many seconds; those come on top of the timeout.
    """
    clock, whole = _Clock(timeout), _Clock(timeout + stable_for)
    steady = _Steady(predicate, stable_for)
    items, version = source.list(timeout=FIRST_LIST)
    store = {_key(item): item for item in items}
    pause = FIRST_PAUSE
    lost: ApiError | None = None
    while True:
        # Nobody knows what happens while the server is out of reach, so that time proves nothing.
        if steady.look(list(store.values())) and lost is None:
            return Outcome(list(store.values()), True, None)
        left = clock.left()
        if steady.holds:
            left = whole.left() if lost else steady.left()
        if not left:
            if timeout and not steady.holds and lost is None:
                return _last_look(source, predicate, list(store.values()))
            return Outcome(list(store.values()), False, lost)
        try:
            if not version:
                items, version = source.list(timeout=min(left, LONGEST_WATCH))
                store = {_key(item): item for item in items}
                lost = None
                continue
            for event in source.watch(version, timeout=min(left, LONGEST_WATCH)):
                version = event["object"]["metadata"]["resourceVersion"]
                pause = FIRST_PAUSE
                held = steady.holds
                reached = _apply(event, store) and steady.look(list(store.values()))
                if reached or steady.holds != held or not (steady.left() if steady.holds else clock.left()):
                    break
            else:
                # The server ended the watch: a moment's pause, or one that ends each at once would be asked in a loop.
                (steady.clock or clock).sleep(pause)
            lost = None
        except ExpiredError:
            version = ""
            whole.sleep(pause)
        except UnavailableError as error:
            lost = error
            whole.sleep(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE)


def _last_look(source: Source, predicate: Predicate, items: list[Item]) -> Outcome:
    """What was waited for in vain, looked at once more: a server that hangs sends no events, and does not say so."""
    try:
        items, _version = source.list(timeout=LAST_LIST)
    except (UnavailableError, ExpiredError) as error:
        return Outcome(items, False, error)
    return Outcome(items, predicate(items), None)


def _key(item: Item) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _apply(event: Item, store: dict[tuple[str, str], Item]) -> bool:
    """Bring the store to the event; a bookmark carries no object, so it changes nothing."""
    if event["type"] == "BOOKMARK":
        return False
    if event["type"] == "DELETED":
        store.pop(_key(event["object"]), None)
    else:
        store[_key(event["object"])] = event["object"]
    return True
