# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters as a playbook calls them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mirage.accel.plugins.filter.verification import FilterModule

FILTERS = FilterModule().filters()
ROWS = [{"host": "node-0", "check": "GPUs", "expected": 8, "actual": 7}]


def test_rows_become_report_table_and_page() -> None:
    result = FILTERS["verification_report"](ROWS, "Site")
    assert (result["version"], result["ok"], result["rows"][0]["status"]) == (1, False, "FAILED")
    assert "1 of 1 checks FAILED: GPUs (node-0)" in FILTERS["verification_text"](result, 80)
    assert "<title>FAILED: Site</title>" in FILTERS["verification_html"](result)


@pytest.mark.parametrize("rows", [[{"check": "GPUs"}], ["GPUs"], 3], ids=["keys-missing", "no-dictionary", "no-list"])
def test_wrong_rows_are_named(rows: object) -> None:
    with pytest.raises(AnsibleFilterError, match="each needs host, check, expected and actual"):
        FILTERS["verification_report"](rows)
