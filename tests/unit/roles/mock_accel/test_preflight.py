# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that the role refuses before it asks the host anything; one run of ansible-playbook answers for all cases."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.module_utils import _pci_domains

ONE = {"name": "mock7"}
CASES: dict[str, tuple[dict[str, t.Any], str]] = {
    "defaults": ({}, ""),
    "all-of-it": (
        {
            "mock_accel_num_pfs": 2,
            "mock_accel_num_vfs": 1,
            "mock_accel_vfs": {"mock0": "2", "mock1": 0, "mock7": 3},
            "mock_accel_functions": [{**ONE, "total_vfs": 3, "vendor": 4318, "slot": -1, "memory_size": "16G"}],
            "mock_accel_first_domain": 4096,
            "mock_accel_signing_key": "/root/MOK.priv",
            "mock_accel_signing_certificate": "/root/keys/MOK-1+a.der",
        },
        "",
    ),
    "mode-unquoted": (
        {"mock_accel_device_mode": 0o660},
        "mock_accel_device_mode is '432': set it to a quoted octal number",
    ),
    "vfs-too-many": ({"mock_accel_vfs": {"mock0": 9}}, "cannot give mock0 '9' virtual functions: set a number up to 4"),
    "vfs-above-total": ({"mock_accel_vfs": {"mock0": 5}}, "cannot give mock0 '5' virtual functions"),
    "vfs-no-number": ({"mock_accel_vfs": {"mock0": "two"}}, "cannot give mock0 'two' virtual functions"),
    "vfs-negative": ({"mock_accel_vfs": {"mock0": -1}}, "cannot give mock0 '-1' virtual functions"),
    "vfs-of-nobody": ({"mock_accel_vfs": {"mock1": 1}}, "cannot give mock1 '1' virtual functions"),
    "vfs-above-its-own": (
        {"mock_accel_vfs": {"mock7": 3}, "mock_accel_functions": [{**ONE, "total_vfs": 2}]},
        "cannot give mock7 '3' virtual functions: set a number up to 2",
    ),
    "domain-last": ({"mock_accel_first_domain": f"{_pci_domains.LAST:#x}"}, ""),
    "domain-behind-the-last": (
        {"mock_accel_first_domain": str(_pci_domains.LAST + 1)},
        f"mock_accel_first_domain is '{_pci_domains.LAST + 1}'",
    ),
    "domain-zero": ({"mock_accel_first_domain": "0x0"}, "mock_accel_first_domain is '0x0'"),
    "domains-last-two": (
        {"mock_accel_first_domain": f"{_pci_domains.LAST - 1:#x}", "mock_accel_num_pfs": 2, "mock_accel_num_roots": 2},
        "",
    ),
    "domain-last-of-two": (
        {"mock_accel_first_domain": f"{_pci_domains.LAST:#x}", "mock_accel_num_pfs": 2, "mock_accel_num_roots": 2},
        "one for each of 2 root buses",
    ),
    "no-memory": ({"mock_accel_pf_memory": "0"}, "mock_accel_pf_memory is '0'"),
    "no-memory-of-vfs": ({"mock_accel_vf_memory": "0G"}, "mock_accel_vf_memory is '0G'"),
    "key-that-a-shell-reads": ({"mock_accel_signing_key": "/k$(id)"}, "mock_accel_signing_key is '/k$(id)'"),
    "key-with-a-quote": ({"mock_accel_signing_certificate": '/c"x'}, "mock_accel_signing_certificate is"),
    "key-of-two-lines": ({"mock_accel_signing_key": "/k\n"}, "mock_accel_signing_key is"),
    "key-somewhere": ({"mock_accel_signing_key": "MOK.priv"}, "mock_accel_signing_key is 'MOK.priv'"),
    "value": (
        {"mock_accel_functions": [{**ONE, "link_width": 3}]},
        "Function mock7: '3' is no value of link_width: set mock_accel_functions",
    ),
    "values": (
        {"mock_accel_functions": [{**ONE, "slot": 32}, {"name": "a", "root_bus": "1:1"}]},
        "Function mock7: '32' is no value of slot; Function a: '1:1' is no value of root_bus",
    ),
    "number": ({"mock_accel_functions": [{"name": "mock512"}]}, "numbers go up to 511"),
}


@pytest.fixture(scope="module")
def said(repo: Path, ansible_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("preflight")
    role = {"name": "mirage.accel.mock_accel", "tasks_from": "preflight"}
    fact = {"said": "{{ said | default({}) | combine({case: ansible_failed_result | to_json}) }}"}
    tasks = [
        {
            "vars": {**variables, "case": case},
            "block": [{"ansible.builtin.include_role": role}],
            "rescue": [{"ansible.builtin.set_fact": fact}],
        }
        for case, (variables, _expected) in CASES.items()
    ]
    answer = {"content": "{{ said | to_json }}", "dest": f"{folder}/said.json", "mode": "0600"}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False}
    play["tasks"] = [*tasks, {"ansible.builtin.copy": answer}]
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    done = subprocess.run(
        ["ansible-playbook", folder / "play.yml"],
        cwd=repo,
        env=ansible_env,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "said.json").read_text())


def text_of(failure: str) -> str:
    """What a failed task has said; of a loop, what its items have."""
    failed = json.loads(failure)
    items = [item["msg"] for item in failed.get("results", []) if item.get("failed")]
    return " ".join("; ".join(items or [failed["msg"]]).split())


@pytest.mark.parametrize("case", CASES)
def test_wrong_words(said: dict[str, str], case: str) -> None:
    expected = CASES[case][1]
    if expected:
        assert expected in text_of(said[case])
    else:
        assert case not in said


def test_numbers_written_as_texts_are_numbers(value) -> None:
    given = {"mock_accel_num_pfs": 2, "mock_accel_num_vfs": 1, "mock_accel_vfs": {"mock0": "2"}}
    assert value("_mock_accel_vfs_wanted", **given) == {"mock0": 2, "mock1": 1}
    assert value("_mock_accel_vfs_wanted.values() | unique | sort", **given) == [1, 2]


def test_only_functions_that_are_there_are_judged_before(value) -> None:
    given = {"mock_accel_vfs": {"mock0": 2, "mock7": 3}, "mock_accel_functions": [ONE]}
    assert value("_mock_accel_vfs_of_parameters", **given) == {"mock0": 2}


def test_what_a_host_lacks_is_said_in_the_words_of_the_role(value) -> None:
    problems = ["'install' is prebuilt, but 'module' names no file", "set 'signing_key' and 'signing_certificate'"]
    assert value("_mock_accel_hindrance", __mock_accel_host={"problems": problems}) == (
        "host0 goes without the accelerators of mock_accel: mock_accel_install is prebuilt, but mock_accel_module_file "
        "names no file; set mock_accel_signing_key and mock_accel_signing_certificate"
    )


@pytest.mark.parametrize(
    ("asked", "online", "missing"),
    [
        pytest.param("", [0, 1], [], id="all"),
        pytest.param("0,1", [0, 1], [], id="there"),
        pytest.param("0,5", [0, 1], [5], id="one-is-not"),
        pytest.param(1, [0], [1], id="a-number"),
        pytest.param("0", [], [], id="a-kernel-without-numa-has-one"),
        pytest.param("1", [], [1], id="and-no-other"),
    ],
)
def test_numa_nodes_that_a_host_lacks(value, asked: str | int, online: list[int], missing: list[int]) -> None:
    host = {"facts": {"numa_nodes": online}}
    assert value("_mock_accel_missing_nodes", mock_accel_numa_nodes=asked, __mock_accel_host=host) == missing
