# SPDX-License-Identifier: GPL-3.0-or-later
"""A minute of libFuzzer with address and undefined-behaviour sanitizers; `make fuzz` does more of it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import building
import pytest

SECONDS = 20
FUZZERS = ("fuzz_profile", "fuzz_sequence", "fuzz_page")


@pytest.fixture(scope="module")
def logs(repo: Path, native_build: Path, tmp_path_factory: pytest.TempPathFactory, run) -> dict[str, tuple[int, str]]:
    """Exit status and output of each, all three run at the same time."""
    building.make_native("fuzzers")
    folder = tmp_path_factory.mktemp("fuzz")
    running = {}
    for name in FUZZERS:
        (folder / name).mkdir()
        command = [
            native_build / "fuzz" / name,
            f"-max_total_time={SECONDS}",
            f"-max_len={16384 if name == 'fuzz_profile' else 2048}",
            f"-artifact_prefix={folder}/{name}-",
            folder / name,
        ]
        if name == "fuzz_profile":
            command.append(repo / "charts/gpu-mock/profiles")
        running[name] = subprocess.Popen(
            command, cwd=building.NATIVE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
        )
    try:
        outputs = {name: process.communicate(timeout=SECONDS + 120)[1] for name, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return {name: (process.returncode, outputs[name]) for name, process in running.items()}


@pytest.mark.parametrize("name", FUZZERS)
def test_no_input_breaks_it(logs, name):
    status, output = logs[name]
    assert status == 0, output[-6000:]
    done = re.search(r"Done (\d+) runs", output)
    assert done and int(done[1]) > 50, output[-2000:]
    # It went somewhere: what it reaches is more than the refusal of nonsense.
    assert max(map(int, re.findall(r" cov: (\d+)", output))) > 500
