# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connect to an API server, list and watch. Objects are plain JSON; nothing here knows a kind.

Requests go through the connection pool of the Python client `kubernetes`, whose interface for them has stayed the same
while that of its generated API classes has not.
"""

from __future__ import annotations

import json
import os
import ssl
import typing as t
import urllib.parse
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_dep as dep
from ansible_collections.mirage.accel.plugins.module_utils._errors import (
    AccessError,
    ApiError,
    ConfigurationError,
    ExpiredError,
    NotFoundError,
    UnavailableError,
)

Json = dict[str, t.Any]

# Seconds to reach the server; a refused connection answers at once, a dropped one must not hold a play for minutes.
CONNECT_TIMEOUT = 10.0
# Items of one page of a list: what a server sends at once has to fit in its memory and in ours.
PAGE = 500
_TEMPORARY = (408, 429, 500, 502, 503, 504)


def connect(options: Json) -> Client:
    """A client for the options of `_kubernetes_args`; nothing is sent before the first request."""
    kubernetes = dep.require()
    given = options.get("kubeconfig")
    if given is not None and (not isinstance(given, (str, dict)) or given == {}):
        raise ConfigurationError(
            "Error while reading the option kubeconfig: expected the path of a file or the contents of one,"
            f" found {given!r}"
        )
    options = {name: value for name, value in options.items() if value not in (None, "", {}, [])}
    _check_files(options)
    configuration = kubernetes.client.Configuration()
    if not _complete(options):
        _load_configuration(kubernetes, configuration, options)
    _override(configuration, options)
    try:
        pool = kubernetes.client.rest.RESTClientObject(configuration).pool_manager
        return Client(configuration, pool, _headers(configuration, options))
    except (OSError, ValueError, dep.urllib3.exceptions.HTTPError) as error:
        raise ConfigurationError(f"Error while preparing the connection to {configuration.host}: {error}") from error


class Client:
    """One API server."""

    def __init__(self, configuration: t.Any, pool: t.Any, headers: t.Any) -> None:
        self.host: str = configuration.host
        self._configuration = configuration
        self._pool = pool
        self._headers = headers

    def collection(self, path: str, doing: str, **selectors: str | None) -> Collection:
        """A list of objects that can be watched; selectors are `labelSelector` and `fieldSelector`."""
        return Collection(self, path, doing, {name: value for name, value in selectors.items() if value})

    def get(self, path: str, doing: str, timeout: float = 30.0) -> Json:
        """One object, or what else the path answers with."""
        with self._request(path, {}, doing, timeout) as response:
            return _decode(self._read(response, doing), doing, self.host)

    def websocket(self, path: str, doing: str) -> t.Any:
        """An open stream to what answers under that path; every failure is one of our errors."""
        url = "ws" + self.host.rstrip("/")[len("http") :] + path
        headers = {name.lower(): value for name, value in self._signed().items()}
        ws_client, websocket = dep.stream()
        try:
            return ws_client.WSClient(self._configuration, url, headers, True)
        except websocket.WebSocketBadStatusException as error:
            body = getattr(error, "resp_body", None) or b""
            right = "with the verbs get and create on pods/exec"
            raise _failure(error.status_code, body, doing, self.host, right) from error
        except ssl.SSLError as error:
            raise ConfigurationError(_tls_message(doing, self.host, error)) from error
        except (websocket.WebSocketException, OSError) as error:
            raise UnavailableError(_unreachable_message(doing, self.host, error)) from error

    def _request(self, path: str, query: Json, doing: str, timeout: float) -> t.Any:
        """The open response of a GET; every failure is one of our errors."""
        url = self.host + path
        if query:
            url += "?" + urllib.parse.urlencode(query)
        exceptions = dep.urllib3.exceptions
        try:
            response = self._pool.request(
                "GET",
                url,
                headers=self._signed(),
                timeout=dep.urllib3.Timeout(connect=min(CONNECT_TIMEOUT, timeout), read=timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except exceptions.SSLError as error:
            raise ConfigurationError(_tls_message(doing, self.host, error)) from error
        except (exceptions.HTTPError, OSError) as error:
            raise UnavailableError(_unreachable_message(doing, self.host, error)) from error
        except ValueError as error:
            # http.client refuses headers with control characters: a token read with its line end, mostly.
            raise ConfigurationError(
                f"Error while {doing} at {self.host}: the request could not be formed ({error});"
                " check api_key and the impersonation options for line ends"
            ) from error
        if response.status != 200:
            with response:
                raise _failure(response.status, self._read(response, doing), doing, self.host)
        return response

    def _signed(self) -> t.Any:
        """The headers with the token of this moment: a kubeconfig's command may have renewed it."""
        headers = self._headers.copy()
        token = self._configuration.auth_settings().get("BearerToken", {}).get("value")
        if token:
            headers["Authorization"] = token
        return headers

    def _read(self, response: t.Any, doing: str) -> bytes:
        try:
            return response.read()
        except (dep.urllib3.exceptions.HTTPError, OSError) as error:
            raise UnavailableError(_unreachable_message(doing, self.host, error)) from error


