# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on a node: placed as a whole, and taken off by the list in owner.json."""

from __future__ import annotations

import hashlib
import os
import typing as t
from pathlib import Path

from . import mock_nvml, owner, real_driver
from .errors import RefusedError
from .placement import CONTROL_MINOR, MAJOR, Copy, Item, Link, Node, device_of
from .settings import Settings

CUSTOM = "custom"

# Where mock-nvml lays out which device nodes let a process use a MIG instance. They come and go with instances, and so
# are not on record.
CAPABILITY_FILES = (
    "proc/driver/nvidia-caps/mig-minors",
    "proc/driver/nvidia/capabilities/mig/config",
    "proc/driver/nvidia/capabilities/mig/monitor",
    "proc/driver/nvidia/capabilities/gpu*/mig/gi*/access",
    "proc/driver/nvidia/capabilities/gpu*/mig/gi*/ci*/access",
)


def plan(settings: Settings) -> list[Item]:
    """Everything but config.yaml, owner.json and the page, in the order of placing."""
    version = settings.driver_version
    libraries = settings.driver_root / "usr/lib64"
    programs = settings.driver_root / "usr/bin"
    items: list[Item] = []
    for name in ("libnvidia-ml.so", "libcuda.so"):
        items.append(Copy(libraries / f"{name}.{version}", settings.payload / "usr/lib64" / f"{name}.1", 0o644))
        items.append(Link(libraries / f"{name}.1", f"{name}.{version}"))
    items += [Copy(programs / name, settings.payload / "usr/bin" / name, 0o755) for name in ("mock-nvml", "nvidia-smi")]
    # NVIDIA's DRA driver wants the nodes under the driver root, everybody else in /dev.
    for folder in (settings.driver_root / "dev", settings.host_dev):
        items.append(Node(folder / "nvidiactl", CONTROL_MINOR))
        items += [Node(folder / f"nvidia{minor}", minor) for minor in range(settings.count)]
    return items


def refuse_foreign(settings: Settings, record: owner.Owner | None) -> None:
    """Stop where somebody else's driver root is: one node has one owner."""
    if record is None:
        libraries = settings.driver_root / "usr/lib64"
        found = sorted(libraries.glob("libnvidia-ml.so*"))
        if found:
            raise RefusedError(
                f"{found[0]} is there, but {owner.path_in(settings.driver_root)} is not, so it is unknown who "
                "placed it: remove the driver root, or use a node without one"
            )
    elif record.owner != settings.owner:
        _, _, release = record.owner.partition("/")
        raise RefusedError(
            f"node {settings.node_name} is served by {record.owner}: uninstall that release of gpu-mock ({release}) "
            "first, or keep this one off the node with nodeSelector"
        )


def agree(settings: Settings, record: owner.Owner) -> None:
    """Stop where the owner's GPUs are not the ones this release promises."""
    pairs = (
        ("gpu.profile", record.profile, settings.profile),
        ("gpu.count", record.count, settings.count),
        ("driverVersion", record.driver_version, settings.driver_version),
    )
    different = [f"{name} is {there} there and {here} here" for name, there, here in pairs if there != here]
    if not different and settings.profile == CUSTOM and mock_nvml.would_change(settings):
        different = ["gpu.customConfig is not the text that is applied there"]
    if different:
        raise RefusedError(
            f"node {settings.node_name} is served by {record.owner}: {', '.join(different)}: make the values equal"
        )
    # Device nodes do not survive a reboot, for one.
    missing = [name for name in record.files if not os.path.lexists(_local_path(settings, name))]
    if missing:
        raise RefusedError(
            f"node {settings.node_name} is served by {record.owner}, and {missing[0]} is missing there "
            f"({len(missing)} of {len(record.files)} files): run the playbook that placed them again"
        )


