# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the API server is: service accounts and kubeconfigs."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from mock_accel_dra import access
from mock_accel_dra.errors import ConfigError


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key, certificate = folder / "tls.key", folder / "tls.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-days", "2", "-subj", "/CN=test", "-keyout", key, "-out", certificate]
    subprocess.run([*command, *subject], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def account(tmp_path: Path, pair: tuple[Path, Path]) -> Path:
    (tmp_path / "token").write_text("one\n")
    (tmp_path / "ca.crt").write_bytes(pair[0].read_bytes())
    return tmp_path


POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"}


@pytest.mark.parametrize(
    ("environ", "server"),
    [
        pytest.param(POD, "https://10.96.0.1:6443", id="IPv4"),
        pytest.param({**POD, "KUBERNETES_SERVICE_HOST": "fd00::1"}, "https://[fd00::1]:6443", id="IPv6"),
        pytest.param({"KUBERNETES_SERVICE_HOST": "api"}, "https://api:443", id="no port"),
    ],
)
def test_in_a_pod(account: Path, environ: dict[str, str], server: str) -> None:
    found = access.in_cluster(environ, account)
    assert found.server == server
    assert found.tls
    assert found.tls().verify_mode == ssl.CERT_REQUIRED


def test_token_and_authority_are_read_anew(account: Path) -> None:
    found = access.in_cluster(POD, account)
    assert found.token() == "one"
    (account / "token").write_text("two")
    assert found.token() == "two"
    (account / "ca.crt").write_text("not yet written")
    assert found.tls
    with pytest.raises(ssl.SSLError):
        found.tls()


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        pytest.param({}, "KUBERNETES_SERVICE_HOST is not set, so this is no pod; set --kubeconfig", id="no pod"),
        pytest.param(POD, "the pod needs automountServiceAccountToken", id="no token"),
    ],
)
def test_what_a_pod_lacks(tmp_path: Path, environ: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        access.in_cluster(environ, tmp_path)


def config(cluster: dict[str, t.Any] | None = None, **user: t.Any) -> dict[str, t.Any]:
    return {
        "current-context": "c",
        "contexts": [{"name": "other", "context": {}}, {"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://api:6443/", **(cluster or {})}}],
        "users": [{"name": "u", "user": user}],
    }


@pytest.mark.parametrize("dump", [json.dumps, yaml.safe_dump], ids=["JSON", "YAML"])
def test_a_kubeconfig(tmp_path: Path, dump: t.Callable[[t.Any], str]) -> None:
    path = tmp_path / "config"
    path.write_text(dump(config({"tls-server-name": "localhost"}, token="secret")))
    found = access.find(path, {})
    assert (found.server, found.token(), found.tls_server_name) == ("https://api:6443", "secret", "localhost")


def read(tmp_path: Path, content: dict[str, t.Any]) -> access.Access:
    path = tmp_path / "config"
    path.write_text(json.dumps(content))
    return access.kubeconfig(path)


def test_files_are_beside_the_kubeconfig(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    for file in pair:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "my-token").write_text("from a file\n")
    user = {"tokenFile": "my-token", "client-certificate": "tls.crt", "client-key": "tls.key"}
    found = read(tmp_path, config({"certificate-authority": "tls.crt"}, **user))
    assert found.token() == "from a file"
    assert found.tls
    assert len(found.tls().get_ca_certs()) == 1


def test_contents_are_in_the_kubeconfig(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    certificate, key = (base64.b64encode(file.read_bytes()).decode() for file in pair)
    user = {"client-certificate-data": certificate, "client-key-data": key}
    found = read(tmp_path, config({"certificate-authority-data": certificate}, **user))
    assert found.tls
    assert len(found.tls().get_ca_certs()) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "config"]


@pytest.mark.parametrize(
    ("cluster", "mode"), [({}, ssl.CERT_REQUIRED), ({"insecure-skip-tls-verify": True}, ssl.CERT_NONE)], ids=["", "not"]
)
def test_certificates_are_checked(tmp_path: Path, cluster: dict[str, t.Any], mode: ssl.VerifyMode) -> None:
    tls = read(tmp_path, config(cluster)).tls
    assert tls
    assert tls().verify_mode == mode


def test_plain_http(tmp_path: Path) -> None:
    assert read(tmp_path, config({"server": "http://127.0.0.1:8001"})).tls is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param({}, "'current-context' is missing", id="empty"),
        pytest.param({**config(), "current-context": "x"}, "context x' is missing", id="no such context"),
        pytest.param({**config(), "clusters": None}, "cluster k' is missing", id="no clusters"),
        pytest.param({**config(), "users": []}, "user u' is missing", id="no such user"),
        pytest.param(config({"server": "api:6443"}), "is no http or https address", id="no address"),
        pytest.param(config(exec={}), "a user with exec is not supported", id="exec"),
        pytest.param(config(username="a"), "a user with username is not supported", id="password"),
    ],
)
def test_a_kubeconfig_that_does_not_do(tmp_path: Path, content: dict[str, t.Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        read(tmp_path, content)


@pytest.mark.parametrize("text", ["{a: [", "just words", ""], ids=["broken", "words", "empty"])
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"Error while reading the kubeconfig {path}: "):
        access.kubeconfig(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory"):
        access.kubeconfig(tmp_path / "none")


def test_yaml_without_pyyaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config()))
    with pytest.raises(ConfigError, match="it is no JSON, and PyYAML is not installed"):
        access.kubeconfig(path)
