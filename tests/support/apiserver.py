# SPDX-License-Identifier: GPL-3.0-or-later
"""A real kube-apiserver with its etcd, for the tests and for `make bench`; nothing is left of it afterwards."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import typing as t
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml

# What is known of the users by the token that each has: name and groups.
USERS = {"admin": '"system:masters"', "nobody": ""}


class ApiServer:
    """Starts etcd and kube-apiserver below one folder, on free ports of the loopback address."""

    def __init__(self, programs: dict[str, str], folder: Path) -> None:
        self.folder = folder
        self.tokens = {user: secrets.token_hex(16) for user in USERS}
        self.url = ""
        self.ca_cert = folder / "certs" / "apiserver.crt"
        self._programs = programs
        self._commands: list[list[str]] = []
        self._processes: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self) -> None:
        etcd, peer, port = free_ports(3)
        self.url = f"https://127.0.0.1:{port}"
        self._write_secrets()
        self._commands = [self._etcd_command(etcd, peer), self._apiserver_command(etcd, port)]
        self._spawn_all()

    def _etcd_command(self, port: int, peer: int) -> list[str]:
        return [
            f"{self._programs['etcd']}/etcd",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{port}",
            f"--advertise-client-urls=http://127.0.0.1:{port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
            "--log-level=error",
        ]

    def _apiserver_command(self, etcd: int, port: int) -> list[str]:
        return [
            f"{self._programs['kubernetes']}/kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            # It makes its own certificate there, which is also the authority of it.
            f"--cert-dir={self.folder}/certs",
            f"--token-auth-file={self.folder}/tokens.csv",
            f"--client-ca-file={self.folder}/clients.crt",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder}/sa.key",
            f"--service-account-signing-key-file={self.folder}/sa.key",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--endpoint-reconciler-type=none",
        ]

    def kill_and_start_again(self) -> None:
        """As after a crash: nothing is shut down in order, and the data is what etcd had written."""
        for _, process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()
        self._spawn_all()

    def stop(self) -> None:
        # One after the other: kube-apiserver does not end while etcd, of which it takes its leave, is away.
        for _, process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def kubeconfig(self, user: str = "admin", **changes: t.Any) -> Path:
        """A kubeconfig of a user; token, server, or client_certificate with client_key replace what it holds."""
        who: dict[str, t.Any] = {"token": changes.get("token", self.tokens.get(user))}
        if "client_certificate" in changes:
            who = {"client-certificate": str(changes["client_certificate"]), "client-key": str(changes["client_key"])}
        cluster = {"server": changes.get("server", self.url), "certificate-authority": str(self.ca_cert)}
        path = self.folder / f"{secrets.token_hex(4)}.kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": who}],
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def request(self, method: str, path: str, body: t.Any = None, kind: str = "application/json") -> dict[str, t.Any]:
        """The answer to a request of the administrator; a refusal is an exception with the server's words."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.tokens['admin']}", "Content-Type": kind}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        context = ssl.create_default_context(cafile=str(self.ca_cert))
        try:
            with urllib.request.urlopen(request, timeout=10, context=context) as response:
                answer = response.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(answer) if answer.startswith(b"{") else {"text": answer.decode()}

    def make_node(self, name: str, *, labels: dict[str, str] | None = None, **status: dict[str, str]) -> None:
        """Registers a node as a kubelet does: the object first, then its status."""
        metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}}
        self.request("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": metadata})
        self.set_status(name, **status)

    def set_status(self, name: str, **status: dict[str, str]) -> None:
        merge = "application/merge-patch+json"
        self.request("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, merge)

    def delete_node(self, name: str) -> None:
        self.request("DELETE", f"/api/v1/nodes/{name}")

    def _write_secrets(self) -> None:
        lines = [f"{self.tokens[user]},{user},{user},{groups}" for user, groups in USERS.items()]
        (self.folder / "tokens.csv").write_text("".join(f"{line}\n" for line in lines))
        run_openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.folder / "sa.key")
        run_openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
            *("-subj", "/CN=test clients", "-keyout", self.folder / "clients.key", "-out", self.folder / "clients.crt"),
        )

    def expired_certificate(self) -> tuple[Path, Path]:
        """A certificate of the administrators that ended yesterday, and its key."""
        key, request, certificate = (self.folder / f"expired.{kind}" for kind in ("key", "csr", "crt"))
        run_openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/O=system:masters/CN=late", "-keyout", key, "-out", request),
        )
        authority = ("-CA", self.folder / "clients.crt", "-CAkey", self.folder / "clients.key", "-set_serial", "7")
        run_openssl("x509", "-req", "-in", request, *authority, "-days", "-1", "-out", certificate)
        return certificate, key

    def _spawn_all(self) -> None:
        for command in self._commands:
            name = Path(command[0]).name
            with (self.folder / f"{name}.log").open("wb") as log:
                process = subprocess.Popen(
                    command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
                )
            self._processes.append((name, process))
        self._wait_ready(60)

    def _wait_ready(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            for name, process in self._processes:
                if process.poll() is not None:
                    raise AssertionError(f"{name} ended with {process.returncode}:\n{self._log(name)}")
            with contextlib.suppress(OSError, AssertionError):
                if self.ca_cert.exists() and self.request("GET", "/readyz") == {"text": "ok"}:
                    return
            if time.monotonic() > deadline:
                raise AssertionError(f"kube-apiserver is not ready after {seconds} s:\n{self._log('kube-apiserver')}")
            time.sleep(0.2)

    def _log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]


@contextlib.contextmanager
def running(programs: dict[str, str], kind: type[ApiServer] = ApiServer) -> Iterator[ApiServer]:
    """A server in a folder of its own; both are gone afterwards, also where it could not be started."""
    folder = Path(tempfile.mkdtemp(prefix="mirage-apiserver-"))
    server = kind(programs, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def run_openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
