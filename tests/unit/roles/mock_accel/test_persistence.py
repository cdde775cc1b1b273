# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings the module back after a reboot, and what goes when another way is chosen."""

from __future__ import annotations

import typing as t

import pytest

LOAD = "/etc/modules-load.d/mirage-accel-mock_accel.conf"
UNIT = "/etc/systemd/system/mock-accel.service"
WANTS = "/etc/systemd/system/multi-user.target.wants/mock-accel.service"
SCRIPT = "/etc/init.d/mock-accel"


def state(persist: str, *, systemd: bool = True, unit: bool = True) -> dict[str, t.Any]:
    return {
        "_mock_accel_persist": persist,
        "_mock_accel_gone_persistence": "",
        "_mock_accel_persistence_files": {
            "none": [],
            "systemd": [{"path": LOAD}, {"path": UNIT}],
            "init": [{"path": LOAD}, {"path": SCRIPT}],
        },
        "__mock_accel_host": {"facts": {"systemd": systemd}},
        "__mock_accel_unit_file": {"stat": {"exists": unit}},
    }


@pytest.mark.parametrize(
    ("persist", "files"),
    [
        pytest.param("systemd", [SCRIPT], id="systemd"),
        pytest.param("init", [UNIT, WANTS], id="init"),
        pytest.param("none", [LOAD, UNIT, SCRIPT, WANTS], id="none"),
    ],
)
def test_another_way_takes_its_enablement_with_it(value, persist: str, files: list[str]) -> None:
    given = state(persist)
    given["_mock_accel_gone_persistence"] = value("_mock_accel_surplus_files", **given)
    assert value("_mock_accel_gone_persistence_files", **given) == files


@pytest.mark.parametrize(
    ("persist", "systemd", "unit", "disabled"),
    [
        pytest.param("none", True, True, True, id="unit-is-there"),
        pytest.param("none", True, False, False, id="no-unit"),
        pytest.param("init", False, True, False, id="no-systemd-to-ask"),
        pytest.param("systemd", True, True, False, id="unit-stays"),
    ],
)
def test_the_unit_is_disabled_before_it_goes(value, persist: str, systemd: bool, unit: bool, disabled: bool) -> None:
    given = state(persist, systemd=systemd, unit=unit)
    given["_mock_accel_gone_persistence"] = value("_mock_accel_surplus_files", **given)
    assert value("_mock_accel_unit_goes", **given) is disabled


def test_all_of_it_goes_with_the_role(value) -> None:
    given = {**state("systemd"), "_mock_accel_gone_persistence": value("_mock_accel_all_persistence")}
    assert set(value("_mock_accel_gone_persistence_files", **given)) == {LOAD, UNIT, WANTS, SCRIPT}
