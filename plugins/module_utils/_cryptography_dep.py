# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to `cryptography`: it may be missing, or older than what the certificate code needs."""

from __future__ import annotations

import traceback

from ansible_collections.mirage.accel.plugins.module_utils._errors import DependencyError

# The first version without backend arguments, and Debian 12's.
MINIMUM = (38,)

try:
    import cryptography
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    VERSION = cryptography.__version__
    IMPORT_ERROR = ""
except ImportError:
    cryptography = x509 = hashes = serialization = ec = rsa = None
    VERSION = ""
    IMPORT_ERROR = traceback.format_exc()


def require_cryptography() -> None:
    """Raise DependencyError, which says what to install, where the library is missing or too old."""
    advice = "install python3-cryptography, or cryptography with pip, for the Python that runs the module"
    if IMPORT_ERROR:
        raise DependencyError(f"the Python library cryptography is missing: {advice}")
    if tuple(int(part) for part in VERSION.split(".")[:1]) < MINIMUM:
        raise DependencyError(f"the Python library cryptography {VERSION} is older than {MINIMUM[0]}: {advice}")


__all__ = ["IMPORT_ERROR", "ec", "hashes", "require_cryptography", "rsa", "serialization", "x509"]
