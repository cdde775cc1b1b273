# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - messages stand here as whole lines, so that they can be searched
"""The control command: what it prints, what it writes, that it writes nothing twice and nothing at all when it refuses."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import building
import pytest

PROFILES = Path("charts/gpu-mock/profiles")
MINIMAL = "device_defaults: {name: A, memory: {total_bytes: 1024}}\n"
CONFIG = "config/config.yaml"
PAGE = "lib/firmware/nvidia/550.163.01/gsp_mock.bin"

Command = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def mock_nvml(native_build: Path, repo: Path, run) -> Command:
    def call(*argv: str | Path) -> CompletedProcess[str]:
        return run(native_build / "mock-nvml", *argv, cwd=repo)

    return call


def tree(root: Path) -> dict[str, tuple[int, int, int]]:
    """Every path below root with inode, size and time of change: equal trees were not touched."""
    return {
        str(path.relative_to(root)): (status.st_ino, status.st_size, status.st_mtime_ns)
        for path in sorted(root.rglob("*"))
        for status in [path.lstat()]
    }


def apply(mock_nvml: Command, root: Path, *argv: str | Path) -> dict[str, object]:
    done = mock_nvml("--root", root, "apply", "--json", *argv)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_apply_writes_and_then_changes_nothing(mock_nvml: Command, tmp_path: Path) -> None:
    first = apply(mock_nvml, tmp_path, PROFILES / "a100.yaml")
    assert (first["changed"], first["config_changed"], first["page_changed"]) == (True, True, True)
    assert first["device_count"] == 8
    before = tree(tmp_path)
    assert {CONFIG, PAGE} <= before.keys()
    assert stat.S_IMODE((tmp_path / CONFIG).stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / PAGE).stat().st_mode) == 0o644
    again = apply(mock_nvml, tmp_path, PROFILES / "a100.yaml")
    assert (again["changed"], again["config_changed"], again["page_changed"]) == (False, False, False)
    assert tree(tmp_path) == before


def test_apply_in_words(mock_nvml: Command, tmp_path: Path) -> None:
    done = mock_nvml("--root", tmp_path, "apply", PROFILES / "a100.yaml")
    assert done.stdout == f"{tmp_path}/{CONFIG}: changed\n{tmp_path}/{PAGE}: changed\n"
    done = mock_nvml("--root", tmp_path, "apply", PROFILES / "a100.yaml")
    assert done.stdout == f"{tmp_path}/{CONFIG}: unchanged\n{tmp_path}/{PAGE}: unchanged\n"


def test_dry_run_predicts_and_changes_nothing(mock_nvml: Command, tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert apply(mock_nvml, root, "--dry-run", PROFILES / "a100.yaml")["changed"] is True
    assert not root.exists()
    apply(mock_nvml, root, PROFILES / "a100.yaml")
    before = tree(root)
    assert apply(mock_nvml, root, "--dry-run", PROFILES / "a100.yaml")["changed"] is False
    assert apply(mock_nvml, root, "--dry-run", "--count", "4", PROFILES / "a100.yaml")["changed"] is True
    assert tree(root) == before


def test_another_profile_keeps_the_page_inode(mock_nvml: Command, tmp_path: Path) -> None:
    apply(mock_nvml, tmp_path, PROFILES / "a100.yaml")
    before = (tmp_path / PAGE).stat().st_ino
    assert apply(mock_nvml, tmp_path, "--count", "4", PROFILES / "gb200.yaml")["name"] == "NVIDIA GB200"
    assert (tmp_path / PAGE).stat().st_ino == before


@pytest.mark.parametrize("board", ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"])
def test_config_yaml_is_the_profile_and_its_site(mock_nvml: Command, repo: Path, tmp_path: Path, board: str) -> None:
    profile = repo / PROFILES / f"{board}.yaml"
    applied = apply(
        mock_nvml, tmp_path, "--count", "3", "--node-name", "worker-1", "--driver-version", "570.86.15", profile
    )
    config = (tmp_path / CONFIG).read_text()
    site = 'site:\n  node_name: "worker-1"\n  num_devices: 3\n  driver_version: "570.86.15"\n'
    assert config == profile.read_text() + site
    assert applied["page"] == f"{tmp_path}/lib/firmware/nvidia/570.86.15/gsp_mock.bin"
    # It stands for itself: without any option it describes the same GPUs, and applied again changes nothing.
    checked = json.loads(mock_nvml("check", "--json", tmp_path / CONFIG).stdout)
    assert checked["devices"] == applied["devices"]
    assert apply(mock_nvml, tmp_path, tmp_path / CONFIG)["changed"] is False


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        pytest.param("site: {num_devices: 2}\n" + MINIMAL, MINIMAL, id="first"),
        pytest.param(MINIMAL + "site:\n  num_devices: 2\n  node_name: x\n", MINIMAL, id="last"),
        pytest.param(
            MINIMAL + "# ours\nsite:\n  # inside\n  num_devices: 2\n\n# the version\nversion: '1.0'\n",
            MINIMAL + "# ours\n\n# the version\nversion: '1.0'\n",
            id="between, with comments",
        ),
        pytest.param(
            "# Größe ✓\n" + MINIMAL + "site: {num_devices: 2}\n", "# Größe ✓\n" + MINIMAL, id="comment not ASCII"
        ),
        pytest.param(MINIMAL.rstrip("\n"), MINIMAL, id="no newline at the end"),
    ],
)
def test_site_section_is_replaced(mock_nvml: Command, tmp_path: Path, text: str, rest: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    apply(mock_nvml, tmp_path, "--count", "5", "--node-name", "n", tmp_path / "p.yaml")
    site = 'site:\n  node_name: "n"\n  num_devices: 5\n  driver_version: "550.163.01"\n'
    assert (tmp_path / CONFIG).read_text() == rest + site


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            '{"device_defaults": {"name": "A", "memory": {"total_bytes": 1024}}, "site": {"num_devices": 2}}', id="JSON"
        ),
        pytest.param("---\n" + MINIMAL + "...\n", id="explicit end"),
        pytest.param("  device_defaults:\n    name: A\n    memory: {total_bytes: 1024}\n", id="indented"),
        pytest.param(MINIMAL.replace("\n", "\r\n") + "site: {num_devices: 2}\r\n", id="carriage returns"),
        pytest.param("\ufeff" + MINIMAL, id="byte order mark"),
        pytest.param("# a\u2028# b\n" + MINIMAL, id="line separators"),
    ],
)
def test_texts_of_other_forms(mock_nvml: Command, tmp_path: Path, text: str) -> None:
    (tmp_path / "p.yaml").write_bytes(text.encode())
    applied = apply(mock_nvml, tmp_path, "--count", "3", "--node-name", "n", tmp_path / "p.yaml")
    checked = json.loads(mock_nvml("check", "--json", tmp_path / CONFIG).stdout)
    assert checked["device_count"] == 3
    assert checked["devices"] == applied["devices"]


def test_utf16_is_yaml_too(mock_nvml: Command, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(MINIMAL.encode("utf-16"))
    assert apply(mock_nvml, tmp_path, tmp_path / "p.yaml")["name"] == "A"
    assert (tmp_path / CONFIG).read_text().isascii()


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 16, 64, 127, 128])
def test_counts(mock_nvml: Command, tmp_path: Path, count: int) -> None:
    devices = apply(mock_nvml, tmp_path, "--count", str(count), PROFILES / "a100.yaml")["devices"]
    assert len(devices) == count
    for key in ("uuid", "serial", "pci_bus_id", "minor"):
        assert len({device[key] for device in devices}) == count
    assert [device["minor"] for device in devices] == list(range(count))


def test_identities_follow_the_node(mock_nvml: Command) -> None:
    def identities(node: str) -> list[tuple[str, str, str]]:
        said = json.loads(mock_nvml("check", "--json", "--node-name", node, PROFILES / "a100.yaml").stdout)
        return [(device["uuid"], device["serial"], device["pci_bus_id"]) for device in said["devices"]]

    one, two = identities("node-1"), identities("node-2")
    assert identities("node-1") == one
    for mine, other in zip(zip(*one, strict=True), zip(*two, strict=True), strict=True):
        assert not set(mine) & set(other)


def test_another_pci_domain_stays_in_the_file(mock_nvml: Command, tmp_path: Path) -> None:
    derived = apply(mock_nvml, tmp_path, "--count", "9", "--node-name", "n", PROFILES / "a100.yaml")
    applied = apply(
        mock_nvml, tmp_path, "--count", "9", "--node-name", "n", "--pci-domain", "0x2fff", PROFILES / "a100.yaml"
    )
    assert applied["changed"] is True
    domains = [device["pci_bus_id"].split(":")[0] for device in applied["devices"]]
    assert domains == ["00002FFF"] * 8 + ["00003000"]
    # Nothing else of the GPUs follows from where they lie.
    assert [device["uuid"] for device in applied["devices"]] == [device["uuid"] for device in derived["devices"]]
    assert (tmp_path / CONFIG).read_text().endswith('  driver_version: "550.163.01"\n  pci_domain: 0x2fff\n')
    assert apply(mock_nvml, tmp_path, tmp_path / CONFIG)["changed"] is False
    apply(mock_nvml, tmp_path, "--count", "9", "--node-name", "n", PROFILES / "a100.yaml")
    assert "pci_domain" not in (tmp_path / CONFIG).read_text()


def test_an_address_with_a_domain_is_taken_as_it_is(mock_nvml: Command, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(MINIMAL + "devices: [{index: 0, pci: {bus_id: '0000:07:00.0'}}, {index: 1}]\n")
    devices = apply(mock_nvml, tmp_path, "--pci-domain=4096", "--count", "2", tmp_path / "p.yaml")["devices"]
    assert [device["pci_bus_id"] for device in devices] == ["00000000:07:00.0", "00001000:20:00.0"]


def test_the_answer_says_what_the_pci_function_is(mock_nvml: Command) -> None:
    device = json.loads(mock_nvml("check", "--json", PROFILES / "a100.yaml").stdout)["devices"][0]
    ids = {key: device[key] for key in ("pci_device_id", "pci_subsystem_id", "pci_class")}
    assert ids == {"pci_device_id": 0x20B010DE, "pci_subsystem_id": 0x134F10DE, "pci_class": 0x030200}
    assert (device["pcie_link_gen"], device["pcie_link_width"]) == (4, 16)


def test_default_node_name_is_the_host_in_lower_case(mock_nvml: Command) -> None:
    said = json.loads(mock_nvml("check", "--json", PROFILES / "a100.yaml").stdout)
    assert said["node_name"] == socket.gethostname().split(".")[0].lower()


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["apply", "--count", "0", "F"], '--count: expected a number from 1 to 128, found "0"'),
        (["apply", "--count", "129", "F"], '--count: expected a number from 1 to 128, found "129"'),
        (["apply", "--count=x", "F"], '--count: expected a number from 1 to 128, found "x"'),
        (["apply", "--count=", "F"], '--count: expected a number from 1 to 128, found ""'),
        (
            ["apply", "--driver-version", "../../etc", "F"],
            '--driver-version: expected a version such as 550.163.01, found "../../etc"',
        ),
        (
            ["apply", "--node-name", 'a"b', "F"],
            "--node-name: expected letters, digits, '.', '-' and '_', found \"\"b\"",
        ),
        (["--root", "", "apply", "F"], '--root: expected a folder (the host\'s own root is /), found ""'),
        (["apply", "--node-name", "", "F"], '--node-name: expected 1 to 253 characters, found ""'),
        (
            ["apply", "--frobnicate", "F"],
            "mock-nvml: unknown option or missing value: --frobnicate (see mock-nvml --help)",
        ),
        (["apply", "--pci-domain", "0", "F"], '--pci-domain: expected a number from 0x1 to 0xffff, found "0"'),
        (["apply", "--pci-domain=0x10000", "F"], '--pci-domain: expected a number from 0x1 to 0xffff, found "0x10000"'),
        (["apply", "--pci-domain=-1", "F"], '--pci-domain: expected a number from 0x1 to 0xffff, found "-1"'),
        (["apply", "--pci-domain=1x", "F"], '--pci-domain: expected a number from 0x1 to 0xffff, found "1x"'),
        (["apply", "F", "--count"], "mock-nvml: unknown option or missing value: --count (see mock-nvml --help)"),
        (["apply", "--json", "--full", "F"], "--full: expected with check --json, found without"),
        (["check", "--full", "F"], "--full: expected with check --json, found without"),
        (["apply", "F", "G"], 'mock-nvml: expected one FILE, found also "G"'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_errors(mock_nvml: Command, tmp_path: Path, argv: list[str], line: str) -> None:
    done = mock_nvml("--root", tmp_path / "root", *argv)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line + "\n")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("argv", [[], ["check"], ["frobnicate", "F"]], ids=["nothing", "no file", "no command"])
def test_usage_is_told(mock_nvml: Command, argv: list[str]) -> None:
    done = mock_nvml(*argv)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: mock-nvml check [--json [--full]]")
    assert mock_nvml("--help").stdout == done.stderr


def test_version(mock_nvml: Command) -> None:
    assert mock_nvml("--version").stdout == "mock-nvml 550.163.01, page format 4\n"


def test_invalid_file_changes_nothing(mock_nvml: Command, tmp_path: Path) -> None:
    root = tmp_path / "root"
    apply(mock_nvml, root, PROFILES / "a100.yaml")
    before = tree(root)
    (tmp_path / "p.yaml").write_text(MINIMAL + "quux: 1\n")
    done = mock_nvml("--root", root, "apply", "--json", tmp_path / "p.yaml")
    line = f'{tmp_path}/p.yaml:2: quux: expected a known key (docs/profiles.md lists them), found "quux"'
    assert (done.returncode, done.stderr) == (1, line + "\n")
    assert json.loads(done.stdout) == {"valid": False, "error": line}
    assert tree(root) == before


def test_missing_file_is_a_system_error(mock_nvml: Command, tmp_path: Path) -> None:
    done = mock_nvml("--root", tmp_path / "root", "apply", "/no/such/file")
    assert (done.returncode, done.stderr) == (3, "cannot read profile /no/such/file: No such file or directory\n")
    assert not (tmp_path / "root").exists()


def test_root_that_is_a_file(mock_nvml: Command, tmp_path: Path) -> None:
    (tmp_path / "root").write_text("")
    done = mock_nvml("--root", tmp_path / "root", "apply", PROFILES / "a100.yaml")
    assert (done.returncode, done.stderr) == (
        3,
        f"cannot make the folders of driver root {tmp_path}/root: Not a directory\n",
    )


def test_answer_that_cannot_be_written(native_build: Path, repo: Path, run) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(native_build / "mock-nvml", "check", "--json", PROFILES / "a100.yaml", cwd=repo, stdout=full)
    assert (done.returncode, done.stderr) == (3, "cannot write the answer: No space left on device\n")


def test_notes_name_what_has_no_effect(mock_nvml: Command, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(MINIMAL + "infiniband: {enabled: true}\n")
    done = mock_nvml("check", "--count", "1", tmp_path / "p.yaml")
    assert done.returncode == 0
    assert done.stdout == f"{tmp_path}/p.yaml: valid: 1 x A, driver 550.163.01\n"
    assert done.stderr == f"note: {tmp_path}/p.yaml:2: infiniband: has no effect on what NVML answers\n"


def test_install_lays_out_a_driver_root(tmp_path: Path) -> None:
    building.make_native("install", f"DESTDIR={tmp_path}")
    library = tmp_path / "usr/lib64/libnvidia-ml.so.1"
    assert str(library.readlink()) == "libnvidia-ml.so.550.163.01"
    assert str((tmp_path / "usr/lib64/libcuda.so.1").readlink()) == "libcuda.so.550.163.01"
    for name in ("mock-nvml", "nvidia-smi"):
        assert os.access(tmp_path / "usr/bin" / name, os.X_OK)
