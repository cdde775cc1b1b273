#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_pki
short_description: Keep the certificates and kubeconfigs of a small Kubernetes cluster
version_added: 0.1.0
description:
  - Makes certificate authorities, the certificates they issue, key pairs and kubeconfigs in one folder.
  - What is there and serves is left alone. A certificate is made anew when it is missing, when it says something else
    than what is wanted, when another authority issued it, or when it ends soon. Its authority is kept.
author:
  - mirage.accel contributors (@mirage-accel)
requirements:
  - cryptography >= 38
options:
  path:
    description: Folder of the certificates. Each becomes C(<name>.crt) and C(<name>.key).
    type: path
    required: true
  authorities:
    description: Names of the certificate authorities.
    type: list
    elements: str
    default: [ca]
  key_pairs:
    description: Names of key pairs that need no certificate. Each becomes C(<name>.key) and C(<name>.pub).
    type: list
    elements: str
    default: []
  certificates:
    description: Certificates to keep.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the files.
        type: str
        required: true
      authority:
        description: Which of O(authorities) issues it.
        type: str
        default: ca
      common_name:
        description: Common name. Kubernetes takes it as the name of the user.
        type: str
        required: true
      organizations:
        description: Organizations. Kubernetes takes them as the user's groups.
        type: list
        elements: str
        default: []
      names:
        description: DNS names it serves.
        type: list
        elements: str
        default: []
      addresses:
        description: IP addresses it serves.
        type: list
        elements: str
        default: []
      usages:
        description: What it is for.
        type: list
        elements: str
        choices: [server, client]
        default: [client]
      kubeconfig:
        description: A kubeconfig to write with this certificate.
        type: path
  server:
    description: Address of the API server in the kubeconfigs.
    type: str
    default: https://127.0.0.1:6443
  cluster:
    description: Name of the cluster in the kubeconfigs.
    type: str
    default: mirage
  days:
    description: How long a certificate is valid.
    type: int
    default: 365
  authority_days:
    description: How long an authority is valid.
    type: int
    default: 3650
  renew_days:
    description: A certificate with fewer days left is made anew.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Says what would be made anew; nothing is written.
  diff_mode:
    support: none
    description: Keys are secret and certificates are opaque.
  platform:
    support: full
    description: Runs on any POSIX host.
    platforms: posix
"""

EXAMPLES = r"""
- name: Keep the certificates of the API server and of its admin
  mirage.accel.cluster_pki:
    path: /var/lib/mirage-accel/cluster/pki
    key_pairs: [service-account]
    certificates:
      - name: apiserver
        common_name: kube-apiserver
        names: [localhost, kubernetes.default.svc]
        addresses: [127.0.0.1, 10.96.0.1]
        usages: [server]
      - name: admin
        common_name: kubernetes-admin
        organizations: ["system:masters"]
        kubeconfig: /var/lib/mirage-accel/cluster/admin.kubeconfig
"""

RETURN = r"""
renewed:
  description: What was made, with the reason.
  type: dict
  returned: success
  sample: {apiserver: it ends in 12 days}
expires:
  description: The day on which each certificate ends.
  type: dict
  returned: success
  sample: {apiserver: "2027-11-22"}
fingerprints:
  description: SHA-256 of each certificate. Who uses one has to be restarted when it changes.
  type: dict
  returned: success
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _certificates as certificates
from ansible_collections.mirage.accel.plugins.module_utils._cryptography_dep import require_cryptography
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._write_file import write_file


