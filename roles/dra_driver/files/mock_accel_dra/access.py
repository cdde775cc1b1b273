# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the API server is and how it is spoken to: from a pod's service account, or from a kubeconfig."""

from __future__ import annotations

import base64
import json
import os
import ssl
import tempfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

from .errors import ConfigError

Json = dict[str, t.Any]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Access:
    """Where an API server is and how it is spoken to. What can be renewed is a function, asked for each use."""

    server: str
    token: t.Callable[[], str] = lambda: ""
    # None for plain HTTP. Asked for each connection, so that a new authority or certificate is taken up.
    tls: t.Callable[[], ssl.SSLContext] | None = None
    tls_server_name: str = ""


def find(kubeconfig_file: Path | None, environ: t.Mapping[str, str]) -> Access:
    """By the kubeconfig where one is given, else as a pod of the cluster."""
    return kubeconfig(kubeconfig_file) if kubeconfig_file else in_cluster(environ)


def in_cluster(environ: t.Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Access:
    """The API server of the cluster that this pod runs in. The kubelet renews token and authority in their files."""
    host = environ.get("KUBERNETES_SERVICE_HOST", "")
    if not host:
        raise ConfigError(
            "Error while looking for the API server: KUBERNETES_SERVICE_HOST is not set, so this is no pod; "
            "set --kubeconfig"
        )
    if not (folder / "token").exists():
        raise ConfigError(
            f"Error while looking for the API server: there is no {folder / 'token'}; "
            "the pod needs automountServiceAccountToken"
        )
    authority = f"[{host}]" if ":" in host else host
    return Access(
        server=f"https://{authority}:{environ.get('KUBERNETES_SERVICE_PORT', '443')}",
        token=lambda: (folder / "token").read_text().strip(),
        tls=lambda: ssl.create_default_context(cafile=str(folder / "ca.crt")),
    )


def kubeconfig(path: Path) -> Access:
    """The current context of a kubeconfig: JSON, or YAML where PyYAML is installed."""
    doing = f"reading the kubeconfig {path}"
    try:
        content = _parse(path.read_text(), doing)
        context = _named(content, "contexts", "context", content["current-context"])
        cluster = _named(content, "clusters", "cluster", context["cluster"])
        user = _named(content, "users", "user", context["user"])
        server = str(cluster["server"]).rstrip("/")
    except OSError as error:
        raise ConfigError(f"Error while {doing}: {error.strerror}") from error
    except (KeyError, TypeError) as error:
        raise ConfigError(f"Error while {doing}: {error} is missing") from error
    for name in ("exec", "auth-provider", "username"):
        if name in user:
            raise ConfigError(f"Error while {doing}: a user with {name} is not supported; use a token or a certificate")
    if not server.startswith(("https://", "http://")):
        raise ConfigError(f"Error while {doing}: the server {server} is no http or https address")
    base = path.parent
    return Access(
        server=server,
        token=_token(user, base),
        tls=(lambda: _tls(cluster, user, base)) if server.startswith("https://") else None,
        tls_server_name=cluster.get("tls-server-name", ""),
    )


def _parse(text: str, doing: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        # Needed by those who run the driver outside of a cluster, and by nobody else.
        import yaml
    except ImportError as error:
        raise ConfigError(f"Error while {doing}: it is no JSON, and PyYAML is not installed") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"Error while {doing}: {error}") from error


def _named(content: Json, room: str, kind: str, name: str) -> Json:
    found = next((entry[kind] for entry in content.get(room) or [] if entry.get("name") == name), None)
    if found is None:
        raise KeyError(f"{kind} {name}")
    return found


def _token(user: Json, base: Path) -> t.Callable[[], str]:
    if "tokenFile" in user:
        return lambda: (base / user["tokenFile"]).read_text().strip()
    return lambda: user.get("token", "")


def _tls(cluster: Json, user: Json, base: Path) -> ssl.SSLContext:
    authority = _content(cluster, "certificate-authority", base)
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = _content(user, "client-certificate", base)
    if certificate:
        _load_certificate(context, certificate, _content(user, "client-key", base) or b"")
    return context


def _content(holder: Json, name: str, base: Path) -> bytes | None:
    """What a kubeconfig holds itself, or names as a file beside it."""
    if f"{name}-data" in holder:
        return base64.b64decode(holder[f"{name}-data"])
    return (base / holder[name]).read_bytes() if name in holder else None


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """OpenSSL's interface wants a file; this one has no name that outlives it."""
    handle, name = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(certificate + b"\n" + key)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
