# SPDX-License-Identifier: GPL-3.0-or-later
"""Connecting: where the connection comes from, what is sent, and what each failure says."""

from __future__ import annotations

import base64
import http.server
import json
import socket
import ssl
import subprocess
import threading
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_client as client
from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_dep as dep
from ansible_collections.mirage.accel.plugins.module_utils._errors import (
    AccessError,
    ApiError,
    ConfigurationError,
    ExpiredError,
    NotFoundError,
    UnavailableError,
)


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a kubeconfig of the person who runs the tests nor a pod's service account."""
    kube_config = dep.kubernetes.config.kube_config
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", "~/.kube/config")
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)


def kubeconfig(url: str, **user: str) -> dict[str, t.Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "two", "context": {"cluster": "c", "user": "other"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": user}, {"name": "other", "user": {"token": "second"}}],
    }


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    def write(content: t.Any, name: str = "kubeconfig") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return str(path)

    return write


def look(timeout: float = 5, **options: t.Any) -> tuple[list[dict[str, t.Any]], str]:
    return client.connect(options).collection("/api/v1/nodes", "listing nodes").list(timeout)


def test_a_list(api, node) -> None:
    api.lists = [api.listing(node("a"), node("b"), version=12)]
    items, version = look(host=api.url, api_key="t")
    assert [item["metadata"]["name"] for item in items] == ["a", "b"]
    assert version == "12"


def test_the_token_and_the_selectors_are_sent(api) -> None:
    api.lists = [api.listing()]
    connection = client.connect({"host": api.url + "/", "api_key": "secret"})
    connection.collection("/api/v1/nodes", "listing nodes", labelSelector="a=b,c", fieldSelector="").list(5)
    (request,) = api.requests
    assert request["path"] == "/api/v1/nodes"
    assert request["query"] == {"labelSelector": "a=b,c", "limit": "500"}
    assert request["headers"]["Authorization"] == "Bearer secret"


def test_impersonation(api) -> None:
    api.lists = [api.listing()]
    look(host=api.url, api_key="t", impersonate_user="jane", impersonate_groups=["dev", "ops"])
    headers = api.requests[0]["headers"]
    assert headers["Impersonate-User"] == "jane"
    assert headers.get_all("Impersonate-Group") == ["dev", "ops"]


def test_a_proxy_and_its_headers(api) -> None:
    api.lists = [api.listing(version=9)]
    headers = {"proxy_basic_auth": "jane:pass", "basic_auth": None, "user_agent": "test/1"}
    assert look(host="http://192.0.2.1:8080", api_key="t", proxy=api.url, proxy_headers=headers) == ([], "9")
    sent = api.requests[0]["headers"]
    assert sent["Host"] == "192.0.2.1:8080"
    assert sent["Proxy-Authorization"] == f"Basic {base64.b64encode(b'jane:pass').decode()}"


def test_hosts_that_are_reached_without_the_proxy(api) -> None:
    api.lists = [api.listing(version=9)]
    assert look(host=api.url, api_key="t", proxy="http://127.0.0.1:1", no_proxy="127.0.0.1") == ([], "9")


def test_basic_authentication(api) -> None:
    api.lists = [api.listing()]
    look(host=api.url, username="jane", password="pass")
    assert api.requests[0]["headers"]["Authorization"] == f"Basic {base64.b64encode(b'jane:pass').decode()}"


def test_a_kubeconfig_file(api, written) -> None:
    api.lists = [api.listing()]
    look(kubeconfig=written(kubeconfig(api.url, token="first")))
    assert api.requests[0]["headers"]["Authorization"] == "Bearer first"


def test_a_kubeconfig_as_dictionary_and_another_context(api) -> None:
    api.lists = [api.listing()]
    look(kubeconfig=kubeconfig(api.url, token="first"), context="two")
    assert api.requests[0]["headers"]["Authorization"] == "Bearer second"


def test_options_win_over_the_kubeconfig(api, written) -> None:
    api.lists = [api.listing()]
    look(kubeconfig=written(kubeconfig("https://127.0.0.1:1", token="first")), host=api.url, api_key="mine")
    assert api.requests[0]["headers"]["Authorization"] == "Bearer mine"


def test_a_token_is_not_renewed_away(api, written) -> None:
    """The loader hangs a renewal on a kubeconfig's token, which would bring that one back at each request."""
    api.lists = [api.listing()]
    connection = client.connect({"kubeconfig": written(kubeconfig(api.url, token="first")), "api_key": "mine"})
    for _ in range(2):
        connection.collection("/api/v1/nodes", "listing nodes").list(5)
    assert [request["headers"]["Authorization"] for request in api.requests] == ["Bearer mine"] * 2


@pytest.mark.parametrize("given", [False, True])
def test_a_token_is_not_outdone_by_the_kubeconfigs_certificate(written, given: bool) -> None:
    """A certificate names the user before the token is looked at, so one of the kubeconfig must not be sent."""
    files = {"client-certificate": written("theirs", "their.crt"), "client-key": written("theirs", "their.key")}
    options = {"client_cert": written("mine", "my.crt"), "client_key": written("mine", "my.key")} if given else {}
    config = written(kubeconfig("https://192.0.2.1:6443", **files))
    connection = client.connect({"kubeconfig": config, "api_key": "mine", **options})
    assert connection._configuration.cert_file == options.get("client_cert")
    assert connection._configuration.key_file == options.get("client_key")
    assert client.connect({"kubeconfig": config})._configuration.cert_file == files["client-certificate"]


def test_the_default_kubeconfig(api, written) -> None:
    api.lists = [api.listing()]
    written(kubeconfig(api.url, token="first"), "home/.kube/config")
    look(kubeconfig="")
    assert api.requests[0]["headers"]["Authorization"] == "Bearer first"


def test_a_host_alone_is_asked_without_a_name(api) -> None:
    api.lists = [api.listing()]
    look(host=api.url)
    assert "Authorization" not in api.requests[0]["headers"]


def test_a_renewed_token_is_used_for_the_next_request(api, written, tmp_path) -> None:
    api.lists = [api.listing()]
    config = kubeconfig(api.url)
    config["users"][0]["user"] = {"tokenFile": written("old", "token")}
    connection = client.connect({"kubeconfig": written(config)})
    connection._configuration.refresh_api_key_hook = lambda configuration: configuration.api_key.update(
        dict.fromkeys(configuration.api_key, "Bearer new")
    )
    connection.collection("/api/v1/nodes", "listing nodes").list(5)
    assert api.requests[0]["headers"]["Authorization"] == "Bearer new"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {}, "there is none in the default place .* set kubeconfig, or host and api_key", id="nothing given"
        ),
        pytest.param(
            {"kubeconfig": "/nowhere/config"}, "reading kubeconfig /nowhere/config: No such file", id="no file"
        ),
        pytest.param({"kubeconfig": "/"}, "reading kubeconfig /: Is a directory", id="a folder"),
        pytest.param(
            {"host": "https://h", "api_key": "t", "ca_cert": "/nowhere/ca"},
            "reading ca_cert /nowhere/ca: No such",
            id="no ca",
        ),
        pytest.param(
            {"host": "https://h", "client_cert": "/nowhere/c", "client_key": "/nowhere/k"},
            "reading client_cert /nowhere/c: No such file",
            id="no certificate",
        ),
        pytest.param(
            {"host": "h:6443", "api_key": "t"}, "'h:6443' is no URL; give it as https://NAME:PORT", id="no URL"
        ),
        pytest.param(
            {"kubeconfig": kubeconfig("https://h"), "context": "x"}, "given as a dictionary: .*x", id="no context"
        ),
        pytest.param({"kubeconfig": {"kind": "Config"}}, "given as a dictionary: ", id="empty kubeconfig"),
        pytest.param(
            {"kubeconfig": {}}, "expected the path of a file or the contents of one, found {}", id="no contents"
        ),
        pytest.param({"kubeconfig": [1]}, "expected the path of a file or the contents of one, found", id="a list"),
        pytest.param({"context": "x"}, "of the default place: ", id="context without a kubeconfig"),
    ],
)
def test_what_cannot_be_used_is_named(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        client.connect(options)


@pytest.mark.parametrize(
    "content", ["", "{", "just words", "apiVersion: v1\nkind: Config\n", "current-context: x\ncontexts: 3\n"], ids=repr
)
def test_a_broken_kubeconfig_is_named(written, content: str) -> None:
    path = written(content)
    with pytest.raises(
        ConfigurationError, match=f"Error while loading the kubeconfig {path}: .+; check its contexts"
    ) as caught:
        client.connect({"kubeconfig": path})
    assert "object" not in str(caught.value), "no words of Python"


def test_an_openid_connect_token_that_has_expired_is_renewed_at_its_issuer() -> None:
    def part(data: dict[str, t.Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    asked: list[str] = []

    class Issuer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(503)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Issuer)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    settings = {
        "client-id": "a",
        "client-secret": "b",
        "id-token": f"{part({'alg': 'none'})}.{part({'exp': 1})}.x",
        "refresh-token": "r",
        "idp-issuer-url": f"http://127.0.0.1:{server.server_address[1]}",
    }
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"auth-provider": {"name": "oidc", "config": settings}}}],
    }
    try:
        client.connect({"kubeconfig": config})
    finally:
        server.shutdown()
        server.server_close()
    assert asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (401, AccessError, r"does not accept the credentials \(401 Unauthorized: why\); .*expired"),
        (403, AccessError, r"not allowed \(403 Forbidden: why\); bind a role with the verbs get, list and watch"),
        (404, NotFoundError, "answered 404: why; check that host and kubeconfig lead to a Kubernetes API server"),
        (410, ExpiredError, "too old"),
        (429, UnavailableError, r"cannot answer now \(429: why\)"),
        (500, UnavailableError, r"cannot answer now \(500: why\)"),
        (503, UnavailableError, r"cannot answer now \(503: why\)"),
        (302, ApiError, "answered 302"),
    ],
)
def test_what_the_server_refuses(api, code: int, kind: type[ApiError], message: str) -> None:
    api.lists = [api.refuse(code, "why")]
    with pytest.raises(ApiError, match=message) as caught:
        look(host=api.url, api_key="t")
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"Error while listing nodes at {api.url}: ")


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"[1]", b"null", b"\xff\xfe"])
def test_a_refusal_in_another_language(api, body: bytes) -> None:
    api.lists = [api.refuse(502, body=body)]
    with pytest.raises(UnavailableError, match=r"cannot answer now \(502\); try again"):
        look(host=api.url, api_key="t")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Welcome</html>",
        b"",
        b"[]",
        b"{}",
        b'{"items": {}}',
        b'{"items": [], "metadata": []}',
        b'{"items": null}',
    ],
)
def test_an_answer_that_is_no_list(api, body: bytes) -> None:
    api.lists = [body]
    with pytest.raises(ApiError, match="check that host and kubeconfig lead to a Kubernetes API server"):
        look(host=api.url, api_key="t")


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(
            UnavailableError, match=rf"at http://127.0.0.1:{port}: .*\(Connection refused\); check that it runs"
        ):
            look(host=f"http://127.0.0.1:{port}", api_key="t")


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(UnavailableError, match="could not be reached"):
        look(host="https://does-not-exist.invalid:6443", api_key="t")


