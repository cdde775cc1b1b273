# SPDX-License-Identifier: GPL-3.0-or-later
"""A GPU that has no handle: what our nvidia-smi says of it and of the others, beside the vendor's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import building
import pytest
from nvidia_smi import Programs

Environment = Callable[..., dict[str, str]]

COMMANDS = [
    *["", "-L", "-q", "-q -x", "-q -d ECC", "-i 0", "-i 1", "-q -d POWER -i 0", "-f /dev/stdout"],
    *["--query-gpu=index,uuid --format=csv", "--query-gpu=index,uuid --format=csv -i 0"],
    *["--query-compute-apps=pid --format=csv", "--query-supported-clocks=mem --format=csv -i 0"],
    *["--query-remapped-rows=gpu_uuid --format=csv", "--query-accounted-apps=pid --format=csv -i 0"],
    *["topo -m", "dmon -c 1", "dmon -c 1 -i 0", "dmon -c 1 -i 1", "pmon -c 1", "pmon -c 1 -i 0"],
    *["mig -lgip", "mig -lgip -i 0", "mig -lgi", "mig -cgi 19", "compute-policy -l"],
    *["-pm 1", "-pm 1 -i 0", "-pl 300", "-pl 300 -i 1", "--version", "-B"],
    # What is no index and no address takes a look at each GPU.
    *["-pm 1 -i 01", "-pm 1 -i 99", "-pm 1 -i foo", "-pm 1 -i 0,foo", "-pm 1 -i 0,99", "-pm 1 -i 0:0:0"],
]


@pytest.fixture(scope="module")
def lost(repo: Path, native_build: Path, run, tmp_path_factory) -> Callable[[str], dict[str, str]]:
    """The environment of a program that finds three boards of a profile in a driver root, the second of them lost."""

    def make(profile: str, gpus: str = "1") -> dict[str, str]:
        root = tmp_path_factory.mktemp("root")
        file = repo / "charts/gpu-mock/profiles" / f"{profile}.yaml"
        mock_nvml = [native_build / "mock-nvml", "--root", root]
        building.make_native("install", f"DESTDIR={root}")
        for words in (["apply", "--count", "3", file], ["fail", "lost", "-i", gpus]):
            done = run(*mock_nvml, *words)
            assert done.returncode == 0, done.stderr
        return {"LD_LIBRARY_PATH": str(root / "usr/lib64"), "TZ": "UTC"}

    return make


@pytest.fixture(scope="module")
def a100(lost) -> dict[str, str]:
    return lost("a100")


@pytest.mark.parametrize("command", COMMANDS)
def test_lost_gpu_same_as_vendor(both: Programs, a100: dict[str, str], command: str):
    both.same(command.split(), a100)


@pytest.mark.parametrize("profile", ["gb200", "l40s"])
def test_address_of_lost_gpu_is_found_on_any_board(both: Programs, lost, profile: str):
    assert "Unable to determine the device handle for gpu 1:" not in both.same(["-L"], lost(profile))


@pytest.mark.parametrize("gpus", ["0,1", "1,2", "0"])
def test_several_lost_gpus_same_as_vendor(both: Programs, lost, gpus: str):
    env = lost("a100", gpus)
    for command in ("-L", "-pm 1", "-i 1 -pm 1", "-i 2 -pm 1"):
        both.same(command.split(), env)


def test_address_of_lost_gpu_selects_it(both: Programs, a100: dict[str, str]):
    listed = both.run(both.ours, "-L", env=a100).stdout
    address = listed.split("for gpu ")[1].split(": GPU is lost")[0]
    assert "Unable to determine" in both.same(["-pm", "1", "-i", address], a100)


def test_all_lost_are_named_by_index(both: Programs, lost):
    """With no GPU left, nothing tells where to search."""
    done = both.run(both.ours, "-L", env=lost("a100", "0,1,2"))
    assert done.returncode == 15
    assert done.stdout.count("GPU is lost.  Reboot the system to recover this GPU") == 3
    assert "for gpu 2: GPU is lost" in done.stdout


@pytest.mark.parametrize("error", [2, 3, 4, 6, 10, 13, 999])
def test_failing_handle_same_as_vendor(both: Programs, overridden: Environment, error: int):
    """Here the address is not found, as no GPU there is said to fail."""
    env = overridden(f"DeviceGetHandleByIndex_v2 a0=3 : !{error}")
    for command in (["-L"], ["-pm", "1"], ["-pm", "1", "-i", "3"]):
        got, vendor = (both.run(program, *command, env=env) for program in (both.ours, both.theirs))
        expected = vendor.stdout.replace("CE69:4E:00.0", "3")
        assert got.returncode == vendor.returncode
        # Of GPUs that the user may not see, the vendor's program says more.
        assert got.stdout in (expected, f"{expected.split('.')[0]}\n")


@pytest.mark.parametrize("gpu", ["", " a0=gpu1"])
@pytest.mark.parametrize("error", [3, 999])
def test_table_of_gpu_without_index_same_as_vendor(both: Programs, overridden: Environment, gpu: str, error: int):
    both.same(["-i", "0,1"], overridden(f"DeviceGetIndex{gpu} : !{error}"))


def test_address_without_domain_is_of_domain_0(both: Programs, overridden: Environment):
    both.same(["-pm", "1", "-i", "07:00.0"], overridden())