def ensure(settings: Settings, record: owner.Owner | None) -> list[str]:
    """Bring the node to the plan; the list says what was changed."""
    mock_nvml.check(settings)
    items = plan(settings)
    old = record.files if record else ()
    # A device node that was there before us is used as it is, and left behind when we go.
    foreign = [item for item in items if _is_foreign(settings, item, old)]
    missing = [item for item in items if not item.is_placed() and item not in foreign]
    mine = [item for item in items if item in missing or host_name(settings, item.path) in old]
    written = [owner.path_in(settings.driver_root), settings.driver_root / "config/config.yaml", settings.page]
    files = tuple(sorted(host_name(settings, path) for path in [*written, *(item.path for item in mine)]))

    # The record comes first: what is placed and not recorded would stay for ever.
    intent = tuple(sorted({*files, *old}))
    if intent != old:
        owner.write(settings.driver_root, _record(settings, intent))
    changed = []
    if mock_nvml.apply(settings):
        changed.append("description")
    for item in missing:
        item.path.parent.mkdir(parents=True, exist_ok=True)
        item.place()
        changed.append(host_name(settings, item.path))
    stale = sorted(set(old) - set(files))
    changed += [f"-{name}" for name in stale if _remove_file(settings, name)]
    _prune(settings)
    owner.write(settings.driver_root, _record(settings, files))
    return changed


def remove(settings: Settings, record: owner.Owner) -> list[str]:
    """Take off what the record lists, and files of MIG; the record goes last, so that a removal can go on."""
    own = host_name(settings, owner.path_in(settings.driver_root))
    # A real driver that came meanwhile uses the same nodes of /dev.
    keep = "/dev/" if real_driver.evidence(settings.proc) else own
    names = [name for name in record.files if name != own and not name.startswith(keep)]
    of_mig = [str(path) for pattern in CAPABILITY_FILES for path in sorted(settings.driver_root.glob(pattern))]
    removed = [name for name in [*names, *of_mig, own] if _remove_file(settings, name)]
    _prune(settings)
    return removed


def host_name(settings: Settings, path: Path) -> str:
    """The path as the host names it: its /dev is mounted elsewhere in the pod."""
    if path.is_relative_to(settings.host_dev):
        return f"/dev/{path.relative_to(settings.host_dev)}"
    return str(path)


def _is_foreign(settings: Settings, item: Item, recorded: t.Container[str]) -> bool:
    """Whether somebody else made this device node, whatever its mode."""
    is_there = isinstance(item, Node) and device_of(item.path) is not None
    return is_there and host_name(settings, item.path) not in recorded


def _local_path(settings: Settings, name: str) -> Path:
    """The way back. A damaged record must not make us remove anything else of the host."""
    path = Path(name)
    if ".." not in path.parts:
        if path.parent == Path("/dev") and path.name.startswith("nvidia"):
            return settings.host_dev / path.name
        if path.is_relative_to(settings.driver_root):
            return path
    raise RefusedError(f"{owner.path_in(settings.driver_root)} lists {name}, which no release of gpu-mock places")


def _remove_file(settings: Settings, name: str) -> bool:
    path = _local_path(settings, name)
    is_node = path.parent in (settings.host_dev, settings.driver_root / "dev")
    if is_node and (device_of(path) or (MAJOR, 0))[0] != MAJOR:
        return False
    if not path.is_symlink() and not path.exists():
        return False
    path.unlink()
    return True


def _prune(settings: Settings) -> None:
    """Remove the folders that have become empty, the driver root included."""
    root = settings.driver_root
    folders = sorted((path for path in root.rglob("*") if path.is_dir() and not path.is_symlink()), reverse=True)
    for folder in [*folders, root]:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _record(settings: Settings, files: t.Iterable[str]) -> owner.Owner:
    config = settings.driver_root / "config/config.yaml"
    digest = hashlib.sha256(config.read_bytes()).hexdigest() if config.exists() else ""
    return owner.Owner(
        owner=settings.owner,
        profile=settings.profile,
        count=settings.count,
        driver_version=settings.driver_version,
        config_sha256=digest,
        files=tuple(files),
    )