def test_a_server_that_never_answers() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(UnavailableError, match="could not be reached .*timed out"):
            look(timeout=0.3, host=f"http://127.0.0.1:{mute.getsockname()[1]}", api_key="t")


def test_a_server_that_hangs_up() -> None:
    with socket.socket() as rude:
        rude.bind(("127.0.0.1", 0))
        rude.listen()

        def hang_up() -> None:
            rude.accept()[0].close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        with pytest.raises(UnavailableError, match="could not be reached"):
            look(host=f"http://127.0.0.1:{rude.getsockname()[1]}", api_key="t")
        thread.join(5)


@pytest.mark.parametrize(
    "option", [{"api_key": "two\nlines"}, {"api_key": "t", "impersonate_user": "a\r\nb"}], ids=repr
)
def test_a_token_with_a_line_end(api, option: dict[str, str]) -> None:
    api.lists = [api.listing()]
    with pytest.raises(ConfigurationError, match="could not be formed .* check api_key and the impersonation options"):
        look(host=api.url, **option)


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server with a certificate of its own making: its URL and the certificate."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
        + [
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
        ],
        check=True,
        capture_output=True,
    )

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"items": [], "metadata": {"resourceVersion": "7"}}')

        def log_message(self, *args: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}", certificate
    server.shutdown()
    server.server_close()


