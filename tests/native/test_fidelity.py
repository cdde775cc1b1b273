# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of `nvidia-smi -q -x` is what a real board says: the vendor's own program on our library, beside a capture.

The captures are of drivers 570 and 580, so that they have fields which 550 does not print.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from smi_report import IDENTIFIERS, MOVING, compare, counts, is_newer, leaves

# What still differs, and why it cannot be equal with driver 550; anything else here is a regression.
KNOWN = {
    "a100": {
        # The capture's driver 570 calls the question deprecated; 550 still answers it.
        "gpu_reset_status/reset_required",
        "gpu_reset_status/drain_and_reset_recommended",
        # The firmware is the driver's, and the driver is another one.
        "gsp_firmware_version",
    },
    "gb200": {
        # 550's nvidia-smi has no name for an architecture that came after it.
        "product_architecture",
        # Deprecated in 580 only.
        "display_mode",
        "gsp_firmware_version",
        # The report of 550's nvidia-smi has room for 256 clocks, the board has 260.
        "supported_clocks/supported_mem_clock/supported_graphics_clock",
    },
}


@pytest.fixture(scope="module", params=["a100", "gb200"])
def board(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def documents(board: str, native_build: Path, vendor_smi: Path, repo: Path, run) -> tuple[dict, dict]:
    capture = repo / "tests/native/fixtures/nvidia-smi-q-x" / f"{board}.xml"
    env = {
        "LD_LIBRARY_PATH": str(native_build),
        "MOCK_NVML_CONFIG": str(repo / "charts/gpu-mock/profiles" / f"{board}.yaml"),
    }
    done = run(vendor_smi, "-q", "-x", "-i", "0", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return leaves(ElementTree.parse(capture).getroot().find("gpu")), leaves(
        ElementTree.fromstring(done.stdout).find("gpu")
    )


def test_fields_are_those_of_the_real_board(board, documents, capsys):
    real, mock = documents
    comparison = compare(real, mock)
    with capsys.disabled():
        print(f"\n{comparison.describe(board)}")
    assert len(comparison.fields) > 150
    assert comparison.share >= 97
    assert set(comparison.different) == KNOWN[board]


def test_each_value_of_a_list_counted_alone_is_that_of_the_real_board(documents):
    real, mock = documents
    pairs = [
        (value, mock.get(name, [])[i : i + 1])
        for name in real
        if counts(name) and (name in mock or not is_newer(name))
        for i, value in enumerate(real[name])
    ]
    equal = sum(here == [value] for value, here in pairs)
    assert equal >= 0.97 * len(pairs), f"{equal} of {len(pairs)}"


def test_supported_clocks_are_all_those_of_the_real_board(board, documents, native_build, vendor_smi, repo, run):
    """By the command that has room for them."""
    real, _ = documents
    env = {
        "LD_LIBRARY_PATH": str(native_build),
        "MOCK_NVML_CONFIG": str(repo / "charts/gpu-mock/profiles" / f"{board}.yaml"),
    }
    done = run(vendor_smi, "--query-supported-clocks=gr", "--format=csv,noheader", "-i", "0", env=env)
    assert done.stdout.splitlines() == real["supported_clocks/supported_mem_clock/supported_graphics_clock"]


def test_readings_at_rest_are_those_of_the_capture(documents):
    real, mock = documents
    assert {name: mock[name] for name in MOVING} == {name: real[name] for name in MOVING}


def test_identifiers_have_the_form_of_real_ones(documents):
    real, mock = documents
    for name in IDENTIFIERS - {"board_id"}:
        shape = [("x" if c.isalnum() else c) for c in real[name][0]]
        assert [("x" if c.isalnum() else c) for c in mock[name][0]] == shape, name
    domain, bus = int(mock["pci/pci_domain"][0], 16), int(mock["pci/pci_bus"][0], 16)
    assert int(mock["board_id"][0], 16) == domain << 16 | bus << 8


def test_no_field_is_ours_alone(documents):
    real, mock = documents
    # These are 550's own: later drivers moved or dropped them.
    older = {"gpu_module_id", "gpu_reset_status/reset_required", "gpu_reset_status/drain_and_reset_recommended"}
    assert set(mock) - set(real) - older <= {"voltage/graphics_volt"}
