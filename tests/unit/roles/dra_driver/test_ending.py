# SPDX-License-Identifier: GPL-3.0-or-later
"""A signal ends a program whenever it comes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from dra_agent import FILES

# Threads that begin afterwards leave the signals to the one that waits for them.
PROGRAM = """
import sys, threading, time
from mock_accel_dra import ending
ended = threading.Event()
ending.on_signal(ended.set)
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("ready", flush=True)
time.sleep(float(sys.argv[1]))
ended.wait()
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("busy", ["0", "0.3"], ids=["waiting", "busy"])
def test_a_signal_ends_it(number: signal.Signals, busy: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, busy], env={"PYTHONPATH": str(FILES)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()
        assert process.stdout.read() == "ended\n"
