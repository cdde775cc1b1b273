# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module does what its documentation says: the options of the two, and the places where it must be named."""

from __future__ import annotations

import importlib
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_args import AUTH_ARGS

TOP = Path(__file__).parents[3]
PLUGINS = TOP / "plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("[!_]*.py"))


def load(name: str) -> t.Any:
    return importlib.import_module(f"ansible_collections.mirage.accel.plugins.modules.{name}")


def documentation(name: str) -> dict[str, t.Any]:
    """The module's documentation, with what it takes from fragments."""
    docs = yaml.safe_load(load(name).DOCUMENTATION)
    fragments = docs.get("extends_documentation_fragment", [])
    for fragment in [fragments] if isinstance(fragments, str) else fragments:
        if not fragment.startswith("mirage.accel."):
            continue
        file, _, section = fragment.removeprefix("mirage.accel.").partition(".")
        holder = importlib.import_module(f"ansible_collections.mirage.accel.plugins.doc_fragments.{file}")
        more = yaml.safe_load(getattr(holder.ModuleDocFragment, section.upper() or "DOCUMENTATION"))
        for key in ("options", "attributes"):
            docs[key] = {**more.get(key, {}), **docs.get(key, {})}
    return docs


class Captured(Exception):
    """What a module gave to AnsibleModule, which is all that a test of its options needs."""

    def __init__(self, given: dict[str, t.Any]) -> None:
        super().__init__()
        self.given = given


def captured(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    def capture(*_args: object, **given: t.Any) -> t.NoReturn:
        raise Captured(given)

    module = load(name)
    monkeypatch.setattr(module, "AnsibleModule", capture)
    with patch_module_args({}), pytest.raises(Captured) as caught:
        module.main()
    return caught.value.given


def shape(option: dict[str, t.Any]) -> dict[str, t.Any]:
    """What must be the same in the code and in the documentation, in one form for both."""
    suboptions = option.get("suboptions", option.get("options")) or {}
    return {
        "type": option.get("type", "str"),
        "elements": option.get("elements"),
        "required": option.get("required", False),
        "default": option.get("default"),
        "choices": sorted(map(str, option.get("choices") or [])),
        "aliases": sorted(option.get("aliases") or []),
        "options": {name: shape(suboption) for name, suboption in suboptions.items()},
    }


@pytest.mark.parametrize("name", MODULES)
def test_options_are_documented_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = captured(name, monkeypatch)["argument_spec"]
    options = documentation(name).get("options", {})
    assert {option: shape(about) for option, about in spec.items()} == {
        option: shape(about) for option, about in options.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_check_mode_is_documented_as_it_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    support = documentation(name)["attributes"]["check_mode"]["support"]
    assert (support in ("full", "partial")) == captured(name, monkeypatch).get("supports_check_mode", False)


@pytest.mark.parametrize("name", MODULES)
def test_it_can_be_read(name: str) -> None:
    docs = documentation(name)
    assert docs["module"] == name
    assert docs["author"]
    assert docs["version_added"]
    assert not docs["short_description"].endswith(".")
    for text in texts(docs["description"]):
        assert text.rstrip().endswith((".", ":")), text
    examples = yaml.safe_load(load(name).EXAMPLES)
    assert any(f"mirage.accel.{name}" in task for task in examples)
    for example in examples:
        assert re.match(r"[A-Z]", example["name"])


@pytest.mark.parametrize("name", MODULES)
def test_examples_use_options_that_exist(name: str) -> None:
    options = documentation(name).get("options", {})
    known = set(options) | {alias for about in options.values() for alias in about.get("aliases", [])}
    for task in yaml.safe_load(load(name).EXAMPLES):
        used = task.get(f"mirage.accel.{name}") or {}
        assert set(used) <= known


@pytest.mark.parametrize("name", MODULES)
def test_returned_keys_say_when_they_are_there(name: str) -> None:
    for key, about in (yaml.safe_load(load(name).RETURN) or {}).items():
        assert about["description"], key
        assert about["returned"], key
        assert about["type"], key


def texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_modules_that_take_a_kubeconfig_are_in_the_action_group(monkeypatch: pytest.MonkeyPatch) -> None:
    group = yaml.safe_load((TOP / "meta" / "runtime.yml").read_text())["action_groups"]["k8s"]
    listed = {name for name in group if isinstance(name, str)}
    assert listed == {name for name in MODULES if set(AUTH_ARGS) <= set(captured(name, monkeypatch)["argument_spec"])}
    assert {"metadata": {"extend_group": ["kubernetes.core.k8s"]}} in group


def described() -> dict[str, str]:
    """Short descriptions of all plugins by name; filters have theirs in a file beside the code."""
    found = {name: documentation(name)["short_description"] for name in MODULES}
    for path in sorted((PLUGINS / "lookup").glob("[!_]*.py")):
        lookup = importlib.import_module(f"ansible_collections.mirage.accel.plugins.lookup.{path.stem}")
        found[path.stem] = yaml.safe_load(lookup.DOCUMENTATION)["short_description"]
    for kind in ("filter", "test"):
        for path in sorted((PLUGINS / kind).glob("*.yml")):
            found[path.stem] = yaml.safe_load(path.read_text())["DOCUMENTATION"]["short_description"]
    return found


def test_the_index_names_every_plugin_by_its_own_words() -> None:
    text = (TOP / "docs" / "modules.md").read_text()
    rows = re.findall(r"^\| `mirage\.accel\.(\w+)` \| (.*) \|$", text, re.MULTILINE)
    expected = described()
    missing = [f"| `mirage.accel.{name}` | {words} |" for name, words in expected.items() if (name, words) not in rows]
    assert not missing, "docs/modules.md lacks these rows:\n" + "\n".join(missing)
    assert len(rows) == len(expected), "docs/modules.md has rows of plugins that are gone, or one twice"
