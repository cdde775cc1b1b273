# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of a molecule scenario that has failed."""

from __future__ import annotations

from scenarios import failures

OUTPUT = """\
PLAY [Verify] ******************************

TASK [Look] ********************************
ok: [node-0]

TASK [Check] *******************************
ok: [node-0]
fatal: [node-1]: FAILED! =>
    msg: 3 of 4 are here

TASK [Check each] **************************
failed: [node-0] (item=one) =>
    msg: not this one

TASK [Expect one too many] *****************
fatal: [node-0]: FAILED! =>
    msg: 1 difference
...ignoring

PLAY [Take everything off] *****************

TASK [Remove] ******************************
changed: [node-0] => (item=failed: not)
"""


def test_failed_tasks_are_shown_whole() -> None:
    check, each = failures(OUTPUT)
    assert check.startswith("TASK [Check] ***")
    assert check.endswith("FAILED! =>\n    msg: 3 of 4 are here")
    assert each.endswith("msg: not this one")
    assert failures(OUTPUT.partition("TASK [Check]")[0]) == []
