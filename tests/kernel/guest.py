# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of its own in QEMU, reached by ssh as any other host; it forgets everything when it ends, not before."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import guest_image
import guest_wire
from debian_kernel import DebianKernel

BOOT_SECONDS = 240
ATTEMPTS = 3


class GuestError(Exception):
    """The guest did not come up, or a command in it failed; the text says what it said."""


class Guest:
    def __init__(self, place: Path, address: tuple[str, int], one_connection: bool = True) -> None:
        self._place = place
        self._host, self._port = address
        self._one_connection = one_connection

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
            "ServerAliveInterval": "20",
            "LogLevel": "ERROR",
        }
        if self._one_connection:
            # Its path must be short, and it must be ended.
            options |= {"ControlMaster": "auto", "ControlPersist": "yes", "ControlPath": self._place / "control"}
        return ["-F", "none", *(f"-o{name}={value}" for name, value in options.items())]

    @property
    def ansible_variables(self) -> dict[str, str | int]:
        """What an inventory says of the guest, to which it is a host like any other."""
        return {
            "ansible_host": self._host,
            "ansible_port": self._port,
            "ansible_user": "root",
            "ansible_ssh_args": shlex.join(self.ssh_options),
            # Looking for one takes longer than most modules.
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def run(self, command: str, data: bytes = b"", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a shell command; its failure is a result."""
        argv = ["ssh", *self.ssh_options, "-p", str(self._port), f"root@{self._host}", command]
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
    # A short path: it holds sockets.
    place = Path(tempfile.mkdtemp(prefix="guest-"))
    try:
        yield start(place, guest_image.disk(cache, rootfs, kernel), kernel, busybox, outlives=False)
    finally:
        stop(place)


def start(
    place: Path,
    disk: Path,
    kernel: DebianKernel,
    busybox: Path,
    name: str = "guest",
    outlives: bool = True,
    wire: guest_wire.Wire | None = None,
    memory_mib: int = 1024,
) -> Guest:
    """Start a guest that goes on until `stop` is called for its folder, or else until this process ends in any way.

    Without a wire it reaches nothing. With one this host and the guest reach each other at the wire's addresses.
    """
    _make_keys(place, kernel, busybox, name, wire)
    if wire:
        wire.lay()
        (place / "wire").write_text(wire.tap)
    reason = ""
    for _ in range(ATTEMPTS):
        address = (wire.guest, 22) if wire else ("127.0.0.1", _free_port())
        by = [] if outlives else ["setpriv", "--pdeathsig", "KILL"]
        _spawn(place, disk, kernel, _network(address, wire), memory_mib, by)
        reason = _wait_until_up(place, Guest(place, address, one_connection=False))
        if not reason:
            # Until now a reset was the end, because a kernel that dies resets the machine.
            _tell_qemu(place, "set-action", reboot="reset")
            (place / "port").write_text(str(address[1]))
            return Guest(place, address)
        # Some kernels die early under emulation, and another may have taken the port: the boot is tried again.
        _kill(place)
    console = (place / "console").read_text(errors="replace")[-4000:]
    raise GuestError(f"the guest did not come up: {reason}\n{console}")


def stop(place: Path) -> None:
    """End the guest of a folder, where one runs, and remove the folder with all that the guest has written."""
    if (place / "control").exists():
        argv = ["ssh", *Guest(place, ("guest", 0)).ssh_options, "-O", "exit", "root@guest"]
        subprocess.run(argv, capture_output=True, check=False, timeout=30)
    _kill(place)
    with contextlib.suppress(FileNotFoundError):
        guest_wire.take_away((place / "wire").read_text())
    shutil.rmtree(place, ignore_errors=True)


def _make_keys(place: Path, kernel: DebianKernel, busybox: Path, name: str, wire: guest_wire.Wire | None) -> None:
    for key in ("id", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", place / key], check=True)
    (place / "known_hosts").write_text(f"guest {(place / 'host.pub').read_text()}")
    payload = {
        "root/.ssh/authorized_keys": ((place / "id.pub").read_bytes(), 0o600),
        "etc/ssh/ssh_host_ed25519_key": ((place / "host").read_bytes(), 0o600),
        "etc/hostname": (f"{name}\n".encode(), 0o644),
        "etc/hosts": (f"127.0.0.1 localhost\n127.0.1.1 {name}\n".encode(), 0o644),
        "etc/guest-network": (_addresses(wire).encode(), 0o644),
        "etc/machine-id": (f"{uuid.uuid4().hex}\n".encode(), 0o444),
    }
    (place / "initramfs").write_bytes(guest_image.initramfs(kernel, busybox, payload))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _addresses(wire: guest_wire.Wire | None) -> str:
    """What guest-network.service reads: without a wire, what QEMU's own network expects."""
    if wire:
        return f"ADDRESS={wire.guest}/{wire.prefix}\nGATEWAY={wire.host}\n"
    return "ADDRESS=10.0.2.15/24\nGATEWAY=\n"


def _network(address: tuple[str, int], wire: guest_wire.Wire | None) -> str:
    if wire:
        return f"tap,id=net,ifname={wire.tap},script=no,downscript=no"
    # It reaches nothing, and is reached on one port of the loopback only.
    return f"user,id=net,restrict=on,hostfwd=tcp:{address[0]}:{address[1]}-:22"


def _spawn(place: Path, disk: Path, kernel: DebianKernel, network: str, memory_mib: int, by: list[str]) -> None:
    argv = [*by, "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-snapshot"]
    # Not -accel kvm: the guest is the same where there is none. Without cmpxchg16b, behind which QEMU 7.2 was seen to
    # leave wrong flags: Linux 6.12 uses it for its own memory and died of it. And without controllers that no test
    # uses, because udev would load their drivers.
    # Without erms: Linux would clear pages byte by byte, which takes eight times as long here and, where the machine is
    # busy, is interrupted for minutes.
    argv += ["-machine", "q35,sata=off,smbus=off", "-accel", "tcg,thread=multi", "-cpu", "max,cx16=off,erms=off"]
    argv += ["-smp", "2,sockets=2", "-m", f"{memory_mib}M"]
    for node in ("0", "1"):
        argv += ["-object", f"memory-backend-ram,id=ram{node},size={memory_mib // 2}M"]
        argv += ["-numa", f"node,nodeid={node},cpus={node},memdev=ram{node}"]
    argv += ["-drive", f"file={disk},format=raw,if=virtio"]
    argv += ["-netdev", network]
    argv += ["-device", "virtio-net-pci,netdev=net,romfile="]
    argv += ["-serial", f"file:{place}/console", "-kernel", str(kernel.image), "-initrd", f"{place}/initramfs"]
    # A log that holds all that a stressed kernel says. And on a busy machine a debug kernel takes minutes until udev
    # has shown the network device, which systemd would give up after one and a half.
    options = "console=ttyS0 quiet panic=-1 net.ifnames=0 log_buf_len=8M systemd.default_timeout_start_sec=15min"
    # Nor is it a stall of the kernel's where the machine has no time for an emulated processor.
    options += " rcupdate.rcu_cpu_stall_timeout=120"
    # Each of the kernel's caches by its own name, so that a test which counts objects sees whose they are.
    options += " slab_nomerge"
    argv += ["-append", options]
    # Its own folder, so that the path of the socket is short whatever the folder's is.
    argv += ["-qmp", "unix:qmp,server=on,wait=off"]
    # TMPDIR: where QEMU keeps what the guest writes.
    with (place / "qemu").open("wb") as log:
        process = subprocess.Popen(
            argv,
            cwd=place,
            env={**os.environ, "TMPDIR": str(place)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (place / "pid").write_text(f"{process.pid} {_born(process.pid)}")


def _wait_until_up(place: Path, guest: Guest) -> str:
    """Nothing, or why it did not come up."""
    said = ""
    end = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < end:
        if not _process(place):
            return f"QEMU ended: {(place / 'qemu').read_text(errors='replace')[-1000:]}"
        try:
            done = guest.run("true", timeout=30)
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            return ""
        said = done.stderr.strip()
        time.sleep(0.5)
    return f"no ssh after {BOOT_SECONDS} seconds: {said}"


def _tell_qemu(place: Path, command: str, **arguments: str) -> None:
    folder = os.open(place, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(f"/proc/self/fd/{folder}/qmp")
            with connection.makefile("rw", encoding="utf-8") as lines:
                lines.readline()  # its greeting
                for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                    lines.write(json.dumps(request) + "\n")
                    lines.flush()
                    answer = json.loads(lines.readline())
                    if "return" not in answer:
                        raise GuestError(f"QEMU refused {request}: {answer}")
    finally:
        os.close(folder)


def _born(pid: int) -> str:
    """When a process was started, which tells it from a later one of the same number; nothing, where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _process(place: Path) -> int:
    """The process of a folder's guest, or 0."""
    try:
        pid, born = (place / "pid").read_text().split()
    except (OSError, ValueError):
        return 0
    return int(pid) if _born(int(pid)) == born else 0


def _kill(place: Path) -> None:
    pid = _process(place)
    if pid:
        os.kill(pid, signal.SIGKILL)
    while _process(place):
        time.sleep(0.05)
    if pid:
        # Where it was started by this process, it is waited for.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
