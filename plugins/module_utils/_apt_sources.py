# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's own list of package archives, read as plain data.

Both forms of apt's lists are understood: one line per archive (`*.list`) and paragraphs of fields (`*.sources`).
This file imports the standard library only.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import typing as t

# An archive is Debian's own when it carries one of these with a component "main"; third-party archives
# name their suites after products ("nodistro", "cloud-sdk-bookworm") or their components after channels ("stable").
DEBIAN_SUITES = frozenset(
    ["oldoldstable", "oldstable", "stable", "testing", "unstable", "sid", "experimental"]
    + ["stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "duke"]
)

_ONE_LINE = re.compile(
    r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>(?:\s+\S+)*)$"
)


@dataclasses.dataclass(frozen=True)
class Source:
    """One archive of binary packages, as apt would use it."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""
    trusted: str = ""


def parse_one_line(text: str) -> list[Source]:
    """Sources of a file in the form `deb [option=value] URI SUITE COMPONENT...`."""
    sources = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line.partition("#")[0].strip())
        if match is None:
            continue
        options = dict(word.partition("=")[::2] for word in (match["options"] or "").split())
        sources.append(
            Source(
                uris=(match["uri"],),
                suites=(match["suite"],),
                components=tuple(match["components"].split()),
                signed_by=options.get("signed-by", "").replace(",", " "),
                trusted=options.get("trusted", ""),
            )
        )
    return sources


def parse_deb822(text: str) -> list[Source]:
    """Sources of a file of paragraphs with `Types:`, `URIs:`, `Suites:` and `Components:`."""
    sources = []
    for fields in _paragraphs(text):
        wanted = "deb" in fields.get("types", "").split()
        enabled = fields.get("enabled", "yes").strip().lower() not in ("no", "false", "0", "off", "without", "disable")
        if wanted and enabled:
            sources.append(
                Source(
                    uris=tuple(fields.get("uris", "").split()),
                    suites=tuple(fields.get("suites", "").split()),
                    components=tuple(fields.get("components", "").split()),
                    signed_by=fields.get("signed-by", ""),
                    trusted=fields.get("trusted", "").strip(),
                )
            )
    return sources


def read_sources(apt_dir: pathlib.Path) -> list[Source]:
    """All archives that apt on this machine would ask, in apt's order."""
    parts = sorted((apt_dir / "sources.list.d").glob("*"))
    sources = []
    for path in [apt_dir / "sources.list", *parts]:
        if path.is_file() and path.suffix in (".list", ".sources"):
            parse = parse_deb822 if path.suffix == ".sources" else parse_one_line
            sources.extend(parse(path.read_text(encoding="utf-8", errors="replace")))
    return sources


def debian_archive(sources: t.Iterable[Source]) -> Source | None:
    """The first source that is Debian's own archive (not its security archive), or nothing."""
    for source in sources:
        if source.uris and "main" in source.components and DEBIAN_SUITES.intersection(source.suites):
            return source
    return None


def as_deb822(source: Source, suite: str, components: t.Sequence[str]) -> str:
    """The text of a private sources file that asks the same archive, with the same trust, for another suite."""
    lines = [
        "Types: deb",
        "URIs: " + " ".join(source.uris),
        "Suites: " + suite,
        "Components: " + " ".join(components),
        # Package lists only: hosts with desktop software would fetch its metadata too.
        "Targets: Packages",
    ]
    if source.signed_by:
        lines.append("Signed-By: " + source.signed_by.strip(" "))
    if source.trusted:
        lines.append("Trusted: " + source.trusted)
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> t.Iterator[dict[str, str]]:
    """Fields of each paragraph with lower-case names; a value keeps its line breaks (keys may stand in Signed-By)."""
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t" and name:
            fields[name] += "\n" + line
        else:
            name, _colon, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
