# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart mock-device as helm sees it: what it renders for which cluster, and what it refuses."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from rendered import Json, Objects, objects

Run = t.Callable[..., t.Any]

CHART = "mock-device"
IMAGE = "ghcr.io/fabiendupont/mock-accel-dra-driver:1.0.0"


def container(rendered: Objects, component: str, release: str = "mock-device") -> Json:
    [one] = rendered["DaemonSet", f"{release}-{component}"]["spec"]["template"]["spec"]["containers"]
    return one


def flags(rendered: Objects, component: str) -> dict[str, str]:
    """The command's options by name."""
    pairs = (one.removeprefix("--").partition("=") for one in container(rendered, component)["args"][1:])
    return {name: value for name, _, value in pairs}


def test_the_objects_that_users_look_for(template: Run) -> None:
    assert set(objects(template())) == {
        ("Namespace", "mock-device"),
        ("DaemonSet", "mock-device-controller"),
        ("DaemonSet", "mock-device-node-agent"),
        ("ServiceAccount", "mock-device-controller"),
        ("ServiceAccount", "mock-device-node-agent"),
        ("ClusterRole", "mock-device-mock-device-controller"),
        ("ClusterRole", "mock-device-mock-device-node-agent"),
        ("ClusterRoleBinding", "mock-device-mock-device-controller"),
        ("ClusterRoleBinding", "mock-device-mock-device-node-agent"),
        ("DeviceClass", "mock-accel-pf"),
        ("DeviceClass", "mock-accel-vf"),
        ("ValidatingAdmissionPolicy", "mock-device-mock-device-slices"),
        ("ValidatingAdmissionPolicyBinding", "mock-device-mock-device-slices"),
        ("ValidatingAdmissionPolicy", "mock-device-mock-device-claims"),
        ("ValidatingAdmissionPolicyBinding", "mock-device-mock-device-claims"),
    }


# interfaces of the chart: value, default
DEFAULTS: Json = {
    "global.imagePullSecrets": [],
    "namespace.create": True,
    "namespace.name": "mock-device",
    "draDriver.name": "mock-accel.example.com",
    "draDriver.controller.enabled": True,
    "draDriver.controller.image.repository": "ghcr.io/fabiendupont/mock-accel-dra-driver",
    "draDriver.controller.image.tag": "",
    "draDriver.controller.image.pullPolicy": "IfNotPresent",
    "draDriver.controller.rescanInterval": "30s",
    "draDriver.controller.verbosity": 5,
    "draDriver.nodeAgent.enabled": True,
    "draDriver.nodeAgent.image.repository": "ghcr.io/fabiendupont/mock-accel-dra-driver",
    "draDriver.nodeAgent.image.tag": "",
    "draDriver.nodeAgent.verbosity": 5,
    "draDriver.nodeAgent.pluginSocket": "/var/lib/kubelet/plugins/mock-accel.example.com",
    "kernelModule.enabled": False,
    "kernelModule.moduleName": "mock-accel",
    "kernelModule.image.repository": "ghcr.io/fabiendupont/mock-accel-module",
    "kernelModule.image.tag": "v1.0.0-fc43",
    "kernelModule.kernelMappings": [],
    "deviceClasses": [{"name": "mock-accel-pf", "enabled": True}, {"name": "mock-accel-vf", "enabled": True}],
    "rbac.create": True,
    "serviceAccount.create": True,
    "serviceAccount.annotations": {},
}


def at(values: t.Any, name: str) -> t.Any:
    for key in name.split("."):
        values = values[key]
    return values


@pytest.fixture
def values(chart: Path) -> Json:
    return yaml.safe_load((chart / "values.yaml").read_text())


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items(), ids=DEFAULTS)
def test_documented_defaults(values: Json, name: str, default: t.Any) -> None:
    assert at(values, name) == default


