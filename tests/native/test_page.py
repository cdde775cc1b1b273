# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - messages and commands stand here as whole lines, so that they can be searched
"""The device page as processes meet it: where the library looks, what it refuses, which GPUs a process sees.

Each case has a mount namespace of its own, so that /dev and the default driver root can be what the case needs.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from driver_root import apply, place_libraries

PROFILES = Path("charts/gpu-mock/profiles")
PAGE = "lib/firmware/nvidia/550.163.01/gsp_mock.bin"
DEFAULT_ROOT = Path("/var/lib/nvidia-mock/driver")

# A client of its own, so that neither nvidia-smi nor a binding stands between the library and what it says.
CLIENT = """
import ctypes, sys
nvml = ctypes.CDLL(sys.argv[1])
result = nvml.nvmlInit_v2()
if result:
    sys.exit(f"nvmlInit_v2: {result}")
count = ctypes.c_uint()
assert nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0
for index in range(count.value):
    device, name, minor = ctypes.c_void_p(), ctypes.create_string_buffer(96), ctypes.c_uint()
    assert nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)) == 0
    assert nvml.nvmlDeviceGetName(device, name, 96) == 0
    assert nvml.nvmlDeviceGetMinorNumber(device, ctypes.byref(minor)) == 0
    print(minor.value, name.value.decode())
"""

Root = Callable[..., Path]
Client = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def root(native_build: Path, repo: Path, run, tmp_path: Path) -> Root:
    """Make a driver root with the library in it and, unless board is None, a profile in force."""

    def make(name: str = "root", board: str | None = "a100", count: int = 4) -> Path:
        path = tmp_path / name
        place_libraries(path, native_build)
        if board:
            apply(path, native_build, run, repo / PROFILES / f"{board}.yaml", "--count", str(count))
        return path

    return make


@pytest.fixture
def client(run, tmp_path: Path) -> Client:
    """Run the client on a library in a namespace with an empty default driver root and no GPU nodes, after some setup."""
    script = tmp_path / "client.py"
    script.write_text(CLIENT)
    default = shlex.quote(str(DEFAULT_ROOT))

    def call(library: Path, setup: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        command = (
            f"mount -t tmpfs tmpfs /var/lib && mkdir -p {default} && mount -t tmpfs tmpfs /dev && "
            f"mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9\n"
            f"set -e\n{setup}\nexec python3 {shlex.quote(str(script))} {shlex.quote(str(library))}\n"
        )
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MOCK_NVML")}
        return run("unshare", "--mount", "sh", "-c", command, env={**kept, **environment})

    return call


def gpus(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def library(root: Path) -> Path:
    return root / "usr/lib64/libnvidia-ml.so.1"


A100 = "NVIDIA A100-SXM4-40GB"
GB200 = "NVIDIA GB200"


# --- where the library looks ---


def test_page_beside_the_library(root: Root, client: Client) -> None:
    assert gpus(client(library(root()))) == [f"{i} {A100}" for i in range(4)]


def test_page_beside_a_library_that_a_link_leads_to(root: Root, client: Client, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(library(root()))
    assert gpus(client(tmp_path / "elsewhere")) == [f"{i} {A100}" for i in range(4)]


@pytest.mark.parametrize("linked", [True, False], ids=["soname", "file"])
def test_page_beside_a_library_of_another_version(
    root: Root, client: Client, native_build: Path, repo: Path, run, linked: bool
) -> None:
    """A site's driver version renames the library that was built for 550.163.01; the page lies under the same version."""
    other, version = root(board=None), "570.124.06"
    (other / "usr/lib64/libnvidia-ml.so.550.163.01").rename(other / f"usr/lib64/libnvidia-ml.so.{version}")
    library(other).unlink()
    library(other).symlink_to(f"libnvidia-ml.so.{version}")
    profile = repo / PROFILES / "a100.yaml"
    apply = ["--root", other, "apply", "--count", "2", "--driver-version", version, profile]
    assert run(native_build / "mock-nvml", *apply).returncode == 0
    assert (other / PAGE.replace("550.163.01", version)).is_file()
    loaded = library(other) if linked else library(other).resolve()
    assert gpus(client(loaded)) == [f"{i} {A100}" for i in range(2)]
    smi = run(native_build / "nvidia-smi", "-L", env={**os.environ, "LD_LIBRARY_PATH": str(other / "usr/lib64")})
    assert (smi.returncode, smi.stdout.count(f"{A100} (UUID: GPU-"), smi.stderr) == (0, 2, "")
    query = ["--query-gpu=driver_version", "--format=csv,noheader"]
    smi = run(native_build / "nvidia-smi", *query, env={**os.environ, "LD_LIBRARY_PATH": str(other / "usr/lib64")})
    assert smi.stdout.split() == [version, version]


