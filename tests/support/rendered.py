# SPDX-License-Identifier: GPL-3.0-or-later
"""What helm has rendered, as objects."""

from __future__ import annotations

import typing as t

import yaml

Json = dict[str, t.Any]
Objects = dict[tuple[str, str], Json]


def objects(done: t.Any) -> Objects:
    """By kind and name; of a `helm template` that must have succeeded."""
    assert done.returncode == 0, done.stderr
    found = [one for one in yaml.safe_load_all(done.stdout) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}
