# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m mock_accel_dra COMMAND: settings, the command, and the one place where an error of ours ends a process."""

from __future__ import annotations

import importlib
import os
import sys
import typing as t

from . import config, log
from .errors import DriverError

# Command -> module that holds its `run(settings) -> exit status`, and one line of help. A module is imported when its
# command is asked for: the controller needs no gRPC, and not its memory.
COMMANDS = {
    "controller": (".controller", "publish this node's devices as ResourceSlices"),
    "node-agent": (".server", "prepare claims for the kubelet and report the devices' health"),
}


def main(argv: t.Sequence[str] | None = None) -> int:
    try:
        settings = config.parse(
            sys.argv[1:] if argv is None else argv, os.environ, {name: text for name, (_, text) in COMMANDS.items()}
        )
        log.set_verbosity(settings.verbosity)
        module, _ = COMMANDS[settings.command]
        return importlib.import_module(module, __package__).run(settings)
    except DriverError as error:
        log.error(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
