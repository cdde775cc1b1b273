#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: verification_report
version_added: "0.1.0"
short_description: Judge what was found against what was expected, and write it as table, JSON and page
description:
  - Compares what was expected with what was found in each row. A row is OK when the two are equal as texts.
  - Writes the outcome as C(verify.txt), C(verify.json) and C(verify.html), and returns it. Whether the play fails is
    left to the caller.
  - A report without rows is not OK, because it proves nothing.
options:
  rows:
    description: The checks, in the order of the report.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Host, node or other thing that was checked.
        type: str
        required: true
      check:
        description: What was checked, in a few words.
        type: str
        required: true
      expected:
        description: What was expected.
        type: str
        required: true
      actual:
        description: What was found.
        type: str
        required: true
  title:
    description: What was verified.
    type: str
    default: Verification
  hosts:
    description: Names that must have at least one row. One that has none was not reached and gets a failed row.
    type: list
    elements: str
    default: []
  folder:
    description: Folder for the three files; it is made. Without it nothing is written.
    type: path
  width:
    description: Columns of the table. Longer texts go on in the next line.
    type: int
    default: 100
notes:
  - A report is a record of a run and no change of the host, so the module never reports one.
attributes:
  check_mode:
    description: Can run in check mode, which writes no file.
    support: full
  diff_mode:
    description: Nothing is changed that could be shown.
    support: none
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Judge what was found
  mirage.accel.verification_report:
    title: My site
    rows:
      - {host: node-0, check: GPUs, expected: "8", actual: "{{ gpus | length }}"}
    folder: /var/lib/mirage-accel/report
  register: report

- name: Show the table
  ansible.builtin.debug:
    msg: "{{ report.text }}"
  failed_when: not report.ok
"""

RETURN = r"""
ok:
  description: Whether there are rows and all of them are OK.
  returned: success
  type: bool
checks:
  description: Number of rows.
  returned: success
  type: int
failed_checks:
  description: Names of the rows that are not OK.
  returned: success
  type: list
  elements: str
  sample: ["GPUs (node-0)"]
summary:
  description: The outcome in one line.
  returned: success
  type: str
  sample: 10 checks, all OK
text:
  description: The table. UUIDs of GPUs are shown by their first block where that tells them apart.
  returned: success
  type: str
rows:
  description: The rows with their C(status), V(OK) or V(FAILED).
  returned: success
  type: list
  elements: dict
"""

import json
import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _verification as verification
from ansible_collections.mirage.accel.plugins.module_utils._write_file import write_file

TEXT = {"type": "str", "required": True}
ARGUMENT_SPEC: dict[str, t.Any] = {
    "rows": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"host": TEXT, "check": TEXT, "expected": TEXT, "actual": TEXT},
    },
    "title": {"type": "str", "default": "Verification"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "folder": {"type": "path"},
    "width": {"type": "int", "default": 100},
}


def main() -> t.NoReturn:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    report = verification.report(params["rows"], params["title"], params["hosts"])
    text = verification.as_text(report, params["width"])
    forms = {"txt": text, "json": json.dumps(report, indent=2) + "\n", "html": verification.as_html(report)}
    if params["folder"] and not module.check_mode:
        try:
            for form, content in forms.items():
                write_file(pathlib.Path(params["folder"], f"verify.{form}"), content.encode(), 0o644)
        except OSError as error:
            module.fail_json(msg=f"Error while writing the report into {params['folder']}: {error}")
    module.exit_json(
        changed=False,
        ok=report["ok"],
        checks=report["checks"],
        failed_checks=report["failed"],
        summary=verification.summary(report),
        text=text,
        rows=report["rows"],
    )


if __name__ == "__main__":
    main()
