# SPDX-License-Identifier: GPL-3.0-or-later
"""Building a small folder of sources by the real make."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.modules import make_build

MAKEFILE = """\
.PHONY: install
install:
\tmkdir -p $(BUILD) $(DESTDIR)/bin
\techo run >> log
\techo $(VERSION) $$(cat source.c) > $(BUILD)/made
\tcp $(BUILD)/made $(DESTDIR)/bin/made
"""


@pytest.fixture
def src(tmp_path: Path) -> Path:
    path = tmp_path / "src"
    path.mkdir()
    # The log stands for what a build may leave in the sources; its name tells that it is no input.
    (path / "Makefile").write_text(MAKEFILE.replace(">> log", ">> .log"))
    (path / "source.c").write_text("one\n")
    return path


@pytest.fixture
def build(run_module, src: Path, tmp_path: Path):
    def call(check: bool = False, version: str = "1.0", **variables: str):
        return run_module(
            make_build,
            name="thing",
            version=version,
            src=str(src),
            variables={"VERSION": version, **variables},
            cache_dir=str(tmp_path / "cache"),
            _ansible_check_mode=check,
        )

    return call


def runs(src: Path) -> int:
    return len((src / ".log").read_text().splitlines()) if (src / ".log").exists() else 0


def test_builds_once_per_state_of_the_inputs(build, src: Path, tmp_path: Path) -> None:
    predicted = build(check=True)
    assert predicted["changed"]
    assert runs(src) == 0
    assert not (tmp_path / "cache").exists()

    first = build()
    assert (first["path"], first["changed"]) == (predicted["path"], True)
    assert Path(first["path"]).name.startswith("thing-1.0-")
    assert (Path(first["path"]) / "bin/made").read_text() == "1.0 one\n"
    assert (build()["changed"], runs(src)) == (False, 1)

    (src / "source.c").write_text("two\n")
    second = build()
    assert (second["changed"], second["path"] != first["path"], runs(src)) == (True, True, 2)
    assert (Path(second["path"]) / "bin/made").read_text() == "1.0 two\n"


@pytest.mark.parametrize(
    ("change", "rebuilt"),
    [
        pytest.param(lambda src: (src / "tests").mkdir() or (src / "tests/new.c").write_text("x"), False, id="test"),
        pytest.param(lambda src: (src / "README.md").write_text("x"), False, id="document"),
        pytest.param(lambda src: (src / "new.h").write_text("x"), True, id="new-source"),
        pytest.param(lambda src: (src / "source.c").rename(src / "renamed.c"), True, id="renamed-source"),
    ],
)
def test_only_inputs_count(build, src: Path, change, rebuilt: bool) -> None:
    path = build()["path"]
    change(src)
    assert (build(check=True)["path"] != path) is rebuilt


def test_variables_and_version_are_inputs(build) -> None:
    paths = {
        build(check=True)["path"],
        build(check=True, version="2.0")["path"],
        build(check=True, CFLAGS="-O0")["path"],
    }
    assert len(paths) == 3


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        pytest.param("@echo source.c:1: error: no such thing >&2; exit 1", "source.c:1: error: no such thing", id="cc"),
        pytest.param("@echo tool is missing: install it >&2; exit 1", "tool is missing: install it", id="missing-tool"),
        pytest.param("@true", "make install put nothing into DESTDIR", id="nothing-installed"),
    ],
)
def test_a_failed_build_says_why_and_leaves_nothing(build, src: Path, tmp_path: Path, recipe: str, reason: str) -> None:
    (src / "Makefile").write_text(f"install:\n\t{recipe}\n")
    answer = build()
    assert answer["failed"]
    assert answer["msg"] == f"Error while building {src}: {reason}"
    assert [path.name for path in (tmp_path / "cache/bin").iterdir() if path.is_dir()] == []
    (src / "Makefile").write_text(MAKEFILE)
    assert build()["changed"]


def test_missing_sources_are_named(run_module, tmp_path: Path) -> None:
    answer = run_module(make_build, name="x", version="1", src=str(tmp_path / "none"), cache_dir=str(tmp_path))
    assert answer["msg"] == f"Error while building {tmp_path}/none: the folder does not exist"
