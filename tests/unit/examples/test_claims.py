# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of examples/claims in themselves; tests/integration/test_dra_examples.py has a cluster for them."""

from __future__ import annotations

import typing as t
from collections import Counter
from pathlib import Path

import pytest
from claim_examples import KEYS, Example, examples

EXAMPLES = examples(Path(__file__).resolve().parents[3])


def pod_specs(example: Example) -> t.Iterator[dict[str, t.Any]]:
    for one in example.objects:
        if one["kind"] == "Pod":
            yield one["spec"]
        elif one["kind"] == "Deployment":
            yield from [one["spec"]["template"]["spec"]] * one["spec"]["replicas"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.path.stem)
def test_says_what_it_shows_and_what_must_be_seen(example: Example) -> None:
    first, *_ = example.text.splitlines()
    assert first.startswith("# ")
    assert "expect" not in first
    assert example.expected.keys() <= KEYS
    assert {"running", "devices"} <= example.expected.keys()
    assert len(list(pod_specs(example))) == example.expected["running"] + example.expected.get("pending", 0)
    assert all(outcome.keys() <= {"pf", "vf"} for outcome in example.outcomes)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.path.stem)
def test_pods_use_busybox_without_asking_a_registry_each_time(example: Example) -> None:
    for spec in pod_specs(example):
        (container,) = spec["containers"]
        assert (container["image"], container["imagePullPolicy"]) == ("busybox", "IfNotPresent")


def test_no_two_files_have_a_name_in_common() -> None:
    names = [
        (one["kind"], one["metadata"].get("namespace", "default"), one["metadata"]["name"])
        for example in EXAMPLES
        for one in example.objects
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_the_readme_has_all_of_them(repo: Path) -> None:
    text = (repo / "examples/claims/README.md").read_text()
    assert len(EXAMPLES) == 11
    for example in EXAMPLES:
        assert f"[{example.path.name}]({example.path.name})" in text
    for key in KEYS:
        assert f"| `{key}` |" in text


def test_the_test_claim_is_that_of_the_guide(repo: Path) -> None:
    (example,) = (one for one in EXAMPLES if one.path.stem == "test-claim")
    guide = (repo / "charts/mock-device/README.md").read_text()
    (shown,) = (block.partition("```")[0] for block in guide.split("```yaml\n")[1:] if "test-claim" in block)
    assert Example(Path(), shown).objects == example.objects
