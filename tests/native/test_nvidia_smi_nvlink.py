# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi nvlink and conf-compute: ours beside the vendor's, byte for byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from nvidia_smi import Programs

Environment = Callable[..., dict[str, str]]

PARTS = ["-s", "-c", "-p", "-R", "-e"]
# Fields: 91 how many links, 165 state, 164 speed, 161 to 163 errors, 146 the link at the far end.
OFF = "w3+24=1 w3+32=0"


@pytest.mark.parametrize("profile", ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"])
def test_same_as_vendor_on_profile(both: Programs, overridden: Environment, profile: str):
    env = overridden(profile=profile)
    for part in PARTS:
        both.same(["nvlink", part], env)
    for command in ("conf-compute -f", "conf-compute -f -i 0", "nvlink -i 0"):
        both.same(command.split(), env)


@pytest.mark.parametrize(
    "answer",
    [
        *[f"field a1=165 a2=2 : {OFF}", f"field a1=165 : {OFF}", "field a1=165 : !3", f"field a1=91 : {OFF}"],
        *["field a1=91 : !3", "field a1=164 a2=2 : w3+24=1 w3+32=123456", "field a1=164 : w3+24=1 w3+32=26562"],
        *["field a1=161 : !3", "field a1=162 : !999", "field a1=163 : !3", "field a1=161 : w3+24=3 q3+32=9999999999"],
        *["field a1=146 : !3", "field a1=146 : !999", "DeviceGetNvLinkRemotePciInfo_v2 : !3"],
        *[f"DeviceGetNvLinkCapability a2={which} : {wrote}" for which in (0, 3) for wrote in ("w3=0", "!3", "!999")],
    ],
)
@pytest.mark.parametrize("part", PARTS)
def test_answers_same_as_vendor(both: Programs, overridden: Environment, part: str, answer: str):
    env = overridden(answer)
    both.same(["nvlink", part, "-i", "0,1"], env)
    both.same(["nvlink", part, "-i", "0", "-l", "2"], env)


@pytest.mark.parametrize("error", [4, 15, 999])
def test_far_ends_that_fail_same_as_vendor(both: Programs, overridden: Environment, error: int):
    both.same(["nvlink", "-R"], overridden(f"DeviceGetNvLinkRemotePciInfo_v2 a1=2 : !{error}"))


@pytest.mark.parametrize(
    "command",
    [
        *["-s -e -c -R -p -i 0", "-R -e -p -s -c -l 1 -i 0", "-l 3 -i 0", "-s -i 0,1 -l 0", "-s -l=1 -i=0"],
        *["--status --link=1 --id=0", "--errorcounters -i 0", "--capabilities -i 0", "--remotelinkinfo -i 0"],
        *["--pcibusid -i 0", "-l", "-s -l", "-i", "-foo", "-s foo", "-l x -s", "--link=x -s", "-l 1x", "-s -i 99"],
        *(f"{part} -l 99 -i 0" for part in PARTS),
    ],
)
def test_command_line_same_as_vendor(both: Programs, overridden: Environment, command: str):
    both.same(["nvlink", *command.split()], overridden())


@pytest.mark.parametrize(
    "answer",
    [
        *[f"SystemGetConfComputeState : {wrote}" for wrote in ("w0+0=1 w0+8=1", "w0+4=1", "!3", "!999")],
        *["DeviceGetArchitecture : w1=6", "DeviceGetArchitecture : w1=7", "DeviceGetArchitecture : !3"],
        *["DeviceGetArchitecture a0=gpu0 : !3", "DeviceGetArchitecture a0=gpu1 : !999"],
    ],
)
def test_confidential_computing_same_as_vendor(both: Programs, overridden: Environment, answer: str):
    for gpus in ([], ["-i", "0"], ["-i", "0,1"]):
        both.same(["conf-compute", "-f", *gpus], overridden(answer))


@pytest.mark.parametrize("options", ["-i", "-f -i 99", "--get-cc-feature", "-f -f", "-f foo", "-foo"])
def test_options_of_confidential_computing_same_as_vendor(both: Programs, overridden: Environment, options: str):
    both.same(["conf-compute", *options.split()], overridden())


@pytest.mark.parametrize(
    "command", ["nvlink", "nvlink -h", "nvlink -s -h", "conf-compute", "conf-compute -h", "conf-compute -i 0"]
)
def test_help_says_how(both: Programs, overridden: Environment, command: str):
    done = both.run(both.ours, *command.split(), env=overridden())
    assert done.returncode == 0
    assert done.stdout.startswith(f"nvidia-smi {command.split()[0]} ")


def test_links_to_switches_are_those_of_the_row(both: Programs, overridden: Environment):
    """Of GPUs with unlike numbers of links, each row of the matrix shows its own."""
    env = overridden("field a0=gpu1 a1=147 : w3+24=1 w3+32=7")
    assert "NV7" in both.same(["topo", "-m"], env)
