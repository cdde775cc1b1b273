# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of the driver's log lines."""

from __future__ import annotations

import typing as t

import pytest
from mock_accel_dra import log


@pytest.fixture(autouse=True)
def _verbosity() -> t.Iterator[None]:
    yield
    log.set_verbosity(0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("mock0", "mock0", id="word"),
        pytest.param("two words", '"two words"', id="space"),
        pytest.param("a=b", '"a=b"', id="equals sign"),
        pytest.param('say "x"', r'"say \"x\""', id="quotes"),
        pytest.param("one\ntwo", r'"one\ntwo"', id="line break"),
        pytest.param("", '""', id="empty"),
        pytest.param(3, "3", id="number"),
        pytest.param(0.123456, "0.123", id="seconds"),
        pytest.param(True, "true", id="truth"),
        pytest.param(["a", "b"], "a,b", id="list"),
        pytest.param(ValueError("is not so"), '"is not so"', id="exception"),
    ],
)
def test_a_value(capsys: pytest.CaptureFixture[str], value: object, text: str) -> None:
    log.info("A message", what=value)
    line = capsys.readouterr().err
    assert line.endswith(f' level=info msg="A message" what={text}\n')
    assert line.startswith("time=2")
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("verbosity", "shown"), [(0, [0]), (3, [0, 3]), (10, [0, 3, 10])], ids=["quiet", "some", "everything"]
)
def test_verbosity(capsys: pytest.CaptureFixture[str], verbosity: int, shown: list[int]) -> None:
    log.set_verbosity(verbosity)
    for level in (0, 3, 10):
        log.info(str(level), level)
    assert [line.split('msg="')[1] for line in capsys.readouterr().err.splitlines()] == [f'{level}"' for level in shown]


def test_errors_are_always_shown(capsys: pytest.CaptureFixture[str]) -> None:
    log.error("No way", reason="why")
    log.warning("Hm")
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["level=error", "level=warning"]
