# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chart asks for, read once from the environment that its templates set."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from pathlib import Path

from .errors import RefusedError

MAX_COUNT = 128


@dataclass(frozen=True)
class Settings:
    """One release on one node."""

    node_name: str
    namespace: str
    release: str
    fullname: str
    profile: str
    count: int
    driver_version: str
    config_file: Path = Path("/etc/gpu-mock/config.yaml")
    driver_root: Path = Path("/var/lib/nvidia-mock/driver")
    host_dev: Path = Path("/host/dev")
    proc: Path = Path("/proc")
    payload: Path = Path("/opt/gpu-mock/native")
    status_dir: Path = Path("/run/gpu-mock")
    termination_log: Path = Path("/dev/termination-log")

    @property
    def owner(self) -> str:
        """Also the field manager of the label: with Kubernetes' limits of both names 126 characters of its 128."""
        return f"gpu-mock/{self.namespace}/{self.release}"

    @property
    def page(self) -> Path:
        return self.driver_root / "lib/firmware/nvidia" / self.driver_version / "gsp_mock.bin"


def _required(environ: t.Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise RefusedError(f"Error while reading the settings: the variable {name} is not set; the chart sets it")
    return value


def from_environment(environ: t.Mapping[str, str]) -> Settings:
    """The settings of a node's pod."""
    text = _required(environ, "GPU_COUNT")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_COUNT:
        raise RefusedError(f"Error while reading the settings: GPU_COUNT is {text}, not a number from 1 to {MAX_COUNT}")
    return Settings(
        node_name=_required(environ, "NODE_NAME"),
        namespace=_required(environ, "POD_NAMESPACE"),
        release=_required(environ, "RELEASE_NAME"),
        fullname=_required(environ, "FULLNAME"),
        profile=_required(environ, "GPU_PROFILE"),
        count=int(text),
        driver_version=_required(environ, "DRIVER_VERSION"),
    )
