"""Reading the folder that is to be checked."""

from __future__ import annotations

import pytest

from agentotel.ops.folder import FolderError, read
from agentotel.ops.kinds import Kind


def test_yaml_and_json_files_are_read(written):
    """By their names, in order; other files are no business of a check."""
    folder = read(written(**{"b.yml": "x: 1\n", "a/c.json": "{}", "readme.md": "", ".hidden.yml": "", "d.yaml": ""}))
    assert dict(folder.texts) == {"a/c.json": "{}", "b.yml": "x: 1\n", "d.yaml": ""}
    assert folder.path.is_absolute()


def test_a_project_around_the_pack_is_left_alone(written):
    """Of a folder with a compose file and ``collector/``, only these are the pack: the rest is the user's program."""
    names = ("docker-compose.yml", "docker-compose.prod.yml", "collector/a.yaml", "data/b.json")
    folder = read(written(**dict.fromkeys(names, "services:\n")))
    assert list(folder.texts) == ["docker-compose.prod.yml", "docker-compose.yml", "collector/a.yaml"]


def test_secrets_are_never_read(written):
    """Not even if they look like configuration."""
    folder = read(written(**{"collector/x.yaml": "", "collector/secrets/key.json": "{}"}))
    assert list(folder.texts) == ["collector/x.yaml"]


def test_what_cannot_be_read_is_kept_with_the_reason(written):
    """The others are checked all the same."""
    path = written(**{"a.yml": "x: 1\n"})
    (path / "b.yml").write_bytes(b"\xff\xfe")
    (path / "c.yml").mkdir()
    folder = read(path)
    assert list(folder.texts) == ["a.yml"]
    assert "utf-8" in folder.unreadable["b.yml"]


def test_an_empty_folder_is_an_error(tmp_path):
    """It says how the files get there."""
    with pytest.raises(FolderError, match="agentotel ops export"):
        read(tmp_path)


def test_files_are_found_by_what_they_are_for(written):
    """And dashboards by where they lie."""
    folder = read(written(**{"r.yml": "groups:\n", "grafana/dashboards/a.json": "{}", "other.json": "{}"}))
    assert folder.of(Kind.RULES) == ["r.yml"]
    assert folder.of(Kind.LOKI) == []
    assert folder.dashboards() == ["grafana/dashboards/a.json"]
