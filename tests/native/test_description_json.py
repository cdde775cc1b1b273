# SPDX-License-Identifier: GPL-3.0-or-later
"""`mock-nvml check --json --full`: every field of struct description is there, as the code is made from the header."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

HEADERS = ("native/nvml/readings.h", "native/nvml/profile.h")


@pytest.fixture(scope="module")
def description(native_build: Path, repo: Path, run) -> dict:
    done = run(native_build / "mock-nvml", "check", "--json", "--full", repo / "charts/gpu-mock/profiles/gb200.yaml")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["description"]


def test_all_values_are_there(description: dict) -> None:
    assert description["device_count"] == len(description["devices"]) == 4
    assert description["board_count"] == len(description["boards"]) == 1
    board, device = description["boards"][0], description["devices"][0]
    assert (board["name"], board["clocks"]["memory_clocks"][0]) == ("NVIDIA GB200", 3996)
    assert len(board["clocks"]["graphics_clocks"]) == 2048
    assert board["thermal"]["tlimit_shutdown_c"] == -5
    assert (device["memory_numa_node"], device["links"][17]["remote_device"]) == (2, -1)
    # Three dimensions: [uncorrected][aggregate][location].
    counters = device["readings"]["ecc"]["counters"]
    assert [len(counters), len(counters[0]), len(counters[0][0])] == [2, 2, 8]


def test_every_member_of_the_header_is_a_key(description: dict, repo: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", "".join((repo / header).read_text() for header in HEADERS), flags=re.DOTALL)
    found: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            found.update(value)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            walk(inner)

    walk(description)
    bodies = re.findall(r"^struct (\w+) \{(.*?)^\};", text, re.DOTALL | re.MULTILINE)
    members = {
        name
        for struct, body in bodies
        if struct not in ("profile_site", "profile_error")
        for name in re.findall(r"(\w+)(?:\[\w+\])*;", body)
    }
    assert len(members) > 200
    assert members == found


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("float share;", "cannot print the type 'float' of it->share"),
        ("uint32_t *pointer;", "cannot read the field 'uint32_t *pointer' of struct description"),
        ("uint32_t bits : 3;", "cannot read the field 'uint32_t bits : 3' of struct description"),
        ("struct unknown more;", "cannot print the type 'struct unknown' of it->more"),
    ],
)
def test_a_member_that_cannot_be_printed_ends_the_build(
    repo: Path, run, tmp_path: Path, member: str, message: str
) -> None:
    header = tmp_path / "profile.h"
    readings, profile = (repo / name for name in HEADERS)
    text = profile.read_text()
    header.write_text(text.replace("struct description {\n", f"struct description {{\n\t{member}\n"))
    program = repo / "native/nvml/tools/gen_description_json.py"
    done = run("python3", program, readings, header, "--out", tmp_path / "out.c")
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out.c").exists()
