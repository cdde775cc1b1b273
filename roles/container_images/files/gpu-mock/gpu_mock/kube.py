# SPDX-License-Identifier: GPL-3.0-or-later
"""A thin client of the Kubernetes API: it knows how to ask, and nothing of what is asked."""

from __future__ import annotations

import http.client
import json
import ssl
import typing as t
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from .errors import KubeError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
MERGE_PATCH = "application/merge-patch+json"
# The server takes JSON for it as well, which is a part of YAML.
APPLY_PATCH = "application/apply-patch+yaml"
TIMEOUT_S = 15


class Api:
    """One API server, asked with the token in a file (the kubelet renews it, so it is read for every request)."""

    def __init__(self, server: str, token_file: Path, context: ssl.SSLContext | None) -> None:
        self._server = server
        self._token_file = token_file
        self._context = context

    def get(self, path: str, **query: str) -> dict[str, t.Any]:
        return self._json("GET", path, query)

    def patch(self, path: str, body: t.Mapping[str, t.Any], content_type: str, **query: str) -> dict[str, t.Any]:
        return self._json("PATCH", path, query, body, content_type)

    def watch(self, path: str, seconds: int, **query: str) -> t.Iterator[dict[str, t.Any]]:
        """The events of one watch; it ends by itself after that many seconds."""
        query = {**query, "watch": "true", "timeoutSeconds": str(seconds)}
        try:
            with self._open("GET", path, query, timeout=seconds + TIMEOUT_S) as response:
                for line in response:
                    yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise KubeError(f"Error while watching {path}: {error}") from error

    def _json(
        self,
        method: str,
        path: str,
        query: t.Mapping[str, str],
        body: t.Mapping[str, t.Any] | None = None,
        content_type: str = "",
    ) -> dict[str, t.Any]:
        try:
            with self._open(method, path, query, body, content_type) as response:
                return json.load(response)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise KubeError(f"Error while calling {method} {path}: {error}") from error

    def _open(
        self,
        method: str,
        path: str,
        query: t.Mapping[str, str],
        body: t.Mapping[str, t.Any] | None = None,
        content_type: str = "",
        timeout: float = TIMEOUT_S,
    ) -> http.client.HTTPResponse:
        url = self._server + path + ("?" + urllib.parse.urlencode(query) if query else "")
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self._token_file.read_text().strip()}"}
        if content_type:
            headers["Content-Type"] = content_type
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            return urllib.request.urlopen(request, timeout=timeout, context=self._context)
        except urllib.error.HTTPError as error:
            raise KubeError(f"Error while calling {method} {path}: {_reason(error)}", error.code) from error


def _reason(error: urllib.error.HTTPError) -> str:
    """The server's own sentence, where its answer is a Status object."""
    text = error.read().decode(errors="replace")
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = text.strip()[:200] or error.reason
    return f"{message} (HTTP {error.code})"


def in_cluster(environ: t.Mapping[str, str], service_account: Path = SERVICE_ACCOUNT) -> Api:
    """The API server of the cluster that this pod runs in."""
    host = environ.get("KUBERNETES_SERVICE_HOST", "")
    if not host:
        raise KubeError("Error while looking for the API server: KUBERNETES_SERVICE_HOST is not set; this is no pod")
    if ":" in host:
        host = f"[{host}]"
    context = ssl.create_default_context(cafile=str(service_account / "ca.crt"))
    port = environ.get("KUBERNETES_SERVICE_PORT", "443")
    return Api(f"https://{host}:{port}", service_account / "token", context)