class Collection:
    """Objects below one path, as `_wait.watch_until` needs them."""

    def __init__(self, client: Client, path: str, doing: str, selectors: dict[str, str]) -> None:
        self._client = client
        self._path = path
        self._doing = doing
        self._selectors = selectors

    def list(self, timeout: float) -> tuple[list[Json], str]:
        """All items, and the resource version that they are of."""
        try:
            return self._pages({**self._selectors, "limit": str(PAGE)}, timeout)
        except ExpiredError:
            # The rest of a list is kept for some minutes only; without pages there is no rest.
            return self._pages(self._selectors, timeout)

    def _pages(self, query: Json, timeout: float) -> tuple[list[Json], str]:
        items: list[Json] = []
        while True:
            page, metadata = self._page(query, timeout)
            items += page
            if not metadata.get("continue"):
                return items, metadata.get("resourceVersion", "")
            query = {**query, "continue": metadata["continue"]}

    def _page(self, query: Json, timeout: float) -> tuple[list[Json], Json]:
        with self._client._request(self._path, query, self._doing, timeout) as response:
            answer = _decode(self._client._read(response, self._doing), self._doing, self._client.host)
        if not isinstance(answer.get("items"), list) or not isinstance(answer.get("metadata"), dict):
            raise ApiError(
                f"Error while {self._doing} at {self._client.host}: the answer is no list of objects;"
                " check that host and kubeconfig lead to a Kubernetes API server"
            )
        return answer["items"], answer["metadata"]

    def watch(self, resource_version: str, timeout: float) -> t.Iterator[Json]:
        """Events after that version, until the server, a silence or the timeout ends them."""
        query = {
            **self._selectors,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            # The server ends the watch itself, a little before we would stop listening.
            "timeoutSeconds": str(max(1, int(timeout))),
        }
        client, doing = self._client, self._doing
        response = client._request(self._path, query, doing, timeout)
        try:
            for line in _lines(response):
                event = _decode(line, doing, client.host)
                if event.get("type") == "ERROR":
                    status = event.get("object") or {}
                    raise _failure(status.get("code", 500), json.dumps(status).encode(), doing, client.host)
                yield event
        except dep.urllib3.exceptions.ReadTimeoutError:
            return
        except (dep.urllib3.exceptions.HTTPError, OSError) as error:
            raise UnavailableError(_unreachable_message(doing, client.host, error)) from error
        finally:
            # Closed and not given back: what is left of an unfinished stream is nobody's answer.
            response.close()


def _lines(response: t.Any) -> t.Iterator[bytes]:
    """Whole lines of a stream; an unfinished last one is of a broken connection and is dropped."""
    buffer = b""
    for chunk in response.stream(amt=None, decode_content=True) if response.chunked else _pieces(response):
        buffer += chunk
        *lines, buffer = buffer.split(b"\n")
        yield from (line for line in lines if line.strip())


