# SPDX-License-Identifier: GPL-3.0-or-later
"""The role container_images on a small image: built once, and handed over only where it is lacking."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import typing as t
import urllib.request
import uuid
from pathlib import Path

import pytest
from plays import changed, refused, write_play

Run = t.Callable[..., t.Any]

CONTAINERFILE = """ARG BASE
FROM ${BASE}
COPY greeting /greeting
ARG WHO
ENV WHO=${WHO}
CMD ["/greeting"]
"""


class Registry(http.server.BaseHTTPRequestHandler):
    """As much of the distribution API as a push and an inspection need."""

    blobs: dict[str, bytes]
    manifests: dict[str, tuple[str, bytes]]
    uploads: dict[str, bytes]

    def do_GET(self) -> None:
        self._read(body=True)

    def do_HEAD(self) -> None:
        self._read(body=False)

    def _read(self, body: bool) -> None:
        name = self.path.rpartition("/")[2]
        if "/manifests/" in self.path and name in self.manifests:
            kind, data = self.manifests[name]
        elif "/blobs/" in self.path and name in self.blobs:
            kind, data = "application/octet-stream", self.blobs[name]
        elif self.path == "/v2/":
            kind, data = "application/json", b"{}"
        else:
            self._answer(404)
            return
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        headers = {"Content-Type": kind, "Content-Length": str(len(data)), "Docker-Content-Digest": digest}
        self._answer(200, headers, data if body else b"")

    def do_POST(self) -> None:
        upload = uuid.uuid4().hex
        self.uploads[upload] = b""
        self._answer(202, {"Location": f"{self.path.rstrip('/')}/{upload}"})

    def do_PATCH(self) -> None:
        upload = self.path.rpartition("/")[2]
        self.uploads[upload] += self._body()
        self._answer(202, {"Location": self.path, "Range": f"0-{len(self.uploads[upload]) - 1}"})

    def do_PUT(self) -> None:
        if "/manifests/" in self.path:
            data = self._body()
            digest = "sha256:" + hashlib.sha256(data).hexdigest()
            for name in (self.path.rpartition("/")[2], digest):
                self.manifests[name] = (self.headers["Content-Type"], data)
            self._answer(201, {"Docker-Content-Digest": digest})
        else:
            upload = self.path.partition("?")[0].rpartition("/")[2]
            digest = self.path.partition("digest=")[2].replace("%3A", ":")
            self.blobs[digest] = self.uploads.pop(upload) + self._body()
            self._answer(201, {"Docker-Content-Digest": digest})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status: int, headers: dict[str, str] | None = None, data: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def registry() -> t.Iterator[str]:
    handler = type("Fresh", (Registry,), {"blobs": {}, "manifests": {}, "uploads": {}, "protocol_version": "HTTP/1.1"})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Role:
    """The role with one small image and a cache of its own."""

    def __init__(self, run: Run, repo: Path, env: dict[str, str], folder: Path) -> None:
        self._run, self._repo, self.env, self._folder = run, repo, dict(env), folder
        self.context = folder / "context"
        self.context.mkdir()
        (self.context / "Containerfile").write_text(CONTAINERFILE)
        (self.context / "greeting").write_text("hello\n")
        self.image: dict[str, t.Any] = {
            "name": "localhost/test/greeting",
            "tag": "v1",
            "containerfile": str(self.context / "Containerfile"),
            "inputs": [str(self.context)],
            "build_args": {"WHO": "world"},
        }

    def __call__(self, *options: str, **variables: t.Any) -> t.Any:
        values = {
            "container_images": [self.image],
            "container_images_base": "scratch",
            "container_images_cache_dir": str(self._folder / "cache"),
            "container_images_handover": "none",
            **variables,
        }
        tasks = [{"name": "Run the role", "ansible.builtin.include_role": {"name": "mirage.accel.container_images"}}]
        return self._run(
            "ansible-playbook", write_play(self._folder, values, tasks=tasks), *options, cwd=self._repo, env=self.env
        )

    def archives(self) -> list[Path]:
        return sorted((self._folder / "cache/images").glob("greeting-v1-*.tar"))


@pytest.fixture
def role(run: Run, repo: Path, ansible_env: dict[str, str], tmp_path: Path) -> Role:
    return Role(run, repo, ansible_env, tmp_path)


def manifest(run: Run, archive: Path) -> dict[str, t.Any]:
    return json.loads(run("tar", "-xOf", archive, "manifest.json").stdout)[0]


def test_an_image_is_built_once_and_again_for_other_inputs(role: Role, run: Run) -> None:
    predicted = role("--check")
    assert changed(predicted) > 0
    assert role.archives() == []
    assert changed(role()) > 0
    [first] = role.archives()
    described = manifest(run, first)
    assert described["RepoTags"] == ["localhost/test/greeting:v1"]
    config = json.loads(run("tar", "-xOf", first, described["Config"]).stdout)
    assert "WHO=world" in config["config"]["Env"]
    assert changed(role()) == 0
    (role.context / "greeting").write_text("good morning\n")
    assert changed(role()) > 0
    assert len(role.archives()) == 2


def test_a_registry_gets_what_it_lacks(role: Role, registry: str) -> None:
    variables = {
        "container_images_handover": "registry",
        "container_images_registry": f"{registry}/team",
        "container_images_registry_tls_verify": False,
    }
    assert changed(role(**variables)) > 0
    assert changed(role(**variables)) == 0
    # The same tag with another content is pushed again.
    (role.context / "greeting").write_text("good morning\n")
    assert changed(role(**variables)) > 0


def test_a_published_image_is_pulled_and_one_that_is_not_is_built(
    role: Role, registry: str, run: Run, tmp_path: Path
) -> None:
    pushed = {
        "container_images_handover": "registry",
        "container_images_registry": f"{registry}/team",
        "container_images_registry_tls_verify": False,
    }
    assert changed(role(**pushed)) > 0
    [built] = role.archives()
    built.unlink()
    settings = tmp_path / "registries.conf"
    settings.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
    role.env["CONTAINERS_REGISTRIES_CONF"] = str(settings)

    role.image["pull"] = f"{registry}/team/greeting:v1"
    (role.context / "greeting").write_text("what is published wins\n")
    assert changed(role()) == 1
    [pulled] = role.archives()
    assert manifest(run, pulled)["RepoTags"] == ["localhost/test/greeting:v1"]
    assert manifest(run, pulled)["Config"] == config_of_push(registry)
    assert changed(role()) == 0

    role.image["pull"] = f"{registry}/team/farewell:v1"
    assert changed(role()) > 0
    assert len(role.archives()) == 2, "what its registry does not have is built"
    # With pulling switched off, nobody asks the registry.
    role.image["pull"] = "127.0.0.1:1/team/greeting:v1"
    (role.context / "greeting").write_text("good evening\n")
    assert changed(role(container_images_pull="false")) > 0
    assert len(role.archives()) == 3


def config_of_push(registry: str) -> str:
    """The name that an archive gives the configuration of the image that a registry has as team/greeting:v1."""
    with urllib.request.urlopen(f"http://{registry}/v2/team/greeting/manifests/v1") as answer:
        return json.load(answer)["config"]["digest"].removeprefix("sha256:") + ".json"


KIND = """#!/bin/sh
echo "$@" >>"$STATE/calls"
case "$1 $2" in
"get nodes") echo kind-control-plane; echo kind-worker ;;
"load image-archive") for node in kind-control-plane kind-worker; do
	id=$(tar -xOf "$3" manifest.json | sed 's/.*"Config":"\\([0-9a-f]*\\)[.]json".*/\\1/')
	printf '{"images": [{"id": "sha256:%s", "repoTags": ["localhost/test/greeting:v1"]}]}' "$id" >"$STATE/$node"
