# SPDX-License-Identifier: GPL-3.0-or-later
"""nvitop, unmodified: its table once, and its Python interface."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

NVITOP = Path(sys.executable).parent / "nvitop"

DESCRIBE = """
import json, nvitop
print(json.dumps([
    {"index": gpu.index, "uuid": gpu.uuid(), "name": gpu.name(), "bus": gpu.bus_id(), "memory": gpu.memory_total()}
    for gpu in nvitop.Device.all()
]))
"""


def test_table_has_every_gpu(client, node):
    table = client(NVITOP, "--once", "--no-unicode", TERM="xterm", COLUMNS="120", LINES="200")
    assert f"Driver Version: {node['driver_version']} " in table
    buses = re.findall(r"\| ([0-9A-F]{8}:[0-9A-F:.]+) ", table)
    assert buses == [gpu["pci_bus_id"] for gpu in node["devices"]]


def test_python_interface(client, node):
    seen = json.loads(client(sys.executable, "-c", DESCRIBE))
    assert seen == [
        {
            "index": gpu["index"],
            "uuid": gpu["uuid"],
            "name": gpu["name"],
            "bus": gpu["pci_bus_id"],
            "memory": gpu["memory_total_bytes"],
        }
        for gpu in node["devices"]
    ]
