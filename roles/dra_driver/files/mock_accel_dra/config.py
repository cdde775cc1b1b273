# SPDX-License-Identifier: GPL-3.0-or-later
"""What the flags say, read once and never changed. A name in the environment serves where a flag is not given."""

from __future__ import annotations

import argparse
import math
import re
import typing as t
from dataclasses import dataclass, fields
from pathlib import Path

from .errors import ConfigError

DRIVER_NAME = "mock-accel.example.com"

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_MAX_DRIVER_NAME = 63
_MAX_NODE_NAME = 253
# A device's name, with _ or - and with wildcards, or a word for several.
_SHARED = re.compile(r"[a-z0-9_*?-]+", re.ASCII)
# Nothing here looks around more often than this.
_MIN_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """One process of the driver. Paths are as this process sees them."""

    command: str
    node_name: str
    driver_name: str = DRIVER_NAME
    sysfs_root: Path = Path("/sys")
    plugin_dir: Path = Path("/var/lib/kubelet/plugins") / DRIVER_NAME
    registry_dir: Path = Path("/var/lib/kubelet/plugins_registry")
    cdi_dir: Path = Path("/var/run/cdi")
    rescan_interval: float = 30.0
    verbosity: int = 5
    kubeconfig: Path | None = None
    metrics_address: str = ""
    health_address: str = ""
    pod_uid: str = ""
    # Which devices the controller offers to several claims at once (sharing.py).
    shared_devices: tuple[str, ...] = ()
    # Whether a pod is bound to the node only when the node agent has said that its devices answer.
    binding_conditions: bool = False
    # Whether the node agent gives containers files with the attributes of their devices.
    device_metadata: bool = False


_DEFAULTS = {field.name: field.default for field in fields(Settings)}


def parse(argv: t.Sequence[str], environ: t.Mapping[str, str], commands: t.Mapping[str, str]) -> Settings:
    """The settings of a command line; `commands` gives each subcommand its line of help."""
    values = vars(_parser(environ, commands).parse_args(argv))
    name = values["driver_name"]
    if values["plugin_dir"] is None:
        values["plugin_dir"] = Path("/var/lib/kubelet/plugins") / name
    settings = Settings(**values)
    _check(settings)
    return settings


def _parser(environ: t.Mapping[str, str], commands: t.Mapping[str, str]) -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    add = shared.add_argument
    add("--node-name", default=environ.get("NODE_NAME", ""), help="this node's name (else the variable NODE_NAME)")
    add("--driver-name", default=_DEFAULTS["driver_name"], help="name of the driver (%(default)s)")
    add("--sysfs-root", type=Path, default=_DEFAULTS["sysfs_root"], help="where sysfs is mounted (%(default)s)")
    add("--plugin-dir", type=Path, help="folder of the plugin's socket and checkpoint")
    add("--registry-dir", type=Path, default=_DEFAULTS["registry_dir"], help="where the kubelet looks for plugins")
    add("--cdi-dir", type=Path, default=_DEFAULTS["cdi_dir"], help="where CDI specifications are written (%(default)s)")
    add(
        "--rescan-interval",
        type=_duration,
        default=_DEFAULTS["rescan_interval"],
        help="such as 30s (the default) or 1m30s",
    )
    add("-v", "--verbosity", type=int, default=_DEFAULTS["verbosity"], help="0 to 10 (%(default)s)")
    add("--kubeconfig", type=Path, help="a kubeconfig; without it, the pod's service account is used")
    add("--metrics-address", default="", help="HOST:PORT for Prometheus; empty: none")
    add("--health-address", default="", help="HOST:PORT for gRPC health checks; empty: none but on the plugin's socket")
    add("--pod-uid", default=environ.get("POD_UID", ""), help="sockets of their own for this pod (else POD_UID)")
    add(
        "--shared-devices",
        type=_shared,
        default=(),
        metavar="WHICH",
        help="devices that several claims may have at once: all, pf, vf, names such as mock0 or mock1-vf*; with commas",
    )
    add(
        "--binding-conditions",
        action="store_true",
        help="have the scheduler wait until the node agent, which needs this flag too, says that a device answers",
    )
    add("--device-metadata", action="store_true", help="give containers files with the attributes of their devices")
    # An abbreviation that works today would be ambiguous with tomorrow's flags.
    parser = argparse.ArgumentParser(prog="mock_accel_dra", description="DRA driver of mock_accel", allow_abbrev=False)
    subcommands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, description in commands.items():
        subcommands.add_parser(name, parents=[shared], help=description, description=description, allow_abbrev=False)
    return parser


def _duration(text: str) -> float:
    """Seconds of a duration as Go writes it: 30s, 1m30s, 1.5h."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 30s or 1m30s")
    return math.fsum(float(number) * _UNITS[unit] for number, unit in parts)


def _shared(text: str) -> tuple[str, ...]:
    """The words between commas."""
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    wrong = [word for word in words if not _SHARED.fullmatch(word)]
    if wrong:
        raise argparse.ArgumentTypeError(
            f"{wrong[0]!r} is not all, pf, vf or a device's name such as mock0 or mock1-vf*"
        )
    return words


def _check(settings: Settings) -> None:
    if not settings.node_name:
        raise ConfigError("Error while reading the settings: no node name; set --node-name or NODE_NAME")
    for what, name, longest in (
        ("node name", settings.node_name, _MAX_NODE_NAME),
        ("driver name", settings.driver_name, _MAX_DRIVER_NAME),
    ):
        if len(name) > longest or not _SUBDOMAIN.fullmatch(name):
            raise ConfigError(
                f"Error while reading the settings: the {what} {name!r} is not a DNS subdomain of at most "
                f"{longest} characters"
            )
    if not 0 <= settings.verbosity <= 10:
        raise ConfigError(f"Error while reading the settings: verbosity {settings.verbosity} is not one of 0 to 10")
    if settings.rescan_interval < _MIN_INTERVAL_S:
        raise ConfigError(
            f"Error while reading the settings: a rescan interval of {settings.rescan_interval:g} s is shorter than "
            f"{_MIN_INTERVAL_S:g} s"
        )
