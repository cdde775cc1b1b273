# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile made from the mock GPUs of a profile is that profile: by the library, by the vendor's nvidia-smi, by both.

Equal are the compiled descriptions, in every field that `mock-nvml check --json --full` has (all of struct description,
by generated code) but those that the tables below say why not.
"""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path
from xml.etree import ElementTree

import pytest
from smi_report import compare, leaves

from ansible_collections.mirage.accel.plugins.module_utils import _nvml_child
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import keys as about
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import (
    limits,
    nvml_source,
    profile,
    smi_source,
    text,
)
from tests.native import machine

REPO = Path(__file__).parents[2]
PROFILES = sorted((REPO / "charts/gpu-mock/profiles").glob("*.yaml"))
CAPTURES = sorted((REPO / "tests/native/fixtures/nvidia-smi-q-x").glob("*.xml"))

# Fields of a description that neither source tells: how the numbers came about, what nobody asks for, what moves.
UNTOLD = {
    "boards[].multiprocessors": "only libcuda tells it",
    "boards[].nvlink.switches": "NVML tells where links lead, not how many switches there are outside the host",
    "boards[].platform.fru_part_number": "neither has it",
    "devices[].readings.energy_mj": "it counts from boot at the power drawn",
    "devices[].readings.motion": "what a reading moves between is not to be seen from one reading",
    "devices[].root_level": "a GPU alone on its host bridge is near to no other",
}
# Besides, the functions of NVML do not tell these; nvidia-smi has them from its internal table.
UNTOLD_BY_LIBRARY = {
    "boards[].gpu_part_number",
    "boards[].fru_part_number",
    "boards[].sparse_mode",
    "boards[].pcie.max_host_gen",
    "boards[].clocks.memory_deferred",
    "devices[].readings.pcie_gpu_gen",
    "devices[].readings.voltage_uv",
}
# A document of nvidia-smi 550 has no word of these.
UNTOLD_BY_DOCUMENT = {
    "boards[].compute_major",
    "boards[].compute_minor",
    "boards[].conf_compute",
    "boards[].cores",
    "boards[].ecc_default",
    "boards[].egm",
    "boards[].encoder_capacity",
    # It has words for what NVML does not know, and none for the summary.
    "boards[].fabric.health_mask",
    "boards[].fabric.health_summary",
    "boards[].gsp_default_mode",
    "boards[].memory_bus_width",
    # Whether there is a MIG mode, and no more.
    "boards[].mig.max_instances",
    "boards[].mig.profile",
    # Whether the links between chips are on, and no more.
    "boards[].nvlink.c2c_link",
    "boards[].nvlink.capabilities",
    "boards[].nvlink.line_rate_mbps",
    "boards[].nvlink.links",
    "boards[].nvlink.version",
    "boards[].platform.chassis_serial_number",
    "boards[].platform.host_id",
    "boards[].platform.peer_type",
    "boards[].platform.slot_number",
    "boards[].platform.tray_index",
    "devices[].cpus",
    "devices[].link",
    "devices[].memory_numa_node",
    "devices[].numa_node",
    "devices[].root_complex",
    # Of several fans the first one.
    "boards[].fan",
    "devices[].readings.fan",
    "devices[].readings.throttle_",
}
# That nvidia-smi knows no Blackwell, prints no more than 256 clocks, and what follows from an architecture is unknown.
UNTOLD_OF_NEWER_BOARDS = {"boards[].architecture", "boards[].clocks.graphics_c", "boards[].gpm"}


@pytest.fixture(scope="module", params=PROFILES, ids=lambda path: path.stem)
def original(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(scope="module")
def describe(native_build: Path, run):
    """The whole description that a profile makes, by the paths of its fields, comparable to that of another profile."""

    def described(path: Path) -> dict[str, t.Any]:
        done = run(native_build / "mock-nvml", "check", "--json", "--full", path)
        assert done.returncode == 0, done.stderr
        return fields(canonical(json.loads(done.stdout)["description"]))

    return described


def canonical(description: dict[str, t.Any]) -> dict[str, t.Any]:
    """Numbers that only tell equal from unequal count anew, and what is a set is in one order."""
    seen: dict[int, int] = {}
    for device in description["devices"]:
        device["root_complex"] = seen.setdefault(device["root_complex"], len(seen))
        shown_here(device)
    for board in description["boards"]:
        profiles = board["mig"]["profiles"]
        count = board["mig"]["profile_count"]
        board["mig"]["profiles"] = sorted(profiles[:count], key=lambda one: one["id"]) + profiles[count:]
    return description


def shown_here(device: dict[str, t.Any]) -> None:
    """A captured GPU has the CPUs and the NUMA node that the library showed on this machine."""
    if device["numa_node"] < 0:
        return
    named = {64 * word + bit for word, bits in enumerate(device["cpus"]) for bit in range(64) if bits >> bit & 1}
    root = {"cpu_affinity": machine.text_of(named), "numa_node": device["numa_node"]}
    cpus, device["numa_node"] = machine.place(root)
    device["cpus"] = [sum(1 << cpu % 64 for cpu in cpus if cpu // 64 == word) for word in range(len(device["cpus"]))]


def fields(value: t.Any, path: str = "") -> dict[str, t.Any]:
    if isinstance(value, dict):
        items = {f"{path}.{name}" if path else name: inner for name, inner in value.items()}
    elif isinstance(value, list):
        items = {f"{path}[{n}]": inner for n, inner in enumerate(value)}
    else:
        return {path: value}
    return {name: leaf for inner, one in items.items() for name, leaf in fields(one, inner).items()}


def differences(wanted: dict[str, t.Any], got: dict[str, t.Any]) -> dict[str, tuple[t.Any, t.Any]]:
    paths = dict.fromkeys([*wanted, *got])
    return {path: (wanted.get(path), got.get(path)) for path in paths if wanted.get(path) != got.get(path)}


def unexplained(found: t.Iterable[str], *tables: t.Iterable[str]) -> list[str]:
    """Paths that no entry of the tables covers; an entry is a path without indexes, or the beginning of one."""
    known = tuple(path for table in tables for path in table)
    return [path for path in found if not re.sub(r"^(\w+)\[\d+\]", r"\1[]", path).startswith(known)]


@pytest.fixture(scope="module")
def library_facts(original: Path, native_build: Path) -> dict[str, t.Any]:
    library = str(native_build / "libnvidia-ml.so.1")
    return _nvml_child.read(library, 60, {"MOCK_NVML_CONFIG": str(original)}, nvml_source, nvml_source.MODULES)


@pytest.fixture(scope="module")
def document(original: Path, native_build: Path, vendor_smi: Path, run) -> str:
    env = {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(original)}
    done = run(vendor_smi, "-q", "-x", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def written(facts: dict[str, t.Any], folder: Path, scrub: bool) -> Path:
    made = profile.make(json.loads(json.dumps(facts)), "the test", scrub=scrub)
    path = folder / "made.yaml"
    path.write_text(text.dump(made.profile, made.notes))
    return path


@pytest.mark.parametrize("scrub", [False, True])
def test_by_the_library(original: Path, library_facts, describe, tmp_path: Path, scrub: bool) -> None:
    wanted, got = describe(original), describe(written(library_facts, tmp_path, scrub))
    found = differences(wanted, got)
    # Who they are is derived from the same node's name, and where not it is kept or numbered anew.
    renamed = {"boards[].platform.chassis_serial_number", "boards[].fabric.cluster_uuid"} if scrub else set()
    assert not unexplained(found, UNTOLD, UNTOLD_BY_LIBRARY, renamed), found
    assert len(wanted) > 2000


@pytest.mark.parametrize("scrub", [False, True])
def test_by_a_document(original: Path, document: str, describe, tmp_path: Path, scrub: bool) -> None:
    wanted, got = describe(original), describe(written(smi_source.read(document, "it"), tmp_path, scrub))
    found = differences(wanted, got)
    renamed = {"boards[].platform.chassis_serial_number", "boards[].fabric.cluster_uuid"} if scrub else set()
    newer = UNTOLD_OF_NEWER_BOARDS if wanted["boards[0].architecture"] > 9 else set()
    assert not unexplained(found, UNTOLD, UNTOLD_BY_DOCUMENT, newer, renamed), found


def test_by_both(original: Path, library_facts, document: str, describe, tmp_path: Path) -> None:
    facts = profile.fill(library_facts, smi_source.read(document, "it"), "it")
    found = differences(describe(original), describe(written(facts, tmp_path, False)))
    assert not unexplained(found, UNTOLD), found


def test_what_takes_na_is_what_the_program_says(native_build: Path, run) -> None:
    """Keys that a GPU's profile may have, as `mock-nvml keys` prints them."""
    done = run(native_build / "mock-nvml", "keys")
    rows = re.findall(r"^\| `device_defaults\.([^`\[]+)` \| (.*) \|$", done.stdout, re.MULTILINE)
    assert len(rows) > 200
    wanted = {path: rule.endswith("or N/A") for path, rule in rows if "no effect" not in rule}
    assert {path: about.takes_none(path) for path in wanted} == wanted


