# SPDX-License-Identifier: GPL-3.0-or-later
"""Every exception that the driver raises on purpose. The text says what was attempted, on what, and why it failed."""

from __future__ import annotations


class DriverError(Exception):
    """The base of them all."""


class ConfigError(DriverError):
    """A flag, a variable or a kubeconfig says what cannot be."""


class InventoryError(DriverError):
    """The devices could not be read."""


class KubeError(DriverError):
    """A request to the API server failed."""


class NotFound(KubeError):
    """The object, or the kind of object, does not exist (HTTP 404).

    `resource` is the plural name of the kind where the server knows that and has no such object; else it is empty.
    """

    def __init__(self, message: str, resource: str = "") -> None:
        super().__init__(message)
        self.resource = resource


class Conflict(KubeError):
    """Somebody else has changed the object, or it exists already (HTTP 409)."""


class Expired(KubeError):
    """The resource version of a watch is too old: list again (HTTP 410)."""


class Refused(KubeError):
    """The server does not want it, and will not want it the next time either (other HTTP 4xx)."""


class Unavailable(KubeError):
    """The server cannot be reached, or not now (HTTP 429 and 5xx). `retry_after` is its wish in seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ClaimError(DriverError):
    """A claim cannot be prepared, for a reason that its owner can read."""


class FetchError(DriverError):
    """That a claim is being read, or need not be read any more, cannot be told to others."""


class CheckpointError(DriverError):
    """The record of prepared claims cannot be read or written."""


class CdiError(DriverError):
    """A CDI specification cannot be read, written or removed."""


class DeviceError(DriverError):
    """A device does not take what is written to it."""


class ServerError(DriverError):
    """A socket cannot be served."""
