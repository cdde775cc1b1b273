# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters over what resource_slice_info returns; what they do is in module_utils, apart from Ansible."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.mirage.accel.plugins.module_utils._dra import published

Devices = list[dict[str, t.Any]]


def _guarded(work: t.Callable[[t.Any], Devices], name: str) -> t.Callable[[t.Any], Devices]:
    def filter_(data: t.Any) -> Devices:
        try:
            return work(data)
        except (KeyError, TypeError, ValueError) as error:
            raise AnsibleFilterError(
                f"Error while reading the input of {name}: it is no result of resource_slice_info ({error!r});"
                " give the registered result, or its pools"
            ) from error

    return filter_


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "dra_devices": _guarded(published.devices, "dra_devices"),
            "dra_free_devices": _guarded(published.free_devices, "dra_free_devices"),
        }
