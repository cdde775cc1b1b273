# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench ARGS=library` runs and says what it promises. Times are judged beside bare functions of the same run."""

from __future__ import annotations

import json
import re
import sys

import pytest


@pytest.fixture(scope="module")
def result(repo, native_build, run) -> dict:
    done = run(sys.executable, repo / "tests" / "bench" / "bench.py", "library", "--quick")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_ordered(times: dict) -> bool:
    return 0 <= times["min"] <= times["median"] <= times["p99"]


def test_every_call_is_measured_beside_its_bare_function(result):
    assert set(result["calls_ns"]) == {"MemoryInfo", "Temperature", "Utilization", "UUID", "HandleByIndex"}
    for call in [*result["calls_ns"].values(), result["threads_ns"]["one"], result["threads_ns"]["eight"]]:
        assert is_ordered(call["library"])
        assert is_ordered(call["bare"])
        assert call["ratio"] > 0


def test_getters_of_gpus_that_stand_still_take_no_lock_s_time(result):
    """A getter takes 2 to 6 times as long as a bare function here; with a lock or a system call it takes 20 times."""
    ratios = {name: call["library"]["min"] / call["bare"]["min"] for name, call in result["calls_ns"].items()}
    assert max(ratios.values()) <= 12, ratios


def test_start_is_measured(result):
    assert all(is_ordered(result["start"][name]) for name in ("dlopen_us", "init_us", "rss_growth_kib"))
    assert set(result["threads_ns"]["eight_over_one"]) == {"library", "bare"}
    assert all(is_ordered(times) for times in result["nvidia_smi_ms"].values())


def test_changes_are_measured(result):
    changes = result["changes"]
    assert all(is_ordered(changes[name]) for name in ("seen_us", "set_us", "wake_us"))
    # Whoever waits sleeps: no share of a processor that a busy machine could explain.
    assert 0 <= changes["waiting_cpu_percent"] < 50


def test_the_readme_names_what_is_measured(repo, result):
    """Its times are of one machine; the names, and sizes that no machine changes much, are of every run."""
    rows = re.findall(r"^\| .* \| `([A-Za-z_.]+)` \| ([0-9.]+)", (repo / "README.md").read_text(), re.MULTILINE)
    calls = {f"calls_ns.{name}" for name in result["calls_ns"]}
    assert {name for name, _number in rows if name.startswith("calls_ns")} == calls
    for name, number in rows:
        found = result
        for key in name.split("."):
            assert key in found, name
            found = found[key]
        if name == "library_bytes":
            assert abs(float(number) - found / 1024) < 20
        if name == "start.rss_growth_kib":
            # From 570 to 760 KiB in 60 starts: the kernel maps more or fewer pages around each that is touched.
            assert abs(float(number) - found["median"]) < 170
        if name == "start.threads_started":
            assert float(number) == found
    assert len(rows) == 12


def test_library_is_small_and_starts_no_thread(result):
    assert result["library_bytes"] < 400 * 1024
    assert result["start"]["threads_started"] == 0


def test_a_program_that_asks_eight_gpus_grows_by_less_than_a_megabyte(result):
    assert result["start"]["rss_growth_kib"]["p99"] * 1024 < 1_000_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "nonesuch"], "profile nonesuch does not exist"),
        (["nonesuch"], "part nonesuch does not exist: there are library, dra, agent, kernel"),
    ],
)
def test_what_does_not_exist_is_said(repo, run, arguments, message):
    done = run(sys.executable, repo / "tests" / "bench" / "bench.py", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
