"""Where the operations pack is found, and what belongs to it."""

from __future__ import annotations

import pytest

from agentotel.ops import pack_location as module
from agentotel.ops.pack_location import PackError, files, pack


def test_a_checkout_has_its_pack_at_its_root():
    """Without an installed copy, the files of the checkout count, as they are now."""
    root = pack()
    assert (root / "pyproject.toml").is_file()
    assert "docker-compose.yml" in files(root)


def test_an_installed_pack_goes_first(small_pack, monkeypatch):
    """What came with the wheel is what is used."""
    monkeypatch.setattr(module, "_INSTALLED", small_pack)
    assert pack() == small_pack


def test_a_missing_pack_is_said_with_the_places(tmp_path, monkeypatch):
    """The error names where it was looked for, and what to do."""
    monkeypatch.setattr(module, "_INSTALLED", tmp_path / "installed")
    monkeypatch.setattr(module, "_CHECKOUT", tmp_path / "checkout")
    with pytest.raises(PackError, match=r"installed.*checkout.*install agentotel once more"):
        pack()


def test_half_a_pack_is_none(small_pack, tmp_path, monkeypatch):
    """A folder with a compose file of somebody else's is no pack."""
    (tmp_path / "docker-compose.yml").touch()
    monkeypatch.setattr(module, "_INSTALLED", tmp_path)
    monkeypatch.setattr(module, "_CHECKOUT", small_pack)
    assert pack() == small_pack


def test_only_files_of_the_pack_are_listed(small_pack):
    """What editors, interpreters and the tests of agentotel have there is left out, and no secret is ever taken."""
    expected = list(files(small_pack))
    for name in (
        ".hidden", "rules.yml~", "x.pyc", "__pycache__/a.py", "versions.toml", "prometheus/tests/guide_wrong.yml",
        "alertmanager/secrets/slack_api_url",
    ):  # fmt: skip
        path = small_pack / "collector" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert list(files(small_pack)) == expected == sorted(expected)
    (small_pack / "collector/alertmanager/secrets/README.md").touch()
    assert "collector/alertmanager/secrets/README.md" in files(small_pack)
