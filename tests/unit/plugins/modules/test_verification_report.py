# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as files and as the module's answer; judging and layout are tested with the utility."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.modules import verification_report

GOOD = {"host": "node-0", "check": "GPUs", "expected": "8", "actual": "8"}
BAD = {**GOOD, "check": "Label", "actual": "none"}


def test_all_three_forms_are_written(run_module, tmp_path: Path) -> None:
    folder = tmp_path / "new/report"
    answer = run_module(verification_report, rows=[GOOD, BAD], title="Site", folder=str(folder))
    assert (answer["changed"], answer["failed"]) == (False, False)
    assert (answer["ok"], answer["checks"], answer["failed_checks"]) == (False, 2, ["Label (node-0)"])
    assert answer["summary"] == "1 of 2 checks FAILED: Label (node-0)"
    assert sorted(path.name for path in folder.iterdir()) == ["verify.html", "verify.json", "verify.txt"]
    assert (folder / "verify.txt").read_text() == answer["text"]
    data = json.loads((folder / "verify.json").read_text())
    assert (data["version"], data["title"], data["rows"]) == (1, "Site", answer["rows"])
    assert [row["status"] for row in data["rows"]] == ["OK", "FAILED"]
    assert "<title>FAILED: Site</title>" in (folder / "verify.html").read_text()


@pytest.mark.parametrize("options", [{}, {"_ansible_check_mode": True, "folder": "report"}], ids=["no-folder", "check"])
def test_nothing_is_written(run_module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_module(verification_report, rows=[GOOD], **options)["ok"]
    assert list(tmp_path.iterdir()) == []


def test_a_host_without_rows_was_not_reached(run_module) -> None:
    answer = run_module(verification_report, rows=[GOOD], hosts=["node-0", "node-1"])
    assert answer["failed_checks"] == ["Host is reached (node-1)"]


def test_a_folder_that_cannot_be_made_is_named(run_module, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = run_module(verification_report, rows=[GOOD], folder=str(tmp_path / "file/report"))
    assert answer["failed"]
    assert answer["msg"].startswith(f"Error while writing the report into {tmp_path}/file/report: ")


def test_a_row_without_its_parts_is_refused(run_module) -> None:
    answer = run_module(verification_report, rows=[{"host": "node-0"}])
    assert "missing required arguments: actual, check, expected" in answer["msg"]
