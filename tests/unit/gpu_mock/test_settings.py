# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment that the chart sets."""

from __future__ import annotations

import pytest
from gpu_mock import kube, settings
from gpu_mock.errors import KubeError, RefusedError

ENVIRONMENT = {
    "NODE_NAME": "node-1",
    "POD_NAMESPACE": "default",
    "RELEASE_NAME": "rel",
    "FULLNAME": "gpu-mock",
    "GPU_PROFILE": "a100",
    "GPU_COUNT": "8",
    "DRIVER_VERSION": "550.163.01",
}


def test_settings_of_the_chart() -> None:
    found = settings.from_environment(ENVIRONMENT)
    assert (found.count, found.owner) == (8, "gpu-mock/default/rel")
    assert str(found.page) == "/var/lib/nvidia-mock/driver/lib/firmware/nvidia/550.163.01/gsp_mock.bin"


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_each_variable_is_needed(name: str) -> None:
    with pytest.raises(RefusedError, match=f"the variable {name} is not set"):
        settings.from_environment({**ENVIRONMENT, name: ""})


@pytest.mark.parametrize("count", ["0", "129", "x", "-1", "1.5", "²"])
def test_a_count_that_cannot_be(count: str) -> None:
    with pytest.raises(RefusedError, match=f"GPU_COUNT is {count}, not a number from 1 to 128"):
        settings.from_environment({**ENVIRONMENT, "GPU_COUNT": count})


def test_outside_a_pod_there_is_no_api_server() -> None:
    with pytest.raises(KubeError, match="this is no pod"):
        kube.in_cluster({})
