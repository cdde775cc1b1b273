# SPDX-License-Identifier: GPL-3.0-or-later
"""python3 -m gpu_mock run | uninstall: the pod of a node, or the pre-delete hook of the release."""

from __future__ import annotations

import argparse
import os
import sys
import typing as t

from . import kube, log, settings, uninstall
from .agent import Agent
from .errors import GpuMockError
from .status import Status


def _arguments(argv: t.Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gpu_mock", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="give this node its GPUs, and stay; settings come from the environment")
    remove = commands.add_parser("uninstall", help="have every node of the release remove what was placed, and wait")
    remove.add_argument("--namespace", required=True)
    remove.add_argument("--fullname", required=True, help="the name of the release's ConfigMap")
    remove.add_argument("--selector", required=True, help="the labels of the nodes' pods")
    remove.add_argument("--order", required=True, help="a name for this uninstall, new each time")
    remove.add_argument("--timeout", type=float, default=120, help="seconds to wait for the nodes")
    return parser.parse_args(argv)


def main(argv: t.Sequence[str]) -> int:
    arguments = _arguments(argv)
    try:
        api = kube.in_cluster(os.environ)
        if arguments.command == "run":
            mine = settings.from_environment(os.environ)
            return Agent(mine, api, Status(mine.status_dir)).run()
        return uninstall.run(
            api, arguments.namespace, arguments.fullname, arguments.selector, arguments.order, arguments.timeout
        )
    except GpuMockError as error:
        log.line(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
