# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - messages stand here as whole lines, so that they can be searched
"""Profiles that are wrong: every mistake has its one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MINIMAL = "device_defaults: {name: A, memory: {total_bytes: 1024}}\n"

Check = Callable[[str], "tuple[int, str]"]


@pytest.fixture
def check(native_build: Path, tmp_path: Path, run) -> Check:
    """Check a text as p.yaml and return the exit status and the line on stderr."""

    def check_text(text: str) -> tuple[int, str]:
        (tmp_path / "p.yaml").write_text(text)
        done = run(native_build / "mock-nvml", "check", "p.yaml", cwd=tmp_path)
        return done.returncode, done.stderr.rstrip("\n")

    return check_text


@pytest.fixture(scope="module")
def a100(repo: Path) -> str:
    return (repo / "charts/gpu-mock/profiles/a100.yaml").read_text()


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


# What is replaced in a100.yaml, by what, the key that is complained about, what was expected, what was found. The line
# is that of the replacement.
WRONG_VALUES = [
    (
        "memory_bus_width: 5120",
        "memory_bus_width: wide",
        "memory.memory_bus_width",
        "a number from 1 to 65536, or N/A",
        '"wide"',
    ),
    (
        "memory_bus_width: 5120",
        'memory_bus_width: "5120"',
        "memory.memory_bus_width",
        "a number from 1 to 65536, or N/A",
        'the text "5120"',
    ),
    (
        "memory_bus_width: 5120",
        "memory_bus_width: 51.5",
        "memory.memory_bus_width",
        "a number from 1 to 65536, or N/A, that comes to a whole number",
        '"51.5"',
    ),
    (
        "memory_bus_width: 5120",
        "memory_bus_width: -1",
        "memory.memory_bus_width",
        "a number from 1 to 65536, or N/A",
        '"-1"',
    ),
    (
        "memory_bus_width: 5120",
        "memory_bus_width: 99999999999999999999999",
        "memory.memory_bus_width",
        "a number from 1 to 65536, or N/A",
        '"99999999999999999999999"',
    ),
    (
        "memory_bus_width: 5120",
        "memory_bus_width: 0x",
        "memory.memory_bus_width",
        "a number from 1 to 65536, or N/A",
        '"0x"',
    ),
    ("max_link_gen: 4", "max_link_gen: 9", "pcie.max_link_gen", "a number from 1 to 7, or N/A", '"9"'),
    (
        "num_gpu_cores: 6912",
        "num_gpu_core: 6912",
        "num_gpu_core",
        'a known key such as "num_gpu_cores"',
        '"num_gpu_core"',
    ),
    ("num_gpu_cores: 6912", "quux: 6912", "quux", "a known key (docs/profiles.md lists them)", '"quux"'),
    (
        "num_gpu_cores: 6912",
        "num_gpu_cores: {a: 1}",
        "num_gpu_cores",
        "a number from 0 to 10000000, or N/A",
        "a mapping",
    ),
    (
        "total_bytes: 65536 MiB",
        "total_bytes: 65536 MB",
        "bar1_memory.total_bytes",
        "a number from 0 to 1125899906842624 bytes, or with B, KiB, MiB, GiB, TiB, or N/A",
        '"65536 MB"',
    ),
    (
        "default_limit_mw: 400000",
        "default_limit_mw: 400 kW",
        "power.default_limit_mw",
        "a number from 0 to 100000000 mW, or with W, or N/A",
        '"400 kW"',
    ),
    (
        "graphics_current: 210",
        "graphics_current: 210 Hz",
        "clocks.graphics_current",
        "a number from 0 to 100000 MHz, or N/A",
        '"210 Hz"',
    ),
    (
        "temperature_gpu_c: 33",
        "temperature_gpu_c: 33 F",
        "thermal.temperature_gpu_c",
        "a number from -300 to 300 degrees C, or N/A",
        '"33 F"',
    ),
    ("compute_capability: {major: 8, minor: 0}", "compute_capability: 8.0", "compute_capability", "a mapping", '"8.0"'),
    (
        "compute_capability: {major: 8, minor: 0}",
        "compute_capability: [8, 0]",
        "compute_capability",
        "a mapping",
        "a list",
    ),
    (
        "architecture: ampere",
        "architecture: ampera",
        "architecture",
        "one of kepler, maxwell, pascal, volta, turing, ampere, ada_lovelace, ada, hopper, blackwell, rubin, or N/A",
        '"ampera"',
    ),
    ("persistence_mode: enabled", "persistence_mode: maybe", "persistence_mode", "enabled or disabled", '"maybe"'),
    ("multi_gpu_board: false", "multi_gpu_board: 0", "multi_gpu_board", "true or false", '"0"'),
    ("min_limit_mw: 100000", "min_limit_mw: 500000", "power.min_limit_mw", "at most max_limit_mw (400000)", '"500000"'),
    (
        "    default_limit_mw: 400000",
        "    default_limit_mw: 400001",
        "power.default_limit_mw",
        "at most max_limit_mw (400000)",
        '"400001"',
    ),
    (
        "used_bytes: 0",
        "used_bytes: 42949672960",
        "memory.used_bytes",
        "at most total_bytes less reserved_bytes (42407034880)",
        '"42949672960"',
    ),
    (
        "reserved_bytes: 542638080",
        "reserved_bytes: 1 TiB",
        "memory.reserved_bytes",
        "at most total_bytes (42949672960)",
        '"1099511627776"',
    ),
    (
        "graphics_current: 210",
        "graphics_current: 2100",
        "clocks.graphics_current",
        "at most graphics_max (1410)",
        '"2100"',
    ),
    (
        "current_link_width: 16",
        "current_link_width: 32",
        "pcie.current_link_width",
        "at most max_link_width (16)",
        '"32"',
    ),
    (
        "\n  performance_state: P0",
        "\n  performance_state: P16",
        "performance_state",
        "a performance state from P0 to P15, or N/A",
        '"P16"',
    ),
    (
        "step_mhz: 15",
        "step_mhz: 0",
        "supported_clocks.memory_clocks[0].graphics_range.step_mhz",
        "a number of MHz from 0.1 to 100000 with at most one decimal",
        '"0"',
    ),
    (
        "atomics_inbound: N/A",
        "atomics_inbound: [ADD]",
        "pcie.atomics_inbound",
        "one of FETCHADD_32, FETCHADD_64, SWAP_32, SWAP_64, CAS_32, CAS_64, CAS_128",
        '"ADD"',
    ),
]

# A whole text, and the whole line that it gets.
WRONG_TEXTS = {
    "empty": ("", "p.yaml:1: (document): expected a mapping, found nothing"),
    "a scalar": ("hello\n", 'p.yaml:1: (document): expected a mapping, found "hello"'),
    "a list": ("- 1\n", "p.yaml:1: (document): expected a mapping, found a list"),
    "two documents": (MINIMAL + "---\n" + MINIMAL, "p.yaml:3: (document): expected one YAML document, found a mapping"),
    "no YAML": (
        MINIMAL + "devices: [\n",
        "p.yaml:3: (document): expected valid YAML, found an error: did not find expected node content while parsing a flow node",
    ),
    "a tab": (
        MINIMAL + "devices:\n\t- a\n",
        "p.yaml:3: (document): expected valid YAML, found an error: found character that cannot start any token while scanning for the next token",
    ),
    "key is a list": ("? [a]\n: b\n", "p.yaml:1: (document): expected the name of a key, found a list"),
    "key twice": (
        "version: '1.0'\n" + MINIMAL + "version: '1.0'\n",
        'p.yaml:3: version: expected each key once (line 1 has it), found "version"',
    ),
    "other version": (
        'version: "2.0"\n' + MINIMAL,
        'p.yaml:1: version: expected version 1.0 of this format, found the text "2.0"',
    ),
    "no name": (
        "device_defaults: {memory: {total_bytes: 1024}}\n",
        "p.yaml:1: device_defaults.name: expected the product name, found nothing",
    ),
    "no memory": (
        "device_defaults:\n  name: A\n",
        "p.yaml:2: device_defaults.memory.total_bytes: expected the memory of the GPU, found nothing",
    ),
    "no device at all": (
        "system: {num_devices: 2}\n",
        "p.yaml:1: device_defaults.name: expected the product name, found nothing",
    ),
    "long name": (
        "device_defaults: {name: " + "x" * 96 + "}\n",
        'p.yaml:1: device_defaults.name: expected a text of at most 95 characters, found "' + "x" * 59 + '..."',
    ),
    "name not ASCII": (
        "device_defaults: {name: Größe}\n",
        'p.yaml:1: device_defaults.name: expected a text of plain ASCII characters, found "Gr????e"',
    ),
    "no GPUs": (
        MINIMAL + "system: {num_devices: 0}\n",
        'p.yaml:2: system.num_devices: expected a number from 1 to 128, found "0"',
    ),
    "129 GPUs": (
        MINIMAL + "system: {num_devices: 129}\n",
        'p.yaml:2: system.num_devices: expected a number from 1 to 128, found "129"',
    ),
    "x GPUs": (
        MINIMAL + "system: {num_devices: x}\n",
        'p.yaml:2: system.num_devices: expected a number from 1 to 128, found "x"',
    ),
    "129 devices": (
        MINIMAL + "devices: [" + ", ".join("{}" for _ in range(129)) + "]\n",
        "p.yaml:2: devices: expected at most 128 devices (there are 129), found a list",
    ),
    "wrong UUID": (
        MINIMAL + "devices:\n  - uuid: GPU-1\n",
        'p.yaml:3: devices[0].uuid: expected a UUID of the form GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx (hexadecimal), found "GPU-1"',
    ),
    "UUID twice": (
        MINIMAL + "devices:\n" + "  - uuid: GPU-00000000-0000-0000-0000-000000000001\n" * 2,
        'p.yaml:4: devices[1].uuid: expected a UUID no other GPU has (device 0 has it), found "GPU-00000000-0000-0000-0000-000000000001"',
    ),
    "index twice": (
        MINIMAL + "devices:\n  - index: 1\n  - index: 1\n",
        "p.yaml:4: devices[1]: expected an index no other device has (1 is on line 3), found a mapping",
    ),
    "wrong index": (
        MINIMAL + "devices:\n  - index: 128\n",
        'p.yaml:3: devices[0].index: expected a number from 0 to 127, found "128"',
    ),
    "wrong PCI address": (
        MINIMAL + 'devices:\n  - pci: {bus_id: "0000:01:40.0"}\n',
        'p.yaml:3: devices[0].pci.bus_id: expected a PCI address such as 0000:07:00.0 or 07:00.0, found the text "0000:01:40.0"',
    ),
    "PCI address twice": (
        MINIMAL + "devices:\n" + '  - pci: {bus_id: "0000:01:00.0"}\n' * 2,
        'p.yaml:4: devices[1].pci.bus_id: expected a PCI address no other GPU has (device 0 has it), found "00000000:01:00.0"',
    ),
    "minor twice": (
        MINIMAL + "system: {num_devices: 2}\ndevices:\n  - minor_number: 1\n",
        'p.yaml:4: devices[0].minor_number: expected a minor number no other GPU has (device 1 has it), found "1"',
    ),
    "wrong driver": (
        MINIMAL + "system: {driver_version: latest}\n",
        'p.yaml:2: system.driver_version: expected a version such as 550.163.01, found "latest"',
    ),
    "wrong CUDA": (
        MINIMAL + 'system: {cuda_version: "12"}\n',
        'p.yaml:2: system.cuda_version: expected a version such as 12.4, found "12"',
    ),
    "two CUDAs": (
        MINIMAL + 'system: {cuda_version: "12.4", cuda_version_major: 11}\n',
        'p.yaml:2: system.cuda_version: expected the version of cuda_version_major and _minor, found "12.4"',
    ),
    "wrong node": (
        MINIMAL + "site: {node_name: a b}\n",
        "p.yaml:2: site.node_name: expected a host name of letters, digits, '.', '-' and '_', found \"a b\"",
    ),
    "wrong CPUs": (
        MINIMAL + "pcie_topology:\n  root_complexes:\n    - cpu_affinity: 8-4\n",
        'p.yaml:4: pcie_topology.root_complexes[0].cpu_affinity: expected CPU numbers such as 0-71 or 0,2,4 (0 to 1023), found "8-4"',
    ),
    "link too high": (
        MINIMAL + "nvlink: {device_links: [{index: 0, links: [{link: 40}]}]}\n",
        'p.yaml:2: nvlink.device_links[0].links[0].link: expected a number from 0 to 35, found "40"',
    ),
    "link to itself": (
        MINIMAL + "nvlink: {links_per_gpu: 1, links: [{link: 0, remote_index: 0}]}\n",
        "p.yaml:2: nvlink: expected a link to another GPU than 0, found itself",
    ),
    "process without pid": (
        "device_defaults: {name: A, memory: {total_bytes: 1024}, processes: [{name: x}]}\n",
        "p.yaml:1: device_defaults.processes[0]: expected a process with its pid, found a mapping",
    ),
    "MIG placement between blocks": (
        "device_defaults: {name: A, memory: {total_bytes: 1024}, mig: {max_gpu_instances: 7, gpu_instance_profiles: ["
        "{name: MIG 2g, slices: 2, placements: [0, 1], placement_size: 2}]}}\n",
        "p.yaml:1: device_defaults.mig.gpu_instance_profiles[0]: expected placements within 8 slices, at multiples of their size, found a mapping",
    ),
    "MIG placement beyond the memory": (
        "device_defaults: {name: A, memory: {total_bytes: 1024}, mig: {max_gpu_instances: 7, gpu_instance_profiles: ["
        "{name: MIG 3g, slices: 3, placements: [8], placement_size: 4}]}}\n",
        "p.yaml:1: device_defaults.mig.gpu_instance_profiles[0]: expected placements within 8 slices, at multiples of their size, found a mapping",
    ),
    "too many processes": (
        "device_defaults: {name: A, processes: [" + ", ".join("{pid: 1}" for _ in range(17)) + "]}\n",
        "p.yaml:1: device_defaults.processes: expected at most 16 processes (there are 17), found a list",
    ),
    "mapping in itself": (
        "device_defaults: &a\n  name: A\n  <<: *a\n",
        "p.yaml:1: device_defaults: expected a mapping that does not hold itself, found a mapping",
    ),
    "merge twice": (
        "device_defaults: {name: A, thermal: {<<: {}, <<: {}}}\n",
        'p.yaml:1: device_defaults.thermal.<<: expected each key once (line 1 has it), found "<<"',
    ),
    "too many merges": (
        "device_defaults: {name: A, thermal: &t {<<: {<<: {<<: {}}}}, <<: &m {thermal: *t, <<: &n {thermal: *t}}}\n"
        "devices:\n" + "  - {<<: *m, thermal: {<<: *t}}\n" * 128,
        "p.yaml:1: devices[84].thermal: expected at most 1024 merges (<<) in all, found a mapping",
    ),
    "too many anchors": (
        MINIMAL + "devices:\n" + "  - &a {}\n" * 1025,
        "p.yaml:1027: (document): expected at most 1024 anchors (&name), found more",
    ),
    "too many levels": (
        MINIMAL + "devices: " + "[" * 500000,
        "p.yaml:2: (document): expected at most 64 levels of lists and mappings, found more",
    ),
    "list of lists of aliases": (
        "device_defaults: {name: A}\ndevices:\n  - &a [{}, {}]\n  - &b [*a, *a]\n  - [*b, *b]\n",
        "p.yaml:3: devices[0]: expected a mapping, found a list",
    ),
    "wrong cluster": (
        "device_defaults: {name: A, fabric: {cluster_uuid: 1}}\n",
        'p.yaml:1: device_defaults.fabric.cluster_uuid: expected a UUID of 32 hexadecimal digits, found "1"',
    ),
    "wrong time": (
        "device_defaults: {name: A, inforom: {bbx_flush: {timestamp: yesterday}}}\n",
        'p.yaml:1: device_defaults.inforom.bbx_flush.timestamp: expected a time such as 2026/08/20 23:33:00.497, or N/A, found "yesterday"',
    ),
}


@pytest.mark.parametrize(
    ("old", "new", "key", "expected", "found"), WRONG_VALUES, ids=[case[1].strip() for case in WRONG_VALUES]
)
def test_wrong_value(check: Check, a100: str, old: str, new: str, key: str, expected: str, found: str) -> None:
    assert a100.count(old) >= 1
    text = a100.replace(old, new, 1)
    line = line_of(text, new.strip())
    assert check(text) == (1, f"p.yaml:{line}: device_defaults.{key}: expected {expected}, found {found}")


@pytest.mark.parametrize("name", WRONG_TEXTS)
def test_wrong_text(check: Check, name: str) -> None:
    text, line = WRONG_TEXTS[name]
    assert check(text) == (1, line)


def test_file_that_is_not_there(native_build: Path, run, tmp_path: Path) -> None:
    done = run(native_build / "mock-nvml", "check", "none.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (3, "cannot read profile none.yaml: No such file or directory\n")


def test_file_that_is_too_large(check: Check) -> None:
    assert check(MINIMAL + "#" * (1 << 20)) == (1, "p.yaml:1: (document): expected at most 1 MiB, found more")
