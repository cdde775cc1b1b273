# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: whatever the cases before have done to the site, nothing of it is left."""

from __future__ import annotations

import re

import host_state
import pytest
from site_under_test import Site

pytestmark = pytest.mark.timeout(5400)


def test_down_leaves_nothing(up, before: host_state.HostState, site: Site) -> None:
    done = site.make("down")
    assert done.returncode == 0, done.stdout[-6000:]
    left = host_state.left_behind(before)
    assert not left, host_state.dump(left)


def test_second_down_changes_nothing(up, site: Site) -> None:
    done = site.make("down")
    assert done.returncode == 0, done.stdout[-6000:]
    assert not any(int(number) for number in re.findall(r"\bchanged=(\d+)", done.stdout))
