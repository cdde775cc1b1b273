# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading apt's lists of archives."""

from __future__ import annotations

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _apt_sources as apt_sources
from ansible_collections.mirage.accel.plugins.module_utils._apt_sources import Source

DEB822 = """\
# made by the installer
Types: deb deb-src
URIs: http://mirror.example/debian http://other.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
"""

EMBEDDED_KEY = """\
Types: deb
URIs: http://mirror.example/debian
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            "deb http://m.example/debian bookworm main contrib",
            [Source(("http://m.example/debian",), ("bookworm",), ("main", "contrib"))],
            id="plain",
        ),
        pytest.param(
            "deb [arch=amd64 signed-by=/k.gpg,/l.gpg trusted=yes] http://m.example/debian sid main # why",
            [Source(("http://m.example/debian",), ("sid",), ("main",), "/k.gpg /l.gpg", "yes")],
            id="options-and-comment",
        ),
        pytest.param("deb http://m.example/flat ./", [Source(("http://m.example/flat",), ("./",), ())], id="flat"),
        pytest.param("deb-src http://m.example/debian bookworm main", [], id="sources-only"),
        pytest.param("# deb http://m.example/debian bookworm main", [], id="commented-out"),
        pytest.param("", [], id="empty"),
    ],
)
def test_one_line(line: str, expected: list[Source]) -> None:
    assert apt_sources.parse_one_line(line) == expected


def test_deb822_reads_each_paragraph() -> None:
    first, second = apt_sources.parse_deb822(DEB822)
    assert first == Source(
        uris=("http://mirror.example/debian", "http://other.example/debian"),
        suites=("bookworm", "bookworm-updates"),
        components=("main", "contrib"),
        signed_by="/usr/share/keyrings/debian-archive-keyring.gpg",
    )
    assert second.suites == ("bookworm-security",)


@pytest.mark.parametrize("word", ["no", "false", "No"])
def test_deb822_leaves_disabled_paragraphs_out(word: str) -> None:
    assert (
        apt_sources.parse_deb822(f"Types: deb\nURIs: http://m/\nSuites: sid\nComponents: main\nEnabled: {word}\n") == []
    )


def test_embedded_key_survives_into_the_private_list() -> None:
    (source,) = apt_sources.parse_deb822(EMBEDDED_KEY)
    text = apt_sources.as_deb822(source, "forky", ["non-free"])
    assert "Signed-By: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END" in text
    (again,) = apt_sources.parse_deb822(text)
    assert again == Source(source.uris, ("forky",), ("non-free",), source.signed_by)


def test_lists_are_read_in_order_and_others_ignored(tmp_path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://a.example/debian sid main\n")
    (parts / "b.list").write_text("deb http://b.example/debian sid main\n")
    (parts / "c.sources").write_text(DEB822)
    (parts / "d.list.disabled").write_text("deb http://d.example/debian sid main\n")
    hosts = [source.uris[0].split("/")[2] for source in apt_sources.read_sources(tmp_path)]
    assert hosts == ["a.example", "b.example", "mirror.example", "security.example"]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([Source(("u",), ("nodistro",), ("main",))], None, id="third-party-suite"),
        pytest.param([Source(("u",), ("bookworm",), ("stable",))], None, id="third-party-component"),
        pytest.param([Source(("s",), ("bookworm-security",), ("main",))], None, id="security-only"),
        pytest.param(
            [Source(("x",), ("bookworm",), ("stable",)), Source(("d",), ("bookworm", "bookworm-updates"), ("main",))],
            "d",
            id="debian-after-third-party",
        ),
    ],
)
def test_debian_archive(sources: list[Source], expected: str | None) -> None:
    found = apt_sources.debian_archive(sources)
    assert (found.uris[0] if found else None) == expected