def test_limits_are_those_of_the_program(native_build: Path, run) -> None:
    """Numbers and texts of the keys that a source may tell; what the format only counts by itself is not told."""
    done = run(native_build / "mock-nvml", "keys")
    rows = re.findall(r"^\| `device_defaults\.([^`\[]+)` \| (.*) \|$", done.stdout, re.MULTILINE)
    numbers = {path: re.match(r"a number from (-?\d+) to (\d+)", rule) for path, rule in rows}
    texts = {path: re.match(r"a text of at most (\d+) characters", rule) for path, rule in rows}
    untold = ("dynamic_metrics.", "num_multiprocessors")
    wanted = {path: (int(one[1]), int(one[2])) for path, one in numbers.items() if one and not path.startswith(untold)}
    assert len(wanted) > 150
    assert {path: limits.number_range(path) for path in wanted} == wanted
    lengths = {path: int(one[1]) for path, one in texts.items() if one and path != "platform.fru_part_number"}
    assert {path: limits.text_length(path) for path in lengths if path != "serial"} == {
        path: length for path, length in lengths.items() if path != "serial"
    }


@pytest.fixture(scope="module", params=CAPTURES, ids=lambda path: path.stem)
def capture(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_a_profile_of_a_real_board_answers_as_the_board(
    capture: Path, native_build: Path, vendor_smi: Path, run, tmp_path: Path, capsys
) -> None:
    """The other way: a real board's document, a profile from it, the vendor's nvidia-smi on that profile."""
    made = written(smi_source.read(capture.read_bytes(), capture.name), tmp_path, True)
    env = {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(made)}
    done = run(vendor_smi, "-q", "-x", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    real = ElementTree.parse(capture).getroot().findall("gpu")
    mock = ElementTree.fromstring(done.stdout).findall("gpu")
    assert len(real) == len(mock)
    for index, gpu in enumerate(real):
        comparison = compare(leaves(gpu), leaves(mock[index]))
        with capsys.disabled():
            print(f"\n{comparison.describe(f'a profile made from {capture.name}, GPU {index}')}")
        assert len(comparison.fields) > 150
        assert comparison.share >= 97
