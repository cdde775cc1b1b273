# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook examples/capture.yml on a host with mock GPUs, with the vendor's nvidia-smi and without one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml


@pytest.mark.parametrize("with_smi", [True, False])
def test_the_file_comes_here(
    repo: Path, native_build: Path, vendor_smi: Path, ansible_env: dict[str, str], run, tmp_path: Path, with_smi: bool
) -> None:
    dest = tmp_path / "my-gpus.yaml"
    env = {
        **ansible_env,
        "LD_LIBRARY_PATH": str(native_build),
        "MOCK_NVML_CONFIG": str(repo / "charts/gpu-mock/profiles/gb200.yaml"),
        "PATH": f"{vendor_smi.parent}:{ansible_env['PATH']}" if with_smi else ansible_env["PATH"],
        "TMPDIR": str(tmp_path),
    }
    variables = ["-e", f"dest={dest}", "-e", f"ansible_python_interpreter={sys.executable}"]
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-c", "local", *variables]
    done = run(*command, repo / "examples/capture.yml", cwd=repo, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    text = dest.read_text()
    defaults = yaml.safe_load(text)["device_defaults"]
    assert (defaults["name"], defaults["num_gpu_cores"]) == ("NVIDIA GB200", 19456)
    # What only nvidia-smi knows.
    assert defaults.get("gpu_part_number") == ("2941-892-A1" if with_smi else None)
    said = done.stdout.partition("Not told by the host: ")[2]
    assert "num_multiprocessors" in said
    assert ("gpu_part_number" in said) == (not with_smi)
    assert "GPU-" not in text
    assert not list(tmp_path.glob("gpu-profile.*"))
    if with_smi:
        checked = run(native_build / "mock-nvml", "check", dest)
        assert checked.returncode == 0, checked.stderr
