# SPDX-License-Identifier: GPL-3.0-or-later
"""galaxy.yml, meta/runtime.yml and the changelog: what ansible's tools read of the collection."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def galaxy(repo: Path) -> dict:
    return yaml.safe_load((repo / "galaxy.yml").read_text())


def test_the_collection_is_what_its_modules_are_called(galaxy: dict) -> None:
    assert f"{galaxy['namespace']}.{galaxy['name']}" == "mirage.accel"
    assert galaxy["license"] == ["GPL-3.0-or-later"]
    assert galaxy["dependencies"] == {"kubernetes.core": ">=6.0.0"}


def test_nothing_that_roles_need_is_left_out_of_the_package(galaxy: dict) -> None:
    rooms = {"charts", "native", "playbooks", "plugins", "roles", "meta", "changelogs", "README.md"}
    assert not rooms & set(galaxy["build_ignore"])


def test_addresses_are_placeholders(galaxy: dict) -> None:
    urls = re.findall(r"https?://([^/\s]+)", str(galaxy))
    assert urls
    assert set(urls) <= {"example.com"}


def test_the_locked_dependencies_are_the_promised_ones(repo: Path, galaxy: dict) -> None:
    """kubernetes.core of the virtual environment fulfils what galaxy.yml asks for."""
    from ansible_collections.kubernetes import core

    manifest = Path(next(iter(core.__path__))) / "MANIFEST.json"
    version = yaml.safe_load(manifest.read_text())["collection_info"]["version"]
    assert tuple(map(int, version.split("."))) >= (6, 0, 0)


def test_the_oldest_ansible_is_new_enough_for_what_is_used(repo: Path) -> None:
    wanted = yaml.safe_load((repo / "meta" / "runtime.yml").read_text())["requires_ansible"]
    # 2.18 is the first whose modules may need Python 3.8; kubernetes.core 6 asks for 2.16.
    assert wanted == ">=2.18.0"


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_the_chart_of_the_mock_gpus_is_released_with_the_collection(repo: Path, galaxy: dict) -> None:
    chart = yaml.safe_load((repo / "charts" / "gpu-mock" / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (galaxy["version"], galaxy["version"])


def is_to_come(version: str, changelog: dict) -> bool:
    return all(number(released) < number(version) for released in changelog["releases"])


@pytest.mark.parametrize(
    ("version", "expected"), [("0.9.9", False), ("0.10.0", False), ("0.10.1", True), ("1.0.0", True)]
)
def test_a_release_to_come_is_above_all_that_were(version: str, expected: bool) -> None:
    """By numbers and not by letters, and above the highest, which need not be the last."""
    changelog = yaml.safe_load("{ancestor: null, releases: {0.10.0: {changes: {}}, 0.9.2: {changes: {}}}}")
    assert is_to_come(version, changelog) is expected


def test_the_version_is_that_of_the_release_to_come(repo: Path, galaxy: dict) -> None:
    """Fragments tell what is not released yet, so the version must be above all that is; nothing is younger than it."""
    if list((repo / "changelogs" / "fragments").glob("*.yml")):
        assert is_to_come(galaxy["version"], yaml.safe_load((repo / "changelogs" / "changelog.yaml").read_text()))
    for module in (repo / "plugins" / "modules").glob("[!_]*.py"):
        added = re.search(r'^version_added: "?([0-9.]+)"?$', module.read_text(), re.MULTILINE)
        assert added and number(added[1]) <= number(galaxy["version"]), module.name


def test_the_changelog_is_in_order(repo: Path, run) -> None:
    done = run(BIN / "antsibull-changelog", "lint", cwd=repo)
    assert done.returncode == 0, done.stdout + done.stderr


def test_fragments_are_lines_for_users(repo: Path) -> None:
    fragments = sorted((repo / "changelogs" / "fragments").glob("*.yml"))
    released = yaml.safe_load((repo / "changelogs" / "changelog.yaml").read_text())["releases"]
    assert fragments or released
    for path in fragments:
        for section, lines in yaml.safe_load(path.read_text()).items():
            for line in lines if isinstance(lines, list) else []:
                assert section == "trivial" or re.match(r"\S.* - [a-z`\d].*\S\.( \(|$)|\S.* - \S.*\.$", line), (
                    f"{path.name}: {line!r} is not of the form 'name - what changes for a user.'"
                )
                markup = re.search(r"\b[A-Z]\([^)]|(?<!`)`(?!`)", line)
                assert not markup, f"{path.name}: {line!r} has code in another form than ``this``"


def test_nothing_is_mended_that_no_user_has_met(repo: Path) -> None:
    """Before the first release, what was wrong between two commits is no news; the feature's line says how it is."""
    released = yaml.safe_load((repo / "changelogs" / "changelog.yaml").read_text())["releases"]
    for path in (repo / "changelogs" / "fragments").glob("*.yml"):
        assert released or "bugfixes" not in yaml.safe_load(path.read_text()), (
            f"{path.name}: no release had what is mended: put it into the feature's line, or leave it out"
        )
