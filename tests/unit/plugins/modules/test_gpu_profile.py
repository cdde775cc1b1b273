# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's face: options, answer, file, failures."""

from __future__ import annotations

import shutil
import stat
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.module_utils import _cffi_dep
from ansible_collections.mirage.accel.plugins.modules import gpu_profile

RunModule = Callable[..., dict[str, t.Any]]
BuildLibrary = Callable[..., Path]

CAPTURES = Path(__file__).parents[4] / "tests/native/fixtures/nvidia-smi-q-x"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A copy of a real document, to be changed."""
    path = tmp_path / "gb200.xml"
    path.write_bytes((CAPTURES / "gb200.xml").read_bytes())
    return path


def warm_up(document: Path) -> None:
    text = document.read_text()
    assert "<gpu_temp>27 C</gpu_temp>" in text
    document.write_text(text.replace("<gpu_temp>27 C</gpu_temp>", "<gpu_temp>41 C</gpu_temp>"))


def test_a_library(run_module: RunModule, fake_nvml: BuildLibrary) -> None:
    """One that has few functions: what it does not know is not told, and what it refuses is a note."""
    answer = run_module(gpu_profile, library=str(fake_nvml()), gpus=[0])
    assert (answer["rc"], answer["failed"], answer["changed"]) == (0, False, False)
    defaults = answer["profile"]["device_defaults"]
    assert defaults["name"] == "NVIDIA Full"
    assert defaults["compute_capability"] == {"major": 8, "minor": 6}
    assert defaults["memory"] == {"total_bytes": 1000, "reserved_bytes": 50, "used_bytes": 300}
    assert defaults["compute_mode"] == "exclusive_process"
    assert {"num_gpu_cores", "mig.max_gpu_instances"} <= set(answer["untold"])
    assert defaults["mig"]["max_gpu_instances"] == 1
    refused = "power.requested_limit_mw of GPU 0 is left out: nvmlDeviceGetPowerManagementLimit: Insufficient"
    assert [note for note in answer["notes"] if note.startswith(refused)]
    assert "dest" not in answer


def test_every_answer_is_documented(run_module: RunModule, document: Path, tmp_path: Path) -> None:
    answer = run_module(gpu_profile, src=str(document), dest=str(tmp_path / "made.yaml"))
    documented = set(yaml.safe_load(gpu_profile.RETURN))
    ansible_adds = {"uid", "gid", "owner", "group", "mode", "state", "size"}
    assert set(answer) - {"rc", "failed", "changed", "invocation", "diff"} - ansible_adds == documented


def test_a_file_is_written_once(run_module: RunModule, document: Path, tmp_path: Path) -> None:
    dest = tmp_path / "new/made.yaml"
    options = {"src": str(document), "dest": str(dest)}
    predicted = run_module(gpu_profile, **options, _ansible_check_mode=True)
    assert not dest.parent.exists()
    made = run_module(gpu_profile, **options)
    assert (predicted["changed"], made["changed"]) == (True, True)
    assert made["diff"] == predicted["diff"]
    assert (made["diff"]["before"], made["diff"]["after"]) == ("", dest.read_text())
    assert stat.S_IMODE(dest.stat().st_mode) == 0o644
    assert yaml.safe_load(dest.read_text()) == made["profile"]
    again = run_module(gpu_profile, **options)
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"] == dest.read_text()


def test_a_warmer_board_is_the_same_board(run_module: RunModule, document: Path, tmp_path: Path) -> None:
    dest = tmp_path / "made.yaml"
    options = {"src": str(document), "dest": str(dest)}
    run_module(gpu_profile, **options)
    before = dest.read_text()
    warm_up(document)
    answer = run_module(gpu_profile, **options)
    assert not answer["changed"]
    assert dest.read_text() == before
    # The answer tells what there is now.
    temperatures = answer["profile"]["device_defaults"]["thermal"]
    assert temperatures["temperature_gpu_c"] == 41


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda options, dest, document: options.update(scrub=False), id="scrub"),
        pytest.param(lambda options, dest, document: options.update(gpus=[1]), id="gpus"),
        pytest.param(lambda options, dest, document: dest.write_text(dest.read_text() + "# mine\n"), id="edited"),
        pytest.param(lambda options, dest, document: dest.unlink(), id="missing"),
        pytest.param(
            lambda options, dest, document: document.write_text(
                document.read_text().replace("97.00.B9.00.69", "97.00.B9.00.70")
            ),
            id="other firmware",
        ),
    ],
)
def test_what_differs_is_written_anew(
    run_module: RunModule, document: Path, tmp_path: Path, change: Callable[..., t.Any]
) -> None:
    dest = tmp_path / "made.yaml"
    options: dict[str, t.Any] = {"src": str(document), "dest": str(dest)}
    run_module(gpu_profile, **options)
    change(options, dest, document)
    answer = run_module(gpu_profile, **options)
    assert answer["changed"]
    assert yaml.safe_load(dest.read_text()) == answer["profile"]
    assert not run_module(gpu_profile, **options)["changed"]


def test_a_mode_alone(run_module: RunModule, document: Path, tmp_path: Path) -> None:
    dest = tmp_path / "made.yaml"
    run_module(gpu_profile, src=str(document), dest=str(dest))
    before = dest.read_text()
    warm_up(document)
    assert run_module(gpu_profile, src=str(document), dest=str(dest), mode="0600")["changed"]
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    assert dest.read_text() == before


@pytest.mark.parametrize(
    ("given", "mode"), [("0600", 0o600), ("600", 0o600), (0o600, 0o600), (0o1777, 0o1777)], ids=str
)
def test_a_mode_is_read_as_ansible_does(given: t.Any, mode: int) -> None:
    """Without its quotes YAML reads 0600 as a number, 384, which is no octal text."""
    assert gpu_profile.file_mode(given) == mode


@pytest.mark.parametrize("given", ["rw", "u=rw", "-0644", "17777", 0o17777, -1, "0o", None, True], ids=str)
def test_a_mode_that_is_none(given: t.Any) -> None:
    with pytest.raises(gpu_profile.CaptureError, match="mode must be an octal number in quotes, such as '0644'"):
        gpu_profile.file_mode(given)


def test_a_busy_host_is_scrubbed_by_default(run_module: RunModule, document: Path) -> None:
    text = str(run_module(gpu_profile, src=str(document))["profile"])
    assert "GPU-" not in text
    assert "1650000000001" not in text
    kept = str(run_module(gpu_profile, src=str(document), scrub=False)["profile"])
    assert "GPU-00000003-0000-0000-0000-000000000003" in kept
    assert "1650000000002" in kept


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"library": "/nowhere/lib.so"}, "Error while loading the NVML library /nowhere/lib.so: "),
        ({"env": {"FAKE_NVML": "crash"}}, "killed by signal 11 (SIGSEGV)"),
        ({"env": {"FAKE_NVML": "none"}}, "it has no GPU"),
        ({}, "it does not tell name and memory of GPU 1"),
        ({"gpus": [2]}, "it does not tell name and memory of GPU 2, which a profile must have (handle: "),
        ({"gpus": [3]}, "it has no GPU 3, only 0 to 2"),
        ({"timeout": 0}, "timeout must be above 0, not 0.0"),
        ({"gpus": [0], "dest": "/proc/self/made.yaml"}, "Error while writing the profile to /proc/self/made.yaml: "),
        ({"gpus": [0], "dest": "/etc"}, "Error while writing the profile to /etc: Is a directory"),
        ({"gpus": [0], "dest": "/tmp/x", "mode": "rw"}, "mode must be an octal number"),
    ],
)
def test_failures(run_module: RunModule, fake_nvml: BuildLibrary, options: dict[str, t.Any], message: str) -> None:
    answer = run_module(gpu_profile, **{"library": str(fake_nvml()), **options})
    assert (answer["rc"], answer["failed"]) == (1, True)
    assert message in answer["msg"]
    assert "Traceback" not in answer["msg"]
    assert "profile" not in answer


@pytest.fixture
def failing(native_build: Path, mock_gpus: t.Any) -> tuple[t.Any, str]:
    """Two mock GPUs, and a library that has them; what it has it finds beside itself."""
    folder = Path(mock_gpus.options["path"]) / "usr/lib64"
    folder.mkdir(parents=True)
    for library in native_build.glob("libnvidia-ml.so*"):
        shutil.copy(library, folder, follow_symlinks=False)
    return mock_gpus, str(folder / "libnvidia-ml.so.1")


def test_a_gpu_that_answers_an_error_is_named(run_module: RunModule, failing: tuple[t.Any, str]) -> None:
    gpus, library = failing
    gpus.run("fail", "error", "--code", "UNKNOWN", "-i", "1")
    answer = run_module(gpu_profile, library=library)
    assert answer["msg"] == (
        f"Error while making a profile from {library}: it does not tell name and memory of GPU 1, which a profile must"
        " have (name: nvmlDeviceGetName: Unknown Error (999)); choose other GPUs in the option gpus"
    )
    assert run_module(gpu_profile, library=library, gpus=[0])["profile"]["system"]["num_devices"] == 1


@pytest.mark.parametrize("fault", [["--code", code] for code in ("3", "7", "13", "25", "999")], ids=lambda it: it[1])
@pytest.mark.parametrize("when", [[], *(["--probability", "0.5", "--seed", seed] for seed in "12")], ids=str)
def test_no_error_of_a_call_ends_in_a_traceback(
    run_module: RunModule, failing: tuple[t.Any, str], fault: list[str], when: list[str]
) -> None:
    """Codes that mean something to the reader, and one that does not; for all calls, and for every other one."""
    gpus, library = failing
    gpus.run("fail", "error", *fault, *when, "-i", "1")
    answer = run_module(gpu_profile, library=library)
    assert "Traceback" not in answer.get("msg", "")
    if answer["failed"]:
        assert "GPU 1" in answer["msg"] and "option gpus" in answer["msg"]


def test_a_document_that_is_none(run_module: RunModule, tmp_path: Path) -> None:
    path = tmp_path / "it.xml"
    assert f"Error while reading the document {path}: No such file" in run_module(gpu_profile, src=str(path))["msg"]
    path.write_text("No devices were found\n")
    assert "it is no XML" in run_module(gpu_profile, src=str(path))["msg"]
    path.write_text("<nvidia_smi_log><driver_version>580</driver_version></nvidia_smi_log>")
    assert f"Error while making a profile from {path}: it has no GPU" in run_module(gpu_profile, src=str(path))["msg"]


def test_an_unreadable_document(run_module: RunModule, tmp_path: Path) -> None:
    assert (
        f"Error while reading the document {tmp_path}: Is a directory"
        in run_module(gpu_profile, src=str(tmp_path))["msg"]
    )


def test_several_models_that_a_profile_cannot_tell_apart(run_module: RunModule, document: Path) -> None:
    text = document.read_text()
    first, rest = text.split("</gpu>", 1)
    document.write_text(first.replace("<c2c_mode>Enabled<", "<c2c_mode>N/A<") + "</gpu>" + rest)
    message = run_module(gpu_profile, src=str(document))["msg"]
    assert "several models of GPU: GPU 0 (NVIDIA GB200) and GPU 1 (NVIDIA GB200) differ in their links" in message
    assert not run_module(gpu_profile, src=str(document), gpus=[1, 2, 3])["failed"]


def test_both_sources(run_module: RunModule, fake_nvml: BuildLibrary, tmp_path: Path) -> None:
    uuid = "GPU-00000000-0000-0000-0000-000000000000"
    path = tmp_path / "it.xml"
    path.write_text(
        f"<nvidia_smi_log><gpu><uuid>{uuid}</uuid><gpu_part_number>2941-892-A1</gpu_part_number></gpu></nvidia_smi_log>"
    )
    options = {"library": str(fake_nvml()), "src": str(path)}
    assert "it has no GPU GPU-1111" in run_module(gpu_profile, **options)["msg"]
    others = "".join(f"<gpu><uuid>GPU-{n}1111111-0000-0000-0000-000000000000</uuid></gpu>" for n in range(10))
    path.write_text(path.read_text().replace("</nvidia_smi_log>", others + "</nvidia_smi_log>"))
    answer = run_module(gpu_profile, **options, gpus=[0])
    assert answer["profile"]["device_defaults"]["gpu_part_number"] == "2941-892-A1"
    assert answer["profile"]["device_defaults"]["name"] == "NVIDIA Full"


def test_only_a_library_needs_cffi(run_module: RunModule, document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cffi_dep, "cffi", None)
    assert not run_module(gpu_profile, src=str(document))["failed"]
    assert "python3-cffi" in run_module(gpu_profile)["msg"]