done ;;
*) exit 2 ;;
esac
"""

# docker exec NODE crictl images --output json
DOCKER = """#!/bin/sh
[ "$1 $3 $4" = "exec crictl images" ] || exit 2
cat "$STATE/$2" 2>/dev/null || echo '{"images": []}'
"""


def test_kind_loads_what_a_node_lacks(role: Role, tmp_path: Path) -> None:
    commands, state = tmp_path / "commands", tmp_path / "state"
    for folder in (commands, state):
        folder.mkdir()
    for name, text in {"kind": KIND, "docker": DOCKER}.items():
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    role.env |= {"PATH": f"{commands}:{role.env['PATH']}", "STATE": str(state)}
    variables = {"container_images_handover": "kind", "container_images_kind_cluster": "lab"}

    def loads() -> list[str]:
        return [line for line in (state / "calls").read_text().splitlines() if line.startswith("load")]

    assert changed(role(**variables)) > 0
    [archive] = role.archives()
    assert loads() == [f"load image-archive {archive} --name lab"]
    assert changed(role(**variables)) == 0
    # One node of two that lacks it is enough.
    (state / "kind-worker").unlink()
    assert changed(role(**variables)) == 1
    assert len(loads()) == 2


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        pytest.param(
            {"container_images_handover": "registry"},
            "There is no registry to push to: set container_images_registry",
            id="no-registry",
        ),
        pytest.param(
            {"container_images": [{"name": "x", "containerfile": "/nowhere/Containerfile"}]},
            "The image 'x' has no Containerfile '/nowhere/Containerfile'",
            id="no-containerfile",
        ),
        pytest.param(
            {"kubeconfig": "/home/me/.kube/config"},
            "The cluster of /home/me/.kube/config would not get the images that are built here, and nobody publishes "
            "them: set container_images_handover to registry and container_images_registry to where to push",
            id="no-way-to-the-cluster",
        ),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_built(role: Role, variables: dict[str, t.Any], text: str) -> None:
    assert text in refused(role(**variables))
    assert role.archives() == []


def test_nothing_is_made_for_a_cluster_that_has_the_images(role: Role) -> None:
    assert changed(role(kubeconfig="/home/me/.kube/config", container_images_handover="preloaded")) == 0
    assert role.archives() == []


@pytest.mark.parametrize(
    ("name", "names", "stays"),
    [
        pytest.param("k8s.device-plugin.nvidia.com-gpu.json", "hook/nvidia-cdi-hook", False, id="starts-our-program"),
        pytest.param("k8s.device-plugin.nvidia.com-gpu.json", "usr/bin/nvidia-cdi-hook", True, id="starts-another"),
        pytest.param("k8s.gpu.nvidia.com-device_base.json", "root/dev/nvidia0", False, id="gives-mock-gpus"),
        pytest.param("k8s.gpu.nvidia.com-device_base.json", "root-of-others/dev/nvidia0", True, id="gives-others"),
        pytest.param("vendor.com-device.json", "root/dev/nvidia0", True, id="of-another-driver"),
    ],
)
def test_only_the_specifications_of_mock_gpus_are_removed(
    role: Role, tmp_path: Path, name: str, names: str, stays: bool
) -> None:
    specification = tmp_path / "cdi" / name
    specification.parent.mkdir()
    edits = {"hostPath": str(tmp_path / names)}
    specification.write_text(json.dumps({"containerEdits": {"deviceNodes": [edits]}}, indent=2))
    (tmp_path / "hook").mkdir()
    # Where the role works on the machine itself.
    places = {
        "_container_images_hook_folder": str(tmp_path / "hook"),
        "_container_images_leftover_dir": str(specification.parent),
        "_container_images_leftover_folders": [],
        "gpu_mock_driver_root": str(tmp_path / "root"),
    }
    done = role("--extra-vars", json.dumps(places), container_images_state="absent")
    assert changed(done) == (1 if stays else 2)
    assert specification.exists() == stays
    assert not (tmp_path / "hook").exists()
