# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: measures the library, the modules for DRA, the DRA driver's node agent and the kernel module.

It prints one JSON object. `make bench ARGS=library`, `ARGS=dra`, `ARGS=agent` and `ARGS=kernel` measure one of them;
each has a file that says what its numbers are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys

import agent
import dra
import library

PARTS = ("library", "dra", "agent", "kernel")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    # Not `choices`, which Python 3.11 does not let be none of.
    parser.add_argument("parts", nargs="*", metavar="PART", help="library, dra, agent or kernel (default all)")
    parser.add_argument("--profile", default="a100", help="profile of charts/gpu-mock/profiles (default a100)")
    parser.add_argument("--quick", action="store_true", help="few rounds: shows that it works, the times mean little")
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"part {unknown[0]} does not exist: there are {', '.join(PARTS)}")
    profile = library.REPO / "charts" / "gpu-mock" / "profiles" / f"{options.profile}.yaml"
    if not profile.is_file():
        parser.error(f"profile {options.profile} does not exist: there is no {profile.relative_to(library.REPO)}")
    # Ended by a signal, everything that was started is ended too, as after any other failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended by a signal"))
    parts = options.parts or PARTS
    answer = {"machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "kernel": platform.release()}}
    if "library" in parts:
        answer |= library.measure(profile, options.quick)
    if "dra" in parts:
        answer["dra"] = dra.measure(options.quick)
    if "agent" in parts:
        answer["agent"] = agent.measure(options.quick)
    if "kernel" in parts:
        # Not with the others: it needs the packages of Ansible, which they do not.
        import kernel_module

        answer["kernel"] = kernel_module.measure(options.quick)
    print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
