# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that tell a container the attributes of its devices, one for each request, and how they get into it.

Paths, names and format are those of Kubernetes' device metadata (KEP-5304, metadata.resource.k8s.io/v1alpha1), so
that whoever reads them need not know this driver.
"""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

from . import files
from .errors import CdiError
from .prepared import PreparedClaim, PreparedDevice

API_VERSION = "metadata.resource.k8s.io/v1alpha1"
# Where they are in a container, and below the plugin's folder.
CONTAINER = "/var/run/kubernetes.io/dra-device-attributes"
FOLDER = "dra-device-metadata"

# Of what is in the specifications: a device's name may begin with a digit there.
CDI_VERSION = "0.5.0"

Json = dict[str, t.Any]


def requests(claim: PreparedClaim) -> dict[str, list[PreparedDevice]]:
    """Devices of which something is to be told, by the names of requests as the claim has them."""
    found: dict[str, list[PreparedDevice]] = {}
    for device in claim.devices:
        if device.attributes:
            found.setdefault(device.requests[0], []).append(device)
    return found


def qualified(claim: PreparedClaim, request: str, driver: str) -> str:
    """The name by which the kubelet asks the runtime for a request's file."""
    return f"{driver}/metadata={_name(claim, request)}"


def _name(claim: PreparedClaim, request: str) -> str:
    return f"{claim.ref.uid}_{request}"


def content(claim: PreparedClaim, request: str, driver: str) -> Json:
    """What the file of a request says."""
    devices = requests(claim)[request]
    made: Json = {
        "apiVersion": API_VERSION,
        "kind": "DeviceMetadata",
        "metadata": {
            "name": claim.ref.name,
            "namespace": claim.ref.namespace,
            "uid": claim.ref.uid,
            "generation": 1,
        },
    }
    if claim.pod_claim:
        made["podClaimName"] = claim.pod_claim
    told = [
        {"driver": driver, "pool": one.pool, "name": one.device_name, "attributes": dict(one.attributes)}
        for one in devices
    ]
    # With the subrequest, as the allocation has it.
    return {**made, "requests": [{"name": devices[0].result or request, "devices": told}]}


def container_path(claim: PreparedClaim, request: str, driver: str) -> str:
    """By what its pod calls the claim where it was made of a template: nobody can know the other name beforehand."""
    place = f"resourceclaimtemplates/{claim.pod_claim}" if claim.pod_claim else f"resourceclaims/{claim.ref.name}"
    return f"{CONTAINER}/{place}/{request}/{driver}-metadata.json"


class MetadataFolder:
    """The files of all claims, and the specifications that mount them."""

    def __init__(self, plugin_dir: Path, cdi_dir: Path, driver: str) -> None:
        self.path = plugin_dir / FOLDER
        self._cdi_dir = cdi_dir
        self._driver = driver

    def write(self, claim: PreparedClaim) -> None:
        try:
            for path, text in self._texts(claim).items():
                path.parent.mkdir(parents=True, exist_ok=True)
                # After a power failure they are compared with the checkpoint, and made again.
                files.replace(path, text, point="metadata", durable=False)
        except OSError as error:
            raise CdiError(f"Error while writing the metadata of the claim {claim.ref}: {error.strerror}") from error

    def holds(self, claim: PreparedClaim) -> bool:
        try:
            return all(path.read_text(encoding="utf-8") == text for path, text in self._texts(claim).items())
        except (FileNotFoundError, UnicodeDecodeError):
            return False
        except OSError as error:
            raise CdiError(f"Error while reading the metadata of the claim {claim.ref}: {error.strerror}") from error

    def remove(self, claim: PreparedClaim, others: t.Iterable[PreparedClaim]) -> None:
        """Whatever there is of it: first what mounts the files, then these, unless they are another's of its name."""
        try:
            for path in self._cdi_dir.glob(f"{self._prefix}{claim.ref.uid}_*.json"):
                path.unlink(missing_ok=True)
            folder = self._of(claim)
            if folder.exists() and folder not in {self._of(other) for other in others}:
                shutil.rmtree(folder)
        except OSError as error:
            raise CdiError(f"Error while removing the metadata of the claim {claim.ref}: {error.strerror}") from error

    def remove_others(self, claims: t.Iterable[PreparedClaim]) -> None:
        """What is of no claim among these, and what was never finished."""
        kept = {path for claim in claims for path in self._texts(claim)}
        folders = {path.parent.parent for path in kept}
        try:
            ours = (f"{self._prefix}*.json", f".{self._prefix}*.json{files.SUFFIX}")
            for path in (path for pattern in ours for path in self._cdi_dir.glob(pattern)):
                if path not in kept:
                    path.unlink(missing_ok=True)
            for folder in self.path.iterdir() if self.path.exists() else ():
                if folder not in folders:
                    shutil.rmtree(folder)
        except OSError as error:
            raise CdiError(f"Error while cleaning the metadata in {self.path}: {error.strerror}") from error

    @property
    def _prefix(self) -> str:
        return f"{self._driver}_metadata_"

    def _of(self, claim: PreparedClaim) -> Path:
        return self.path / f"{claim.ref.namespace}_{claim.ref.name}"

    def _texts(self, claim: PreparedClaim) -> dict[Path, str]:
        """All files of a claim with what belongs into them; those that are mounted come first."""
        told, mounts = {}, {}
        for request in requests(claim):
            path = self._of(claim) / request / "metadata.json"
            told[path] = json.dumps(content(claim, request, self._driver), separators=(",", ":")) + "\n"
            spec = self._specification(claim, request, path)
            mounts[self._cdi_dir / f"{self._prefix}{_name(claim, request)}.json"] = json.dumps(spec, indent=2) + "\n"
        return {**told, **mounts}

    def _specification(self, claim: PreparedClaim, request: str, path: Path) -> Json:
        inside = container_path(claim, request, self._driver)
        mount = {"hostPath": str(path), "containerPath": inside, "options": ["ro", "bind"]}
        device = {"name": _name(claim, request), "containerEdits": {"mounts": [mount]}}
        return {"cdiVersion": CDI_VERSION, "kind": f"{self._driver}/metadata", "devices": [device]}