@pytest.mark.parametrize("component", ["controller", "nodeAgent"])
def test_resources_are_set(values: Json, component: str) -> None:
    resources = values["draDriver"][component]["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert resources["limits"].keys() == {"memory"}


def leaves(value: t.Any, schema: Json, name: str = "") -> t.Iterator[str]:
    """Names of the values as a user sets them: where the schema says nothing of what is below, it is the user's."""
    if isinstance(value, dict) and schema.get("properties"):
        assert schema["properties"].keys() >= value.keys(), name
        for key, below in value.items():
            yield from leaves(below, schema["properties"][key], f"{name}.{key}" if name else key)
    else:
        yield name


def test_every_value_is_in_the_schema_and_in_the_readme(chart: Path, values: Json) -> None:
    schema = json.loads((chart / "values.schema.json").read_text())
    assert set(schema["properties"]) == {*values, "enabled"}
    readme = (chart / "README.md").read_text()
    for full in leaves(values, schema):
        # A row may hold several values of one component: the last parts of the others follow the first.
        last = full.rpartition(".")[2]
        assert f"`{full}`" in readme or re.search(rf"`\.?{last}`", readme), full


def test_a_missing_value_is_the_default(chart: Path, values: Json) -> None:
    """The chart's own copy of the defaults, for `helm upgrade --reuse-values`."""
    text = (chart / "templates/_defaults.tpl").read_text()
    defaults = yaml.safe_load(text.split('"mock-device.defaults" -}}')[1].split("{{- end -}}")[0])
    # These are not there, so that a part of them can be taken away.
    for component in ("controller", "nodeAgent"):
        values["draDriver"][component]["resources"] = {}
    values["kernelModule"]["selector"] = {}
    assert defaults == values


def test_values_of_an_older_chart_are_enough(template: Run, values: Json) -> None:
    done = template(*(part for name in values for part in ("--set", f"{name}=null")))
    rendered, usual = objects(done), objects(template())
    for component in ("controller", "node-agent"):
        container(usual, component).pop("resources")
    assert rendered == usual


def test_a_limit_can_be_taken_away(template: Run) -> None:
    rendered = objects(template("--set", "draDriver.nodeAgent.resources.limits=null"))
    assert container(rendered, "node-agent")["resources"].keys() == {"requests"}


def test_the_version_is_that_of_the_package(repo: Path, chart: Path, template: Run) -> None:
    package = re.search(r'^version = "(.*)"', (repo / "roles/dra_driver/files/pyproject.toml").read_text(), re.M)
    assert package
    assert yaml.safe_load((chart / "Chart.yaml").read_text())["appVersion"] == package[1]
    assert container(objects(template()), "controller")["image"] == IMAGE
    assert container(objects(template()), "node-agent")["image"] == IMAGE


# --- the ways to install that users print ---


@pytest.mark.parametrize(
    ("options", "makes_it"),
    [
        pytest.param([], True, id="without-a-namespace"),
        pytest.param(["--namespace", "mock-device", "--create-namespace"], False, id="with-its-own"),
        pytest.param(["--namespace", "team"], True, id="with-another"),
        pytest.param(["--set", "namespace.create=false"], False, id="there-already"),
        pytest.param(["--namespace", "team", "--set", "namespace.name="], False, id="the-release's"),
    ],
)
def test_namespaces(template: Run, options: list[str], makes_it: bool) -> None:
    rendered = objects(template(*options))
    wanted = "team" if "namespace.name=" in options else "mock-device"
    assert {one["metadata"].get("namespace", wanted) for one in rendered.values()} == {wanted}
    assert (("Namespace", wanted) in rendered) == makes_it
    for kind in ("controller", "node-agent"):
        [subject] = rendered["ClusterRoleBinding", f"mock-device-{wanted}-{kind}"]["subjects"]
        assert subject["namespace"] == wanted
    policy = rendered["ValidatingAdmissionPolicy", f"mock-device-{wanted}-slices"]["spec"]
    assert f":{wanted}:mock-device-controller" in policy["matchConditions"][0]["expression"]


def test_images_and_verbosity_of_ones_own(template: Run) -> None:
    sets = [
        "draDriver.controller.image.repository=registry.example.com:5000/team/driver",
        "draDriver.nodeAgent.image.repository=registry.example.com:5000/team/driver",
        "draDriver.nodeAgent.image.tag=v2",
        "draDriver.controller.verbosity=0",
        "draDriver.nodeAgent.verbosity=10",
        "draDriver.controller.rescanInterval=1m30s",
        "global.imagePullSecrets[0].name=registry",
    ]
    rendered = objects(template(*(part for one in sets for part in ("--set", one))))
    assert container(rendered, "controller")["image"] == "registry.example.com:5000/team/driver:1.0.0"
    assert container(rendered, "node-agent")["image"] == "registry.example.com:5000/team/driver:v2"
    assert flags(rendered, "controller")["verbosity"] == "0"
    assert flags(rendered, "controller")["rescan-interval"] == "1m30s"
    assert flags(rendered, "node-agent")["verbosity"] == "10"
    for component in ("controller", "node-agent"):
        pod = rendered["DaemonSet", f"mock-device-{component}"]["spec"]["template"]["spec"]
        assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_the_commands_know_their_flags(template: Run, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repo / "roles/dra_driver/files"))
    from mock_accel_dra import __main__ as program
    from mock_accel_dra import config

    rendered = objects(template())
    for component in ("controller", "node-agent"):
        arguments = container(rendered, component)["args"]
        # What nobody has asked for is not said, so that an older image is enough.
        assert not flags(rendered, component).keys() & {"shared-devices", "binding-conditions", "device-metadata"}
        settings = config.parse(arguments, {"NODE_NAME": "n1", "POD_UID": "u1"}, dict.fromkeys(program.COMMANDS, ""))
        assert settings.command == component
        assert str(settings.sysfs_root) == "/host/sys"
        mounted = {one["mountPath"] for one in container(rendered, component)["volumeMounts"]}
        wanted = {"/host/sys"}
        if component == "node-agent":
            wanted |= {str(settings.plugin_dir), str(settings.registry_dir), str(settings.cdi_dir)}
        assert mounted == wanted


