# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkpoint: what is written is read, and what cannot be trusted is refused and left as it is."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from dra_prepared import CLAIM, DEVICE
from mock_accel_dra import checkpoint, files
from mock_accel_dra.errors import CheckpointError

FULL = replace(DEVICE, admin=True, share_id="s", access="r", environment={"A": "ä"}, parent=None)
CLAIMS = {"u0": CLAIM, "u1": replace(CLAIM, ref=replace(CLAIM.ref, uid="u1"), devices=(FULL, DEVICE))}


def test_reads_what_it_has_written(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    kept = checkpoint.Checkpoint(path)
    assert kept.load() == {}
    kept.save(CLAIMS)
    assert kept.load() == CLAIMS
    assert checkpoint.Checkpoint(path).load() == CLAIMS
    assert json.loads(path.read_text())["version"] == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint.json"]


def test_sees_what_another_instance_has_written(tmp_path: Path) -> None:
    one, other = (checkpoint.Checkpoint(tmp_path / "checkpoint.json") for _ in range(2))
    one.save(CLAIMS)
    assert other.load() == CLAIMS
    other.save({"u0": CLAIM})
    assert one.load() == {"u0": CLAIM}
    (tmp_path / "checkpoint.json").unlink()
    assert one.load() == {}


def test_reads_the_file_only_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = checkpoint.Checkpoint(tmp_path / "checkpoint.json")
    kept.save(CLAIMS)
    monkeypatch.setattr(checkpoint, "decode", lambda text: pytest.fail("read again"))
    assert kept.load() == CLAIMS


TEXT = checkpoint.encode({"u0": CLAIM})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "it is no JSON", id="empty"),
        pytest.param(TEXT[:-20], "it is no JSON", id="cut off"),
        pytest.param("\0" * 100, "it is no JSON", id="zeros"),
        pytest.param("[]", "it has no version, checksum and claims", id="a list"),
        pytest.param('{"version":1}', "it has no version, checksum and claims", id="a part"),
        pytest.param(TEXT.replace('"version":1', '"version":2'), "its version is 2, and this driver knows", id="newer"),
        pytest.param(TEXT.replace("mock0", "mock1"), "its checksum is ", id="changed"),
        pytest.param(
            TEXT.replace(json.loads(TEXT)["checksum"], "0" * 64), f"its checksum is {'0' * 64}, and", id="checksum"
        ),
    ],
)
def test_refuses_what_it_cannot_trust(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "checkpoint.json"
    path.write_text(text)
    kept = checkpoint.Checkpoint(path)
    for _ in range(2):
        with pytest.raises(CheckpointError) as error:
            kept.load()
        assert str(error.value).startswith(f"Error while reading the checkpoint {path}: {words}")
        assert "nothing has been changed" in str(error.value)
    assert path.read_text() == text
    path.write_text(TEXT)
    assert kept.load() == {"u0": CLAIM}


def test_refuses_claims_of_another_form(tmp_path: Path) -> None:
    claims = {"u0": {"namespace": "n", "name": "n", "devices": [{"name": "mock0"}]}}
    content = json.dumps(claims, sort_keys=True, separators=(",", ":"))
    path = tmp_path / "checkpoint.json"
    path.write_text(json.dumps({"version": 1, "checksum": checkpoint._checksum(content), "claims": claims}))
    with pytest.raises(CheckpointError, match="its claims have another form"):
        checkpoint.Checkpoint(path).load()


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = checkpoint.Checkpoint(tmp_path / "checkpoint.json")
    kept.save({"u0": CLAIM})

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CheckpointError, match="Error while writing the checkpoint .*: No space left on device"):
        kept.save(CLAIMS)
    assert kept.load() == {"u0": CLAIM}
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint.json"]
