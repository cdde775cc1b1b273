# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that OpenSSL accepts, kept while they serve, and made anew for each reason there is."""

from __future__ import annotations

import base64
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.modules import cluster_pki


@pytest.fixture
def options(tmp_path: Path) -> dict:
    return {
        "path": str(tmp_path / "pki"),
        "authorities": ["ca", "front-ca"],
        "key_pairs": ["service-account"],
        "certificates": [
            {
                "name": "apiserver",
                "common_name": "kube-apiserver",
                "names": ["localhost", "vm"],
                "addresses": ["127.0.0.1", "::1", "10.96.0.1"],
                "usages": ["server"],
            },
            {
                "name": "admin",
                "common_name": "kubernetes-admin",
                "organizations": ["system:masters"],
                "kubeconfig": str(tmp_path / "admin.kubeconfig"),
            },
            {"name": "front", "common_name": "front", "authority": "front-ca"},
        ],
    }


def openssl(*arguments: str | Path) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_openssl_accepts_each_for_what_it_is(run_module, options: dict, tmp_path: Path) -> None:
    made = run_module(cluster_pki, **options)
    pki = tmp_path / "pki"
    openssl(
        "verify", "-purpose", "sslserver", "-verify_hostname", "vm", "-CAfile", pki / "ca.crt", pki / "apiserver.crt"
    )
    openssl("verify", "-verify_ip", "10.96.0.1", "-x509_strict", "-CAfile", pki / "ca.crt", pki / "apiserver.crt")
    openssl("verify", "-purpose", "sslclient", "-CAfile", pki / "ca.crt", pki / "admin.crt")
    openssl("verify", "-purpose", "sslclient", "-CAfile", pki / "front-ca.crt", pki / "front.crt")
    subject = openssl("x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in", pki / "admin.crt")
    assert subject.strip() == "subject=CN=kubernetes-admin,O=system:masters"
    refused = subprocess.run(
        ["openssl", "verify", "-purpose", "sslclient", "-CAfile", pki / "ca.crt", pki / "apiserver.crt"],
        capture_output=True,
        check=False,
    )
    assert refused.returncode != 0
    assert openssl("pkey", "-in", pki / "service-account.key", "-pubout") == (pki / "service-account.pub").read_text()
    assert made["renewed"]["apiserver"] == "it is missing"
    for path in pki.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if path.suffix == ".key" else 0o644)


def test_the_kubeconfig_carries_its_certificates(run_module, options: dict, tmp_path: Path) -> None:
    run_module(cluster_pki, **options, server="https://192.0.2.2:6443")
    path = tmp_path / "admin.kubeconfig"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    config = yaml.safe_load(path.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    assert cluster["server"] == "https://192.0.2.2:6443"
    assert base64.b64decode(cluster["certificate-authority-data"]) == (tmp_path / "pki/ca.crt").read_bytes()
    assert base64.b64decode(user["client-certificate-data"]) == (tmp_path / "pki/admin.crt").read_bytes()
    assert base64.b64decode(user["client-key-data"]) == (tmp_path / "pki/admin.key").read_bytes()
    assert config["current-context"] == config["contexts"][0]["name"]


def test_a_second_run_changes_nothing_and_check_mode_writes_nothing(run_module, options: dict, tmp_path: Path) -> None:
    predicted = run_module(cluster_pki, **options, _ansible_check_mode=True)
    assert list(tmp_path.iterdir()) == []
    made = run_module(cluster_pki, **options)
    assert made["renewed"] == predicted["renewed"]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = run_module(cluster_pki, **options)
    assert (again["changed"], again["renewed"]) == (False, {})
    assert again["fingerprints"] == made["fingerprints"]
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def spoil_nothing(_options: dict, _tmp_path: Path) -> None:
    pass


def more_addresses(options: dict, _tmp_path: Path) -> None:
    options["certificates"][0]["addresses"].append("192.0.2.9")


def lose_admin_key(_options: dict, tmp_path: Path) -> None:
    (tmp_path / "pki/admin.key").unlink()


def lose_authority(_options: dict, tmp_path: Path) -> None:
    (tmp_path / "pki/ca.crt").unlink()


def edit_kubeconfig(_options: dict, tmp_path: Path) -> None:
    (tmp_path / "admin.kubeconfig").write_text("{}")


@pytest.mark.parametrize(
    ("spoil", "renewed"),
    [
        (spoil_nothing, {}),
        (more_addresses, {"apiserver": "it says something else"}),
        (lose_admin_key, {"admin": "it is missing", "admin.kubeconfig": "it differs from its certificates"}),
        (
            lose_authority,
            {
                "ca": "it is missing",
                "apiserver": "another authority issued it",
                "admin": "another authority issued it",
                "admin.kubeconfig": "it differs from its certificates",
            },
        ),
        (edit_kubeconfig, {"admin.kubeconfig": "it differs from its certificates"}),
    ],
)
def test_only_what_does_not_serve_is_made_anew(run_module, options: dict, tmp_path: Path, spoil, renewed: dict) -> None:
    made = run_module(cluster_pki, **options)
    spoil(options, tmp_path)
    second = run_module(cluster_pki, **options)
    assert second["renewed"] == renewed
    assert second["changed"] is bool(renewed)
    changed = {name for name, value in second["fingerprints"].items() if value != made["fingerprints"][name]}
    assert changed == {name for name in renewed if not name.endswith("kubeconfig")}
    assert not run_module(cluster_pki, **options)["changed"]


def test_a_certificate_near_its_end_is_made_anew_and_its_authority_kept(run_module, options: dict) -> None:
    made = run_module(cluster_pki, **options, days=59, renew_days=30)
    kept = run_module(cluster_pki, **options, days=365, renew_days=30)
    assert kept["renewed"] == {}
    renewed = run_module(cluster_pki, **options, days=365, renew_days=60)
    # Made for 59 days, some of the first of which is gone, unless not a second is.
    assert renewed["renewed"]["apiserver"] in ("it ends in 58 days", "it ends in 59 days")
    assert renewed["expires"]["apiserver"] > made["expires"]["apiserver"]
    assert renewed["fingerprints"]["ca"] == made["fingerprints"]["ca"]
    assert not run_module(cluster_pki, **options, days=365, renew_days=60)["changed"]


def test_errors_name_the_file_or_the_wish(run_module, options: dict, tmp_path: Path) -> None:
    run_module(cluster_pki, **options)
    (tmp_path / "pki/admin.crt").write_text("no certificate")
    failed = run_module(cluster_pki, **options)
    assert f"Error while reading {tmp_path}/pki/admin.crt and .key" in failed["msg"]
    assert "remove both" in failed["msg"]
    options["certificates"] = [{"name": "x", "common_name": "x", "authority": "nope"}]
    assert "certificate x names the authority nope" in run_module(cluster_pki, **options)["msg"]
