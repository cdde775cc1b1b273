# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written is YAML of the same data, and reads like a profile that somebody has written."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import file, profile, text

REPO = Path(__file__).parents[5]


@pytest.mark.parametrize("path", sorted((REPO / "charts/gpu-mock/profiles").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_comes_back(path: Path) -> None:
    wanted = yaml.safe_load(path.read_text())
    written = text.dump(wanted, ["A comment."])
    assert yaml.safe_load(written) == wanted
    assert max(map(len, written.splitlines())) <= 120


@pytest.mark.parametrize(
    "value",
    [
        *("yes", "NULL", "1.0", "12", "0x10", "N/A", "a: b", "#x", "", " x", "P0", "- a"),
        *("2026/08/20 23:33:00.497", "ä\n\t\"'\\"),
    ],
)
def test_texts_stay_texts(value: str) -> None:
    assert yaml.safe_load(text.dump({"a": {"b": value}, "c": [value, [value]]}, [])) == {
        "a": {"b": value},
        "c": [value, [value]],
    }


def test_the_look() -> None:
    data: dict[str, t.Any] = {
        "version": "1.0",
        "device_defaults": {
            "name": "NVIDIA T4",
            "pci": {"device_id": 0x1EB810DE, "slots": ["07:00.0"]},
            "memory": {"total_bytes": 16106127360, "used_bytes": 0},
            "supported_clocks": {"memory_clocks": [{"freq_mhz": 405, "graphics_clocks": list(range(1000, 965, -1))}]},
        },
        "devices": [{"index": 1, "thermal": {"temperature_gpu_c": 3, "tlimit": {"current_c": -2}}}],
    }
    assert text.dump(data, ["One."]) == (
        "# One.\n"
        'version: "1.0"\n'
        "\n"
        "device_defaults:\n"
        "  name: NVIDIA T4\n"
        "  pci:\n"
        "    device_id: 0x1EB810DE\n"
        '    slots: ["07:00.0"]\n'
        "  memory: {total_bytes: 16106127360, used_bytes: 0}\n"
        "  supported_clocks:\n"
        "    memory_clocks:\n"
        "      - freq_mhz: 405\n"
        "        graphics_clocks:\n"
        "          [\n"
        "            1000, 999, 998, 997, 996, 995, 994, 993, 992, 99"
        "1, 990, 989, 988, 987, 986, 985, 984, 983, 982, 981, 980,\n"
        "            979, 978, 977, 976, 975, 974, 973, 972, 971, 970"
        ", 969, 968, 967, 966\n"
        "          ]\n"
        "\n"
        "devices:\n"
        "  - index: 1\n"
        "    thermal:\n"
        "      temperature_gpu_c: 3\n"
        "      tlimit: {current_c: -2}\n"
    )


def made(temperature: int, untold: list[str] | None = None) -> profile.Made:
    keys = {"name": "T4", "thermal": {"temperature_gpu_c": temperature}}
    return profile.Made({"version": "1.0", "system": {"num_devices": 1}, "device_defaults": keys}, untold or [], [])


def test_a_file_stays_while_only_readings_move_and_nobody_changes_it() -> None:
    first, second = file.make(made(30), made(0), ["it"]), file.make(made(31), made(0), ["it"])
    assert first.text != second.text
    assert second.is_kept_by(first.text)
    assert not second.is_kept_by(first.text.replace("T4", "T5"))
    assert not second.is_kept_by(first.text + "# mine\n")
    assert not second.is_kept_by(text.dump(made(30).profile, []))
    assert not second.is_kept_by("")
    other = file.make(made(30, ["name"]), made(0, ["name"]), ["it"])
    assert not other.is_kept_by(first.text)
    assert "Not told, and therefore missing" in other.text
