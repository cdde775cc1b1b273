# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guides show of mock-nvml and nvidia-smi is what they print."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest

DRIVER_ROOT = "/var/lib/nvidia-mock/driver"
OWN_DEV = "mount -t tmpfs tmpfs /dev\nmknod -m 666 /dev/null c 1 3\n"


class Gpus(t.NamedTuple):
    """A driver root with the GPUs of the guides: eight A100s of a node that is called vm."""

    root: Path

    def run(self, *words: str) -> str:
        command = self.root / "usr/bin/mock-nvml"
        argv = [str(command), "--root", str(self.root), *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def answer(self, *words: str) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads(self.run(*words, "--json")))

    def shell(self, script: str, path: str = "usr/bin") -> subprocess.CompletedProcess[str]:
        """What a user types, in this driver root instead of the usual one; path is of programs that are found.

        In a /dev of its own, which wants root: where the machine has device nodes of GPUs, NVML shows only those.
        """
        wrapper = f'mock-nvml() {{ command mock-nvml --root {self.root} "$@"; }}\n'
        environment = {"PATH": f"{self.root / path}:/usr/bin:/bin", "LD_LIBRARY_PATH": str(self.root / "usr/lib64")}
        argv = ["unshare", "--mount", "bash", "-ec", OWN_DEV + wrapper + script.replace(DRIVER_ROOT, str(self.root))]
        return subprocess.run(
            argv,
            env=environment,
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


@pytest.fixture
def gpus(native_build: Path, repo: Path, tmp_path: Path) -> Gpus:
    """The programs and the library lie as in a driver root: NVML finds the page from where it is itself."""
    gpus = Gpus(tmp_path / "driver")
    for folder, names in {"bin": "mock-nvml nvidia-smi", "lib64": "libnvidia-ml.so*"}.items():
        place = gpus.root / "usr" / folder
        place.mkdir(parents=True)
        for name in names.split():
            for file in native_build.glob(name):
                shutil.copy(file, place, follow_symlinks=False)
    gpus.run("apply", "--node-name", "vm", str(repo / "charts/gpu-mock/profiles/a100.yaml"))
    return gpus


def shown(guide: str) -> list[tuple[str, str]]:
    """The commands of a guide's consoles, in order, each with the lines that are shown of what it prints."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", guide, re.DOTALL):
        for command, printed in re.findall(r"^[$#] ((?:.*\\\n)*.*)\n((?:(?![$#] ).*\n)*)", block, re.MULTILINE):
            found.append((command, printed))
    return found


def assert_prints(gpus: Gpus, command: str, printed: str, status: int = 0) -> None:
    """A line of dots stands for any number of lines."""
    done = gpus.shell(command)
    assert done.returncode == status, done.stdout
    parts = [r"(?:.*\n)*" if line == "...\n" else re.escape(line) for line in printed.splitlines(keepends=True)]
    assert not printed or re.fullmatch("".join(parts), done.stdout), done.stdout


@pytest.fixture
def faults_guide(repo: Path) -> str:
    return (repo / "docs" / "faults.md").read_text()


def shape(value: t.Any) -> t.Any:
    """Names without what is said under them; values of a GPU have other names on each board."""
    if isinstance(value, dict):
        return {key: shape(inner) if key not in ("values", "faulty_values") else {} for key, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_the_lost_gpu_of_the_guide(gpus: Gpus, faults_guide: str) -> None:
    lost = gpus.answer("fail", "fallen-off-bus", "-i", "3")["devices"][0]
    assert f"GPU 3 ({lost['uuid']}): changed\n" in faults_guide
    # NVIDIA's nvidia-smi shows the domain's last four digits; test_nvidia_smi_faults.py runs it.
    assert f"handle for GPU{lost['pci_bus_id'][4:]}: GPU is lost." in faults_guide


def test_the_answers_of_the_guide(gpus: Gpus, faults_guide: str) -> None:
    change, fault, status = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", faults_guide, re.DOTALL))
    assert shape(change) == shape(gpus.answer("set", "-i", "0", "utilization.gpu=1"))
    made = gpus.answer("fail", "ecc-uncorrectable", "--count", "3", "-i", "0")["devices"][0]["fault"]
    assert fault == made
    gpus.run("clear")
    # The first GPU has one MIG device, which NVML alone makes.
    assert gpus.shell("nvidia-smi -mig 1 -i 0 && nvidia-smi mig -cgi 9 -C -i 0").returncode == 0
    process = "--pid 4711 --memory 2000 --name python3 --utilization 80 --gpu-instance 2 --compute-instance 0"
    gpus.run("process", "add", *process.split(), "-i", "0")
    told = gpus.answer("status")
    assert shape(status) == shape(told)
    for key in ("processes", "mig"):
        assert status["devices"][0][key] == told["devices"][0][key]
    assert set(status["devices"][0]["values"]) <= set(told["devices"][0]["values"])


def test_the_instances_of_the_guide_on_mig(gpus: Gpus, repo: Path) -> None:
    commands = [one for one in shown((repo / "docs/mig.md").read_text()) if not one[0].startswith("mount ")]
    assert [command.split()[0] for command, _ in commands] == ["nvidia-smi"] * 4 + ["cat"]
    # The file of an instance is shown further down than its end.
    for command, printed in sorted(commands, key=lambda one: "-dgi" in one[0]):
        assert_prints(gpus, command, printed)
    assert "MIG" not in gpus.shell("nvidia-smi -L").stdout


def test_the_settings_of_the_guide_on_nvidia_smi(gpus: Gpus, repo: Path) -> None:
    commands = [one for one in shown((repo / "docs/nvidia-smi.md").read_text()) if one[0].startswith("nvidia-smi ")]
    assert commands
    for command, printed in commands:
        assert_prints(gpus, command, printed)


def test_the_calls_of_the_guide_on_nvml(gpus: Gpus, repo: Path) -> None:
    commands = [one for one in shown((repo / "docs/nvml.md").read_text()) if "nvidia-smi " in one[0]]
    assert len(commands) == 2
    for command, printed in commands:
        assert_prints(gpus, command, printed)


def test_the_recording_of_the_guide_on_motion(gpus: Gpus, repo: Path) -> None:
    load, play, stop, record, again, wrong, beyond = shown((repo / "docs/motion.md").read_text())
    record_once = re.sub(r" -l 1\b.*", " > training.csv", record[0])
    assert_prints(gpus, record_once, "")
    for command, printed in (load, play, stop, again):
        assert_prints(gpus, command, printed)
    file = gpus.root / "training.csv"
    lines = file.read_text().splitlines()
    lines[2] = re.sub(r", 0 %, ", ", many, ", lines[2], count=1)
    file.write_text("\n".join(lines) + "\n")
    assert_prints(gpus, *wrong, status=1)
    (gpus.root / "h200.csv").write_text("power.draw [W]\n" + "60 W\n" * 5 + "698.12 W\n")
    assert_prints(gpus, *beyond, status=1)


def test_where_the_programs_are(gpus: Gpus, repo: Path) -> None:
    """The README puts them on the PATH, and the guide on faults names the command's place."""
    (block,) = re.findall(
        r"```console\n(export PATH=/var/lib/nvidia-mock.*?)```", (repo / "README.md").read_text(), re.DOTALL
    )
    done = gpus.shell("unset LD_LIBRARY_PATH\n" + block, path="none")
    assert done.returncode == 0, done.stdout
    assert "GPU 7 (GPU-4f8606db-7710-cfe7-3ff5-a76ba5ba7035)" in done.stdout
    assert f"{DRIVER_ROOT}/usr/bin/mock-nvml" in (repo / "docs/faults.md").read_text()