def _pieces(response: t.Any) -> t.Iterator[bytes]:
    """What has arrived of a body that is not chunked, byte by byte: a larger read would wait for the next event."""
    while True:
        piece = response.read(1)
        if not piece:
            return
        yield piece


def _decode(data: bytes, doing: str, host: str) -> Json:
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ApiError(
            f"Error while {doing} at {host}: the answer is no JSON object ({data[:60]!r});"
            " check that host and kubeconfig lead to a Kubernetes API server"
        )
    return answer


def _complete(options: Json) -> bool:
    """Whether the options alone say where the server is and who asks, so that no kubeconfig is needed."""
    credentials = (("api_key",), ("username", "password"), ("client_cert", "client_key"))
    return "host" in options and any(all(name in options for name in names) for names in credentials)


def _check_files(options: Json) -> None:
    for name in ("ca_cert", "client_cert", "client_key"):
        if name in options:
            _check_readable(name, options[name])
    if isinstance(options.get("kubeconfig"), str):
        for path in options["kubeconfig"].split(os.pathsep):
            _check_readable("kubeconfig", path)


def _check_readable(option: str, path: str) -> None:
    try:
        Path(path).expanduser().open("rb").close()
    except OSError as error:
        raise ConfigurationError(
            f"Error while reading {option} {path}: {error.strerror};"
            " give the path of a file on the host that runs the module"
        ) from error


def _load_configuration(kubernetes: t.Any, configuration: t.Any, options: Json) -> None:
    """Fill the configuration from the pod's service account or a kubeconfig, in kubernetes.core's order."""
    kubeconfig = options.get("kubeconfig")
    try:
        if kubeconfig is None and "context" not in options:
            try:
                kubernetes.config.load_incluster_config(client_configuration=configuration)
                return
            except kubernetes.config.ConfigException:
                if not _default_kubeconfig():
                    if "host" in options:
                        return
                    raise ConfigurationError(
                        "Error while looking for a kubeconfig: there is none in the default place (KUBECONFIG, else"
                        " ~/.kube/config), and no connection option was given; set kubeconfig, or host and api_key"
                    ) from None
        chosen = {"context": options.get("context"), "client_configuration": configuration}
        persist = bool(options.get("persist_config"))
        if isinstance(kubeconfig, dict):
            kubernetes.config.load_kube_config_from_dict(config_dict=kubeconfig, persist_config=persist, **chosen)
        else:
            kubernetes.config.load_kube_config(config_file=kubeconfig, persist_config=persist, **chosen)
    except ConfigurationError:
        raise
    # The loader raises whatever its parsers raise: YAML, base64, missing keys, commands that are not there.
    except Exception as error:
        name = "given as a dictionary" if isinstance(kubeconfig, dict) else kubeconfig or "of the default place"
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, (AttributeError, TypeError, KeyError)):
            # The loader takes it for granted that what it reads is of the form of a kubeconfig.
            reason = "it is not of the form of a kubeconfig, with clusters, users and contexts"
        raise ConfigurationError(
            f"Error while loading the kubeconfig {name}: {reason};"
            " check its contexts, users and clusters, and the option context"
        ) from error


def _default_kubeconfig() -> bool:
    places = os.environ.get("KUBECONFIG") or "~/.kube/config"
    return any(Path(place).expanduser().exists() for place in places.split(os.pathsep))


