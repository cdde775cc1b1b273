# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that says which claims are prepared: versioned, with a checksum, replaced as a whole.

A claim is prepared if and only if it stands here. Whoever reads and writes holds the lock of state.py.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from pathlib import Path

from . import files
from .errors import CheckpointError
from .prepared import ClaimRef, PreparedClaim, PreparedDevice

VERSION = 1
# Left out where they are empty: an older instance beside this one, as in a rolling update, does not know them.
_OPTIONAL = {"attributes", "result"}

Claims = t.Mapping[str, PreparedClaim]


class Checkpoint:
    """Claims by UID. The file is read again when somebody else, such as a second instance, has written it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._claims: Claims = {}
        # Claims with their text, so that only what is new is put into words.
        self._texts: dict[str, tuple[PreparedClaim, str]] = {}

    def load(self) -> Claims:
        """All prepared claims; none where there is no file. A file that cannot be trusted is refused and left alone."""
        try:
            seen = self._identity()
            if seen is None:
                self._seen, self._claims = None, {}
            elif seen != self._seen:
                self._claims = decode(self.path.read_text(encoding="utf-8"))
                self._seen = seen
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        except ValueError as error:
            raise self._unreadable(f"{error}") from error
        return self._claims

    def save(self, claims: Claims) -> None:
        try:
            self._texts = {uid: (claim, self._text(uid, claim)) for uid, claim in claims.items()}
            text = _whole({uid: text for uid, (_, text) in self._texts.items()})
            files.replace(self.path, text, point="checkpoint", mode=0o600)
            self._seen, self._claims = self._identity(), dict(claims)
        except OSError as error:
            # The rename may or may not have been done.
            self._seen = None
            raise CheckpointError(f"Error while writing the checkpoint {self.path}: {error.strerror}") from error

    def _text(self, uid: str, claim: PreparedClaim) -> str:
        known = self._texts.get(uid)
        return known[1] if known and known[0] is claim else _canonical(_record(claim))

    def remove_unfinished(self) -> None:
        """What a writer that was killed has left."""
        try:
            files.temporary(self.path).unlink(missing_ok=True)
        except OSError as error:
            raise CheckpointError(f"Error while cleaning {self.path.parent}: {error.strerror}") from error

    def _identity(self) -> tuple[int, int, int] | None:
        """What changes whenever the file is replaced."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _unreadable(self, reason: str) -> CheckpointError:
        self._seen = None
        return CheckpointError(
            f"Error while reading the checkpoint {self.path}: {reason}; nothing has been changed, and nothing will be "
            "prepared or released on this node until the file is put right, or moved away once no pod uses its devices"
        )


def encode(claims: Claims) -> str:
    """The file's text."""
    return _whole({uid: _canonical(_record(claim)) for uid, claim in claims.items()})


def _whole(texts: t.Mapping[str, str]) -> str:
    """The file's text, given that of each claim. The checksum is that of the claims as they stand in it."""
    content = "{" + ",".join(f"{json.dumps(uid)}:{texts[uid]}" for uid in sorted(texts)) + "}"
    return f'{{"version":{VERSION},"checksum":"{_checksum(content)}","claims":{content}}}\n'


def decode(text: str) -> dict[str, PreparedClaim]:
    """The claims of such a text; ValueError says what is wrong with it."""
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise ValueError(f"it is no JSON ({error})") from error
    if not isinstance(whole, dict) or not {"version", "checksum", "claims"} <= set(whole):
        raise ValueError("it has no version, checksum and claims")
    if whole["version"] != VERSION:
        raise ValueError(f"its version is {whole['version']}, and this driver knows version {VERSION}")
    found = _checksum(_canonical(whole["claims"]))
    if found != whole["checksum"]:
        raise ValueError(f"its checksum is {whole['checksum']}, and that of its content {found}")
    try:
        return {uid: _claim(uid, record) for uid, record in whole["claims"].items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its claims have another form ({type(error).__name__}: {error})") from error


def _record(claim: PreparedClaim) -> dict[str, t.Any]:
    # Not asdict, which copies everything and takes ten times as long.
    devices = [
        {name: value for name in PreparedDevice.__slots__ if (value := getattr(device, name)) or name not in _OPTIONAL}
        for device in claim.devices
    ]
    record = {"namespace": claim.ref.namespace, "name": claim.ref.name, "devices": devices}
    return {**record, "pod_claim": claim.pod_claim} if claim.pod_claim else record


def _claim(uid: str, record: t.Mapping[str, t.Any]) -> PreparedClaim:
    devices = (PreparedDevice(**{**one, "requests": tuple(one["requests"])}) for one in record["devices"])
    ref = ClaimRef(record["namespace"], record["name"], uid)
    return PreparedClaim(ref, tuple(devices), record.get("pod_claim", ""))


def _canonical(content: t.Any) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
