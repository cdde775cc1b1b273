# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options: in step with kubernetes.core, their documentation and their environment variables."""

from __future__ import annotations

import re
import typing as t
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.kubernetes.core.plugins.module_utils import args_common as upstream

from ansible_collections.mirage.accel.plugins.doc_fragments._kubernetes_auth import ModuleDocFragment
from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_args as args

DOCUMENTED = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]


def shape(option: dict[str, t.Any]) -> tuple[str, t.Any, list[str]]:
    return option.get("type", "str"), option.get("elements"), sorted(option.get("aliases", []))


def test_names_types_and_aliases_are_those_of_kubernetes_core() -> None:
    ours = {name: shape(option) for name, option in args.AUTH_ARGS.items()}
    assert ours == {name: shape(option) for name, option in upstream.AUTH_ARG_SPEC.items()}
    ours = {name: shape(option) for name, option in args.PROXY_HEADERS.items()}
    assert ours == {name: shape(option) for name, option in upstream.AUTH_PROXY_HEADERS_SPEC.items()}


def test_secrets_are_those_of_kubernetes_core() -> None:
    ours = {name for name, option in args.AUTH_ARGS.items() if option.get("no_log")}
    assert ours == {name for name, option in upstream.AUTH_ARG_SPEC.items() if option.get("no_log")}
    assert {name for name, option in args.PROXY_HEADERS.items() if option.get("no_log")} == {
        "basic_auth",
        "proxy_basic_auth",
    }


def test_every_option_is_documented_as_it_is() -> None:
    ours = {name: shape(option) for name, option in args.AUTH_ARGS.items()}
    assert ours == {name: shape(option) for name, option in DOCUMENTED.items()}
    suboptions = DOCUMENTED["proxy_headers"]["suboptions"]
    assert {n: shape(o) for n, o in args.PROXY_HEADERS.items()} == {n: shape(o) for n, o in suboptions.items()}


@pytest.mark.parametrize(
    ("option", "documented"),
    [
        *[(args.AUTH_ARGS[name], DOCUMENTED[name]) for name in DOCUMENTED if name != "proxy_headers"],
        *[
            (args.PROXY_HEADERS[name], documented)
            for name, documented in DOCUMENTED["proxy_headers"]["suboptions"].items()
        ],
    ],
)
def test_environment_variables_are_documented(option: dict[str, t.Any], documented: dict[str, t.Any]) -> None:
    names = re.findall(r"E\((K8S_AUTH_\w+)\)", " ".join(documented["description"]))
    assert names == option["fallback"][1]


def test_environment_variables_are_those_of_kubernetes_core() -> None:
    read = {name: set(option["fallback"][1]) for name, option in args.AUTH_ARGS.items() if "fallback" in option}
    expected = {arg: {f"K8S_AUTH_{arg.upper()}"} for arg in read}
    for name, arg in upstream.AUTH_ARG_MAP.items():
        if arg in expected:
            expected[arg].add(f"K8S_AUTH_{name.upper()}")
    assert read == expected


def test_an_option_may_not_be_given_twice() -> None:
    with pytest.raises(ValueError, match="host, wait"):
        args.argument_spec(args.WAIT_ARGS, {"host": {}, "wait": {}})


def test_merging_leaves_the_parts_alone() -> None:
    before = dict(args.AUTH_ARGS)
    assert set(args.argument_spec({"mine": {}})) == {*before, "mine"}
    assert before == args.AUTH_ARGS


@pytest.mark.parametrize(
    ("kubeconfig", "left"), [("/a/path", set()), ({"token": "x"}, {"/a/path"}), (None, {"/a/path"})]
)
def test_only_a_path_is_revealed(kubeconfig: t.Any, left: set[str]) -> None:
    module = SimpleNamespace(params={"kubeconfig": kubeconfig}, no_log_values={"/a/path"})
    args.reveal_kubeconfig_path(module)
    assert module.no_log_values == left
