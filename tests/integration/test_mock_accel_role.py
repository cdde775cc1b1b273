# SPDX-License-Identifier: GPL-3.0-or-later
"""The role mock_accel on a host of its own: built by DKMS, against headers, or given; really installed, never loaded.

Only the kernel is made up: /sys is a folder which a stand-in for modprobe fills, and what /proc would say of a kernel
with modules lies in another. DKMS, the compiler, depmod, modinfo and sign-file are those of Debian. The scenario
`kernel` really loads it.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import debian_kernel
import module_build
import pytest
import yaml

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

pytestmark = pytest.mark.timeout(1800)

STATE = "/var/lib/mirage-accel/mock_accel"
FILES = {
    f"{STATE}/installed.json",
    f"{STATE}/functions.json",
    "/etc/modprobe.d/mirage-accel-mock_accel.conf",
    "/etc/modules-load.d/mirage-accel-mock_accel.conf",
    "/etc/udev/rules.d/60-mirage-accel-mock_accel.rules",
    "/usr/local/sbin/mock-accel-functions",
    "/usr/local/lib/mirage-accel/mock_accel_functions/__main__.py",
    "/etc/init.d/mock-accel",
}


class Host:
    """A machine with Debian's kernel, as far as the role can tell."""

    def __init__(self, repo: Path, run, environment: dict[str, str], folder: Path) -> None:
        self._repo, self._run, self._environment, self._folder = repo, run, environment, folder
        self._script = repo / "molecule/shared/test_host.sh"
        self.root = folder / "host/root"

    def start(self, rootfs: Path, packages: list[Path], release: str) -> None:
        self.script("start", rootfs, "accel-host-0")
        for package in packages:
            for top in package.iterdir():
                target = self.root / ("usr/lib" if top.name == "lib" else top.name)
                subprocess.run(["cp", "--archive", f"{top}/.", target], check=True)
        inventory = {
            "accel-host-0": {
                "ansible_user": "root",
                "ansible_ssh_private_key_file": f"{self._folder}/host/id",
                "ansible_ssh_common_args": (
                    f"-o UserKnownHostsFile={self._folder}/host/known_hosts "
                    f"-o ProxyCommand='sh {self._script} enter {self._folder}/host'"
                ),
            }
        }
        (self._folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": inventory}}))
        modprobe = self.root / "usr/local/sbin/modprobe"
        modprobe.write_bytes((self._repo / "tests/integration/fake_modprobe.py").read_bytes())
        modprobe.chmod(0o755)
        fake = self.root / "fake/proc"
        (fake / "sys/kernel").mkdir(parents=True)
        (fake / "sys/kernel/osrelease").write_text(f"{release}\n")
        (fake / "modules").write_text("")
        (fake / "self").symlink_to("/proc/self")
        for name in ("etc", "lib", "run", "sys", "var"):
            (self.root / "fake" / name).symlink_to(f"/{name}")
        self.sh(
            # Not a tmpfs: mounts of the host are its own, and tests look at it from outside.
            "mkdir /made-up-sys && mount --bind /made-up-sys /sys && cd /sys/ && mkdir -p kernel/config"
            " bus/pci/devices/0000:00:01.0 bus/pci/devices/1000:00:00.0 /var/lib/dkms /etc/modules-load.d"
            f" && depmod {release}"
        )

    def script(self, action: str, *arguments: object) -> None:
        done = self._run("sh", self._script, action, self._folder / "host", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def sh(self, command: str) -> str:
        done = self._run("ansible", "all", "-m", "ansible.builtin.raw", "-a", command, **self._options())
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.partition("\n")[2]

    def _options(self) -> dict[str, t.Any]:
        places = {
            "ANSIBLE_INVENTORY": str(self._folder / "inventory.yml"),
            # Ansible names the connections that it keeps by host and user, and another run's host is called the same.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._folder / "ssh"),
        }
        return {"cwd": self._repo, "env": {**self._environment, **places}, "timeout": 600}

    def play(self, *options: str, playbook: str = "", **variables: t.Any) -> subprocess.CompletedProcess[str]:
        book = self._folder / "play.yml"
        role = {"hosts": "all", "gather_facts": False, "roles": ["mirage.accel.mock_accel"]}
        book.write_text(yaml.safe_dump([role]))
        # No virtual functions: those are the kernel's to make.
        given = {"_mock_accel_root": "/fake", "mock_accel_total_vfs": 0, "mock_accel_required": True, **variables}
        command = ["ansible-playbook", playbook or book, "-e", json.dumps(given), *options]
        return self._run(*command, **self._options())

    def exists(self, path: str) -> bool:
        return self.path(path).exists()

    def path(self, path: str) -> Path:
        return self.root / path.replace("/sys/", "/made-up-sys/", 1).lstrip("/")

    def state(self) -> dict[str, bytes]:
        """What is in the files where the role and its command write."""
        tops = map(self.path, ("/etc", "/run/mirage-accel", "/sys/", "/usr/local", "/var/lib"))
        files = (path for top in tops for path in top.rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path): path.read_bytes() for path in files if "__pycache__" not in path.parts}

    @contextlib.contextmanager
    def holding(self, major: int, minor: int) -> t.Iterator[int]:
        """A process called sleep that has opened the device by a node of its own, as in a container."""
        # It outlives the terminal that it was started in.
        begin = f"mknod /dev/elsewhere c {major} {minor} && exec 3</dev/elsewhere && trap '' HUP"
        output = self.sh(f"{begin} && {{ setsid sleep 3600 >/dev/null 2>&1 </dev/null & echo $!; }}")
        # ssh says afterwards that it has hung up.
        pid = int(output.split()[0])
        try:
            self.sh(f"test -e /proc/{pid}/fd/3 && ln -s /proc/{pid} /fake/proc/{pid}")
            yield pid
        finally:
            self.sh(f"kill {pid}; rm -f /dev/elsewhere /fake/proc/{pid}")

    def tree(self) -> set[str]:
        tops = [self.root / name for name in ("etc", "opt", "srv", "usr", "var")]
        found = {path for top in tops for path in top.rglob("*") if "__pycache__" not in path.parts}
        # DKMS makes a key for all modules when it builds its first.
        return {f"/{path.relative_to(self.root)}" for path in found if not path.match("dkms/mok.*")}


def changes(done: subprocess.CompletedProcess[str]) -> int:
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", done.stdout))


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0, done.stdout
    assert "changed=0" in done.stdout
    return " ".join(done.stdout.split())


@pytest.fixture(scope="module")
def kernel(cache: Path) -> debian_kernel.DebianKernel:
    return debian_kernel.find(cache)


@pytest.fixture(scope="module")
def host(
    repo: Path, run, ansible_env: dict[str, str], cache: Path, kernel, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Host]:
    folder = tmp_path_factory.mktemp("accel")
    answer = folder / "rootfs"
    playbook = [Path(sys.executable).parent / "ansible-playbook", "tests/rootfs.yml", "-e", f"answer={answer}"]
    done = run(*playbook, cwd=repo, env=ansible_env, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr

    flavour = kernel.release.split("-", 2)[2]
    common = f"linux-headers-{kernel.release.removesuffix(f'-{flavour}')}-common"
    kbuild = f"linux-kbuild-{'.'.join(kernel.release.split('.')[:2])}"
    versions = {f"linux-headers-{kernel.release}": kernel.version, common: kernel.version, kbuild: kernel.version}
    names = {"dkms": None, "lsb-release": None, "patch": None, **versions}
    unpack = [_deb_unpack.unpack(name, version, suite="bookworm", cache_dir=cache) for name, version in names.items()]
    environment = {**ansible_env, "ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true", "ANSIBLE_PIPELINING": "1"}
    host = Host(repo, run, environment, folder)
    try:
        host.start(Path(answer.read_text()), [unpacked.path for unpacked in unpack], kernel.release)
        yield host
    finally:
        host.script("stop")


@pytest.fixture
def clean(host: Host) -> t.Iterator[Host]:
    """The host before and after; whatever a test has put there is gone when the role has taken it off."""
    before = host.tree()
    yield host
    for path in host.path("/sys/class/mock-accel").glob("*/status"):
        path.write_text("0\n")
    # Of configfs rmdir takes a folder with all its attributes; here they are files.
    for path in host.path("/sys/kernel/config/mock-accel").glob("*/enable"):
        shutil.rmtree(path.parent)
    if host.exists(STATE):
        host.play("-e", "mock_accel_state=absent")
    assert host.tree() == before
    assert not host.exists("/sys/module/mock_accel")


@pytest.fixture(scope="module")
def key(host: Host) -> dict[str, str]:
    """A key and its certificate, on the host, as mokutil would enrol it."""
    host.sh(
        "openssl req -new -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=key of the test/' -outform DER"
        " -keyout /root/MOK.priv -out /root/MOK.der 2>/dev/null"
    )
    return {"mock_accel_signing_key": "/root/MOK.priv", "mock_accel_signing_certificate": "/root/MOK.der"}


def test_the_site_says_what_it_would_do_to_a_bare_host(clean: Host, repo: Path) -> None:
    """All of it: mock GPUs, their nodes and the module; the host has nothing of these yet, nor has it afterwards."""
    before = clean.tree()
    predicted = clean.play("--check", "--diff", playbook=str(repo / "playbooks/site.yml"))
    assert changes(predicted) > 0
    assert "The module mock_accel would be loaded" in predicted.stdout
    assert clean.tree() == before


@pytest.mark.parametrize("step", ["preflight", "install", "configure", "load"])
def test_each_step_of_the_site_says_what_it_would_do(clean: Host, repo: Path, step: str) -> None:
    """A step alone, on a host on which those before it have not been made either."""
    before = clean.tree()
    done = clean.play("--check", "--diff", "--tags", f"mock_accel_{step}", playbook=str(repo / "playbooks/site.yml"))
    assert (changes(done) > 0) is (step != "preflight")
    assert "TASK [mirage.accel.mock_accel : Look for what the module needs]" in done.stdout
    assert clean.tree() == before


def record(host: Host) -> dict[str, t.Any]:
    return json.loads(host.path(f"{STATE}/installed.json").read_text())


@pytest.mark.parametrize("way", ["dkms", "headers"])
def test_built_on_the_host_signed_and_taken_off(clean: Host, kernel, key: dict[str, str], way: str) -> None:
    host = clean
    before = host.tree()
    # auto takes DKMS where it is.
    wish: dict[str, t.Any] = {"mock_accel_install": {"dkms": "auto"}.get(way, way), **key}
    predicted = host.play("--check", "--diff", **wish)
    assert changes(predicted) > 0
    assert "+options mock_accel first_domain=0x1001 " in predicted.stdout
    assert "The module mock_accel would be loaded" in predicted.stdout
    assert host.tree() == before

    assert changes(host.play(**wish)) > 0
    assert changes(host.play(**wish)) == 0
    assert host.tree() >= FILES
    installed = record(host)
    folder = {"dkms": "updates/dkms", "headers": "updates"}[way]
    assert installed["path"] == f"/lib/modules/{kernel.release}/{folder}/mock_accel.ko"
    assert f"vermagic={kernel.release} ".encode() in host.path(f"usr{installed['path']}").read_bytes()
    # DKMS has signed it with a key of its own; the kernel looks at the last signature only.
    assert "key of the test" in host.sh(f"modinfo -F signer {installed['path']}")
    assert ("mock-accel/0.1.0" in host.sh("dkms status")) is (way == "dkms")
    parameters = host.path("/sys/module/mock_accel/parameters")
    assert (parameters / "first_domain").read_text() == "0x1001\n", "0x1000 is a machine's"
    assert len((parameters / "uuid_seed").read_text().strip()) >= 12
    assert list(host.path("/etc/rc2.d").glob("S*mock-accel"))

    assert changes(host.play("--check", "-e", "mock_accel_state=absent")) > 0
    assert host.exists("/sys/module/mock_accel/initstate")
    assert changes(host.play("-e", "mock_accel_state=absent")) > 0
    assert host.tree() == before
    assert changes(host.play("-e", "mock_accel_state=absent")) == 0
    assert "mock-accel" not in host.sh("dkms status")


@pytest.mark.parametrize("way", ["dkms", "headers"])
def test_a_build_that_fails_can_be_taken_off(clean: Host, way: str) -> None:
    host = clean
    before = host.tree()
    host.sh("ln -s /bin/false /usr/local/bin/make")
    try:
        done = host.play(mock_accel_install=way)
    finally:
        host.sh("rm /usr/local/bin/make")
    assert done.returncode != 0, done.stdout
    assert record(host)["origin"]["way"] == way
    assert changes(host.play("-e", "mock_accel_state=absent")) > 0
    assert host.tree() == before
    assert "mock-accel" not in host.sh("dkms status")


@pytest.fixture(scope="module")
def module(kernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("module")
    done = module_build.build(kernel, build)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = build / kernel.release
    folder.mkdir()
    return (build / "module/mock_accel.ko").rename(folder / "mock_accel.ko")


def test_a_given_module_with_parameters_and_functions(clean: Host, module: Path, tmp_path: Path) -> None:
    host = clean
    given = {"mock_accel_module_file": str(module.parent.parent / "{kernel}/mock_accel.ko")}
    words = tmp_path / "words"
    words.write_text("one\ntwo\n")
    wish = {
        **given,
        "mock_accel_num_pfs": 4,
        "mock_accel_num_roots": 2,
        "mock_accel_device_group": "video",
        "mock_accel_wordlist": str(words),
        "mock_accel_functions": [{"name": "mock7", "link_width": 8, "vendor": 0x10DE}],
        "mock_accel_persist": "none",
    }
    done = host.play("--diff", **wish)
    assert changes(done) > 0
    assert "make function mock7" in done.stdout
    assert changes(host.play(**wish)) == 0
    function = host.path("/sys/kernel/config/mock-accel/mock7")
    assert [(function / name).read_text() for name in ("link_width", "vendor", "enable")] == ["8", "0x10de", "1"]
    assert 'GROUP="video", MODE="0660"' in host.path("/etc/udev/rules.d/60-mirage-accel-mock_accel.rules").read_text()
    assert not host.exists("/etc/init.d/mock-accel")
    assert not host.exists("/etc/modules-load.d/mirage-accel-mock_accel.conf")
    assert host.path("/lib/firmware").joinpath("mock-accel-wordlist").readlink() == Path(f"{STATE}/wordlist")
    # Of configfs rmdir takes a folder with all its attributes; here they are files.
    shutil.rmtree(function)

    # What brings it back goes with its links.
    assert changes(host.play(**{**wish, "mock_accel_persist": "init"})) > 0
    assert list(host.path("/etc/rc2.d").glob("S*mock-accel"))
    assert changes(host.play(**wish)) > 0
    assert not list(host.path("/etc").glob("rc*.d/*mock-accel"))
    assert not host.exists("/etc/init.d/mock-accel")
    shutil.rmtree(function, ignore_errors=True)

    # Other parameters need the module loaded anew; nobody uses it.
    done = host.play(**{**wish, "mock_accel_num_pfs": 2, "mock_accel_functions": [], "mock_accel_wordlist": ""})
    assert changes(done) > 0
    assert "TASK [mirage.accel.mock_accel : Unload the module" in done.stdout
    assert host.path("/sys/module/mock_accel/parameters/num_pfs").read_text() == "2\n"
    assert not host.path("/lib/firmware").joinpath("mock-accel-wordlist").is_symlink()

    # While one is allocated, neither new parameters nor removal.
    host.path("/sys/class/mock-accel/mock1/status").write_text("1\n")
    said = refused(host.play(**{**wish, "mock_accel_num_pfs": 3}))
    assert "must be loaded anew on accel-host-0 (num_pfs 2 -> 3), and cannot be now: mock1 is allocated" in said
    said = refused(host.play("-e", "mock_accel_state=absent"))
    assert "The module mock_accel stays on accel-host-0: mock1 is allocated" in said


def test_what_is_in_use_is_refused_before_anything_changes(clean: Host, module: Path) -> None:
    host = clean
    wish: dict[str, t.Any] = {
        "mock_accel_module_file": str(module),
        "mock_accel_functions": [{"name": "mock7", "link_width": 8}],
        "mock_accel_device_group": "video",
    }
    changes(host.play(**wish))
    function, device = host.path("/sys/kernel/config/mock-accel/mock7"), host.path("/sys/class/mock-accel/mock7")
    # What the kernel shows of it; /dev/full stands for its device.
    device.mkdir()
    shown = {"device_name": "mock7", "address": "1001:00:01.0"}
    for path, values in ((function, shown), (device, {"status": "0", "dev": "1:7"})):
        for name, value in values.items():
            (path / name).write_text(f"{value}\n")
    before = host.state()
    assert changes(host.play(**wish)) == 0

    # Each would change files as well, before it came to the function.
    changed = {**wish, "mock_accel_device_group": "render", "mock_accel_persist": "none"}
    with host.holding(1, 7) as pid:
        user = f"mock7 is open in process {pid} (sleep)"
        refusals = {
            f"Function mock7 cannot be changed or removed: {user}": [
                {**changed, "mock_accel_functions": [{"name": "mock7", "link_width": 4}]},
                {**changed, "mock_accel_functions": []},
            ],
            f"(num_pfs 1 -> 2), and cannot be now: {user}": [{**changed, "mock_accel_num_pfs": 2}],
            f"The module mock_accel stays on accel-host-0: {user}": [{"mock_accel_state": "absent"}],
        }
        for said, wishes in refusals.items():
            for one in wishes:
                assert said in refused(host.play(**one))
                assert host.state() == before
        assert user in refused(host.play("--check", **wishes[0]))
    assert changes(host.play(**{**changed, "mock_accel_functions": [{"name": "mock7", "link_width": 4}]})) > 0
    assert (function / "link_width").read_text() == "4"


@pytest.mark.parametrize(
    ("fact", "variables", "said", "required"),
    [
        pytest.param("rm /fake/proc/modules", {}, "is built without loadable modules", False, id="no-modules"),
        pytest.param("rm /fake/proc/modules", {}, "is built without loadable modules", True, id="no-modules-required"),
        pytest.param(
            "mkdir -p /sys/kernel/security; echo 'none [integrity] x' >/sys/kernel/security/lockdown",
            {},
            "only loads signed modules (/sys/kernel/security/lockdown is integrity)",
            False,
            id="lockdown",
        ),
        pytest.param(
            "echo 6.99.0 >/fake/proc/sys/kernel/osrelease",
            {},
            "there are no headers of kernel 6.99.0",
            False,
            id="no-headers",
        ),
        pytest.param(
            "echo 6.99.0 >/fake/proc/sys/kernel/osrelease",
            {"mock_accel_module_file": "MODULE"},
            "and this host runs 6.99.0: build it for that one",
            True,
            id="another-kernels-module",
        ),
    ],
)
def test_a_host_that_cannot_is_told_in_one_line(
    host: Host, kernel, module: Path, fact: str, variables: dict, said: str, required: bool
) -> None:
    before = host.tree()
    given = {key: str(module) if value == "MODULE" else value for key, value in variables.items()}
    host.sh(fact)
    try:
        done = host.play(**given, mock_accel_required=required)
    finally:
        host.sh(
            f"touch /fake/proc/modules; echo {kernel.release} >/fake/proc/sys/kernel/osrelease;"
            " rm -rf /sys/kernel/security"
        )
    text = " ".join(done.stdout.split())
    assert (done.returncode != 0) is required
    assert "changed=0" in done.stdout
    # A failure is told twice by ansible itself.
    assert said in text if required else text.count(said) == 1
    assert "accel-host-0 goes without the accelerators of mock_accel: " in text
    assert host.tree() == before


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"mock_accel_num_pfs": 33}, "33 physical functions (mock_accel_num_pfs) on 1 root buses"),
        ({"mock_accel_num_vfs": 1}, "with 1 of 0 virtual functions each"),
        (
            {"mock_accel_pf_memory": "16 gigabytes"},
            "mock_accel_pf_memory is '16 gigabytes': set it to a size such as 16G",
        ),
        ({"mock_accel_functions": [{"name": "mock0"}]}, "cannot be called 'mock0'"),
        ({"mock_accel_functions": [{"name": "a"}, {"name": "a"}]}, "cannot be called 'a': set each name once"),
        ({"mock_accel_wordlist": "/nowhere/words"}, "There is no file /nowhere/words on the controller"),
    ],
)
def test_mistakes_are_named_before_the_host_is_asked(host: Host, variables: dict, said: str) -> None:
    assert said in refused(host.play(**variables))