class Keeper:
    """One pass over the folder: keeps what serves, makes the rest, remembers why."""

    def __init__(self, params: dict[str, t.Any], check_mode: bool) -> None:
        self.params = params
        self.check_mode = check_mode
        self.folder = Path(params["path"])
        self.renewed: dict[str, str] = {}
        self.expires: dict[str, str] = {}
        self.fingerprints: dict[str, str] = {}
        self.issuers: dict[str, tuple[t.Any, t.Any]] = {}

    def keep_pair(
        self, name: str, wanted: certificates.Wanted, authority: str | None, days: int
    ) -> tuple[t.Any, t.Any]:
        """A certificate and its key that serve, made anew where those on disk do not."""
        certificate, key = certificates.load_pair(self.folder, name)
        issuer, issuer_key = self.issuers[authority] if authority else (None, None)
        reason = certificates.reason_to_renew(
            certificate, issuer, wanted, self.params["renew_days"], certificates.now()
        )
        if reason:
            key = certificates.make_key()
            certificate = certificates.make_certificate(wanted, key, issuer, issuer_key or key, days)
            self.renewed[name] = reason
            if not self.check_mode:
                certificates.store_pair(self.folder, name, certificate, key)
        self.fingerprints[name] = certificate.fingerprint(certificates.hashes.SHA256()).hex()
        self.expires[name] = certificates.expiry(certificate).date().isoformat()
        return certificate, key

    def keep_authority(self, name: str) -> None:
        wanted = certificates.Wanted(common_name=f"{self.params['cluster']}-{name}", authority=True)
        self.issuers[name] = self.keep_pair(name, wanted, None, self.params["authority_days"])

    def keep_certificate(self, item: dict[str, t.Any]) -> None:
        wanted = certificates.Wanted(
            common_name=item["common_name"],
            organizations=tuple(item["organizations"]),
            names=tuple(item["names"]),
            addresses=tuple(item["addresses"]),
            server="server" in item["usages"],
            client="client" in item["usages"],
        )
        if item["authority"] not in self.issuers:
            raise certificates.CertificateError(
                f"certificate {item['name']} names the authority {item['authority']}, which is not in authorities"
            )
        certificate, key = self.keep_pair(item["name"], wanted, item["authority"], self.params["days"])
        if item["kubeconfig"]:
            self.keep_kubeconfig(item, certificate, key)

    def keep_kubeconfig(self, item: dict[str, t.Any], certificate: t.Any, key: t.Any) -> None:
        pem = certificates.serialization.Encoding.PEM
        text = certificates.kubeconfig(
            server=self.params["server"],
            cluster=self.params["cluster"],
            user=item["common_name"],
            authority=self.issuers[item["authority"]][0].public_bytes(pem),
            certificate=certificate.public_bytes(pem),
            key=certificates.private_pem(key),
        )
        path = Path(item["kubeconfig"])
        if not path.exists() or path.read_bytes() != text:
            self.renewed.setdefault(path.name, "it differs from its certificates" if path.exists() else "it is missing")
            if not self.check_mode:
                write_file(path, text, 0o600)

    def keep_key_pair(self, name: str) -> None:
        private, public = self.folder / f"{name}.key", self.folder / f"{name}.pub"
        if private.exists() and public.exists():
            return
        self.renewed[name] = "it is missing"
        if not self.check_mode:
            key = certificates.make_signing_key()
            write_file(private, certificates.private_pem(key), 0o600)
            write_file(public, certificates.public_pem(key), 0o644)

    def keep_all(self) -> None:
        for name in self.params["authorities"]:
            self.keep_authority(name)
        for name in self.params["key_pairs"]:
            self.keep_key_pair(name)
        for item in self.params["certificates"]:
            self.keep_certificate(item)


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "authorities": {"type": "list", "elements": "str", "default": ["ca"]},
            "key_pairs": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "certificates": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "authority": {"type": "str", "default": "ca"},
                    "common_name": {"type": "str", "required": True},
                    "organizations": {"type": "list", "elements": "str", "default": []},
                    "names": {"type": "list", "elements": "str", "default": []},
                    "addresses": {"type": "list", "elements": "str", "default": []},
                    "usages": {
                        "type": "list",
                        "elements": "str",
                        "choices": ["server", "client"],
                        "default": ["client"],
                    },
                    "kubeconfig": {"type": "path"},
                },
            },
            "server": {"type": "str", "default": "https://127.0.0.1:6443"},
            "cluster": {"type": "str", "default": "mirage"},
            "days": {"type": "int", "default": 365},
            "authority_days": {"type": "int", "default": 3650},
            "renew_days": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    keeper = Keeper(module.params, module.check_mode)
    try:
        require_cryptography()
        keeper.keep_all()
    except (MirageError, OSError, ValueError) as exc:
        module.fail_json(msg=f"Error while keeping the certificates in {module.params['path']}: {exc}")
    module.exit_json(
        changed=bool(keeper.renewed), renewed=keeper.renewed, expires=keeper.expires, fingerprints=keeper.fingerprints
    )


if __name__ == "__main__":
    main()