def test_a_certificate_of_a_stranger(tls_server: tuple[str, Path]) -> None:
    with pytest.raises(ConfigurationError, match="TLS connection failed .*self.signed.*; set ca_cert to the authority"):
        look(host=tls_server[0], api_key="t")


def test_an_authority_that_is_no_certificate(tls_server: tuple[str, Path], written) -> None:
    with pytest.raises(ConfigurationError, match="TLS connection failed"):
        look(host=tls_server[0], api_key="t", ca_cert=written("no PEM", "ca.pem"))


def test_its_authority_is_enough(tls_server: tuple[str, Path]) -> None:
    assert look(host=tls_server[0], api_key="t", ca_cert=str(tls_server[1])) == ([], "7")


def test_verification_can_be_turned_off(tls_server: tuple[str, Path], recwarn: pytest.WarningsRecorder) -> None:
    assert look(host=tls_server[0], api_key="t", validate_certs=False) == ([], "7")
    assert not [warning for warning in recwarn if "Unverified" in str(warning.message)]


def test_the_option_wins_over_the_kubeconfigs_authority(tls_server: tuple[str, Path], written) -> None:
    config = kubeconfig(tls_server[0], token="t")
    stranger = base64.b64encode(Path(written("-----BEGIN CERTIFICATE-----\n", "x.pem")).read_bytes()).decode()
    config["clusters"][0]["cluster"]["certificate-authority-data"] = stranger
    assert look(kubeconfig=written(config), ca_cert=str(tls_server[1])) == ([], "7")


def test_a_token_sent_without_tls_to_a_tls_port(tls_server: tuple[str, Path]) -> None:
    with pytest.raises(ApiError):
        look(host=tls_server[0].replace("https", "http"), api_key="t")


def test_a_list_of_several_pages(api, node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    first, second = api.listing(node("a"), node("b"), version=7), api.listing(node("c"), version=7)
    first["metadata"]["continue"] = "more"
    api.lists = [first, second]
    items, version = look(host=api.url, api_key="t")
    assert [item["metadata"]["name"] for item in items] == ["a", "b", "c"]
    assert version == "7"
    assert [request["query"] for request in api.requests] == [{"limit": "2"}, {"limit": "2", "continue": "more"}]


def test_pages_that_are_kept_no_longer(api, node) -> None:
    first = api.listing(node("a"))
    first["metadata"]["continue"] = "more"
    api.lists = [first, api.refuse(410, "too old"), api.listing(node("a"), node("b"))]
    assert len(look(host=api.url, api_key="t")[0]) == 2
    assert api.requests[2]["query"] == {}
