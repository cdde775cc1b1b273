# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of its own in QEMU, reached by ssh as any other host; it forgets everything when it ends."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import guest_image
from debian_kernel import DebianKernel

BOOT_SECONDS = 240
ATTEMPTS = 3


class GuestError(Exception):
    """The guest did not come up, or a command in it failed; the text says what it said."""


class Guest:
    def __init__(self, place: Path, port: int) -> None:
        self._place = place
        self._port = port

    @property
    def ssh_options(self) -> list[str]:
        options = {
            "IdentityFile": self._place / "id",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self._place / "known_hosts",
            "HostKeyAlias": "guest",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "20",
            "ControlMaster": "auto",
            "ControlPersist": "yes",
            "ControlPath": self._place / "control",
            "LogLevel": "ERROR",
        }
        return ["-F", "none", *(f"-o{name}={value}" for name, value in options.items())]

    @property
    def ansible_variables(self) -> dict[str, str | int]:
        """What an inventory says of the guest, to which it is a host like any other."""
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self._port,
            "ansible_user": "root",
            "ansible_ssh_args": shlex.join(self.ssh_options),
            # Looking for one takes longer than most modules.
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def run(self, command: str, data: bytes = b"", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a shell command; its failure is a result."""
        argv = ["ssh", *self.ssh_options, "-p", str(self._port), "root@127.0.0.1", command]
        done = subprocess.run(argv, input=data, capture_output=True, timeout=timeout, check=False)
        return subprocess.CompletedProcess(
            command, done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        )

    def must(self, command: str, data: bytes = b"", timeout: float = 120) -> str:
        """Run a shell command that must succeed, and return what it printed."""
        done = self.run(command, data, timeout)
        if done.returncode:
            raise GuestError(f"{command} ended with {done.returncode} in the guest:\n{done.stdout}{done.stderr}")
        return done.stdout

    def python(self, source: str, *arguments: str, timeout: float = 120) -> str:
        """Run a Python program that must succeed, and return what it printed."""
        return self.must(" ".join(("python3 -", *arguments)), source.encode(), timeout)

    def send(self, content: bytes, path: str) -> None:
        self.must(f"cat >{path}", content)


@contextlib.contextmanager
def running(cache: Path, rootfs: Path, kernel: DebianKernel, busybox: Path) -> Iterator[Guest]:
    """A guest with two NUMA nodes, ended and removed whatever happens."""
    disk = guest_image.disk(cache, rootfs, kernel)
    # A short path: it holds a socket.
    place = Path(tempfile.mkdtemp(prefix="guest-"))
    try:
        _make_keys(place, kernel, busybox)
        for attempt in range(1, ATTEMPTS + 1):
            port = _free_port()
            process = _start(place, disk, kernel, port)
            try:
                guest = Guest(place, port)
                reason = _wait_until_up(guest, process)
                if not reason:
                    yield guest
                    return
                # Some kernels die early under emulation, and another may have taken the port: the boot is tried again.
                if attempt == ATTEMPTS:
                    console = (place / "console").read_text(errors="replace")[-4000:]
                    raise GuestError(f"the guest did not come up: {reason}\n{console}")
            finally:
                _end(guest, process)
    finally:
        shutil.rmtree(place)


def _make_keys(place: Path, kernel: DebianKernel, busybox: Path) -> None:
    for name in ("id", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", place / name], check=True)
    (place / "known_hosts").write_text(f"guest {(place / 'host.pub').read_text()}")
    payload = {
        "root/.ssh/authorized_keys": ((place / "id.pub").read_bytes(), 0o600),
        "etc/ssh/ssh_host_ed25519_key": ((place / "host").read_bytes(), 0o600),
    }
    (place / "initramfs").write_bytes(guest_image.initramfs(kernel, busybox, payload))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(place: Path, disk: Path, kernel: DebianKernel, port: int) -> subprocess.Popen[bytes]:
    argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-snapshot"]
    # Not -accel kvm: the guest is the same where there is none. Without cmpxchg16b, behind which QEMU 7.2 was seen to
    # leave wrong flags: Linux 6.12 uses it for its own memory and died of it.
    argv += ["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,cx16=off"]
    argv += ["-smp", "2,sockets=2", "-m", "1G"]
    for node in ("0", "1"):
        argv += ["-object", f"memory-backend-ram,id=ram{node},size=512M"]
        argv += ["-numa", f"node,nodeid={node},cpus={node},memdev=ram{node}"]
    argv += ["-drive", f"file={disk},format=raw,if=virtio"]
    # It reaches nothing, and is reached on one port of the loopback only.
    argv += ["-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"]
    argv += ["-device", "virtio-net-pci,netdev=net,romfile="]
    argv += ["-serial", f"file:{place}/console", "-kernel", str(kernel.image), "-initrd", f"{place}/initramfs"]
    argv += ["-append", "console=ttyS0 quiet panic=-1 net.ifnames=0"]
    # TMPDIR: where QEMU keeps what the guest writes.
    with (place / "qemu").open("wb") as log:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(place)}
        )


def _wait_until_up(guest: Guest, process: subprocess.Popen[bytes]) -> str:
    """Nothing, or why it did not come up."""
    said = ""
    end = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            return f"QEMU ended with {process.returncode}"
        try:
            done = guest.run("true", timeout=30)
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            return ""
        said = done.stderr.strip()
        time.sleep(0.5)
    return f"no ssh after {BOOT_SECONDS} seconds: {said}"


def _end(guest: Guest, process: subprocess.Popen[bytes]) -> None:
    subprocess.run(
        ["ssh", *guest.ssh_options, "-O", "exit", "root@127.0.0.1"], capture_output=True, check=False, timeout=30
    )
    process.kill()
    process.wait()
