# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that make the report of a verification; what they do is in module_utils, apart from Ansible."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.mirage.accel.plugins.module_utils._verification import as_html, as_text, report


def verification_report(rows: t.Any, title: str = "Verification", hosts: t.Sequence[str] = ()) -> dict[str, t.Any]:
    try:
        return dict(report(rows, title, hosts))
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"Error while reading the rows of a verification: each needs host, check, expected and actual ({error!r})"
        ) from error


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "verification_report": verification_report,
            "verification_text": as_text,
            "verification_html": as_html,
        }
