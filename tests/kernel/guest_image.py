# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of a guest, kept in the cache, and the initial file system of one boot, made each time."""

from __future__ import annotations

import fcntl
import hashlib
import lzma
import stat
import subprocess
import tempfile
from pathlib import Path

from debian_kernel import DebianKernel

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

FILES = Path(__file__).resolve().parent / "guest_files"
MIB = 1 << 20
ROOM_MIB = 8192

# What reaches disk and network, each after what it needs.
MODULES = (
    "virtio",
    "virtio_ring",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_blk",
    "failover",
    "net_failover",
    "virtio_net",
)

# What a guest's own Debian has besides: where, and the file of FILES.
ADDED = {
    "etc/systemd/system/guest-network.service": "guest-network.service",
    "etc/ssh/sshd_config.d/guest.conf": "sshd.conf",
}

# Units that nobody needs in a guest of some minutes, or that cannot work in it.
MASKED = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "systemd-update-utmp.service",
)


def disk(cache: Path, rootfs: Path, kernel: DebianKernel) -> Path:
    """An ext4 image of the root file system with the kernel's modules; its name says what it was made of."""
    recipe = f"{rootfs.name} {kernel.release} {kernel.version}".encode()
    recipe += b"".join(path.read_bytes() for path in (Path(__file__), *(FILES / name for name in ADDED.values())))
    target = cache / "guest" / f"{kernel.release}-{hashlib.sha256(recipe).hexdigest()[:12]}.ext4"
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{kernel.release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=target.parent) as place:
                _make_disk(Path(place), rootfs, kernel).rename(target)
            # Of another recipe; a guest that runs on it keeps it until it ends.
            for old in target.parent.glob(f"{kernel.release}-*.ext4"):
                if old != target:
                    old.unlink()
    return target


def _make_disk(place: Path, rootfs: Path, kernel: DebianKernel) -> Path:
    root, image = place / "root", place / "disk.ext4"
    root.mkdir()
    _run("tar", "--directory", root, "--extract", "--numeric-owner", "--file", rootfs)
    modules = root / "usr/lib/modules" / kernel.release
    modules.mkdir(parents=True)
    for folder in kernel.modules:
        _run("cp", "--archive", f"{folder}/.", modules)
    _run("chroot", root, "depmod", kernel.release)
    for path, name in ADDED.items():
        _run("install", "-D", "--mode=0644", FILES / name, root / path)
    _run("chroot", root, "systemctl", "--quiet", "enable", "guest-network.service")
    _run("chroot", root, "systemctl", "--quiet", "mask", *MASKED)
    used = int(_run("du", "--summarize", "--block-size=1M", root).split()[0])
    # No journal: every guest starts from this state and forgets its own. Room for programs and images of a node of
    # Kubernetes, which takes none in the cache as long as nobody writes there.
    options = ("-O", "^has_journal", "-m", "0", "-N", "400000")
    _run("mke2fs", "-q", "-t", "ext4", *options, "-d", root, image, f"{used + ROOM_MIB}M")
    return image


def busybox(cache: Path) -> Path:
    """A program that needs no library, for the initial file system."""
    return _deb_unpack.unpack("busybox-static", suite="bookworm", cache_dir=cache).path / "bin/busybox"


def initramfs(kernel: DebianKernel, busybox: Path, payload: dict[str, tuple[bytes, int]]) -> bytes:
    """An initial file system that lays `payload` (path: content and mode) into the disk and starts its init."""
    lists = [folder / "modules.builtin" for folder in kernel.modules if (folder / "modules.builtin").exists()]
    built_in = {Path(line).stem for path in lists for line in path.read_text().splitlines()}
    modules = [name for name in MODULES if name not in built_in]
    tree: dict[str, tuple[bytes, int]] = {
        "init": ((FILES / "initramfs.sh").read_bytes(), 0o755),
        "bin/busybox": (busybox.read_bytes(), 0o755),
        "modules/order": ("".join(f"{name}.ko\n" for name in modules).encode(), 0o644),
    }
    for name in modules:
        tree[f"modules/{name}.ko"] = (_module(kernel, name), 0o644)
    tree.update({f"payload/{path}": entry for path, entry in payload.items()})
    return _cpio(tree, folders=("dev", "root"))


def _module(kernel: DebianKernel, name: str) -> bytes:
    for path in (path for folder in kernel.modules for path in folder.rglob(f"{name}.ko*")):
        return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    raise FileNotFoundError(f"the modules of Linux {kernel.release} have no {name}")


def _cpio(tree: dict[str, tuple[bytes, int]], folders: tuple[str, ...]) -> bytes:
    """An archive of the form "newc", which is what the kernel unpacks; all belongs to root."""
    parents = {str(parent) for path in tree for parent in Path(path).parents} - {"."}
    entries = [(path, b"", stat.S_IFDIR | (0o700 if path.endswith(".ssh") else 0o755)) for path in parents | {*folders}]
    entries += [(path, content, stat.S_IFREG | mode) for path, (content, mode) in tree.items()]
    archive = bytearray()
    for number, (path, content, mode) in enumerate(sorted(entries), 1):
        _append(archive, number, path, content, mode)
    _append(archive, 0, "TRAILER!!!", b"", 0)
    return bytes(archive)


def _append(archive: bytearray, number: int, path: str, content: bytes, mode: int) -> None:
    name = path.encode() + b"\0"
    # inode, mode, owner, group, links, time, size, device and its kind (four), length of the name, checksum
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
    archive += b"070701" + b"".join(b"%08X" % field for field in fields) + name
    archive += b"\0" * (-len(archive) % 4)
    archive += content
    archive += b"\0" * (-len(archive) % 4)


def _run(*argv: str | Path) -> str:
    done = subprocess.run([str(arg) for arg in argv], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Error while making the guest's disk: {argv[0]} said {done.stderr.strip()}")
    return done.stdout