def test_features_that_are_asked_for(template: Run, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repo / "roles/dra_driver/files"))
    from mock_accel_dra import config

    options = ["--set=draDriver.bindingConditions=true", "--set=draDriver.controller.sharedDevices={vf,mock1*}"]
    options.append("--set=draDriver.nodeAgent.deviceMetadata=true")
    rendered = objects(template(*options))
    found = {}
    for component in ("controller", "node-agent"):
        arguments = container(rendered, component)["args"]
        found[component] = config.parse(arguments, {"NODE_NAME": "n1"}, {"controller": "", "node-agent": ""})
        assert found[component].binding_conditions
    assert found["controller"].shared_devices == ("vf", "mock1*")
    assert found["node-agent"].device_metadata


@pytest.mark.parametrize(("wanted", "verbs"), [("false", ["get"]), ("true", ["get", "list", "watch"])])
def test_all_claims_are_seen_only_where_pods_wait_for_devices(template: Run, wanted: str, verbs: list[str]) -> None:
    rendered = objects(template(f"--set=draDriver.bindingConditions={wanted}"))
    usual = objects(template())
    role = ("ClusterRole", "mock-device-mock-device-node-agent")
    [claims] = [rule for rule in rendered[role]["rules"] if rule["resources"] == ["resourceclaims"]]
    assert claims["verbs"] == verbs
    claims["verbs"] = ["get"]
    assert rendered[role] == usual[role]
    controller = ("ClusterRole", "mock-device-mock-device-controller")
    assert rendered[controller] == usual[controller]


def test_the_kubelet_is_told_paths_of_the_node(template: Run) -> None:
    rendered = objects(template("--set", "draDriver.nodeAgent.pluginSocket=/data/kubelet/plugins/a/"))
    spec = rendered["DaemonSet", "mock-device-node-agent"]["spec"]["template"]["spec"]
    outside = {one["name"]: one["hostPath"]["path"] for one in spec["volumes"]}
    inside = {one["name"]: one["mountPath"] for one in spec["containers"][0]["volumeMounts"]}
    assert outside.pop("sysfs") == "/sys"
    assert inside.pop("sysfs") == "/host/sys"
    assert outside == inside
    assert outside["plugin"] == flags(rendered, "node-agent")["plugin-dir"] == "/data/kubelet/plugins/a"
    assert outside["registry"] == flags(rendered, "node-agent")["registry-dir"] == "/data/kubelet/plugins_registry"


@pytest.mark.parametrize(
    ("sets", "folder"),
    [
        pytest.param(["draDriver.name=a.example.com"], "/var/lib/kubelet/plugins/a.example.com", id="another-name"),
        pytest.param(
            ["draDriver.nodeAgent.pluginSocket=/var/lib/kubelet/plugins/x/dra.sock"],
            "/var/lib/kubelet/plugins/x",
            id="the-socket-itself",
        ),
    ],
)
def test_the_folder_of_the_plugin(template: Run, sets: list[str], folder: str) -> None:
    rendered = objects(template(*(part for one in sets for part in ("--set", one))))
    assert flags(rendered, "node-agent")["plugin-dir"] == folder
    assert flags(rendered, "node-agent")["registry-dir"] == "/var/lib/kubelet/plugins_registry"


