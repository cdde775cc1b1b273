# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's derived variables, rendered without a host."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template


def trusted(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return {key: trusted(item) for key, item in value.items()} if isinstance(value, dict) else value


@pytest.fixture
def value(repo: Path) -> t.Callable[..., t.Any]:
    """Renders an expression with the role's variables, of which a test may set any."""
    role: dict[str, t.Any] = {"inventory_hostname": "host0", "role_path": str(repo / "roles/mock_accel")}
    for folder in ("defaults", "vars"):
        role.update(trusted(yaml.safe_load((repo / f"roles/mock_accel/{folder}/main.yml").read_text())))

    def call(expression: str, **variables: t.Any) -> t.Any:
        templar = Templar(loader=DataLoader(), variables={**role, **variables})
        return templar.template(trust_as_template("{{ " + expression + " }}"))

    return call
