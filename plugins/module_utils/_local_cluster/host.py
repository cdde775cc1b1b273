# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host around the cluster: what it was like before, what the cluster needs of it, and how it is put back."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._local_cluster import (
    iptables,
    kernel,
    leftovers,
    mounts,
    processes,
)
from ansible_collections.mirage.accel.plugins.module_utils._write_file import write_file

VERSION = 1
RECORD = "host.json"
KUBELET_ROOT = "/var/lib/kubelet"
# Set for the cluster; the kubelet sets the others itself, they are only remembered.
NEEDED_SYSCTLS = {"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1"}
REMEMBERED_SYSCTLS = (
    *NEEDED_SYSCTLS,
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
# Folders that parts of the cluster make outside of its own; one that was there before stays.
SHARED_FOLDERS = (
    KUBELET_ROOT,
    "/var/log/pods",
    "/var/log/containers",
    "/var/lib/cni",
    "/run/containerd",
    "/run/kubernetes",
    "/usr/libexec/kubernetes",
)
FAMILIES = {"ipv4": "iptables", "ipv6": "ip6tables"}


class HostError(MirageError):
    """Something on the host that could not be prepared or put back."""


@dataclasses.dataclass(frozen=True)
class Site:
    """Where the cluster has its things."""

    state_dir: str
    runtime_dir: str
    bridge: str
    network: str
    # The mark of the routes to the pods of other nodes: rtnetlink's protocol.
    route_protocol: int

    @property
    def record(self) -> Path:
        return Path(self.state_dir, RECORD)

    @property
    def stopping(self) -> Path:
        """A note for the keeper that the cluster is being ended."""
        return Path(self.runtime_dir, "stopping")


def run(*command: str, text: str | None = None) -> tuple[str, str]:
    """Run a command; its output, and its error where it failed."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "", f"{command[0]} is not installed"
    error = done.stderr.strip() or f"exit code {done.returncode}"
    return done.stdout, "" if done.returncode == 0 else error


def read_sysctl(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return None


def write_sysctl(name: str, value: str) -> None:
    try:
        Path("/proc/sys", name).write_text(value)
    except OSError as exc:
        raise HostError(f"Error while setting {name.replace('/', '.')} to {value}: {exc.strerror}") from exc


def read_record(site: Site) -> dict[str, t.Any] | None:
    """What the host was like before the cluster; None where that was never written."""
    try:
        record = json.loads(site.record.read_text())
    except FileNotFoundError:
        return None
    except ValueError as exc:
        raise HostError(
            f"Error while reading {site.record}: {exc}; remove the file, then what it named by hand"
        ) from exc
    if record.get("version") != VERSION:
        raise HostError(f"{site.record} has version {record.get('version')}, this collection knows version {VERSION}")
    return record


def saved_rules(family: str) -> str:
    return run(f"{FAMILIES[family]}-save")[0]


def foreign_entries(folder: str) -> list[str]:
    """What is in a folder of the cluster's, except a record whose writing was cut off."""
    try:
        return sorted(path.name for path in Path(folder).iterdir() if not path.name.startswith(f".{RECORD}."))
    except FileNotFoundError:
        return []


def refuse_foreign_folders(site: Site) -> None:
    """A folder with somebody else's things would be emptied by the removal."""
    for folder, option in ((site.state_dir, "state_dir"), (site.runtime_dir, "runtime_dir")):
        found = foreign_entries(folder)
        if found:
            raise HostError(
                f"{folder} holds {', '.join(found[:3])}, and no {site.record} says that this is the cluster's: "
                f"give {option} a folder of its own, or empty that one"
            )


def load_module(module: str) -> None:
    """Load what the kernel lacks; overlay has a stand-in, the native snapshotter, br_netfilter has none."""
    error = kernel.modprobe(module)
    if module == "br_netfilter" and not kernel.is_there(module):
        raise HostError(
            f"Error while loading the kernel module {module}: {error or 'it brings no ' + kernel.BRIDGE_SETTING}; "
            "install the modules of the running kernel, or use a kernel that has it"
        )


def snapshotter_of(site: Site, check_mode: bool) -> str:
    """Which snapshotter the cluster has, or would be made with."""
    record = read_record(site)
    if record and "snapshotter" in record:
        return record["snapshotter"]
    there = kernel.is_there("overlay") or (check_mode and kernel.can_load("overlay"))
    return "overlayfs" if there else "native"


def observe(site: Site, to_share: list[str]) -> dict[str, t.Any]:
    """The record of a host without the cluster."""
    rules = {family: saved_rules(family) for family in FAMILIES}
    return {
        "version": VERSION,
        "runtime_dir": site.runtime_dir,
        "loaded_modules": [],
        "sysctls": {name: value for name in REMEMBERED_SYSCTLS if (value := read_sysctl(name)) is not None},
        "made_shared": to_share,
        "chains": {family: iptables.cluster_chains(text) for family, text in rules.items()},
        "tables": {family: [table.name for table in iptables.parse_save(text)] for family, text in rules.items()},
        "folders": [folder for folder in SHARED_FOLDERS if Path(folder).exists()],
    }


def prepare(site: Site, check_mode: bool) -> list[str]:
    """Remember the host, once, and give the cluster what it needs of it; returns what was done."""
    record = read_record(site)
    if record is None:
        refuse_foreign_folders(site)
    done = []
    to_share = mounts.mounts_to_share(mounts.read_mounts(), [KUBELET_ROOT, "/run", site.state_dir])
    # Overlay is only asked for while the snapshotter is not chosen yet.
    wanted = kernel.MODULES if record is None else ("br_netfilter",)
    to_load = [m for m in wanted if not kernel.is_there(m) and (m == "br_netfilter" or kernel.can_load(m))]
    if record is None:
        done.append(f"remember the host in {site.record}")
        if not check_mode:
            # First of all: what is not remembered is never removed.
            record = observe(site, to_share)
            write_record(site, record)
    done += [f"load the kernel module {module}" for module in to_load]
    if record is not None and not check_mode:
        bring_modules(site, record, to_load)
    settings = {n: v for n, v in NEEDED_SYSCTLS.items() if read_sysctl(n) not in (None, v)}
    boot_files = kernel.boot_files_to_write()
    done += [f"make the mount {point} shared" for point in to_share]
    done += [f"set {name.replace('/', '.')} to {value}" for name, value in settings.items()]
    done += [f"write {path}" for path in boot_files]
    if site.stopping.exists():
        done.append(f"remove {site.stopping}, which a removal that did not end has left")
    if not check_mode:
        site.stopping.unlink(missing_ok=True)
        mounts.set_propagation(to_share, shared=True)
        for name, value in settings.items():
            write_sysctl(name, value)
        for path, text in boot_files.items():
            write_file(Path(path), text.encode(), 0o644)
    return done


def bring_modules(site: Site, record: dict[str, t.Any], to_load: list[str]) -> None:
    """Load modules, and remember which, and the snapshotter that the cluster has from now on."""
    for module in to_load:
        load_module(module)
    loaded = record.get("loaded_modules", [])
    new = [module for module in to_load if module not in loaded and kernel.is_loaded(module)]
    if new or "snapshotter" not in record:
        write_record(site, {**record, "loaded_modules": loaded + new, "snapshotter": snapshotter_of(site, False)})


def write_record(site: Site, record: dict[str, t.Any]) -> None:
    """Keep what the host was like; it is needed once, and then it must be whole."""
    write_file(site.record, json.dumps(record, indent=2, sort_keys=True).encode(), 0o600)


class Removal:
    """Takes the cluster's traces off the host, step by step; in check mode it only lists them."""

    def __init__(self, site: Site, check_mode: bool) -> None:
        self.site = site
        self.check_mode = check_mode
        self.record = read_record(site)
        self.done: list[str] = []
        # What stays although it lies where the cluster had its things, and why.
        self.kept: list[str] = []

    def run(self) -> list[str]:
        """All steps, in the order in which one frees what the next one takes."""
        if self.record is None:
            self.keep_unknown()
            return self.done
        runtime_dir = self.record.get("runtime_dir", self.site.runtime_dir)
        if runtime_dir != self.site.runtime_dir:
            raise HostError(
                f"the cluster was made with runtime_dir {runtime_dir}, not {self.site.runtime_dir}: give that"
            )
        self.end_processes()
        self.unmount()
        self.remove_routes()
        self.remove_links()
        self.remove_rules()
        self.remove_cgroups()
        self.restore_settings()
        self.remove_modules()
        self.remove_folders()
        return self.done

    def keep_unknown(self) -> None:
        """Without the record nothing here is known to be the cluster's, which writes it before anything else."""
        for folder in (self.site.state_dir, self.site.runtime_dir):
            if foreign_entries(folder):
                self.kept.append(f"{folder} stays as it is: no {self.site.record} says that it is the cluster's")

    def end_processes(self) -> None:
        """Every process of the cluster with every container below its shims, until there is none."""
        for _round in range(5):
            everything = processes.read_processes()
            own = processes.own_processes(everything, self.site.state_dir)
            pids = processes.with_descendants(everything, [p.pid for p in own])
            if not pids:
                return
            self.done.append(f"end {len(pids)} processes")
            if self.check_mode:
                return
            self.end_once(own, pids)
        raise HostError(f"processes of {self.site.state_dir} are started again and again: find out by what")

    def end_once(self, own: list[processes.Process], pids: set[int]) -> None:
        """The supervisors first, so that they restart nothing, then all others."""
        # The keeper and supervisord revive each other, but not while this note is there.
        self.site.stopping.parent.mkdir(parents=True, exist_ok=True)
        self.site.stopping.touch()
        supervisors = {p.pid for p in own if not p.executable.startswith(f"{self.site.state_dir}/")}
        stuck = processes.end_processes(supervisors, 20) + processes.end_processes(pids - supervisors, 5)
        if stuck:
            raise HostError(f"processes {', '.join(map(str, stuck))} do not end: reboot the host, then run this again")

    def unmount(self) -> None:
        folders = [self.site.state_dir, self.site.runtime_dir, KUBELET_ROOT]
        points = mounts.mounts_below(mounts.read_mounts(), folders)
        self.done += [f"unmount {point}" for point in points]
        if not self.check_mode:
            mounts.unmount(points)

    def remove_routes(self) -> None:
        routes = run("ip", "-4", "route", "show", "proto", str(self.site.route_protocol))[0].splitlines()
        self.done += [f"remove the route to {route.split()[0]}" for route in routes]
        if routes and not self.check_mode:
            error = run("ip", "-4", "route", "flush", "proto", str(self.site.route_protocol))[1]
            if error:
                raise HostError(f"Error while removing the routes to the pods of other nodes: {error}")

    def remove_links(self) -> None:
        bridge = Path("/sys/class/net", self.site.bridge)
        if not bridge.exists():
            return
        ports = [port.name for port in (bridge / "brif").iterdir()]
        for link in [*ports, self.site.bridge]:
            self.done.append(f"remove the link {link}")
            if not self.check_mode:
                error = run("ip", "link", "delete", link)[1]
                # A port goes by itself when its container's namespace does.
                if error and Path("/sys/class/net", link).exists():
                    raise HostError(f"Error while removing the link {link}: {error}")

    def remove_rules(self) -> None:
        for family, command in FAMILIES.items():
            script = iptables.removal_script(saved_rules(family), set(self.record["chains"][family]), self.site.network)
            if script:
                self.done.append(f"remove {script.count('-X ')} chains of {command}")
                if not self.check_mode:
                    error = run(f"{command}-restore", "--noflush", "--wait", text=script)[1]
                    if error:
                        raise HostError(f"Error while removing the cluster's {command} rules: {error}")
            if not self.check_mode:
                for table in iptables.empty_tables(saved_rules(family), set(self.record["tables"][family])):
                    # On nf_tables a restore without chains drops the table; elsewhere it is part of the kernel.
                    run(f"{command}-restore", "--wait", text=f"*{table}\nCOMMIT\n")

    def remove_cgroups(self) -> None:
        base = Path("/sys/fs/cgroup")
        found = [folder for folder in (*base.glob("kubepods*"), *base.glob("*/kubepods*")) if folder.is_dir()]
        if not found:
            return
        self.done.append(f"remove the control groups {', '.join(map(str, found))}")
        if self.check_mode:
            return
        for top in found:
            for folder, _folders, _files in os.walk(top, topdown=False):
                with contextlib.suppress(FileNotFoundError):
                    Path(folder).rmdir()

    def restore_settings(self) -> None:
        for path in kernel.BOOT_FILES:
            if Path(path).exists():
                self.done.append(f"remove {path}")
                if not self.check_mode:
                    Path(path).unlink()
        changed = {n: v for n, v in self.record["sysctls"].items() if read_sysctl(n) not in (None, v)}
        private = [m.point for m in mounts.read_mounts() if m.shared and m.point in self.record["made_shared"]]
        self.done += [f"set {name.replace('/', '.')} back to {value}" for name, value in changed.items()]
        self.done += [f"make the mount {point} private again" for point in private]
        if not self.check_mode:
            for name, value in changed.items():
                write_sysctl(name, value)
            mounts.set_propagation(private, shared=False)

    def remove_modules(self) -> None:
        """Unload what was loaded for the cluster; one that somebody uses meanwhile stays."""
        for module in self.record.get("loaded_modules", []):
            if kernel.is_loaded(module):
                # Other bridges, of a Docker say, have come to rely on it without the kernel counting that.
                bridges = module == "br_netfilter" and any(Path("/sys/class/net").glob("*/bridge"))
                if bridges:
                    self.kept.append(f"the kernel module {module} stays loaded: other bridges are there")
                    continue
                self.done.append(f"unload the kernel module {module}")
                error = "" if self.check_mode else kernel.modprobe("--remove", module)
                if error:
                    self.kept.append(f"the kernel module {module} stays loaded: {error}")

    def refuse_mounts(self, folder: str) -> None:
        left = mounts.mounts_below(mounts.read_mounts(), [folder])
        if left:
            raise HostError(f"{folder} is not removed, something is still mounted at {', '.join(left)}")

    def remove_folder(self, folder: str) -> None:
        if not Path(folder).exists():
            return
        self.done.append(f"remove {folder}")
        if not self.check_mode:
            self.refuse_mounts(folder)
            shutil.rmtree(folder)

    def remove_shared_folder(self, folder: str) -> None:
        """What the cluster made in it; somebody else may have come to use it since."""
        if not Path(folder).exists():
            return
        found = leftovers.find_leftovers(folder, self.site.network, self.site.runtime_dir)
        if self.check_mode:
            self.done.append(f"remove what the cluster made in {folder}")
        elif leftovers.remove_leftovers(folder, found):
            self.done.append(f"remove {folder}")
        else:
            self.done += [f"remove {path}" for path in found]
            self.kept.append(f"{folder} stays: it holds what the cluster did not make")

    def remove_state(self) -> None:
        """The record goes last, so that a removal that was cut off can be run again."""
        state = Path(self.site.state_dir)
        self.done.append(f"remove {state}")
        if self.check_mode:
            return
        self.refuse_mounts(str(state))
        for path in state.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != self.site.record:
                path.unlink()
        self.site.record.unlink()
        state.rmdir()
        # Others may have their things beside the cluster's.
        if state.parent.name == "mirage-accel":
            with contextlib.suppress(OSError):
                state.parent.rmdir()

    def remove_folders(self) -> None:
        """The cluster's own folders, and of the shared ones that came with it what is the cluster's."""
        self.remove_folder(self.site.runtime_dir)
        for folder in SHARED_FOLDERS:
            if folder not in self.record["folders"]:
                if folder == KUBELET_ROOT:
                    self.remove_folder(folder)
                else:
                    self.remove_shared_folder(folder)
        self.remove_state()
