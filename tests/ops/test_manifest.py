"""What is noted in a folder about what was written to it."""

from __future__ import annotations

import json

import pytest

from agentotel.ops.choices import Choices
from agentotel.ops.manifest import MANIFEST, Manifest, ManifestError, checksum, read


def test_a_folder_without_one_has_an_empty_one(tmp_path):
    """A folder that does not exist likewise."""
    assert read(tmp_path) == Manifest()
    assert read(tmp_path / "missing") == Manifest()


def test_what_is_stored_is_read(tmp_path):
    """Version, choices and checksums."""
    stored = Manifest("1.2.3", Choices(retention="3d"), {"b": checksum(b"b"), "a/c": checksum(b"")})
    (tmp_path / MANIFEST).write_text(stored.as_text())
    assert read(tmp_path) == stored


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b", "", "..\\x"])
def test_it_never_leads_out_of_its_folder(tmp_path, name):
    """Files of other names are neither read nor removed because a manifest names them."""
    (tmp_path / MANIFEST).write_text(json.dumps({"version": "1", "files": {name: checksum(b""), "in": checksum(b"")}}))
    assert set(read(tmp_path).checksums) == {"in"}


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"files": []}', b"[" * 100_000])
def test_one_that_cannot_be_read_is_an_error(tmp_path, content):
    """It is named, and the user is told what to do: to guess could cost edits."""
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(ManifestError, match=r"agentotel-ops\.json.*move it away"):
        read(tmp_path)
