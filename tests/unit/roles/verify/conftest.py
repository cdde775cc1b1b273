# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's templates of rows, rendered without a cluster."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

FIRST, SECOND, THIRD = (f"GPU-0000000{digit}-1111-2222-3333-444444444444" for digit in "123")
BOARD = "NVIDIA A100-SXM4-40GB"


@pytest.fixture
def render(repo: Path) -> t.Callable[..., list[tuple[str, str, str, str]]]:
    """Renders a template of the role and gives each row as host, check, expected, actual."""
    folder = repo / "roles/verify/templates"
    pattern = yaml.safe_load((repo / "roles/verify/vars/main.yml").read_text())["_verify_smi_pattern"]

    def call(name: str, **variables: t.Any) -> list[tuple[str, str, str, str]]:
        settings = {
            "_verify_label": "nvidia.com/gpu.present",
            "_verify_resource": "nvidia.com/gpu",
            "_verify_driver": "gpu.nvidia.com",
            "_verify_smi_pattern": pattern,
            "_verify_board": BOARD,
            "_verify_pod_gpus": 2,
            "_verify_listed_uuids": {"node-0": [FIRST, SECOND, THIRD]},
            "verify_count": "8",
        }
        loader = DataLoader()
        # Where a template finds those that it includes.
        loader.set_basedir(str(folder))
        templar = Templar(loader=loader, variables={**settings, **variables})
        text = templar.template(trust_as_template((folder / name).read_text()))
        rows = yaml.safe_load(text)
        return [(row["host"], row["check"], row["expected"], row["actual"]) for row in rows]

    return call
