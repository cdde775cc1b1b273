# SPDX-License-Identifier: GPL-3.0-or-later
"""What is pinned in several places, because charts and images come from the same modules, is pinned alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml


@pytest.mark.parametrize(
    ("release", "version", "tag"),
    [
        ("nvidia-device-plugin", "_container_images_device_plugin_version", "_container_images_device_plugin_version"),
        ("nvidia-dra-driver", "_container_images_dra_driver_version", "_container_images_dra_driver_tag"),
    ],
)
def test_chart_image_and_module_are_of_one_version(repo: Path, release: str, version: str, tag: str) -> None:
    images = yaml.safe_load((repo / "roles/container_images/vars/main.yml").read_text())
    releases = yaml.safe_load((repo / "roles/helm_releases/vars/main.yml").read_text())["_helm_releases_builtin"]
    [found] = [one for one in releases if one["name"] == release]
    module = found["go_module"]
    assert module["version"] == images[version]
    assert found["values"]["image"]["tag"] == images[tag]
    pins = (repo / "roles/container_images/files/go" / module["path"].split("/")[-1] / "go.mod").read_text()
    assert f"{module['path']} {module['version']} " in pins
