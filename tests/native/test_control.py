# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - messages stand here as whole lines, so that they can be searched
"""mock-nvml status, set, fail, clear, xid, process and reset: what they answer, refuse, and leave alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

PROFILES = Path("charts/gpu-mock/profiles")
PAGE = "lib/firmware/nvidia/550.163.01/gsp_mock.bin"

Command = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def root(native_build: Path, repo: Path, run, tmp_path: Path) -> Path:
    path = tmp_path / "root"
    argv = ["--root", path, "apply", "--count", "4", "--node-name", "n", repo / PROFILES / "a100.yaml"]
    assert run(native_build / "mock-nvml", *argv).returncode == 0
    return path


@pytest.fixture
def command(native_build: Path, root: Path, run) -> Command:
    def call(*argv: object) -> CompletedProcess[str]:
        return run(native_build / "mock-nvml", "--root", root, *map(str, argv))

    return call


@pytest.fixture
def ask(command: Command) -> Callable[..., dict]:
    def call(*argv: object) -> dict:
        done = command(*argv, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return call


def of_gpu(answer: dict, index: int) -> dict:
    return next(device for device in answer["devices"] if device["index"] == index)


CHANGES = [
    pytest.param(["set", "thermal.temperature_gpu_c=77", "compute_mode=prohibited"], id="set"),
    pytest.param(["fail", "lost"], id="fail"),
    pytest.param(["fail", "hang", "--after", "5", "--for", "2.5"], id="fail with times"),
    pytest.param(
        ["fail", "error", "--probability", "0.25", "--seed", "9", "--after-calls", "3"], id="fail in some calls"
    ),
    pytest.param(["fail", "nvlink-errors", "--link", "2", "--count", "7"], id="fail on a link"),
    pytest.param(["process", "add", "--pid", "99", "--memory", "512", "--type", "C+G"], id="process"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_predicted_made_once_and_undone(ask: Callable[..., dict], root: Path, change: list[str]) -> None:
    before = ask("status")
    page = (root / PAGE).read_bytes()
    predicted = ask(*change, "-i", "1", "--dry-run")
    assert (predicted["changed"], predicted["dry_run"]) == (True, True)
    assert (root / PAGE).read_bytes() == page
    made = ask(*change, "-i", "1")
    assert (made["changed"], of_gpu(made, 1)["changed"], len(made["devices"])) == (True, True, 1)
    status = ask("status")
    assert of_gpu(status, 1) != of_gpu(before, 1)
    assert [of_gpu(status, index) for index in (0, 2, 3)] == [of_gpu(before, index) for index in (0, 2, 3)]
    page = (root / PAGE).read_bytes()
    assert ask(*change, "-i", "1", "--dry-run")["changed"] is False
    assert ask(*change, "-i", "1")["changed"] is False
    assert (root / PAGE).read_bytes() == page
    assert ask("reset", "-i", "1")["changed"] is True
    assert ask("reset", "-i", "1")["changed"] is False
    assert ask("status") == before


def test_a_fault_of_the_node_is_named_before_and_after_it_is_made(ask: Callable[..., dict]) -> None:
    change = ["fail", "init-error", "--code", "LIB_RM_VERSION_MISMATCH", "--after", "60"]
    predicted = ask(*change, "--dry-run")
    assert (predicted["node_changed"], ask("status")["node"]["faults"]) == (True, [])
    fault = predicted["node_fault"]
    assert (fault["kind"], fault["state"], fault["code_name"]) == ("init-error", "pending", "LIB_RM_VERSION_MISMATCH")
    assert (fault["after_ms"], fault["for_ms"]) == (60000, None)
    assert ask(*change)["node_fault"] == fault
    assert ask("status")["node"]["faults"] == [fault]
    again = ask(*change)
    assert (again["changed"], again["node_fault"]) == (False, fault)
    assert ask("clear", "lost").get("node_cleared") is None
    assert ask("clear", "init-hang")["node_cleared"] == []
    assert ask("clear", "--dry-run")["node_cleared"] == ["init-error"]
    assert ask("clear")["node_cleared"] == ["init-error"]
    assert ask("clear")["node_cleared"] == []


def test_gpus_are_named_by_index_uuid_and_address(ask: Callable[..., dict]) -> None:
    devices = ask("status")["devices"]
    names = f"0,{devices[1]['uuid'].upper()},{devices[2]['pci_bus_id'].lower()}"
    made = ask("set", "utilization.gpu=50", "-i", names)
    assert [device["index"] for device in made["devices"]] == [0, 1, 2]
    assert [device["values"]["utilization.gpu"] for device in ask("status")["devices"]] == [50, 50, 50, 0]
    assert ask("set", "utilization.gpu=50")["changed"] is True
    assert ask("set", "utilization.gpu=50", "-i", "all")["changed"] is False


def test_what_one_gpu_refuses_is_done_on_none(ask: Callable[..., dict], command: Command) -> None:
    ask("set", "ecc.mode_current=disabled", "-i", "3")
    done = command("fail", "ecc-correctable")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("cannot put a fault on GPU 3 (GPU-")
    assert "ECC is off" in done.stderr
    assert all(device["faults"] == [] for device in ask("status")["devices"])


NO_LINKS = {"nvlink-down", "nvlink-errors"}
NO_ROWS = {"row-remap-pending", "row-remap-failure"}
NO_PAGES = {"page-retirement-pending"}
NO_FABRIC = {"fabric-unhealthy"}


@pytest.mark.parametrize(
    ("board", "refused"),
    [
        ("a100", NO_PAGES | NO_FABRIC),
        ("t4", NO_ROWS | NO_LINKS | NO_FABRIC),
        ("l40s", NO_PAGES | NO_LINKS | NO_FABRIC),
        ("h100", NO_PAGES),
        ("h200", NO_PAGES),
        ("b200", NO_PAGES),
        ("gb200", NO_PAGES),
        ("gb300", NO_PAGES),
    ],
)
def test_each_model_has_the_faults_of_what_it_has(
    native_build: Path, repo: Path, run, tmp_path: Path, board: str, refused: set[str]
) -> None:
    mock = [native_build / "mock-nvml", "--root", tmp_path]
    assert run(*mock, "apply", "--count", "1", repo / PROFILES / f"{board}.yaml").returncode == 0
    table = run(native_build / "mock-nvml", "faults").stdout.splitlines()[2:]
    kinds = [line.split("`")[1] for line in table if not line.startswith("| `init-")]
    assert {kind for kind in kinds if run(*mock, "fail", kind).returncode == 1} == refused
    device = json.loads(run(*mock, "status", "--json").stdout)["devices"][0]
    assert {fault["kind"] for fault in device["faults"]} == set(kinds) - refused
    assert device["faulty_values"]["clocks_throttle_reasons.hw_thermal_slowdown"] is True


def test_values_can_be_set_as_status_lists_them(ask: Callable[..., dict]) -> None:
    values = of_gpu(ask("status"), 0)["values"]
    assert {"thermal.temperature_gpu_c", "persistence_mode", "memory.used_bytes", "performance_state"} <= values.keys()
    words = [
        f"{key}={'N/A' if value is None else json.dumps(value)}"
        for key, value in values.items()
        if not key.startswith("dynamic_metrics") and isinstance(value, int)
    ]
    assert len(words) > 60
    for start in range(0, len(words), 50):
        assert ask("set", *words[start : start + 50], "-i", "0")["changed"] is False


@pytest.mark.parametrize(
    ("change", "action"),
    [
        (["set", "ecc.mode_pending=disabled"], "none"),
        (["fail", "row-remap-pending"], "drain-and-reset"),
        (["fail", "ecc-uncorrectable"], "reset"),
        (["fail", "fallen-off-bus"], "reboot"),
        (["xid", "95"], "reset"),
    ],
    ids=["ecc mode", "rows", "ecc error", "lost", "Xid alone"],
)
def test_what_needs_a_reset_is_told(ask: Callable[..., dict], change: list[str], action: str) -> None:
    ask(*change, "-i", "1")
    devices = ask("status")["devices"]
    assert [device["reset_required"] for device in devices] == [False, True, False, False]
    assert [device["recovery_action"] for device in devices] == ["none", action, "none", "none"]


def test_what_an_xid_asked_for_is_cleared_with_all_faults(ask: Callable[..., dict]) -> None:
    ask("xid", "95", "-i", "1")
    assert ask("clear", "ecc-uncorrectable")["changed"] is False
    assert ask("clear")["changed"] is True
    assert ask("clear")["changed"] is False
    assert of_gpu(ask("status"), 1)["recovery_action"] == "none"


def test_faulty_values_are_told_beside_the_true_ones(ask: Callable[..., dict]) -> None:
    ask("fail", "pcie-replay", "--count", "12", "-i", "0")
    device = of_gpu(ask("status"), 0)
    assert device["values"]["pcie.replay_counter"] == 0
    assert device["faulty_values"] == {"pcie.replay_counter": 12}
    assert ask("clear", "-i", "0")["devices"][0]["cleared"] == ["pcie-replay"]
    assert of_gpu(ask("status"), 0)["faulty_values"] == {}
    ask("fail", "pcie-replay", "--after", "1000", "-i", "0")
    device = of_gpu(ask("status"), 0)
    assert (device["faults"][0]["state"], device["faulty_values"]) == ("pending", {})


def test_processes_are_listed(ask: Callable[..., dict], command: Command) -> None:
    ask("process", "add", "--pid", 4711, "--memory", 2000, "--name", "python3", "--utilization", 80, "-i", 2)
    expected = {
        "pid": 4711,
        "type": "C",
        "name": "python3",
        "used_memory_bytes": 2000 << 20,
        "utilization": 80,
        "gpu_instance": None,
        "compute_instance": None,
    }
    assert of_gpu(ask("process", "list"), 2)["processes"] == [expected]
    assert of_gpu(ask("status"), 2)["values"]["memory.used_bytes"] == 2000 << 20
    assert "  process 4711: python3, 2000 MiB\n" in command("process", "list", "-i", 2).stdout
    done = command("process", "add", "--pid", 5, "--memory", 60000, "-i", 2)
    assert done.returncode == 1
    assert "of its memory 38442 MiB are free, process 5 needs 60000" in done.stderr
    # In tens, as other commands print it.
    assert ask("process", "remove", "--pid", "004711")["changed"] is True
    assert ask("process", "remove", "--pid", 4711)["changed"] is False


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["fail"], 2, "mock-nvml fail: expected one KIND (mock-nvml faults lists them)"),
        (["fail", "explode"], 2, 'mock-nvml fail: there is no kind "explode" (mock-nvml faults lists them)'),
        (["fail", "lost", "--count", "3"], 2, "mock-nvml fail: lost takes no --count"),
        (["fail", "init-hang", "-i", "0"], 2, "mock-nvml fail: init-hang is of the node as a whole and takes no -i"),
        (["fail", "error", "--code", "0"], 2, '--code: expected a number from 1 to 999, found "0"'),
        (["fail", "lost", "--after", "-1"], 2, '--after: expected seconds from 0.001 to 31536000, found "-1"'),
        (["fail", "lost", "--for", "nan"], 2, '--for: expected seconds from 0.001 to 31536000, found "nan"'),
        (["fail", "lost", "--probability", "2"], 2, '--probability: expected a number from 0.000001 to 1, found "2"'),
        (["fail", "nvlink-down", "--link", "36"], 2, '--link: expected a number from 0 to 35, found "36"'),
        (["fail", "ecc-correctable", "--location", "moon"], 2, '--location: expected one of device_memory, sram, l1_cache, l2_cache, register_file, texture_memory, texture_shm, cbu, found "moon"'),
        (["clear", "nothing"], 2, 'mock-nvml clear: expected one kind or all, found "nothing" (mock-nvml faults lists the kinds)'),
        (["xid"], 2, "mock-nvml xid: expected the number of an Xid error, such as 79"),
        (["xid", "0"], 2, 'mock-nvml xid: expected a number from 1 to 4294967295, found "0"'),
        (["set"], 2, "mock-nvml set: expected KEY=VALUE, such as thermal.temperature_gpu_c=85 (mock-nvml status lists the keys)"),
        (["set", "utilization.gpu=1", "--pid", "3"], 2, "mock-nvml: set has no option --pid (see mock-nvml --help)"),
        (["process", "add"], 2, "mock-nvml process: say which by --pid"),
        (["process", "add", "--pid", "4294967297"], 2, '--pid: expected a number from 1 to 4194304, found "4294967297"'),
        (["process", "add", "--pid", "18446744073709551617"], 2, '--pid: expected a number from 1 to 4194304, found "18446744073709551617"'),
        (["process", "add", "--pid", "3", "--memory", "1073741825"], 2, '--memory: expected a number from 0 to 1073741824, found "1073741825"'),
        (["process", "kill", "--pid", "3"], 2, "mock-nvml process: expected add, remove or list"),
        (["process", "remove", "--pid", "3", "--memory", "3"], 2, "mock-nvml process remove: takes no option but --pid and -i"),
        (["status", "-i", "4"], 1, '-i: there is no GPU "4" here: say an index from 0 to 3, a UUID, a PCI bus id or all'),
        (["status", "-i", ""], 2, '-i: expected a GPU, found ""'),
        (["reset", "now"], 2, 'mock-nvml reset: expected no word, found "now"'),
    ],
)  # fmt: skip
def test_errors_say_what_to_do(command: Command, argv: list[str], code: int, message: str) -> None:
    done = command(*argv)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"{message}\n")


def test_a_wrong_value_names_the_gpu_and_what_is_expected(command: Command) -> None:
    done = command("set", "thermal.temperature_gpu_c=hot", "-i", "0")
    assert done.returncode == 1
    assert done.stderr.startswith("cannot set values of GPU 0 (GPU-")
    assert 'thermal.temperature_gpu_c: expected a number from -300 to 300 degrees C, or N/A, found "hot"' in done.stderr


def test_no_page_is_told(native_build: Path, run, tmp_path: Path) -> None:
    done = run(native_build / "mock-nvml", "--root", tmp_path, "status")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"cannot find the GPUs of driver root {tmp_path}: there is no device page below {tmp_path}/lib/firmware/nvidia; "
        f"run mock-nvml --root {tmp_path} apply PROFILE first\n"
    )


def test_of_two_pages_the_configured_one_counts(native_build: Path, repo: Path, root: Path, run, ask) -> None:
    argv = ["--root", root, "apply", "--driver-version", "570.86.15", repo / PROFILES / "a100.yaml"]
    assert run(native_build / "mock-nvml", *argv).returncode == 0
    assert ask("status")["page"] == f"{root}/lib/firmware/nvidia/570.86.15/gsp_mock.bin"
    assert ask("status", "--driver-version", "550.163.01")["page"] == f"{root}/{PAGE}"


def test_a_read_only_root_is_refused_unless_nothing_changes(native_build: Path, root: Path, run) -> None:
    mock = f"{native_build}/mock-nvml --root {root}"
    script = f"mount --bind {root} {root} && mount -o remount,bind,ro {root} ; "
    done = run(
        "unshare", "--mount", "sh", "-c", script + f"{mock} fail lost; echo $?; {mock} clear >/dev/null; echo $?"
    )
    assert done.stdout == "3\n0\n"
    assert (
        f"cannot put a fault on the GPUs of device page {root}/{PAGE}: the device page is read-only here: "
        "change it on the host, as root\n"
    ) in done.stderr


def test_a_full_disk_is_survived(native_build: Path, repo: Path, run, tmp_path: Path) -> None:
    """What a change needs was written by apply; where a block is missing all the same, it fails and nothing is lost."""
    small = tmp_path / "small"
    mock = f"{native_build}/mock-nvml --root {small}"
    script = f"""
        mkdir {small} && mount -t tmpfs -o size=4m tmpfs {small}
        {mock} apply --count 4 {repo / PROFILES / "a100.yaml"} >/dev/null
        dd if=/dev/zero of={small}/fill bs=4k 2>/dev/null
        for i in 1 2 3; do {mock} fail lost >/dev/null || echo failed; {mock} clear >/dev/null || echo failed; done
        fallocate --punch-hole --offset 4096 --length 12288 {small}/{PAGE} # where the events lie
        dd if=/dev/zero of={small}/fill bs=4k 2>/dev/null
        {mock} xid 79; echo $?
        {mock} fail lost -i 0 >/dev/null; echo $?
        {mock} status --json
        rm {small}/fill
        {mock} xid 79 >/dev/null; echo $?
    """
    done = run("unshare", "--mount", "sh", "-c", script)
    failed, fault, status, later = done.stdout.splitlines()
    assert (failed, fault, later) == ("3", "0", "0"), done.stderr
    page = f"{small}/{PAGE}"
    message = f"cannot announce an Xid of the GPUs of device page {page}: No space left on device\n"
    assert done.stderr == message
    assert [len(device["faults"]) for device in json.loads(status)["devices"]] == [1, 0, 0, 0]
