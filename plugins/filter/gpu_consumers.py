# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter for the site's choice of the software that hands GPUs to pods."""

from __future__ import annotations

import typing as t

import yaml

KNOWN = ("device_plugin", "dra_driver")
DEFAULT = ["device_plugin"]


def gpu_consumers(chosen: str | t.Sequence[str], tags: t.Sequence[str] = ()) -> list[str]:
    """The consumers as a list; a text is what `-e gpu_consumers=[dra_driver]` on a command line makes of one.

    Where nothing was chosen (an empty text), the tags of the run are the choice: each consumer's quick start is a tag.
    """
    if isinstance(chosen, str):
        text = chosen
        try:
            chosen = yaml.safe_load(text)
        except yaml.YAMLError:
            return [text]
        if chosen is None:
            return [name for name in KNOWN if name in tags] or list(DEFAULT)
    return [str(name) for name in chosen] if isinstance(chosen, (list, tuple)) else [str(chosen)]


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"gpu_consumers": gpu_consumers}
