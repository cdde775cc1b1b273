# SPDX-License-Identifier: GPL-3.0-or-later
"""What our nvidia-smi changes, and its words about it, beside the vendor's; each is seen to call the same setter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import building
import pytest
from nvidia_smi import Programs

Environment = Callable[..., dict[str, str]]

SUCCEED = "DeviceSet* : !0\nDeviceReset* : !0\nDeviceClear* : !0\n"

COMMANDS = """\
-pm 0|-pm 1|-pm 2|-pm ENABLED|-pm enabled|-pm|-pm 1x|--persistence-mode=0|--persistence-mode 0|-pm=0
-c 0|-c 1|-c 2|-c 4|-c 3x|-c PROHIBITED|-c exclusive_process|-c EXCLUSIVE_THREAD|--compute-mode=EXCLUSIVE_PROCESS
-pl 50|-pl 500|-pl abc|-pl 250.5|-pl 400|-pl 0|-pl .5|-pl 300W|-pl 1e2|--power-limit=300
-pl 300 -sc 0|-pl 300 -sc 1|-pl 300 -sc 7|-pl 300 -sc x|-pl 300 -m 0|-pm 0 -sc 0|-m 1|-sc 1
-e 0|-e 1|-e 2|-e DISABLED|-p 0|-p 1|-p 2|-p AGGREGATE|-p aggregate
-mig 0|-mig 1|-mig 2|-mig ENABLED|-am 0|-am 1|-am 2|-am DISABLED|-caa|-caa foo
-lgc 1410|-lgc 210,1410|-lgc abc|-lgc 1,2,3|-lgc 1410,|-lgc ,1410|-lgc 210x|-lgc 210,1410x|-lgc 99999999999,1
-lgc tdp,unlimited|-lgc tdp|-lgc 210,tdp|-lgc foo,unlimited|-lgc tdp,5|-lgc 210,1410 -m 1|-rgc|-rgc foo
-lmc 1215|-lmc 1,2|-lmc x|-lmc 210,|-rmc|-ac 1215,1410|-ac 1215|-ac 1215,x|-ac 1,2,3|-rac
-pm 1 -c 0|-pm 1 -pm 0|-rgc -rmc|-pl 300 -q|-pm 0 -L|-pm 0 foo|-pm 0 -x|-pm 0 -d ECC|-pm 0 --format=csv
-pm 0 --query-gpu=index|-eow|-pm 0 -i 99|-pm 0 -i 0,2|-am 1 -eow"""

FAILING = [
    *["-pm 0", "-c 3", "-pl 300", "-e 0", "-p 0", "-mig 1", "-mig 0", "-am 1", "-caa"],
    *["-lgc 210,1410", "-rgc", "-lmc 1215", "-rmc", "-ac 1215,1410", "-rac"],
]


def calls(path: Path) -> list[str]:
    """The setters that were called, with their numbers. What else lies in a register is nobody's argument."""
    arguments = {"SetPower": 0, "Reset": 0, "ClearAcc": 0, "ClearEcc": 1, "SetApp": 2, "SetGpu": 2, "SetMem": 2}
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    short = []
    for line in lines:
        name, *numbers = line.split()
        count = next((n for begin, n in arguments.items() if name.startswith(f"Device{begin}")), 1)
        short.append(" ".join([name, *numbers[:count]]))
    return short


def same_calls(both: Programs, argv: list[str], env: dict[str, str], tmp_path: Path) -> list[str]:
    """Both print the same, and both call the same setters."""
    both.same(argv, env)
    calls(tmp_path / "calls")
    both.run(both.ours, *argv, env=env)
    mine = calls(tmp_path / "calls")
    both.run(both.theirs, *argv, env=env)
    assert mine == calls(tmp_path / "calls")
    return mine


@pytest.mark.parametrize("command", COMMANDS.replace("\n", "|").split("|"))
def test_setting_same_as_vendor(both: Programs, overridden: Environment, tmp_path: Path, command: str):
    argv = command.split()
    same_calls(both, argv if "-i" in argv else [*argv, "-i", "0"], overridden(SUCCEED), tmp_path)


@pytest.mark.parametrize("option", ["-r", "--gpu-reset"])
def test_reset_is_said_to_be_impossible(both: Programs, overridden: Environment, option: str):
    """No public function of NVML resets a GPU: the vendor's program has functions of its own for it."""
    done = both.run(both.ours, option, "-i", "0", env=overridden(SUCCEED))
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("GPU Reset couldn't run because it could not be determined if GPU")


@pytest.mark.parametrize("command", COMMANDS.replace("\n", "|").split("|"))
def test_no_memory_error(both: Programs, overridden: Environment, sanitized: Path, command: str):
    env = {**overridden(SUCCEED), "ASAN_OPTIONS": "detect_leaks=0"}
    done = both.run(sanitized, *command.split(), env=env)
    assert done.stderr == ""
    assert done.stdout == both.run(both.ours, *command.split(), env=env).stdout


@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("-pm 0", "DeviceSetPersistenceMode 0"),
        ("-c 3", "DeviceSetComputeMode 3"),
        ("-pl 300", "DeviceSetPowerManagementLimit_v2"),
        ("-lgc 210,1410", "DeviceSetGpuLockedClocks 210 1410"),
        ("-rgc", "DeviceResetGpuLockedClocks"),
        ("-lmc 1215", "DeviceSetMemoryLockedClocks 1215 1215"),
        ("-rmc", "DeviceResetMemoryLockedClocks"),
        ("-ac 1215,1410", "DeviceSetApplicationsClocks 1215 1410"),
        ("-rac", "DeviceResetApplicationsClocks"),
        ("-e 0", "DeviceSetEccMode 0"),
        ("-p 1", "DeviceClearEccErrorCounts 1"),
        ("-mig 1", "DeviceSetMigMode 1"),
        ("-am 1", "DeviceSetAccountingMode 1"),
        ("-caa", "DeviceClearAccountingPids"),
    ],
)
def test_setter_is_called_for_each_gpu(
    both: Programs, overridden: Environment, tmp_path: Path, command: str, call: str
):
    assert same_calls(both, [*command.split(), "-i", "0,1"], overridden(SUCCEED), tmp_path) == [call, call]


