# SPDX-License-Identifier: GPL-3.0-or-later
"""gpustat, unmodified."""

from __future__ import annotations

import json
import sys
from pathlib import Path

GPUSTAT = Path(sys.executable).parent / "gpustat"


def test_one_line_for_each_gpu(client, node):
    header, *lines = client(GPUSTAT, "--no-color").splitlines()
    assert header.endswith(node["driver_version"])
    assert [line.split(" |")[0] for line in lines] == [f"[{gpu['index']}] {gpu['name']}" for gpu in node["devices"]]


def test_json_has_the_identities(client, node):
    seen = json.loads(client(GPUSTAT, "--json"))
    assert seen["driver_version"] == node["driver_version"]
    assert [(gpu["index"], gpu["uuid"], gpu["name"], gpu["memory.total"]) for gpu in seen["gpus"]] == [
        (gpu["index"], gpu["uuid"], gpu["name"], gpu["memory_total_bytes"] >> 20) for gpu in node["devices"]
    ]
    assert all(isinstance(gpu["temperature.gpu"], int) for gpu in seen["gpus"])
