# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting by watch, against an API server that follows a script."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_client as client
from ansible_collections.mirage.accel.plugins.module_utils import _wait as wait
from ansible_collections.mirage.accel.plugins.module_utils._errors import AccessError, ApiError, UnavailableError

GPU = "nvidia.com/gpu"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(wait, "LONGEST_PAUSE", 0.05)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every pause that would be made, and is not."""
    made: list[float] = []
    monkeypatch.setattr(wait._Clock, "sleep", lambda _clock, seconds: made.append(seconds))
    return made


@pytest.fixture
def waiting(api: t.Any) -> Callable[..., wait.Outcome]:
    """Waits until every node has eight GPUs, or until another predicate holds."""

    def until(timeout: float = 20, predicate: wait.Predicate | None = None) -> wait.Outcome:
        collection = client.connect({"host": api.url, "api_key": "t"}).collection("/api/v1/nodes", "listing nodes")
        return wait.watch_until(collection, predicate or eight, timeout)

    return until


def eight(nodes: list[dict[str, t.Any]]) -> bool:
    return bool(nodes) and all(node["status"]["allocatable"].get(GPU) == "8" for node in nodes)


def amounts(outcome: wait.Outcome) -> dict[str, str]:
    return {node["metadata"]["name"]: node["status"]["allocatable"].get(GPU) for node in outcome.items}


def none(node: Callable[..., dict[str, t.Any]], version: int = 1, name: str = "worker-0") -> dict[str, t.Any]:
    return node(name, version=version, allocatable={GPU: "0"})


def test_already_so(api, node, waiting) -> None:
    api.lists = [api.listing(node())]
    assert waiting().satisfied
    assert api.asked == ["list"]


def test_no_time_means_one_look(api, node, waiting) -> None:
    api.lists = [api.listing(none(node))]
    outcome = waiting(timeout=0)
    assert not outcome.satisfied
    assert amounts(outcome) == {"worker-0": "0"}
    assert api.asked == ["list"]


def test_a_server_that_hangs_at_the_end_is_told(api, node, waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "LAST_LIST", 0.5)
    api.lists = [api.listing(none(node), version=5), api.refuse(503, "stalled")]
    api.watches = [[api.silence]]
    outcome = waiting(timeout=1)
    assert not outcome.satisfied
    assert amounts(outcome) == {"worker-0": "0"}
    assert "503: stalled" in str(outcome.error)


def test_what_came_without_an_event_is_seen_at_the_end(api, node, waiting) -> None:
    api.lists = [api.listing(none(node), version=5), api.listing(node(), version=9)]
    api.watches = [[api.silence]]
    assert waiting(timeout=1).satisfied


@pytest.mark.parametrize("kind", ["MODIFIED", "ADDED"])
def test_an_event_makes_it_so(api, node, waiting, kind: str) -> None:
    api.lists = [api.listing(none(node), version=5)]
    api.watches = [[api.event(kind, node(version=6)), api.silence]]
    started = time.monotonic()
    outcome = waiting()
    assert outcome.satisfied
    assert amounts(outcome) == {"worker-0": "8"}
    assert api.asked == ["list", "watch 5"]
    assert time.monotonic() - started < 10, "it must not wait for the watch's end"


def test_a_new_node_and_a_deleted_one(api, node, waiting) -> None:
    api.lists = [api.listing(none(node, name="old"))]
    api.watches = [[api.event("ADDED", node("new", version=2)), api.event("DELETED", none(node, 3, "old"))]]
    outcome = waiting()
    assert outcome.satisfied
    assert amounts(outcome) == {"new": "8"}


def test_a_deletion_can_be_what_was_missing(api, node, waiting) -> None:
    api.lists = [api.listing(node(), none(node, name="bad"))]
    api.watches = [[api.event("DELETED", none(node, 2, "bad"))]]
    assert waiting().satisfied


def test_a_bookmark_moves_the_place_of_the_next_watch(api, node, waiting) -> None:
    api.lists = [api.listing(none(node), version=5)]
    api.watches = [[api.bookmark(900)], [api.event("MODIFIED", node(version=901))]]
    assert waiting().satisfied
    assert api.asked == ["list", "watch 5", "watch 900"]


def test_a_bookmark_is_no_object(api, node, waiting) -> None:
    api.lists = [api.listing(none(node))]
    api.watches = [[api.bookmark(900), api.event("MODIFIED", node(version=901))]]
    assert amounts(waiting()) == {"worker-0": "8"}


def test_a_watch_that_ends_is_resumed_after_its_last_event(api, node, waiting) -> None:
    api.lists = [api.listing(none(node), version=5)]
    api.watches = [[api.event("MODIFIED", none(node, 6))], [api.event("MODIFIED", node(version=7))]]
    assert waiting().satisfied
    assert api.asked == ["list", "watch 5", "watch 6"]


def test_a_broken_connection_is_resumed(api, node, waiting) -> None:
    api.lists = [api.listing(none(node), version=5)]
    api.watches = [[api.event("MODIFIED", none(node, 6)), api.drop], [api.event("MODIFIED", node(version=7))]]
    assert waiting().satisfied
    assert api.asked == ["list", "watch 5", "watch 6"]


@pytest.mark.parametrize("how", ["event", "status"])
def test_gone_means_a_new_list(api, node, waiting, how: str) -> None:
    gone = [api.error(410, "too old resource version: 5 (700)")] if how == "event" else api.refuse(410, "too old")
    api.lists = [api.listing(none(node), version=5), api.listing(none(node), version=700)]
    api.watches = [gone, [api.event("MODIFIED", node(version=701))]]
    assert waiting().satisfied
    assert api.asked == ["list", "watch 5", "list", "watch 700"]


def test_the_new_list_forgets_what_was_deleted_meanwhile(api, node, waiting) -> None:
    api.lists = [api.listing(node(), none(node, name="bad")), api.listing(node(), version=9)]
    api.watches = [[api.error(410, "too old")]]
    outcome = waiting()
    assert outcome.satisfied
    assert api.asked == ["list", "watch 1", "list"], "what the new list says needs no event to count"
    assert amounts(outcome) == {"worker-0": "8"}


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_server_that_cannot_answer_now_is_asked_again(api, node, waiting, code: int) -> None:
    api.lists = [api.listing(none(node), version=5)]
    api.watches = [api.refuse(code), api.refuse(code), [api.event("MODIFIED", node(version=6))]]
    assert waiting().satisfied
    assert api.asked == ["list", "watch 5", "watch 5", "watch 5"]


def test_lost_access_ends_the_wait_at_once(api, node, waiting) -> None:
    api.lists = [api.listing(none(node))]
    api.watches = [api.refuse(401, "Unauthorized")]
    with pytest.raises(AccessError, match="401"):
        waiting()
    assert api.asked == ["list", "watch 1"]


def test_an_unknown_failure_of_a_watch_is_told(api, node, waiting) -> None:
    api.lists = [api.listing(none(node))]
    api.watches = [[api.error(422, "no such field", "Invalid")]]
    with pytest.raises(ApiError, match="422: no such field"):
        waiting()


def test_a_first_list_that_fails_is_told_at_once(api, waiting) -> None:
    api.lists = [api.refuse(503, "etcd is not there")]
    with pytest.raises(UnavailableError, match="etcd is not there"):
        waiting()
    assert api.asked == ["list"]


def test_time_runs_out_in_a_silent_watch(api, node, waiting) -> None:
    api.lists = [api.listing(none(node))]
    started = time.monotonic()
    outcome = waiting(timeout=0.4)
    assert 0.4 <= time.monotonic() - started < 10
    assert not outcome.satisfied
    assert api.requests[1]["query"]["timeoutSeconds"] == "1", "the server knows whole seconds only, and 0 means its own"
    assert outcome.error is None
    assert amounts(outcome) == {"worker-0": "0"}


def test_time_runs_out_while_the_server_is_away(api, node, waiting) -> None:
    api.lists = [api.listing(none(node))]
    api.watches = [api.refuse(503, "shutting down")] * 1000
    outcome = waiting(timeout=0.3)
    assert not outcome.satisfied
    assert "shutting down" in str(outcome.error)


def test_pauses_grow_while_the_server_is_away(api, node, waiting, pauses) -> None:
    api.lists = [api.listing(none(node))]
    api.watches = [api.refuse(503, "shutting down")] * 5 + [[api.event("MODIFIED", node(version=2))]]
    assert waiting(timeout=30).satisfied
    assert pauses == [0.01, 0.02, 0.04, 0.05, 0.05]


def test_pauses_are_short_again_after_an_event(api, node, waiting, pauses) -> None:
    api.lists = [api.listing(none(node))]
    away = api.refuse(503, "shutting down")
    api.watches = [
        away,
        away,
        [api.event("MODIFIED", none(node, 2)), api.drop],
        [api.event("MODIFIED", node(version=3))],
    ]
    assert waiting().satisfied
    assert pauses == [0.01, 0.02, 0.01]


def test_an_error_that_is_over_is_not_told(api, node, waiting) -> None:
    api.lists = [api.listing(none(node))]
    api.watches = [api.refuse(503, "shutting down"), [api.bookmark(2)]] + [[] for _ in range(200)]
    assert waiting(timeout=0.3).error is None


def test_watches_that_end_at_once_are_spaced_out(api, node, waiting, pauses) -> None:
    api.lists = [api.listing(none(node))]
    api.watches = [[] for _ in range(3)] + [[api.event("MODIFIED", node(version=2))]]
    assert waiting().satisfied
    assert pauses == [0.01] * 3


def test_a_server_that_forgets_at_once_is_not_asked_in_a_loop(api, node, waiting, pauses) -> None:
    api.lists = [api.listing(none(node))]
    api.watches = [api.refuse(410, "too old")] * 3 + [[api.event("MODIFIED", node(version=2))]]
    assert waiting().satisfied
    assert pauses == [0.01] * 3


def test_no_pause_is_longer_than_what_is_left() -> None:
    started = time.monotonic()
    wait._Clock(0.05).sleep(30)
    assert time.monotonic() - started < 5


def test_a_proxy_that_passes_a_watch_on_without_chunks(api, node, waiting) -> None:
    api.chunked = False
    api.lists = [api.listing(none(node), version=5)]
    api.watches = [
        [api.event("MODIFIED", none(node, 6))],
        [api.event("MODIFIED", node(version=7)), api.silence],
    ]
    started = time.monotonic()
    assert waiting().satisfied
    assert time.monotonic() - started < 10, "an event must count when it comes"
    assert api.asked == ["list", "watch 5", "watch 6"]


def test_time_runs_out_under_a_stream_of_events(api, node, waiting) -> None:
    api.lists = [api.listing(none(node))]
    slow = [step for version in range(2, 400) for step in (api.event("MODIFIED", none(node, version)), pause)]
    api.watches = [slow]
    started = time.monotonic()
    assert not waiting(timeout=0.3).satisfied
    assert time.monotonic() - started < 10


def pause(_handler: object) -> None:
    time.sleep(0.01)


def test_the_watch_asks_for_bookmarks_and_an_end(api, node, waiting) -> None:
    api.lists = [api.listing(none(node))]
    api.watches = [[api.event("MODIFIED", node(version=2))]]
    waiting(timeout=42)
    query = api.requests[1]["query"]
    assert query["allowWatchBookmarks"] == "true"
    assert 40 <= int(query["timeoutSeconds"]) <= 42


def test_objects_of_the_same_name_in_two_namespaces_are_two(api, node, waiting) -> None:
    first, second = node("a"), node("a")
    first["metadata"]["namespace"], second["metadata"]["namespace"] = "one", "two"
    api.lists = [api.listing(first, second)]
    assert waiting(predicate=lambda items: len(items) == 2, timeout=0).satisfied


@pytest.fixture
def steady(api: t.Any) -> Callable[..., wait.Outcome]:
    """Waits until every node has eight GPUs and has had them for half a second."""

    def until(timeout: float = 5) -> wait.Outcome:
        collection = client.connect({"host": api.url, "api_key": "t"}).collection("/api/v1/nodes", "listing nodes")
        return wait.watch_until(collection, eight, timeout, stable_for=0.5)

    return until


def test_what_lasts(api, node, steady) -> None:
    api.lists = [api.listing(node())]
    started = time.monotonic()
    assert steady(timeout=0).satisfied
    assert time.monotonic() - started >= 0.5


def test_what_breaks_off_and_comes_back_has_to_last_anew(api, node, steady) -> None:
    api.lists = [api.listing(node())]
    api.watches = [[api.event("MODIFIED", none(node, 2))], [api.event("MODIFIED", node(version=3))]]
    assert steady().satisfied
    assert api.asked[:4] == ["list", "watch 1", "watch 2", "watch 3"]


def test_what_breaks_off_for_good(api, node, steady) -> None:
    api.lists = [api.listing(node())]
    api.watches = [[api.event("MODIFIED", none(node, 2))]]
    assert not steady(timeout=0).satisfied


def test_an_outage_proves_nothing(api, node, steady) -> None:
    api.lists = [api.listing(node())]
    api.watches = [api.refuse(503, "away")] * 200
    outcome = steady(timeout=0)
    assert not outcome.satisfied
    assert "503: away" in str(outcome.error)
