# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions of this package."""

from __future__ import annotations


class GpuMockError(Exception):
    """Something was attempted and failed; trying again may help."""


class RefusedError(GpuMockError):
    """The node, or what is asked of it, must change first; nothing was changed."""


class KubeError(GpuMockError):
    """The Kubernetes API did not do what was asked."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
