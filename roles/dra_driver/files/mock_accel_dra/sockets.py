# SPDX-License-Identifier: GPL-3.0-or-later
"""The node agent's two sockets: how they are called, and what killed processes have left of theirs."""

from __future__ import annotations

import base64
import glob
import hashlib
import secrets
import socket
from pathlib import Path

from . import log

# The kernel allows 108 bytes, and gRPC's library wants a zero behind them.
LONGEST_PATH = 107
# A process that is alive answers at once, unless somebody has stopped it.
_ANSWER_S = 1.0


def instance(pod_uid: str) -> str:
    """What tells a start of the agent from all others, where several may be known to the kubelet; else empty.

    Not the pod alone: the kubelet remembers a name that it has tried in vain, as it does with what a killed process has
    left, and tries it again after up to two minutes only.
    """
    return f"{pod_uid}-{secrets.token_hex(3)}" if pod_uid else ""


def plugin_socket(plugin_dir: Path, instance: str) -> Path:
    names = [f"dra-{instance}.sock", f"dra-{_short(instance, 8)}.sock"] if instance else ["dra.sock"]
    return _longest(plugin_dir, names)


def registrar_socket(registry_dir: Path, driver_name: str, instance: str) -> Path:
    names = [f"{driver_name}-reg.sock"]
    if instance:
        both = f"{driver_name}\0{instance}"
        names = [
            f"{driver_name}-{instance}-reg.sock",
            f"{driver_name}-{_short(instance, 8)}-reg.sock",
            f"dra-{_short(both, 16)}-reg.sock",
        ]
    return _longest(registry_dir, names)


def remove_left_behind(plugin_dir: Path, registry_dir: Path, driver_name: str) -> None:
    """Remove the driver's sockets at which nobody listens any more, whichever start they are of."""
    for folder, pattern in ((plugin_dir, "dra*.sock"), (registry_dir, f"{glob.escape(driver_name)}-*reg.sock")):
        for path in folder.glob(pattern):
            try:
                if _is_left_behind(path):
                    path.unlink(missing_ok=True)
                    log.info("Removed a socket that a killed process has left", socket=path)
            except OSError as error:
                log.warning("A socket that a killed process has left stays", socket=path, reason=error.strerror)


def _is_left_behind(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_ANSWER_S)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _longest(folder: Path, names: list[str]) -> Path:
    """That of the first name that fits."""
    paths = [folder / name for name in names]
    return next((path for path in paths if len(bytes(path)) <= LONGEST_PATH), paths[-1])


def _short(text: str, size: int) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:size]).decode().rstrip("=")
