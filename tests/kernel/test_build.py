# SPDX-License-Identifier: GPL-3.0-or-later
"""What needs no kernel that runs: the portable half under sanitizers, and the build."""

from __future__ import annotations

import subprocess
from pathlib import Path

import debian_kernel
import module_build
import pytest
import source_checks

# What checkpatch finds and is meant so.
IGNORED = {
    "LINUX_VERSION_CODE": "the module is built for several kernels",
    "CONSTANT_COMPARISON": "said of the same lines, whose constant is on the right",
    "MACRO_WITH_FLOW_CONTROL": "macros named REFUSE return, and what they do is in their name",
    "STATIC_CONST_CHAR_ARRAY": "the environment of an uevent is no constant",
    "BLOCK_COMMENT_STYLE": "comments end on their last line everywhere in native/",
}


def test_c_tests_under_sanitizers(repo: Path, run) -> None:
    folder = repo / "native/mock_accel"
    done = run("make", "-C", folder, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = {line.split()[1].rpartition("/")[2] for line in done.stdout.splitlines() if line.startswith("ok ")}
    assert passed == {path.stem for path in folder.glob("tests/test_*.c")}


@pytest.mark.kernels(*debian_kernel.NAMES)
def test_module_builds_without_a_warning(module: Path, kernel: debian_kernel.DebianKernel) -> None:
    assert module.read_bytes().find(f"vermagic={kernel.release} ".encode()) > 0


@pytest.mark.kernels(*debian_kernel.NAMES)
def test_sparse_finds_nothing(kernel: debian_kernel.DebianKernel, tmp_path: Path) -> None:
    """Wrong address spaces, byte orders and unbalanced locks; what it says of the kernel's own headers is not ours."""
    done = module_build.build(kernel, tmp_path, *source_checks.sparse(kernel))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("  CHECK  ") == len(list(module_build.SOURCES.glob("mock_accel*.c")))
    found = [line for line in done.stderr.splitlines() if "mock_accel" in line]
    assert found == []


def test_sparse_would_find_something(kernel: debian_kernel.DebianKernel, tmp_path: Path) -> None:
    """A pointer of user space that is read as if it were the kernel's."""
    module_build.build(kernel, tmp_path)
    source = tmp_path / "module/mock_accel_config.c"
    source.write_text(f"{source.read_text()}\nint broken(int __user *p);\nint broken(int __user *p) {{ return *p; }}\n")
    done = module_build.build(kernel, tmp_path, *source_checks.sparse(kernel))
    assert "dereference of noderef expression" in done.stderr


def check_style(kernel: debian_kernel.DebianKernel, *sources: Path) -> list[str]:
    # The limit is that of .clang-format, where a string is never broken.
    argv = ["perl", source_checks.checkpatch(kernel), "--no-tree", "--terse", "--show-types", "--max-line-length=100"]
    argv += ["--ignore", ",".join(IGNORED), "--file", *sources]
    done = subprocess.run(argv, cwd=module_build.SOURCES, capture_output=True, text=True, check=False)
    # It says nothing at all, without the summary, where there is nothing to say.
    assert done.stderr == "" and done.returncode == (1 if done.stdout else 0)
    return [line for line in done.stdout.splitlines() if "total: " not in line]


def test_style_of_the_kernel(kernel: debian_kernel.DebianKernel, tmp_path: Path) -> None:
    """The kernel's own script finds no error and nothing to warn of, but for what IGNORED gives a reason for."""
    sources = sorted(module_build.SOURCES.glob("mock_accel*.[ch]"))
    assert sources
    assert check_style(kernel, *sources) == []
    broken = tmp_path / "mock_accel_text.c"
    broken.write_text((module_build.SOURCES / broken.name).read_text().replace("u32 base = 10;", "u32 base=10 ;"))
    assert check_style(kernel, broken) != []


def test_without_headers_the_build_says_what_to_install(repo: Path, run, tmp_path: Path) -> None:
    arguments = ("-C", repo / "native/mock_accel", f"KDIR={tmp_path}", f"BUILD={tmp_path}/build")
    done = run("make", *arguments, "modules")
    assert done.returncode == 2
    assert f"{tmp_path} holds no kernel headers: install the headers of the kernel" in done.stderr
    done = run("make", *arguments, "all")
    assert done.returncode == 0, done.stderr
    assert f"no kernel headers in {tmp_path}, so no module is built" in done.stdout


def test_sources_are_installed_where_dkms_looks(repo: Path, run, tmp_path: Path) -> None:
    folder = repo / "native/mock_accel"
    done = run("make", "-C", folder, "install", f"DESTDIR={tmp_path}")
    assert done.returncode == 0, done.stderr
    installed = {path.name for path in (tmp_path / "usr/src/mock-accel-0.1.0").iterdir()}
    assert installed == {path.name for path in folder.glob("mock_accel*.[ch]")} | {"Kbuild", "dkms.conf"}


def test_firmware_file_names_its_origin(repo: Path, run, cache: Path, tmp_path: Path) -> None:
    """The EFF list comes from the Debian package diceware; its licence asks that it be named."""
    from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

    package = _deb_unpack.unpack("diceware", suite="bookworm", cache_dir=cache).path
    source = package / "usr/lib/python3/dist-packages/diceware/wordlists/wordlist_en_eff.txt"
    folder = repo / "native/mock_accel"
    done = run("make", "-C", folder, "wordlist", f"WORDLIST_SOURCE={source}", f"BUILD={tmp_path}")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "mock-accel-wordlist").read_text().splitlines()
    words = [line for line in lines if not line.startswith("#")]
    assert len(words) == 7776
    assert words[0] == "abacus" and words[-1] == "zoom"
    assert "CC-BY 3.0" in " ".join(line for line in lines if line.startswith("#"))