# --- versions of Kubernetes ---


def served(*versions: str, kubernetes: str) -> list[str]:
    """Options for a server that has these versions only; helm knows all of them otherwise."""
    return ["--kube-version", kubernetes, *(part for one in versions for part in ("--api-versions", one))]


@pytest.mark.parametrize(
    ("kubernetes", "version", "two"),
    [
        ("1.32.0", "v1beta1", False),
        ("1.33.4", "v1beta2", True),
        ("1.34.0", "v1", True),
        ("1.36.3", "v1", True),
        ("v1.34.2+k3s1", "v1", True),
        ("v1.33.5-gke.1080000", "v1beta2", True),
    ],
)
def test_versions_of_kubernetes(template: Run, kubernetes: str, version: str, two: bool) -> None:
    rendered = objects(template("--kube-version", kubernetes))
    assert rendered["DeviceClass", "mock-accel-pf"]["apiVersion"] == f"resource.k8s.io/{version}"
    policy = rendered["ValidatingAdmissionPolicy", "mock-device-mock-device-slices"]
    assert policy["apiVersion"] == "admissionregistration.k8s.io/v1"
    rolling = rendered["DaemonSet", "mock-device-node-agent"]["spec"]["updateStrategy"]["rollingUpdate"]
    names = [one["name"] for one in container(rendered, "node-agent")["env"]]
    # A kubelet before 1.33 knows one instance of a driver.
    assert rolling == ({"maxUnavailable": 0, "maxSurge": 1} if two else {"maxUnavailable": 1})
    assert names == (["NODE_NAME", "POD_UID"] if two else ["NODE_NAME"])


def test_one_instance_where_a_kubelet_is_older(template: Run) -> None:
    rendered = objects(template("--set", "draDriver.nodeAgent.rollingUpdate=false"))
    strategy = rendered["DaemonSet", "mock-device-node-agent"]["spec"]["updateStrategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
    assert [one["name"] for one in container(rendered, "node-agent")["env"]] == ["NODE_NAME"]


@pytest.mark.parametrize(
    ("kubernetes", "text"),
    [
        ("1.28.9", "chart requires kubeVersion: >=1.29.0-0 which is incompatible with Kubernetes v1.28.9"),
        ("1.29.0", "Kubernetes v1.29.0 is too old: its dynamic resource allocation (DRA) has another API"),
        ("1.31.9", "use Kubernetes 1.34 or newer, or 1.32 or 1.33 with DRA switched on"),
    ],
)
def test_an_older_kubernetes_is_refused(template: Run, kubernetes: str, text: str) -> None:
    done = template("--kube-version", kubernetes)
    assert done.returncode != 0
    assert text in done.stderr
    assert done.stdout == ""


# --- device classes ---


def classes(done: t.Any) -> dict[str, list[str]]:
    return {
        name: [one["cel"]["expression"] for one in found["spec"]["selectors"]]
        for (kind, name), found in objects(done).items()
        if kind == "DeviceClass"
    }


def of_type(kind: str, driver: str = "mock-accel.example.com") -> str:
    return f'device.driver == "{driver}" && device.attributes["{driver}"].deviceType == "{kind}"'


PF, VF = [of_type("pf")], [of_type("vf")]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        pytest.param([], {"mock-accel-pf": PF, "mock-accel-vf": VF}, id="default"),
        pytest.param(["--set", "deviceClasses[0].enabled=false"], {"mock-accel-vf": VF}, id="without-the-first"),
        pytest.param(["--set", "deviceClasses[1].enabled=false"], {"mock-accel-pf": PF}, id="without-the-second"),
        pytest.param(["--set-json", "deviceClasses=[]"], {}, id="none"),
        pytest.param(
            ["--set", "deviceClasses[0].name=whole,deviceClasses[0].deviceType=pf"], {"whole": PF}, id="ones-own"
        ),
        pytest.param(
            ["--set", "draDriver.name=a.example.com"],
            {f"mock-accel-{kind}": [of_type(kind, "a.example.com")] for kind in ("pf", "vf")},
            id="of-another-driver",
        ),
        pytest.param(
            ["--set-json", 'deviceClasses=[{"name":"x","deviceType":"any","selectors":["1 == 1"]}]'],
            {"x": ['device.driver == "mock-accel.example.com"', "1 == 1"]},
            id="any",
        ),
    ],
)
def test_classes(template: Run, options: list[str], wanted: dict[str, list[str]]) -> None:
    assert classes(template(*options)) == wanted


