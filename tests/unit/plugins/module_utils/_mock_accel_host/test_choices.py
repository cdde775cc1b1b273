# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's facts mean for the kernel module mock_accel."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel_host.choices import (
    Module,
    Wish,
    changed_parameters,
    choose_first_domain,
    choose_persistence,
    choose_sign_command,
    choose_way,
    find_problems,
    find_users,
)

KERNEL = "6.1.0-50-cloud-amd64"
FITTING = Module("/srv/mock_accel.ko", True, f"{KERNEL} SMP preempt mod_unload modversions ", False)
ALL = ["depmod", "dkms", "gcc", "make", "modprobe"]
KEY = {"signing_key": "/k", "certificate": "/c"}


def facts(**changed: t.Any) -> dict[str, t.Any]:
    """A host of Debian's with everything that the module could need."""
    return {
        "kernel": KERNEL,
        "architecture": "x86_64",
        "has_modules": True,
        "modules_disabled": False,
        "capabilities": 0x1FFFFFFFFFF,
        "numa_nodes": [0, 1],
        "enforcement": "",
        "headers": f"/lib/modules/{KERNEL}/build",
        "sign_file": f"/lib/modules/{KERNEL}/build/scripts/sign-file",
        "commands": ALL,
        "systemd": True,
        "domains": {"0000": False},
        "configured": "",
        "parameters": {},
        "allocated": [],
        "hanging": [],
        "foreign": {},
        "opened": {},
        "functions": [],
        "made_functions": [],
        **changed,
    }


@pytest.mark.parametrize(
    ("host", "wish", "way"),
    [
        pytest.param({}, Wish(), "dkms", id="dkms-where-it-is"),
        pytest.param({"commands": ["gcc", "make"]}, Wish(), "headers", id="else-headers"),
        pytest.param({"headers": ""}, Wish(), "headers", id="dkms-without-headers"),
        pytest.param({}, Wish(module=FITTING), "prebuilt", id="a-file-wins"),
        pytest.param({}, Wish(install="headers", module=FITTING), "headers", id="asked-for"),
    ],
)
def test_way(host: dict, wish: Wish, way: str) -> None:
    assert choose_way(facts(**host), wish) == way


@pytest.mark.parametrize(
    ("host", "wish", "said"),
    [
        pytest.param({}, Wish(), None, id="fine"),
        pytest.param(
            {"architecture": "aarch64"}, Wish(), "is for x86, and this machine is aarch64", id="other-architecture"
        ),
        pytest.param(
            {"has_modules": False, "headers": ""}, Wish(), "is built without loadable modules", id="no-modules"
        ),
        pytest.param({"modules_disabled": True}, Wish(), "kernel.modules_disabled is 1", id="no-more-modules"),
        pytest.param({"capabilities": 0xA80425FB}, Wish(), "CAP_SYS_MODULE", id="container"),
        pytest.param({"commands": ["gcc", "make"]}, Wish(), "modprobe is missing", id="no-kmod"),
        pytest.param(
            {"headers": ""}, Wish(), f"no headers of kernel {KERNEL} in /lib/modules/{KERNEL}/build", id="headers"
        ),
        pytest.param({"headers": ""}, Wish(module=FITTING), None, id="prebuilt-needs-no-headers"),
        pytest.param({"commands": ["modprobe"]}, Wish(), "gcc and make must be installed", id="no-compiler"),
        pytest.param({"commands": ["modprobe", "gcc", "make"]}, Wish(install="dkms"), "dkms is missing", id="no-dkms"),
        pytest.param({}, Wish(install="prebuilt"), "'module' names no file", id="no-file-named"),
        pytest.param({}, Wish(module=Module("/x.ko")), "no module /x.ko on the controller", id="file-missing"),
        pytest.param(
            {},
            Wish(module=FITTING._replace(vermagic="6.12.1 SMP ")),
            f"is for kernel 6.12.1, and this host runs {KERNEL}",
            id="other-kernel",
        ),
        pytest.param({}, Wish(module=FITTING._replace(vermagic="")), "is for kernel unknown", id="no-module-at-all"),
        pytest.param({"enforcement": "lockdown"}, Wish(), "only loads signed modules (lockdown)", id="unsigned"),
        pytest.param({"enforcement": "lockdown"}, Wish(**KEY), None, id="signed-with-the-key"),
        pytest.param({"enforcement": "x"}, Wish(module=FITTING._replace(signed=True)), None, id="signed-before"),
        pytest.param(
            {"enforcement": "x"}, Wish(install="headers", module=FITTING._replace(signed=True)), "signed", id="n"
        ),
        pytest.param({"sign_file": ""}, Wish(**KEY), "nothing on this host can sign the module", id="nothing-signs"),
        pytest.param({"sign_file": "", "commands": [*ALL, "kmodsign"]}, Wish(**KEY), None, id="kmodsign"),
        pytest.param({}, Wish(signing_key="/k"), "belong together", id="key-without-certificate"),
        pytest.param({}, Wish(certificate="/c"), "belong together", id="certificate-without-key"),
    ],
)
def test_problems(host: dict, wish: Wish, said: str | None) -> None:
    problems = find_problems(facts(**host), wish)
    assert len(problems) == (said is not None)
    assert said is None or said in problems[0]