def test_page_in_a_default_root_of_another_version(
    root: Root, client: Client, native_build: Path, repo: Path, run, tmp_path: Path
) -> None:
    """No page lies beside the library here, so the default driver root's serves: the one of the library's version."""
    version = "570.124.06"
    alone = tmp_path / f"x/y/z/libnvidia-ml.so.{version}"
    alone.parent.mkdir(parents=True)
    shutil.copy(native_build / "libnvidia-ml.so.550.163.01", alone)
    filled = root(board="gb200", count=3)
    profile = repo / PROFILES / "a100.yaml"
    apply = ["--root", filled, "apply", "--count", "1", "--driver-version", version, profile]
    assert run(native_build / "mock-nvml", *apply).returncode == 0
    (filled / PAGE).parent.mkdir(parents=True, exist_ok=True)
    setup = f"cp -r {filled}/. {DEFAULT_ROOT}"
    assert gpus(client(alone, setup)) == [f"0 {A100}"]
    missing = client(alone)
    assert (missing.returncode, f"/lib/firmware/nvidia/{version}/gsp_mock.bin" in missing.stderr) == (1, True)


def test_page_in_a_container(root: Root, client: Client, native_build: Path, tmp_path: Path) -> None:
    """CDI mounts the library and the firmware file, each at its place, and nothing else of ours."""
    alone = tmp_path / "x/y/z/libnvidia-ml.so.1"
    alone.parent.mkdir(parents=True)
    shutil.copy(native_build / "libnvidia-ml.so.550.163.01", alone)
    page = root() / PAGE
    layers = tmp_path / "layers"
    # Laid over /usr/lib, as the host may have no /lib/firmware to mount on and must not get one.
    setup = (
        f"mkdir {layers}; mount -t tmpfs tmpfs {layers}; mkdir {layers}/upper {layers}/work; lib=$(readlink -f /lib)\n"
        f"mount -t overlay -o lowerdir=$lib,upperdir={layers}/upper,workdir={layers}/work overlay $lib\n"
        f"mkdir -p /{Path(PAGE).parent}; touch /{PAGE}; mount --bind -o ro {page} /{PAGE}"
    )
    assert gpus(client(alone, setup)) == [f"{i} {A100}" for i in range(4)]


def test_page_of_the_default_root(root: Root, client: Client) -> None:
    bare, full = root("bare", None), root("full", "gb200", 2)
    setup = f"cp -r {full}/. {DEFAULT_ROOT}/"
    assert gpus(client(library(bare), setup)) == [f"{i} {GB200}" for i in range(2)]


def test_config_of_the_default_root(root: Root, client: Client) -> None:
    bare, full = root("bare", None), root("full", "gb200", 2)
    setup = f"cp -r {full}/. {DEFAULT_ROOT}/; rm {DEFAULT_ROOT}/{PAGE}"
    assert gpus(client(library(bare), setup)) == [f"{i} {GB200}" for i in range(2)]


def test_order_of_the_search(root: Root, client: Client, repo: Path) -> None:
    """The variable beats the page beside the library, and that the default root."""
    beside, default = root("beside", "a100", 1), root("default", "gb200", 2)
    setup = f"cp -r {default}/. {DEFAULT_ROOT}/"
    assert gpus(client(library(beside), setup)) == [f"0 {A100}"]
    done = client(library(beside), setup, MOCK_NVML_CONFIG=str(repo / PROFILES / "gb200.yaml"))
    assert gpus(done) == [f"{i} {GB200}" for i in range(4)]


def test_nothing_anywhere(root: Root, client: Client) -> None:
    done = client(library(root("bare", None)))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "mock-nvml: no mock GPUs here: there is no device page beside the library, in "
        "/lib/firmware/nvidia/550.163.01/gsp_mock.bin or in /var/lib/nvidia-mock/driver, and MOCK_NVML_CONFIG is not "
        "set; run mock-nvml apply PROFILE",
        "nvmlInit_v2: 9",
    ]


def test_debug_tells_what_was_taken(root: Root, client: Client) -> None:
    path = root()
    done = client(library(path), MOCK_NVML_LOG="debug")
    assert f"mock-nvml: debug: {path}/{PAGE}: 4 of 4 GPUs visible" in done.stderr.splitlines()


# --- what the library refuses: the search stops, as another page would show other GPUs ---


def overwrite(page: Path, offset: int, data: bytes) -> None:
    with page.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda page: os.truncate(page, 1 << 20), "it is truncated: run mock-nvml apply again"),
        (lambda page: os.truncate(page, 0), "it is not a device page"),
        (lambda page: overwrite(page, 0, b"FIRMWARE"), "it is not a device page"),
        (
            lambda page: overwrite(page, 8, (1000).to_bytes(4, "little")),
            "its format is newer than this library: use the library that came with it",
        ),
        (
            lambda page: overwrite(page, 8, (1).to_bytes(4, "little")),
            "its format is older than this library: run mock-nvml apply again",
        ),
        (
            lambda page: overwrite(page, page.read_bytes().index(b"A100"), b"H100"),
            "its checksum is wrong: run mock-nvml apply again",
        ),
    ],
    ids=["truncated", "empty", "foreign", "future", "past", "damaged"],
)
def test_page_that_cannot_be_used(root: Root, client: Client, damage: Callable[[Path], None], reason: str) -> None:
    path, other = root(), root("default", "gb200", 2)
    damage(path / PAGE)
    done = client(library(path), f"cp -r {other}/. {DEFAULT_ROOT}/")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"mock-nvml: cannot use device page {path}/{PAGE}: {reason}",
        "nvmlInit_v2: 999",
    ]