NAMED = ["--set", "deviceClasses[0].extendedResourceName=example.com/accel"]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        pytest.param([], {"mock-accel-pf": None, "mock-accel-vf": None}, id="not asked"),
        pytest.param(NAMED, {"mock-accel-pf": "example.com/accel", "mock-accel-vf": None}, id="of a default class"),
        pytest.param([*NAMED, "--kube-version=1.33.0"], {"mock-accel-pf": None, "mock-accel-vf": None}, id="too old"),
    ],
)
def test_extended_resources(template: Run, options: list[str], wanted: dict[str, str | None]) -> None:
    rendered = objects(template(*options))
    named = {
        name: one["spec"].get("extendedResourceName") for (kind, name), one in rendered.items() if kind == "DeviceClass"
    }
    assert named == wanted


# --- rights ---


def test_rights_of_ones_own(template: Run, chart: Path) -> None:
    rendered = objects(template("--values", str(chart / "ci/site-values.yaml")))
    kinds = {kind for kind, _ in rendered}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding", "ServiceAccount", "Namespace"}
    accounts = {
        name: one["spec"]["template"]["spec"]["serviceAccountName"]
        for (kind, name), one in rendered.items()
        if kind == "DaemonSet"
    }
    assert accounts == {"mock-device-controller": "publisher", "mock-device-node-agent": "preparer"}
    policy = rendered["ValidatingAdmissionPolicy", "mock-device-accelerators-slices"]["spec"]
    assert ":accelerators:publisher" in policy["matchConditions"][0]["expression"]
    assert "priorityClassName" not in rendered["DaemonSet", "mock-device-controller"]["spec"]["template"]["spec"]


def test_annotations_of_the_accounts(template: Run) -> None:
    rendered = objects(template("--set", "serviceAccount.annotations.a=b"))
    found = [one for (kind, _), one in rendered.items() if kind == "ServiceAccount"]
    assert [one["metadata"]["annotations"] for one in found] == [{"a": "b"}] * 2


def test_two_releases_share_nothing(template: Run) -> None:
    """But the names that are the user's: those of the classes."""
    options = ["--set-json", "deviceClasses=[]", "--set"]
    first = set(objects(template(*options, "namespace.name=a")))
    second = set(objects(template(*options, "namespace.name=b", release="other")))
    assert first & second == set()


@pytest.mark.parametrize("component", ["controller", "nodeAgent"])
def test_a_component_can_be_left_out(template: Run, component: str) -> None:
    rendered = objects(template("--set", f"draDriver.{component}.enabled=false"))
    left = {"controller": "mock-device-node-agent", "nodeAgent": "mock-device-controller"}[component]
    assert [name for kind, name in rendered if kind == "DaemonSet"] == [left]


# --- what is refused ---


