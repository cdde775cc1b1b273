# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authorities and certificates of the embedded cluster: made, judged and written to files."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import ipaddress
import typing as t
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._cryptography_dep import (
    ec,
    hashes,
    rsa,
    serialization,
    x509,
)
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._write_file import write_file

# A clock that goes a little ahead of another's must not make a fresh certificate invalid.
CLOCK_SKEW = datetime.timedelta(hours=1)


class CertificateError(MirageError):
    """A file of the PKI that cannot be used, or a wish that no certificate can express."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a certificate has to say."""

    common_name: str
    organizations: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    server: bool = False
    client: bool = False
    authority: bool = False

    def described(self) -> tuple[t.Any, ...]:
        """A form in which the order of what was listed does not count."""
        addresses = {str(ipaddress.ip_address(address)) for address in self.addresses}
        return (
            self.common_name,
            frozenset(self.organizations),
            frozenset(self.names),
            frozenset(addresses),
            self.server,
            self.client,
            self.authority,
        )


def now() -> datetime.datetime:
    """The time, in UTC and without a zone, as certificates carry it."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0)


def expiry(certificate: t.Any) -> datetime.datetime:
    """When a certificate ends; newer releases of cryptography deprecate the form without a zone."""
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_after_utc.replace(tzinfo=None)
    return certificate.not_valid_after


def _extension(certificate: t.Any, kind: t.Any) -> t.Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def describe(certificate: t.Any) -> Wanted:
    """What a certificate says, in the same form as what is wanted."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    usages = _extension(certificate, x509.ExtendedKeyUsage) or ()
    constraints = _extension(certificate, x509.BasicConstraints)
    subject = certificate.subject
    return Wanted(
        common_name="".join(item.value for item in subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)),
        organizations=tuple(i.value for i in subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)),
        names=tuple(names.get_values_for_type(x509.DNSName)) if names else (),
        addresses=tuple(str(i) for i in names.get_values_for_type(x509.IPAddress)) if names else (),
        server=x509.ExtendedKeyUsageOID.SERVER_AUTH in usages,
        client=x509.ExtendedKeyUsageOID.CLIENT_AUTH in usages,
        authority=bool(constraints and constraints.ca),
    )


def is_issued_by(certificate: t.Any, issuer: t.Any) -> bool:
    """Whether a certificate names this very key as its issuer's; two authorities may share a name."""
    named = _extension(certificate, x509.AuthorityKeyIdentifier)
    key = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key())
    return named is not None and named.key_identifier == key.digest


def reason_to_renew(
    certificate: t.Any | None, issuer: t.Any | None, wanted: Wanted, renew_days: int, today: datetime.datetime
) -> str:
    """Why a certificate has to be made anew; empty where it serves."""
    if certificate is None:
        return "it is missing"
    left = expiry(certificate) - today
    if left < datetime.timedelta(days=renew_days):
        return f"it ends in {left.days} days"
    if describe(certificate).described() != wanted.described():
        return "it says something else"
    if issuer is not None and not is_issued_by(certificate, issuer):
        return "another authority issued it"
    return ""


def make_key() -> t.Any:
    return ec.generate_private_key(ec.SECP256R1())


def make_certificate(wanted: Wanted, key: t.Any, issuer: t.Any | None, issuer_key: t.Any, days: int) -> t.Any:
    """A certificate for a key, signed by the issuer, or by itself where there is none."""
    subject = x509.Name(
        [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, name) for name in wanted.organizations]
        + [x509.NameAttribute(x509.NameOID.COMMON_NAME, wanted.common_name)]
    )
    start = now()
    usages = [x509.ExtendedKeyUsageOID.SERVER_AUTH] * wanted.server
    usages += [x509.ExtendedKeyUsageOID.CLIENT_AUTH] * wanted.client
    alternatives = [x509.DNSName(name) for name in wanted.names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in wanted.addresses]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - CLOCK_SKEW)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=wanted.authority, path_length=None), critical=True)
        .add_extension(_key_usage(wanted.authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _key_usage(authority: bool) -> t.Any:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def private_pem(key: t.Any) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key: t.Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def make_signing_key() -> t.Any:
    """A key for service account tokens: RSA, which every client library can check."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def load_pair(folder: Path, name: str) -> tuple[t.Any | None, t.Any | None]:
    """Certificate and key of a name; None for both where one is missing or is no PEM, so that both are made anew."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())
        key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), password=None)
    except FileNotFoundError:
        return None, None
    except (ValueError, TypeError) as exc:
        raise CertificateError(f"Error while reading {folder / name}.crt and .key: {exc}; remove both") from exc
    return certificate, key


def store_pair(folder: Path, name: str, certificate: t.Any, key: t.Any) -> None:
    """The key first: a certificate without its key would look as if it served."""
    write_file(folder / f"{name}.key", private_pem(key), 0o600)
    write_file(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def kubeconfig(server: str, cluster: str, user: str, authority: bytes, certificate: bytes, key: bytes) -> bytes:
    """A kubeconfig that carries its certificates, so that it can be copied alone."""
    data = [base64.b64encode(part).decode() for part in (authority, certificate, key)]
    return f"""\
apiVersion: v1
kind: Config
clusters:
  - name: {cluster}
    cluster:
      server: {server}
      certificate-authority-data: {data[0]}
users:
  - name: {user}
    user:
      client-certificate-data: {data[1]}
      client-key-data: {data[2]}
contexts:
  - name: {cluster}
    context:
      cluster: {cluster}
      user: {user}
current-context: {cluster}
""".encode()