def _override(configuration: t.Any, options: Json) -> None:
    """Options given beside a kubeconfig win over it."""
    names = {
        "host": "host",
        "username": "username",
        "password": "password",
        "validate_certs": "verify_ssl",
        "ca_cert": "ssl_ca_cert",
        "client_cert": "cert_file",
        "client_key": "key_file",
        "proxy": "proxy",
        "no_proxy": "no_proxy",
    }
    for option, attribute in names.items():
        if option in options:
            setattr(configuration, attribute, options[option])
    if "ca_cert" in options:
        # The loader may have kept the kubeconfig's own authority as text, which would win over the file.
        configuration.ca_cert_data = None
    if "api_key" in options:
        configuration.api_key = {"authorization": f"Bearer {options['api_key']}"}
        configuration.refresh_api_key_hook = None
        if "client_cert" not in options:
            # The server would take a certificate of the kubeconfig for the user's name, and never look at the token.
            configuration.cert_file = configuration.key_file = None
    proxy_headers = {name: value for name, value in options.get("proxy_headers", {}).items() if value is not None}
    if proxy_headers:
        configuration.proxy_headers = dep.urllib3.util.make_headers(**proxy_headers)
    if not configuration.verify_ssl:
        # The user has asked for it; a warning at each request would tell nothing new.
        dep.urllib3.disable_warnings(dep.urllib3.exceptions.InsecureRequestWarning)
    configuration.host = configuration.host.rstrip("/")
    if "://" not in configuration.host:
        raise ConfigurationError(
            f"Error while reading the option host: {configuration.host!r} is no URL; give it as https://NAME:PORT"
        )


def _headers(configuration: t.Any, options: Json) -> t.Any:
    """Headers of every request; a repeated one (groups) needs urllib3's own dictionary."""
    headers = dep.HTTPHeaderDict({"Accept": "application/json", "User-Agent": "mirage.accel"})
    if configuration.username:
        basic = dep.urllib3.util.make_headers(basic_auth=f"{configuration.username}:{configuration.password or ''}")
        headers["Authorization"] = basic["authorization"]
    if "impersonate_user" in options:
        headers["Impersonate-User"] = options["impersonate_user"]
    for group in options.get("impersonate_groups", []):
        headers.add("Impersonate-Group", group)
    return headers


def _failure(
    status: int, body: bytes, doing: str, host: str, right: str = "with the verbs get, list and watch"
) -> ApiError:
    """The error for an answer that is not 200; `right` is what the request needs of a role."""
    try:
        message = str(json.loads(body).get("message") or "")
    except (ValueError, AttributeError):
        message = ""
    # The server's own sentence where it has one; a proxy's page of HTML is none.
    said = f": {message}" if message else ""
    what = f"Error while {doing} at {host}"
    if status == 401:
        return AccessError(
            f"{what}: the server does not accept the credentials (401 Unauthorized{said});"
            " the token or certificate may have expired: get a new kubeconfig,"
            " or set api_key, or client_cert and client_key"
        )
    if status == 403:
        return AccessError(f"{what}: not allowed (403 Forbidden{said}); bind a role {right} to this user")
    if status == 404:
        return NotFoundError(
            f"{what}: the server answered 404{said}; check that host and kubeconfig lead to a Kubernetes API server"
        )
    if status == 410:
        return ExpiredError(f"{what}: the resource version is too old (410 Gone{said})")
    if status in _TEMPORARY:
        return UnavailableError(f"{what}: the server cannot answer now ({status}{said}); try again, or see its logs")
    if status == 400:
        return ApiError(
            f"{what}: the server does not understand the request (400{said}); check the names and selectors"
        )
    return ApiError(
        f"{what}: the server answered {status}{said}; check that host and kubeconfig lead to a Kubernetes API server"
    )


def _tls_message(doing: str, host: str, error: Exception) -> str:
    return (
        f"Error while {doing} at {host}: the TLS connection failed ({_reason(error)});"
        " set ca_cert to the authority that signed the server's certificate, or validate_certs=false for a test"
    )


def _unreachable_message(doing: str, host: str, error: Exception) -> str:
    return (
        f"Error while {doing} at {host}: the server could not be reached ({_reason(error)});"
        " check that it runs, and that this host may reach its address"
    )


def _reason(error: BaseException) -> str:
    """The innermost cause in words: urllib3 wraps the system's own message several times."""
    # What is behind the system's own is an attempt of urllib3 1.26 to call http.client in another way.
    while not isinstance(error, OSError):
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            break
        error = inner
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()