@pytest.mark.parametrize(
    ("option", "text"),
    [
        pytest.param(
            "draDriver.controler.enabled=true", "additional properties 'controler' not allowed", id="misspelt"
        ),
        pytest.param("verbosity=3", "additional properties 'verbosity' not allowed", id="wrong-place"),
        pytest.param(
            "draDriver.controller.verbosity=11",
            "'/draDriver/controller/verbosity': maximum: got 11, want 10",
            id="verbosity",
        ),
        pytest.param("draDriver.controller.sharedDevices=all", "got string, want array", id="no-list"),
        pytest.param("draDriver.controller.sharedDevices={Mock0}", "'Mock0' does not match pattern", id="shared-name"),
        pytest.param("draDriver.controller.rescanInterval=30", "got number, want string", id="no-unit"),
        pytest.param("draDriver.controller.rescanInterval=30d", "'30d' does not match pattern", id="unit"),
        pytest.param(
            "draDriver.name=Mock_Accel", "'/draDriver/name': 'Mock_Accel' does not match pattern", id="driver"
        ),
        pytest.param(f"draDriver.name={'a' * 64}", "maxLength: got 64, want 63", id="long-driver"),
        pytest.param("draDriver.nodeAgent.image.pullPolicy=Sometimes", "value must be one of", id="pull-policy"),
        pytest.param("draDriver.nodeAgent.pluginSocket=plugins", "'plugins' does not match pattern", id="relative"),
        pytest.param("draDriver.nodeAgent.healthPort=70000", "maximum: got 70,000, want 65,535", id="port"),
        pytest.param("namespace.name=Mock", "'/namespace/name': 'Mock' does not match pattern", id="namespace"),
        pytest.param("kernelModule.moduleName=mock_accel", "'mock_accel' does not match pattern", id="module-name"),
        pytest.param("kernelModule.kernelMappings[0].regexp=^a$", "missing property 'containerImage'", id="no-image"),
        pytest.param(
            "kernelModule.kernelMappings[0].regexp=(,kernelModule.kernelMappings[0].containerImage=a",
            "'/kernelModule/kernelMappings/0/regexp': '(' is not valid regex",
            id="regexp",
        ),
        pytest.param(
            "deviceClasses[0].enabled=yes", "'/deviceClasses/0/enabled': got string, want boolean", id="class"
        ),
        pytest.param("deviceClasses[0].deviceType=gpu", "value must be one of", id="device-type"),
        pytest.param("deviceClasses[0].extendedResourceName=accel", "'accel' does not match pattern", id="no-domain"),
        pytest.param("global.imagePullSecrets[0]=registry", "got string, want object", id="secret"),
    ],
)
def test_values_that_the_schema_refuses(template: Run, option: str, text: str) -> None:
    done = template("--set", option)
    assert done.returncode != 0
    assert text in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param(
            ["draDriver.controller.enabled=false", "draDriver.nodeAgent.enabled=false"],
            "are all false, and nothing would run",
            id="nothing",
        ),
        pytest.param(
            ["draDriver.nodeAgent.rescanInterval=500ms"],
            "draDriver.nodeAgent.rescanInterval is 500ms, and the driver does not look around more often than once",
            id="interval",
        ),
        pytest.param(
            ["draDriver.bindingConditions=true", "draDriver.nodeAgent.enabled=false"],
            "so nobody would say that a device answers",
            id="nobody-answers",
        ),
        pytest.param(["draDriver.controller.rescanInterval=0.5s"], "set it to 1s or more", id="fraction"),
        pytest.param(
            ["draDriver.nodeAgent.metricsPort=9092"], "healthPort are both 9092: set them to two different", id="ports"
        ),
        pytest.param(
            ["deviceClasses[0].name=large"],
            "(large) does not say which devices it is for: set deviceClasses[0].deviceType to pf, vf or any",
            id="type",
        ),
        pytest.param(
            ["deviceClasses[0].name=a-pf", "deviceClasses[1].name=a-pf"], "deviceClasses names a-pf twice", id="twice"
        ),
        pytest.param(
            ["deviceClasses[0].name=a-pf", "deviceClasses[2].enabled=true"],
            "deviceClasses[2] has no name: set deviceClasses[2].name",
            id="no-name",
        ),
        pytest.param(
            ["deviceClasses[0].extendedResourceName=node.kubernetes.io/accel"],
            "(mock-accel-pf) has the extendedResourceName node.kubernetes.io/accel, which is Kubernetes' own",
            id="kubernetes'-own-resource",
        ),
        pytest.param(
            ["deviceClasses[0].extendedResourceName=a.com/b", "deviceClasses[1].extendedResourceName=a.com/b"],
            "deviceClasses give a.com/b to two classes",
            id="one-resource-of-two-classes",
        ),
        pytest.param(
            ["kernelModule.enabled=true", "kernelModule.build.enabled=true"],
            "kernelModule.build.builderImage is empty: set it to an image with a compiler and the headers",
            id="builder",
        ),
        pytest.param(
            [
                "kernelModule.enabled=true",
                "kernelModule.build.enabled=true",
                "kernelModule.build.builderImage=b",
                "kernelModule.kernelMappings[0].regexp=^.+$",
                "kernelModule.kernelMappings[0].containerImage=a/b:c",
            ],
            'containerImage is "a/b:c", and KMM would build one image for all kernels that ^.+$ matches',
            id="one-image-for-all",
        ),
    ],
)
def test_what_cannot_work_says_what_to_set(template: Run, options: list[str], text: str) -> None:
    done = template(*(part for one in options for part in ("--set", one)))
    assert done.returncode != 0
    assert text in done.stderr
    assert done.stdout == ""


def test_a_parent_chart_may_have_more_globals_and_a_switch(template: Run) -> None:
    assert template("--set", "global.registry=a", "--set", "enabled=true").returncode == 0


def test_it_is_packed_with_its_schema(packed: list[str]) -> None:
    assert "mock-device/values.schema.json" in packed
