# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role writes down of an installation, and what goes by it."""

from __future__ import annotations

import json
import typing as t

import pytest

KERNEL = "6.1.0-50-cloud-amd64"
OTHER = "6.1.0-49-cloud-amd64"
DKMS = [f"/lib/modules/{KERNEL}/updates/dkms/mock_accel.ko{suffix}" for suffix in ("", ".xz", ".gz", ".zst")]
PLACED = f"/lib/modules/{KERNEL}/updates/mock_accel.ko"
OTHERS = f"/lib/modules/{OTHER}/updates/mock_accel.ko"
OTHERS_BY_DKMS = f"/lib/modules/{OTHER}/updates/dkms/mock_accel.ko"


def state(way: str, recorded_way: str = "", paths: t.Sequence[str] = ()) -> dict[str, t.Any]:
    record = {"version": 1, "origin": {"way": recorded_way, "kernel": KERNEL}, "paths": list(paths)}
    return {
        "_mock_accel_kernel": KERNEL,
        "_mock_accel_version": "0.1.0",
        "__mock_accel_host": {"facts": {"record": record if recorded_way else {}}, "choices": {"way": way}},
    }


@pytest.mark.parametrize(
    ("way", "recorded_way", "paths", "planned"),
    [
        pytest.param("dkms", "", [], DKMS, id="first"),
        pytest.param("headers", "", [], [PLACED], id="first-placed"),
        pytest.param("headers", "headers", [OTHERS], [OTHERS, PLACED], id="another-kernel"),
        pytest.param("dkms", "headers", [OTHERS, PLACED], [OTHERS, *DKMS], id="another-way"),
        pytest.param("headers", "dkms", [OTHERS_BY_DKMS, OTHERS, DKMS[1]], [OTHERS, PLACED], id="no-longer-dkms"),
    ],
)
def test_what_is_planned_is_on_the_record_first(
    value, way: str, recorded_way: str, paths: list[str], planned: list[str]
) -> None:
    record = json.loads(value("_mock_accel_plan_text", **state(way, recorded_way, paths)))
    assert record["paths"] == planned
    assert record["origin"] == {"kernel": KERNEL, "way": way}, "an unfinished installation is no finished one"


@pytest.mark.parametrize(
    ("way", "recorded_way", "paths", "gone"),
    [
        pytest.param("headers", "headers", [OTHERS, PLACED], None, id="same-way"),
        pytest.param("headers", "", [], None, id="first"),
        pytest.param("prebuilt", "headers", [OTHERS, PLACED], [PLACED], id="only-this-kernel"),
        pytest.param("headers", "dkms", [OTHERS_BY_DKMS, DKMS[0]], [DKMS[0], OTHERS_BY_DKMS], id="dkms-serves-all"),
    ],
)
def test_another_way_replaces_what_is_of_this_kernel(
    value, way: str, recorded_way: str, paths: list[str], gone: list[str] | None
) -> None:
    given = state(way, recorded_way, paths)
    assert value("_mock_accel_replaced", **given) is (gone is not None)
    if gone is not None:
        assert value("_mock_accel_replaced_paths", **given) == gone


def test_the_record_has_where_the_module_lies_and_no_longer_where_it_might(value) -> None:
    given = state("dkms", "dkms", [OTHERS_BY_DKMS, *DKMS])
    given |= {"_mock_accel_origin": {"way": "dkms"}, "__mock_accel_installed": {"stat": {"checksum": "1"}}}
    record = json.loads(value("_mock_accel_record_text", __mock_accel_filename={"stdout": DKMS[1]}, **given))
    assert (record["path"], record["paths"]) == (DKMS[1], [OTHERS_BY_DKMS, DKMS[1]])


def test_depmod_runs_for_each_kernel_whose_module_goes(value) -> None:
    given = {"_mock_accel_gone_paths": [PLACED, OTHERS, OTHERS_BY_DKMS]}
    assert value("_mock_accel_gone_kernels", **given, **state("headers", "headers")) == [OTHER, KERNEL]


@pytest.mark.parametrize(("way", "there"), [("dkms", True), ("headers", False)])
def test_sources_of_a_broken_build_go_too(value, way: str, there: bool) -> None:
    gone = value("_mock_accel_gone_sources", **state(way, way))
    assert ("/usr/src/mock-accel-0.1.0" in gone) is there


def test_another_key_in_the_same_place_is_another_origin(value) -> None:
    """Of a certificate its contents count, not its path alone."""
    given = {**state("headers"), "mock_accel_signing_key": "/root/MOK.priv", "_mock_accel_source_files": []}
    origins = [
        value("_mock_accel_origin", __mock_accel_certificate={"stat": {"exists": True, "checksum": checksum}}, **given)
        for checksum in ("1", "2")
    ]
    assert origins[0] != origins[1]
    assert origins[0]["signing_key"] == "/root/MOK.priv"
    unsigned = value("_mock_accel_origin", __mock_accel_certificate={"skipped": True}, **given)
    assert unsigned["certificate"] == ""