@pytest.mark.parametrize("error", [2, 3, 4, 10, 15, 16, 17, 19, 23, 999])
@pytest.mark.parametrize("command", FAILING)
def test_failure_same_as_vendor(both: Programs, overridden: Environment, command: str, error: int):
    env = overridden(f"DeviceSet* : !{error}\nDeviceReset* : !{error}\nDeviceClear* : !{error}")
    both.same([*command.split(), "-i", "0,1"], env)
    both.same([*command.split(), "-i", "0", "-eow"], env)


@pytest.mark.parametrize("error", [2, 4, 999])
def test_words_for_clocks_same_as_vendor(both: Programs, overridden: Environment, error: int):
    """For one GPU: the vendor's program forgets the second word when it comes to the next."""
    both.same(["-lgc", "tdp,unlimited", "-i", "0"], overridden(f"DeviceSet* : !{error}"))


@pytest.mark.parametrize("error", [3, 4, 999])
@pytest.mark.parametrize(
    ("getter", "command"),
    [
        ("DeviceGetPersistenceMode", "-pm 0"),
        ("DeviceGetComputeMode", "-c 0"),
        ("DeviceGetEccMode", "-e 0"),
        ("DeviceGetAccountingMode", "-am 0"),
    ],
)
def test_unknown_state_same_as_vendor(both: Programs, overridden: Environment, getter: str, command: str, error: int):
    both.same(command.split(), overridden(f"{SUCCEED}{getter} : !{error}"))


@pytest.mark.parametrize("reason", [3, 4, 16, 17, 19, 999])
def test_mig_mode_that_waits_same_as_vendor(both: Programs, overridden: Environment, reason: int):
    env = overridden(f"DeviceSetMigMode : w2={reason}")
    assert "pending enable state" in both.same(["-mig", "1", "-i", "0,1"], env)
    assert "pending disable state" in both.same(["-mig", "0", "-i", "0"], env)


@pytest.mark.parametrize("field", [187, 188, 189, 190, 192])
@pytest.mark.parametrize("answer", ["w3+24=1 w3+32=200555", "!999"])
def test_power_limits_same_as_vendor(both: Programs, overridden: Environment, field: int, answer: str):
    both.same(["-pl", "300", "-i", "0"], overridden(f"{SUCCEED}field a1={field} : {answer}"))


SETTINGS = [
    *["-pm 0", "-c 3", "-pl 69", "-pl 300", "-lgc 300,900", "-am 1", "-e 0"],
    *["-q -d POWER,CLOCK,COMPUTE,ECC,ACCOUNTING", "-rgc", "-rac", "-caa", "-pm 1"],
    "--query-gpu=compute_mode --format=csv,noheader",
]
INSTANCES = [
    *[
        "-mig 1 -i 0",
        "",
        "mig -lgip",
        "mig -lgipp",
        "mig -cgi 9,14 -C -i 0",
        "mig -lgi",
        "mig -lci",
        "mig -lcip",
        "mig -lcipp",
    ],
    *["", "-L", "-q -d MEMORY,ECC -i 0", "mig -cgi 19:0 -i 0", "mig -cgi 19 -i 0", "mig -cgi 0 -i 0", "mig -cci"],
    *["mig -dgi -i 0", "mig -dci -i 0", "mig -cci 0,0 -gi 1 -i 0", "mig -lci", "mig -lcip -gi 1"],
    *["mig -dci -gi 1 -ci 0 -i 0", "mig -dgi -gi 1 -i 0", "mig -dci", "mig -dgi", "-mig 0", "mig -lgi", ""],
    "--query-gpu=mig.mode.current,mig.mode.pending --format=csv,noheader",
]


@pytest.mark.parametrize(
    ("profile", "story", "end"),
    [
        ("a100", SETTINGS, "Exclusive_Process\nExclusive_Process\n"),
        ("h100", SETTINGS, "Exclusive_Process\nExclusive_Process\n"),
        ("t4", SETTINGS, "Exclusive_Process\nExclusive_Process\n"),
        ("a100", INSTANCES, "Disabled, Disabled\nDisabled, Disabled\n"),
        ("h100", INSTANCES, "Disabled, Disabled\nDisabled, Disabled\n"),
        ("gb200", INSTANCES, "Disabled, Disabled\nDisabled, Disabled\n"),
    ],
    ids=["a100-settings", "h100-settings", "t4-settings", "a100-mig", "h100-mig", "gb200-mig"],
)
def test_what_is_set_stays_set(
    both: Programs, repo: Path, native_build: Path, tmp_path: Path, profile: str, story: list[str], end: str
):
    """In a driver root the next process sees it; both programs, in a root each, tell the same story."""
    file = repo / "charts/gpu-mock/profiles" / f"{profile}.yaml"
    envs = []
    for name in ("ours", "theirs"):
        root = tmp_path / name
        building.make_native("install", f"DESTDIR={root}")
        done = both.run(native_build / "mock-nvml", "--root", root, "apply", "--count", "2", file)
        assert done.returncode == 0, done.stderr
        envs.append({"LD_LIBRARY_PATH": str(root / "usr/lib64")})
    for step in story:
        got = both.run(both.ours, *step.split(), env=envs[0])
        both.equal(step.split(), got, both.run(both.theirs, *step.split(), env=envs[1]))
    assert got.stdout == end
