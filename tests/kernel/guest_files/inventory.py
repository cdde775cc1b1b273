# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: print the devices as the DRA driver reads them, as JSON.

With the argument FILE=TEXT, write the text there first, and print how many seconds later the driver has been woken, or
null where it was not.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, "/root/dra")

from mock_accel_dra import inventory  # noqa: E402

PATIENCE_S = 5.0


def woken_after(file: str, text: str) -> float | None:
    source = inventory.UeventSource()
    times: list[float] = []
    thread = threading.Thread(target=lambda: source.wait() and times.append(time.monotonic()))
    thread.start()
    started = time.monotonic()
    Path(file).write_text(text)
    thread.join(PATIENCE_S)
    if thread.is_alive():
        source.close()
        thread.join()
        return None
    return times[0] - started


def main() -> None:
    answer: dict[str, object] = {}
    if len(sys.argv) > 1:
        file, _, text = sys.argv[1].partition("=")
        answer["woken_after"] = woken_after(file, text)
    answer["devices"] = [dataclasses.asdict(device) for device in inventory.scan(Path("/sys"))]
    print(json.dumps(answer))


main()
