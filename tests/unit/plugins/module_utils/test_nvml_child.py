# SPDX-License-Identifier: GPL-3.0-or-later
"""The child process: whatever a library does to it, the parent has a sentence to say."""

from __future__ import annotations

import os
import sys
import time
import types
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _nvml_child as nvml_child
from ansible_collections.mirage.accel.plugins.module_utils._errors import LibraryError

BuildLibrary = Callable[..., Path]


def failure(library: Path | str, timeout: float = 20, **env: str | None) -> str:
    with pytest.raises(LibraryError) as caught:
        nvml_child.read(str(library), timeout, env)
    return str(caught.value)


def test_an_answer(fake_nvml: BuildLibrary) -> None:
    answer = nvml_child.read(str(fake_nvml()), 20, {})
    assert answer["driver_version"] == "550.163.01"
    assert len(answer["gpus"]) == 3


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("crash", r"the process was killed by signal 11 (SIGSEGV); the library crashes"),
        ("abort", r"the process was killed by signal 6 (SIGABRT)"),
        ("exit", r"the process ended with exit status 7 and without an answer; check the library"),
    ],
)
def test_a_library_that_ends_the_process(fake_nvml: BuildLibrary, mode: str, message: str) -> None:
    library = fake_nvml()
    assert failure(library, FAKE_NVML=mode).startswith(f"Error while reading the NVML library {library}: {message}")


def test_a_library_that_hangs(fake_nvml: BuildLibrary) -> None:
    library = fake_nvml()
    started = time.monotonic()
    assert failure(library, timeout=0.8, FAKE_NVML="hang") == (
        f"Error while reading the NVML library {library}: no answer within 0.8 s, so the process was killed;"
        " see the kernel's log for a hanging driver, or set timeout higher"
    )
    assert time.monotonic() - started < 15


def test_a_library_that_hangs_while_it_is_loaded(fake_nvml: BuildLibrary) -> None:
    assert "no answer within 0.8 s" in failure(fake_nvml("CONSTRUCTOR_HANGS"), timeout=0.8)


def test_what_a_hanging_library_has_started_ends_with_it(fake_nvml: BuildLibrary, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    failure(fake_nvml(), timeout=5, FAKE_NVML="hang-with-child", FAKE_NVML_PID=str(pid_file))
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_library_that_does_not_start_and_says_why(fake_nvml: BuildLibrary) -> None:
    library = fake_nvml()
    assert failure(library, FAKE_NVML="init-fails") == (
        f"Error while starting the NVML library {library}: nvmlInit_v2: Unknown Error (999);"
        " see that the driver is loaded and fits the library (it printed: profile.yaml:3: devices: expected a list)"
    )


def test_a_library_that_prints_does_not_spoil_the_answer(fake_nvml: BuildLibrary) -> None:
    assert nvml_child.read(str(fake_nvml()), 20, {"FAKE_NVML": "noisy"})["nvml_version"] == "12.550.163.01"


def test_a_library_that_is_not_there() -> None:
    assert failure("/nowhere/libnvidia-ml.so.1") == (
        "Error while loading the NVML library /nowhere/libnvidia-ml.so.1: cannot open shared object file:"
        " No such file or directory; set library to the file, for example .../usr/lib64/libnvidia-ml.so.1"
    )


def test_a_name_that_the_loader_does_not_find() -> None:
    message = failure("libnvidia-no-such-thing.so.1")
    assert "libnvidia-no-such-thing.so.1: cannot open shared object file: No such file or directory;" in message
    assert "find_library" not in message


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    text = tmp_path / "libnvidia-ml.so.1"
    text.write_text("not a library, but long enough for the loader to look at its head" * 9)
    assert f"Error while loading the NVML library {text}: invalid ELF header;" in failure(text)


def test_a_library_that_is_not_nvml() -> None:
    assert failure("libm.so.6").startswith(
        "Error while starting the NVML library libm.so.6: it has no symbol nvmlInit_v2, so it is no NVML library;"
    )


def test_variables_are_set_and_taken_away(fake_nvml: BuildLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_NVML", "none")
    assert nvml_child.read(str(fake_nvml()), 20, {})["gpus"] == []
    assert len(nvml_child.read(str(fake_nvml()), 20, {"FAKE_NVML": None})["gpus"]) == 3
    assert os.environ["FAKE_NVML"] == "none"


def test_the_library_path_counts_for_the_child(fake_nvml: BuildLibrary) -> None:
    library = fake_nvml()
    assert nvml_child.read(library.name, 20, {"LD_LIBRARY_PATH": str(library.parent)})["gpus"]


def test_the_modules_need_nothing_but_what_is_sent(fake_nvml: BuildLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Ansible's zip file: the child can import cffi and the standard library, and no collection."""
    script = "import sys; sys.modules['ansible'] = None; "
    monkeypatch.setattr(nvml_child, "BOOTSTRAP", script + nvml_child.BOOTSTRAP.lstrip())
    assert nvml_child.read(str(fake_nvml()), 20, {"PYTHONPATH": None})["gpus"]


def test_a_child_without_cffi(fake_nvml: BuildLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        nvml_child, "BOOTSTRAP", "import sys; sys.modules['cffi'] = None; " + nvml_child.BOOTSTRAP.lstrip()
    )
    assert "Python library cffi (>= 1.12) is missing" in failure(fake_nvml())


def test_a_fault_of_our_own_shows_its_last_words(fake_nvml: BuildLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml_child, "BOOTSTRAP", "raise RuntimeError('x' * 1000 + ' the end')")
    message = failure(fake_nvml())
    assert "the process ended with exit status 1 and without an answer (it printed: ... x" in message
    assert f"xx the end); check the library, and the Python interpreter {sys.executable}" in message
    assert len(message) < 900


def test_a_process_that_cannot_be_killed_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs in the kernel: waiting for its end must itself end."""
    monkeypatch.setattr(nvml_child, "KILL_WAIT", 0.1)
    monkeypatch.setattr(nvml_child.os, "killpg", lambda *_: None)
    stuck = nvml_child.subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        started = time.monotonic()
        assert nvml_child._wait(stuck, 0.1) is False
        assert time.monotonic() - started < 15
    finally:
        stuck.kill()
        stuck.wait()


def test_everything_that_the_reader_imports_is_sent() -> None:
    """Each module of ours that a sent module holds is itself among the sent ones."""
    prefix = "ansible_collections.mirage.accel."
    sent = {module.__name__ for module in nvml_child.SOURCES}
    for module in nvml_child.SOURCES:
        origins: set[t.Any] = {getattr(value, "__module__", None) for value in vars(module).values()}
        origins |= {value.__name__ for value in vars(module).values() if isinstance(value, types.ModuleType)}
        assert {name for name in origins if name and name.startswith(prefix)} <= sent


def test_signals_without_a_name() -> None:
    assert nvml_child._signal(9) == "signal 9 (SIGKILL)"
    assert nvml_child._signal(40) == "signal 40"
