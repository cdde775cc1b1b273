# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, as exceptions whose text a module hands to the user as it is.

A message says what was attempted, on what, why it failed and what to do. This file imports nothing.
"""

from __future__ import annotations


class MirageError(Exception):
    """Base of every error that the collection raises itself; `main()` turns it into `fail_json`."""


class DependencyError(MirageError):
    """A Python library that the module needs is missing or too old."""


class LibraryError(MirageError):
    """An NVML library could not be loaded, started or read to the end."""


class ConfigurationError(MirageError):
    """What was given to reach the API server with (kubeconfig, context, certificate) cannot be used."""


class ApiError(MirageError):
    """The API server answered with a failure, or with something that is not its language."""


class UnavailableError(ApiError):
    """No answer came from the API server, or one that says "not now": worth another try while waiting."""


class NotFoundError(ApiError):
    """The API server has nothing under that path (404)."""


class AccessError(ApiError):
    """The API server does not know the user, or does not allow the request: trying again cannot help."""


class ExpiredError(ApiError):
    """The resource version is too old to go on from (410 Gone): list again."""