def test_profile_that_cannot_be_used(root: Root, client: Client, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("device_defaults: {name: A}\n")
    done = client(library(root()), MOCK_NVML_CONFIG=str(tmp_path / "p.yaml"))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"mock-nvml: {tmp_path}/p.yaml:1: device_defaults.memory.total_bytes: expected the memory of the GPU, found nothing",
        "nvmlInit_v2: 999",
    ]


# --- which GPUs a process sees ---


@pytest.mark.parametrize(
    ("nodes", "seen"),
    [
        ("", [0, 1, 2, 3]),
        ("mknod /dev/nvidiactl c 195 255", [0, 1, 2, 3]),
        ("mknod /dev/nvidia0 c 1 3; touch /dev/nvidia1", [0, 1, 2, 3]),
        ("mknod /dev/nvidia3 c 195 3; mknod /dev/nvidia1 c 195 1; mknod /dev/nvidiactl c 195 255", [1, 3]),
        ("; ".join(f"mknod /dev/nvidia{i} c 195 {i}" for i in range(4)), [0, 1, 2, 3]),
    ],
    ids=["no node", "control node only", "nodes of others", "two of four", "all"],
)
def test_visible_by_nodes(root: Root, client: Client, nodes: str, seen: list[int]) -> None:
    assert gpus(client(library(root()), nodes)) == [f"{i} {A100}" for i in seen]


def test_private_config_has_no_filter(root: Root, client: Client, repo: Path) -> None:
    done = client(library(root()), "mknod /dev/nvidia3 c 195 3", MOCK_NVML_CONFIG=str(repo / PROFILES / "gb200.yaml"))
    assert gpus(done) == [f"{i} {GB200}" for i in range(4)]


def test_config_of_the_default_root_is_filtered(root: Root, client: Client) -> None:
    bare, full = root("bare", None), root("full", "gb200", 2)
    setup = f"cp -r {full}/. {DEFAULT_ROOT}/; rm {DEFAULT_ROOT}/{PAGE}; mknod /dev/nvidia1 c 195 1"
    assert gpus(client(library(bare), setup)) == [f"1 {GB200}"]


# --- writing where it is hard ---


def test_full_disk_changes_nothing(native_build: Path, repo: Path, run, tmp_path: Path) -> None:
    """A file system with room for 8 GPUs, not for 128: the error says so and the page goes on as it was."""
    mock = f"{native_build}/mock-nvml --root {tmp_path}/small"
    profile = repo / PROFILES / "a100.yaml"
    command = (
        f"mkdir {tmp_path}/small && mount -t tmpfs -o size=1m tmpfs {tmp_path}/small && {mock} apply {profile} >&2 && "
        f"! {mock} apply --count 128 {profile} && {mock} apply {profile} && ls -A {tmp_path}/small/config"
    )
    done = run("unshare", "--mount", "sh", "-c", command)
    assert done.returncode == 0, done.stderr
    page = f"{tmp_path}/small/{PAGE}"
    assert done.stderr.splitlines()[-1] == f"cannot write device page {page}: No space left on device"
    assert done.stdout.splitlines() == [
        f"{tmp_path}/small/config/config.yaml: unchanged",
        f"{page}: unchanged",
        "config.yaml",
    ]


def test_read_only_root(native_build: Path, repo: Path, run, root: Root) -> None:
    """What is in force already needs no writing; anything else cannot be written, and is said to be so."""
    path = root(count=4)
    profile = repo / PROFILES / "a100.yaml"
    mock = f"{native_build}/mock-nvml --root {path} apply"
    command = f"mount --bind {path} {path} && mount -o remount,ro,bind {path} && {mock} --count 4 {profile} && {mock} --count 5 {profile}"
    done = run("unshare", "--mount", "sh", "-c", command)
    assert done.returncode == 3
    assert done.stdout.splitlines() == [f"{path}/config/config.yaml: unchanged", f"{path}/{PAGE}: unchanged"]
    assert done.stderr == f"cannot write {path}/config/config.yaml: Read-only file system\n"


def test_readers_while_profiles_change(native_build: Path, repo: Path, run, root: Root, client: Client) -> None:
    """Every answer meanwhile is of the one profile or the other, whole; a listing asks several times, so it may see both."""
    path = root(count=4)
    script = (
        f"for i in $(seq 20); do for board in gb200 a100; do {native_build}/mock-nvml --root {path} apply --count 4 "
        f"{repo / PROFILES}/$board.yaml >/dev/null || exit 1; done; done"
    )
    with subprocess.Popen(["sh", "-c", script]) as writer:
        seen: set[str] = set()
        while writer.poll() is None:
            names = {line.split(" ", 1)[1] for line in gpus(client(library(path)))}
            assert names <= {A100, GB200}
            seen |= names
            time.sleep(0.01)
        assert writer.returncode == 0
    assert seen == {A100, GB200}
