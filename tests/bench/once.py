# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one command and tell what it took: `once.py OUTPUT COMMAND...`; OUTPUT gets what the command writes.

Linux counts the memory of the process that starts a command as the command's own: so this small one starts it.
"""

import json
import os
import subprocess
import sys
import time

with open(sys.argv[1], "wb") as output:  # noqa: PTH123 (pathlib would double the memory of this process)
    begin = time.perf_counter()
    process = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=output)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
figures = {
    "returncode": os.waitstatus_to_exitcode(status),
    "seconds": seconds,
    "cpu_seconds": used.ru_utime + used.ru_stime,
    "peak_rss_mb": used.ru_maxrss / 1024,
}
print(json.dumps(figures))
