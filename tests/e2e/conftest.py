# SPDX-License-Identifier: GPL-3.0-or-later
"""One site for all cases of this folder, from `make up` to `make down`; its files run in the order of their names."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import host_state
import pytest
from site_under_test import Site


@pytest.fixture(scope="session")
def site(repo: Path, run, kubectl: Path, helm: Path) -> Iterator[Site]:
    site = Site(repo, run, kubectl, helm)
    yield site
    # Also after a failure the host must be as it was; the last case asserts it for a good run.
    site.make("down")


@pytest.fixture(scope="session")
def before(site: Site) -> host_state.HostState:
    site.make("down")
    state = host_state.observe()
    # Another cluster's rules would hide what ours leaves: their chains have the same names.
    assert not [rule for rule in state.rules if "KUBE-" in rule], "iptables rules of another cluster are here"
    return state


@pytest.fixture(scope="session")
def up(site: Site, before: host_state.HostState) -> subprocess.CompletedProcess[str]:
    done = site.make("up")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    return done
