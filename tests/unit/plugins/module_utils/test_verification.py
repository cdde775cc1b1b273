# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging and showing the rows of a verification."""

from __future__ import annotations

import html.parser

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._verification import as_html, as_text, report, summary

FIRST, SECOND = (f"GPU-0000000{digit}-1111-2222-3333-444444444444" for digit in "12")


def row(check: str = "GPUs", expected: object = "8", actual: object = "8", host: str = "node-0") -> dict[str, object]:
    return {"host": host, "check": check, "expected": expected, "actual": actual}


@pytest.mark.parametrize(
    ("rows", "hosts", "ok", "failed", "text"),
    [
        pytest.param([row()], [], True, [], "1 checks, all OK", id="equal"),
        pytest.param([row(expected=8)], [], True, [], "1 checks, all OK", id="number-and-text"),
        pytest.param(
            [row(), row("Label", "true", "no label")],
            [],
            False,
            ["Label (node-0)"],
            "1 of 2 checks FAILED: Label (node-0)",
            id="different",
        ),
        pytest.param([], [], False, [], "FAILED: nothing was checked", id="nothing"),
        pytest.param(
            [row()],
            ["node-0", "node-1"],
            False,
            ["Host is reached (node-1)"],
            "1 of 2 checks FAILED: Host is reached (node-1)",
            id="silent-host",
        ),
    ],
)
def test_report(rows: list, hosts: list[str], ok: bool, failed: list[str], text: str) -> None:
    result = report(rows, "Site", hosts)
    assert (result["ok"], result["failed"]) == (ok, failed)
    assert summary(result) == text
    assert as_text(result).splitlines()[-1].strip() == text


def test_every_row_is_one_line_where_it_fits() -> None:
    lines = as_text(report([row(), row("Driver", "550.163.01", "550.163.01")], "Site")).splitlines()
    assert lines[0] == "Site"
    assert [line.split() for line in lines if line.endswith(" OK")][:2] == [
        ["GPUs", "8", "8", "OK"],
        ["Driver", "550.163.01", "550.163.01", "OK"],
    ]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_long_texts_go_on_in_the_next_line_and_lose_nothing(width: int) -> None:
    long = "the quick brown fox jumps over the lazy dog " * 4
    text = as_text(report([row(long, long, long + "twice")], "Site"), width)
    assert max(map(len, text.splitlines()[:-1])) <= width
    assert text.count("lazy") == 12 + 4  # three cells, and the summary's name of the check
    assert "FAILED" in text


def test_uuids_are_shortened_only_where_they_stay_distinct() -> None:
    distinct = as_text(report([row(expected=f"{FIRST} {SECOND}", actual=f"{FIRST} {SECOND}")], "Site"))
    assert "GPU-00000001 GPU-00000002" in distinct
    assert FIRST not in distinct
    alike = FIRST[:-1] + "5"
    same_start = as_text(report([row(expected=f"{FIRST} {alike}", actual="")], "Site"), 160)
    assert f"{FIRST} {alike}" in same_start


def test_hosts_are_set_apart_only_where_there_are_several() -> None:
    assert "[" not in as_text(report([row()], "Site"))
    lines = as_text(report([row(), row(host="node-1")], "Site")).splitlines()
    assert [line.strip() for line in lines if "[" in line] == ["[node-0]", "[node-1]"]


class Cells(html.parser.HTMLParser):
    """The texts of all table cells, and the tags that were not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag != "meta":
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


def test_page_shows_every_cell_as_text() -> None:
    page = Cells()
    page.feed(as_html(report([row("<b>", "a & b", "c"), row(host="node-1")], "Site")))
    assert page.cells == ["<b>", "a & b", "c", "FAILED", "GPUs", "8", "8", "OK"]
    assert page.open == []
