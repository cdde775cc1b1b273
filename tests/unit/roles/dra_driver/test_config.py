# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags -> settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from mock_accel_dra import config
from mock_accel_dra.errors import ConfigError

COMMANDS = {"controller": "publish", "node-agent": "prepare"}


def parse(*argv: str, **environ: str) -> config.Settings:
    return config.parse(["controller", *argv], environ, COMMANDS)


def test_defaults_are_those_that_users_are_promised() -> None:
    settings = parse(NODE_NAME="node-1")
    assert settings == config.Settings(
        command="controller",
        node_name="node-1",
        driver_name="mock-accel.example.com",
        sysfs_root=Path("/sys"),
        plugin_dir=Path("/var/lib/kubelet/plugins/mock-accel.example.com"),
        registry_dir=Path("/var/lib/kubelet/plugins_registry"),
        cdi_dir=Path("/var/run/cdi"),
        rescan_interval=30.0,
        verbosity=5,
        kubeconfig=None,
        metrics_address="",
    )


@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        pytest.param(["--node-name=other"], "node_name", "other", id="a flag is stronger than the environment"),
        pytest.param(
            ["--driver-name=a.b"], "plugin_dir", Path("/var/lib/kubelet/plugins/a.b"), id="folder of the name"
        ),
        pytest.param(
            ["--driver-name=a.b", "--plugin-dir=/x"], "plugin_dir", Path("/x"), id="a folder is stronger than the name"
        ),
        pytest.param(["--sysfs-root=/host/sys"], "sysfs_root", Path("/host/sys"), id="sysfs"),
        pytest.param(["-v", "0"], "verbosity", 0, id="short flag"),
        pytest.param(["--kubeconfig=k"], "kubeconfig", Path("k"), id="kubeconfig"),
        pytest.param(["--rescan-interval=1m30s"], "rescan_interval", 90.0, id="minutes and seconds"),
        pytest.param(["--rescan-interval=1.5h"], "rescan_interval", 5400.0, id="broken hours"),
        pytest.param(["--binding-conditions"], "binding_conditions", True, id="binding conditions"),
        pytest.param(["--device-metadata"], "device_metadata", True, id="device metadata"),
        pytest.param([], "shared_devices", (), id="nothing shared"),
        pytest.param(["--shared-devices=vf, mock0_vf1"], "shared_devices", ("vf", "mock0_vf1"), id="shared devices"),
        pytest.param(["--shared-devices="], "shared_devices", (), id="no shared devices"),
        pytest.param(["--rescan-interval=2500ms"], "rescan_interval", 2.5, id="milliseconds"),
    ],
)
def test_flags(argv: list[str], field: str, value: object) -> None:
    assert getattr(parse(*argv, NODE_NAME="node-1"), field) == value


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        pytest.param([], "no node name; set --node-name or NODE_NAME", id="no node"),
        pytest.param(["--node-name=No_de"], "the node name 'No_de' is not a DNS subdomain", id="node"),
        pytest.param(["--node-name=n", "--driver-name=-a"], "the driver name '-a' is not a DNS subdomain", id="driver"),
        pytest.param(["--node-name=n", f"--driver-name={'a' * 64}"], "at most 63 characters", id="long driver"),
        pytest.param(["--node-name=n", "-v", "11"], "verbosity 11 is not one of 0 to 10", id="verbosity"),
        pytest.param(["--node-name=n", "--rescan-interval=500ms"], "0.5 s is shorter than 1 s", id="interval"),
    ],
)
def test_what_cannot_be(argv: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse(*argv)


@pytest.mark.parametrize("text", ["30", "s", "1d", "1s2", "-1s", "1m 30s", ""])
def test_a_duration_that_is_none(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit):
        parse("--node-name=n", f"--rescan-interval={text}")
    assert "is no duration such as 30s or 1m30s" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["Mock0", "mock0;mock1", "all,mock[0]"])
def test_shared_devices_that_are_none(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit):
        parse("--node-name=n", f"--shared-devices={text}")
    assert "is not all, pf, vf or a device's name such as mock0 or mock1-vf*" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [[], ["publish"], ["controller", "--sysfs=/x"]], ids=["none", "unknown", "abbreviated"]
)
def test_a_command_line_that_says_nothing(argv: list[str]) -> None:
    with pytest.raises(SystemExit):
        config.parse(argv, {"NODE_NAME": "n"}, COMMANDS)
