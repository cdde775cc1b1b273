# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter as the roles call it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.mirage.accel.plugins.filter.gpu_consumers import FilterModule

gpu_consumers = FilterModule().filters()["gpu_consumers"]


@pytest.mark.parametrize(
    ("chosen", "tags", "consumers"),
    [
        pytest.param("", [], ["device_plugin"], id="nothing-chosen"),
        pytest.param("", ["all"], ["device_plugin"], id="all-tags"),
        pytest.param("", ["dra_driver"], ["dra_driver"], id="tag"),
        pytest.param("", ["dra_driver", "device_plugin"], ["device_plugin", "dra_driver"], id="both-tags"),
        pytest.param(["device_plugin"], ["dra_driver"], ["device_plugin"], id="the-variable-wins"),
        pytest.param(["dra_driver"], [], ["dra_driver"], id="list"),
        pytest.param([], ["dra_driver"], [], id="none-wanted"),
        pytest.param("[dra_driver]", [], ["dra_driver"], id="list-of-a-command-line"),
        pytest.param("[device_plugin, dra_driver]", [], ["device_plugin", "dra_driver"], id="both-of-a-command-line"),
        pytest.param("[]", ["dra_driver"], [], id="none-of-a-command-line"),
        pytest.param("dra_driver", [], ["dra_driver"], id="word"),
        pytest.param("[dra_driver", [], ["[dra_driver"], id="broken-text-stays-for-the-check"),
        pytest.param(7, [], ["7"], id="number-stays-for-the-check"),
    ],
)
def test_consumers(chosen: t.Any, tags: list[str], consumers: list[str]) -> None:
    assert gpu_consumers(chosen, tags) == consumers
