# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a verification: rows of expected and actual, judged, and shown as text or as a page.

A row is OK when what was found is what was expected; nothing else is ever compared. Standard library only.
"""

from __future__ import annotations

import html
import re
import textwrap
import typing as t

FORMAT = 1
OK, FAILED = "OK", "FAILED"
_HEADINGS = ("CHECK", "EXPECTED", "ACTUAL", "")
_STATUS_WIDTH = len(FAILED)
_INDENT = "  "
_GAP = "  "
_LONGEST_UUID = re.compile(r"\b(GPU-[0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")

_STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #1a1a1a; }
h1 { font-size: 1.3rem; } h1 span { padding: .1em .5em; border-radius: .3em; color: #fff; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; font-weight: 600; padding: 1rem 0 .3rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #d8d8d8; }
td.value { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
td.status { font-weight: 700; } .OK td.status { color: #116329; } .FAILED { background: #fff1f0; }
.FAILED td.status { color: #a40e26; } h1 span.OK { background: #116329; } h1 span.FAILED { background: #a40e26; }
"""


class Row(t.TypedDict):
    """One check of one host, or of the cluster."""

    host: str
    check: str
    expected: str
    actual: str
    status: str


class Report(t.TypedDict):
    """Everything a reader or a program wants to know; it is what verify.json holds."""

    version: int
    title: str
    ok: bool
    checks: int
    failed: list[str]
    rows: list[Row]


def report(rows: t.Iterable[t.Mapping[str, t.Any]], title: str, hosts: t.Iterable[str] = ()) -> Report:
    """Judge each row, which has host, check, expected and actual; a named host without rows was not reached."""
    judged = [_judge(row) for row in rows]
    silent = [host for host in hosts if host not in {row["host"] for row in judged}]
    judged += [_judge({"host": host, "check": "Host is reached", "expected": "yes", "actual": "no"}) for host in silent]
    failed = [f"{row['check']} ({row['host']})" for row in judged if row["status"] == FAILED]
    # No check at all is no proof of anything.
    return Report(
        version=FORMAT, title=title, ok=bool(judged) and not failed, checks=len(judged), failed=failed, rows=judged
    )


def as_text(result: Report, width: int = 100) -> str:
    """A table for a terminal; what does not fit into a column goes on in the next line."""
    cells = [[_shortened(row[key]) for key in ("check", "expected", "actual", "status")] for row in result["rows"]]
    widths = _column_widths([_HEADINGS, *cells], width)
    rule = _INDENT + "-" * (sum(widths) + len(_GAP) * 3)
    lines = [result["title"], "", *_text_row(_HEADINGS, widths), rule]
    hosts = list(dict.fromkeys(row["host"] for row in result["rows"]))
    for host in hosts:
        if len(hosts) > 1:
            lines.append(f"{_INDENT}[{host}]")
        for row, texts in zip(result["rows"], cells, strict=True):
            if row["host"] == host:
                lines += _text_row(texts, widths)
    return "\n".join([*lines, rule, _INDENT + summary(result)]) + "\n"


def summary(result: Report) -> str:
    """The outcome in one line."""
    if not result["checks"]:
        return f"{FAILED}: nothing was checked"
    if result["failed"]:
        return f"{len(result['failed'])} of {result['checks']} checks {FAILED}: {', '.join(result['failed'])}"
    return f"{result['checks']} checks, all {OK}"


def as_html(result: Report) -> str:
    """One page that needs nothing else."""
    status = OK if result["ok"] else FAILED
    hosts = list(dict.fromkeys(row["host"] for row in result["rows"]))
    tables = "".join(_html_table(host, [row for row in result["rows"] if row["host"] == host]) for host in hosts)
    title = html.escape(result["title"])
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{status}: {title}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>\n{_STYLE}</style>\n</head>\n<body>\n'
        f'<h1><span class="{status}">{status}</span> {title}</h1>\n<p>{html.escape(summary(result))}</p>\n'
        f"{tables}</body>\n</html>\n"
    )


def _judge(row: t.Mapping[str, t.Any]) -> Row:
    expected, actual = str(row["expected"]), str(row["actual"])
    return Row(
        host=str(row["host"]),
        check=str(row["check"]),
        expected=expected,
        actual=actual,
        status=OK if expected == actual else FAILED,
    )


def _shortened(text: str) -> str:
    """UUIDs by their first block, where that is enough to tell them apart; the JSON report has them whole."""
    short = _LONGEST_UUID.sub(r"\1", text)
    words = re.findall(r"GPU-[0-9a-f]{8}\b", short)
    return short if len(words) == len(set(words)) else text


def _column_widths(rows: t.Sequence[t.Sequence[str]], width: int) -> list[int]:
    """Each column as wide as its text; the widest ones give way until the table fits."""
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    room = width - len(_INDENT) - 3 * len(_GAP) - _STATUS_WIDTH
    while sum(widths) > room and max(widths) > 12:
        widths[widths.index(max(widths))] -= 1
    return [*widths, _STATUS_WIDTH]


def _text_row(texts: t.Sequence[str], widths: t.Sequence[int]) -> list[str]:
    wrapped = [textwrap.wrap(text, size) or [""] for text, size in zip(texts, widths, strict=True)]
    lines = []
    for number in range(max(map(len, wrapped))):
        parts = [cell[number] if number < len(cell) else "" for cell in wrapped]
        padded = _GAP.join(part.ljust(size) for part, size in zip(parts, widths, strict=True))
        lines.append((_INDENT + padded).rstrip())
    return lines


def _html_table(host: str, rows: t.Sequence[Row]) -> str:
    body = "".join(
        f'<tr class="{row["status"]}"><td>{html.escape(row["check"])}</td>'
        f'<td class="value">{html.escape(row["expected"])}</td><td class="value">{html.escape(row["actual"])}</td>'
        f'<td class="status">{row["status"]}</td></tr>\n'
        for row in rows
    )
    return (
        f"<table>\n<caption>{html.escape(host)}</caption>\n<thead><tr><th>Check</th><th>Expected</th><th>Actual</th>"
        f"<th>Status</th></tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"
    )