def test_messages_name_options_of_the_module_and_no_variables_of_a_role() -> None:
    wishes = (Wish(), Wish(install="prebuilt"), Wish(install="dkms"), Wish(signing_key="/k"), Wish(module=FITTING))
    hosts = [facts(enforcement="x", headers="", commands=["modprobe"]), facts(kernel="6.12.1", enforcement="x")]
    said = [problem for host in hosts for wish in wishes for problem in find_problems(host, wish)]
    quoted = {word for problem in said for word in re.findall(r"'([a-z_]+)'", problem)}
    assert quoted == {"install", "module", "signing_key", "signing_certificate"}
    assert not [problem for problem in said if re.search(r"\bmock_accel_", problem)]


def test_sign_command() -> None:
    assert choose_sign_command(facts()).endswith("/scripts/sign-file")
    assert choose_sign_command(facts(sign_file="", commands=["kmodsign"])) == "kmodsign"
    assert choose_sign_command(facts(sign_file="")) == ""


@pytest.mark.parametrize(
    ("systemd", "persist", "chosen"),
    [(True, "auto", "systemd"), (False, "auto", "init"), (True, "init", "init"), (False, "none", "none")],
)
def test_persistence(systemd: bool, persist: str, chosen: str) -> None:
    assert choose_persistence(facts(systemd=systemd), persist) == chosen


@pytest.mark.parametrize(
    ("host", "wish", "domain"),
    [
        pytest.param({}, Wish(), "0x1000", id="default"),
        pytest.param({"domains": {"1000": True}}, Wish(), "0x1000", id="ours"),
        pytest.param({"domains": {"1000": False}}, Wish(), "0x1001", id="taken"),
        pytest.param({"domains": {"1001": False, "1003": False}}, Wish(num_roots=2), "0x1004", id="room-for-two"),
        pytest.param({}, Wish(gpu_domains=("1000", "1001")), "0x1002", id="gpus-are-there"),
        pytest.param({"configured": "options mock_accel first_domain=0x2000 x=1\n"}, Wish(), "0x2000", id="as-before"),
        pytest.param(
            {"configured": "first_domain=0x2000", "domains": {"2000": False}}, Wish(), "0x1000", id="taken-since"
        ),
        pytest.param({"domains": {"3000": False}}, Wish(first_domain="0x3000"), "0x3000", id="asked-for"),
        pytest.param({}, Wish(first_domain="4096"), "0x1000", id="asked-for-in-decimal"),
    ],
)
def test_first_domain(host: dict, wish: Wish, domain: str) -> None:
    assert choose_first_domain(facts(**host), wish) == domain


def test_users_are_named() -> None:
    used = facts(
        allocated=["mock0", "mock1_vf0"],
        hanging=["mock3"],
        foreign={"mock0_vf1": "vfio-pci"},
        opened={
            "mock2": [{"pid": 7, "command": "trainer"}, {"pid": 9, "command": "sh"}],
            "240:11": [{"pid": 9, "command": "sh"}],
        },
        functions=["gpu0", "mine"],
        made_functions=["gpu0"],
    )
    assert find_users(used) == [
        "the device 240:11, which is gone, is open in process 9 (sh)",
        "mock0 is allocated",
        "mock0_vf1 is bound to the driver vfio-pci",
        "mock1_vf0 is allocated",
        "mock2 is open in process 7 (trainer)",
        "mock2 is open in process 9 (sh)",
        "mock3 does not answer and may be allocated",
        "function mine in configfs was not made by mock-accel-functions: remove it with rmdir",
    ]
    assert find_users(facts()) == []


@pytest.mark.parametrize(
    ("loaded", "wanted", "changed"),
    [
        pytest.param({}, {"num_pfs": 4}, [], id="not-loaded"),
        pytest.param({"num_pfs": "4"}, {"num_pfs": 4}, [], id="same"),
        pytest.param({"num_pfs": "4"}, {"num_pfs": "2"}, ["num_pfs 4 -> 2"], id="other"),
        pytest.param({"pf_memory": "17179869184"}, {"pf_memory": "16g"}, [], id="size"),
        pytest.param({"first_domain": "0x1000"}, {"first_domain": "4096"}, [], id="hexadecimal"),
        pytest.param({"num_vfs": "0"}, {"num_vfs": 3}, [], id="set-at-run-time"),
        pytest.param({"uuid_seed": "drawn"}, {"uuid_seed": ""}, [], id="the-kernels-choice"),
        pytest.param({"numa_nodes": ""}, {"numa_nodes": ""}, [], id="all-nodes"),
        pytest.param({"numa_nodes": "0,1"}, {"numa_nodes": ""}, ["numa_nodes 0,1 -> all"], id="no-longer-asked-for"),
        pytest.param({"numa_nodes": ""}, {"numa_nodes": "1"}, ["numa_nodes all -> 1"], id="asked-for"),
        pytest.param({"uuid_seed": "a"}, {"uuid_seed": "b"}, ["uuid_seed a -> b"], id="text"),
        pytest.param({"num_pfs": "1"}, {"unknown": "1"}, [], id="older-module"),
    ],
)
def test_parameters(loaded: dict[str, str], wanted: dict[str, t.Any], changed: list[str]) -> None:
    assert changed_parameters(facts(parameters=loaded), wanted) == changed
