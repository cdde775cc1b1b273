# SPDX-License-Identifier: GPL-3.0-or-later
"""Role device_classes against a real kube-apiserver."""

from __future__ import annotations

import json
import re
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

PATH = "/apis/resource.k8s.io/v1/deviceclasses"
DRIVER = "gpu.nvidia.com"
GPU = {"name": "gpu.example.com", "selectors": [f'device.driver == "{DRIVER}"'], "labels": {"tier": "test"}}
LARGE = {
    "name": "large.example.com",
    "selectors": [f'device.capacity["{DRIVER}"].memory.compareTo(quantity("80Gi")) >= 0'],
    "config": [{"opaque": {"driver": DRIVER, "parameters": {"kind": "GpuConfig", "sharing": {"strategy": "None"}}}}],
    "extended_resource_name": "example.com/large",
}


@pytest.fixture
def classes(apiserver) -> t.Iterator[t.Callable[[], dict[str, dict]]]:
    yield lambda: {item["metadata"]["name"]: item for item in apiserver.request("GET", PATH)["items"]}
    apiserver.request("DELETE", PATH)


@pytest.fixture
def play(repo: Path, run, clean_env: dict[str, str], apiserver, tmp_path: Path) -> t.Callable[..., t.Any]:
    """Runs the role and gives the finished play, with the number of changed tasks as `changed`."""

    def play(listed: list[dict] | None, *arguments: str, **variables: t.Any) -> t.Any:
        book = tmp_path / "play.yml"
        role = {"role": "mirage.accel.device_classes"}
        book.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "roles": [role]}]))
        given = {"kubeconfig": str(apiserver.kubeconfig()), **variables}
        given |= {} if listed is None else {"device_classes": listed}
        command = [Path(sys.executable).parent / "ansible-playbook", book, "-e", json.dumps(given), *arguments]
        done = run(*command, cwd=repo, env={**clean_env, "HOME": str(tmp_path)}, timeout=300)
        recap = re.search(r"changed=(\d+)", done.stdout)
        done.changed = int(recap[1]) if recap else None
        return done

    return play


def test_the_life_of_classes(play, classes) -> None:
    checked = play([GPU, LARGE], "--check", "--diff")
    assert checked.returncode == 0, checked.stdout
    assert checked.changed == 1
    assert classes() == {}

    made = play([GPU, LARGE])
    assert (made.returncode, made.changed) == (0, 1), made.stdout
    found = classes()
    assert set(found) == {"gpu.example.com", "large.example.com"}
    assert found["gpu.example.com"]["metadata"]["labels"] == {"tier": "test"}
    assert found["large.example.com"]["spec"] == {
        "selectors": [{"cel": {"expression": LARGE["selectors"][0]}}],
        "config": LARGE["config"],
        "extendedResourceName": "example.com/large",
    }

    for arguments in ([], ["--check"]):
        again = play([GPU, LARGE], *arguments)
        assert (again.returncode, again.changed) == (0, 0), again.stdout
    assert {name: item["metadata"]["generation"] for name, item in classes().items()} == dict.fromkeys(found, 1)

    less = {key: value for key, value in LARGE.items() if key not in ("config", "extended_resource_name")}
    changed = play([{**GPU, "state": "absent"}, less], "--diff")
    assert (changed.returncode, changed.changed) == (0, 2), changed.stdout
    assert "example.com/large" in changed.stdout
    assert {name: set(item["spec"]) for name, item in classes().items()} == {"large.example.com": {"selectors"}}

    for arguments, count, left in ((["--check"], 1, 1), ([], 1, 0), ([], 0, 0)):
        removed = play([GPU, LARGE], *arguments, device_classes_state="absent")
        assert (removed.returncode, removed.changed) == (0, count), removed.stdout
        assert len(classes()) == left


def test_one_bad_class_leaves_all_as_they_were(play, classes) -> None:
    bad = {"name": "bad.example.com", "selectors": ["device.driver = 3"]}
    done = play([GPU, LARGE, bad])
    assert done.returncode != 0
    assert "spec.selectors[0].cel.expression" in done.stdout
    assert "Traceback" not in done.stdout
    assert classes() == {}


def test_what_another_tool_has_set_is_not_overwritten(play, classes, apiserver) -> None:
    spec = {"selectors": [{"cel": {"expression": "true"}}]}
    metadata = {"name": GPU["name"]}
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass"}
    apiserver.request("POST", PATH, {**kind, "metadata": metadata, "spec": spec})
    done = play([GPU])
    assert done.returncode != 0
    assert "conflict" in done.stdout
    assert classes()[GPU["name"]]["spec"] == spec
    forced = play([GPU], device_classes_force=True)
    assert (forced.returncode, forced.changed) == (0, 1), forced.stdout
    assert classes()[GPU["name"]]["spec"]["selectors"] == [{"cel": {"expression": GPU["selectors"][0]}}]


@pytest.mark.parametrize(
    ("listed", "variables", "message"),
    [
        ([GPU, GPU], {}, "device_classes names a class twice"),
        ([GPU], {"kubeconfig": "/nowhere/config"}, "There is no kubeconfig /nowhere/config: set kubeconfig"),
        ([{"selectors": []}], {}, "missing required arguments: name"),
        ([{**GPU, "state": "gone"}], {}, "value of state must be one of: present, absent"),
        ([{**GPU, "selectors": "true"}], {}, "selectors must be a list of CEL expressions (now"),
        ([{**GPU, "labels": {"a": 1}}], {}, "labels a mapping of names to texts (now"),
    ],
    ids=["twice", "no-cluster", "no-name", "no-such-state", "one-selector-as-text", "a-label-that-is-a-number"],
)
def test_what_cannot_be_meant(play, classes, listed, variables, message) -> None:
    done = play(listed, **variables)
    assert done.returncode != 0
    assert message in " ".join(done.stdout.split())
    assert classes() == {}


def test_the_sites_own_class(play, classes) -> None:
    """Beside the two of the chart mock-device, where that is wanted."""
    assert play(None).changed == 0
    assert classes() == {}
    assert play(None, mock_device_enabled="true").changed == 1
    [spec] = [one["spec"] for one in classes().values()]
    assert spec == {"selectors": [{"cel": {"expression": 'device.driver == "mock-accel.example.com"'}}]}
    assert list(classes()) == ["mock-accel-any"]
    assert play(None, mock_device_enabled="true").changed == 0
    # Also by a teardown that does not know what was wanted.
    assert play(None, device_classes_state="absent").changed == 1
    assert classes() == {}
