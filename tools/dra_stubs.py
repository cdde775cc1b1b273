# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the DRA driver's stubs anew from its .proto files (`make stubs`).

Usage: tools/dra_stubs.py [FOLDER]   (no folder: beside the .proto files)
"""

from __future__ import annotations

import sys
from pathlib import Path

from grpc_tools import protoc

API = Path(__file__).resolve().parent.parent / "roles/dra_driver/files/mock_accel_dra/api"


def write(folder: Path) -> None:
    """The messages only: services are served by what their descriptors say, see server.py."""
    protos = sorted(path.name for path in API.glob("*.proto"))
    if protoc.main(["protoc", f"--proto_path={API}", f"--python_out={folder}", *protos]):
        sys.exit(f"Error while writing stubs to {folder}: protoc has refused the .proto files, see its message above")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else API)
