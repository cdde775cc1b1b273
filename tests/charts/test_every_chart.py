# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for each chart of the collection."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

Run = t.Callable[..., t.Any]

CHARTS = sorted(path.parent for path in (Path(__file__).resolve().parents[2] / "charts").glob("*/Chart.yaml"))
# The chart alone, and with each example of its values.
VALUES = [
    (chart, values) for chart in CHARTS for values in ("", *sorted(path.name for path in (chart / "ci").iterdir()))
]


@pytest.fixture(params=CHARTS, ids=lambda path: path.name)
def chart(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.mark.parametrize(
    ("chart", "values"), VALUES, ids=lambda value: getattr(value, "name", value), indirect=["chart"]
)
def test_lint_is_strict(run: Run, helm: Path, chart: Path, values: str) -> None:
    options = ["--values", str(chart / "ci" / values)] if values else []
    done = run(helm, "lint", "--strict", chart, *options)
    assert done.returncode == 0, done.stdout + done.stderr


def test_unit_tests_of_the_chart_pass(run: Run, helm_unittest: Path, chart: Path) -> None:
    done = run(helm_unittest, "--strict", chart)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split("Tests:")[1].split()[0]) > 0


def test_it_is_packed_without_its_tests(packed: list[str], chart: Path) -> None:
    assert f"{chart.name}/Chart.yaml" in packed
    assert not [name for name in packed if "/tests/" in name or "/ci/" in name]


def test_there_are_charts() -> None:
    assert {chart.name for chart in CHARTS} == {"gpu-mock", "mock-device"}
