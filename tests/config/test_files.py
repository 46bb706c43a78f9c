"""Where the settings files are looked for, and what becomes of files that cannot be read."""

from __future__ import annotations

import pytest

from agentotel.config.files import settings_files


def test_no_file_is_no_problem(tmp_path) -> None:
    """A program without settings files has none."""
    (tmp_path / ".git").mkdir()
    assert settings_files(tmp_path) == ()


def test_own_file_goes_before_the_project_file(tmp_path) -> None:
    """Both files count, ``agentotel.toml`` first."""
    (tmp_path / "pyproject.toml").write_text('[tool.agentotel]\ndb = "a"\n')
    (tmp_path / "agentotel.toml").write_text('db = "b"\n')
    assert [dict(file.values) for file in settings_files(tmp_path)] == [{"db": "b"}, {"db": "a"}]


def test_files_of_the_project_count_in_its_folders(tmp_path) -> None:
    """A program that is started in a folder of the project finds the files at the project's root."""
    (tmp_path / "pyproject.toml").write_text("[tool.agentotel]\nstrict = true\n")
    (tmp_path / "agentotel.toml").write_text("discover = false\n")
    folder = tmp_path / "src" / "deep"
    folder.mkdir(parents=True)
    assert [file.path.name for file in settings_files(folder)] == ["agentotel.toml", "pyproject.toml"]


@pytest.mark.parametrize("root", [".git", "pyproject.toml"])
def test_the_search_ends_at_the_root_of_the_project(tmp_path, root) -> None:
    """Files above the project belong to somebody else."""
    (tmp_path / "agentotel.toml").write_text("strict = true\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / root).touch()
    assert [file.path for file in settings_files(project) if file.path.parent == tmp_path] == []


def test_the_nearest_own_file_counts(tmp_path) -> None:
    """A file in the folder itself hides the one of the folder above."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "agentotel.toml").write_text('db = "far"\n')
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "agentotel.toml").write_text('db = "near"\n')
    assert [file.values["db"] for file in settings_files(tmp_path / "inner")] == ["near"]


@pytest.mark.parametrize(
    "content",
    [
        '[tool.agentotel]\ndb = "a"\n',
        '[ tool . "agentotel" ]\ndb = "a"\n',
        '[tool]\nagentotel = {db = "a"}\n',
        'tool.agentotel.db = "a"\n',
        'tool = {agentotel = {db = "a"}}\n',
    ],
)
def test_every_spelling_of_the_table_is_found(tmp_path, content) -> None:
    """The cheap look before the parser misses no way in which TOML can write the table."""
    (tmp_path / "pyproject.toml").write_text(content)
    assert [dict(file.values) for file in settings_files(tmp_path)] == [{"db": "a"}]


def test_a_project_file_without_our_table_is_not_parsed(tmp_path) -> None:
    """A project that only depends on agentotel does not pay for the parser, and its errors are not ours."""
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["agentotel"]\nbroken\n')
    (file,) = settings_files(tmp_path)
    assert file.error is None
    assert dict(file.values) == {}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b'strict = true\ndb = "open\n', "line 2"),
        (b"\xff\xfe", "0xff"),
        (b"a = " + b"[" * 20_000, "TOML"),
        (b"#" * (4 * 1024 * 1024 + 1), "at most"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, content, named) -> None:
    """Syntax, encoding, depth and size are told apart, the syntax with its line."""
    (tmp_path / "agentotel.toml").write_bytes(content)
    file = settings_files(tmp_path)[0]
    assert named in str(file.error)
    assert dict(file.values) == {}


def test_a_table_of_the_wrong_type_is_named(tmp_path) -> None:
    """``tool.agentotel`` must be a table."""
    (tmp_path / "pyproject.toml").write_text("[tool]\nagentotel = 5\n")
    assert "tool.agentotel is not a table" in str(settings_files(tmp_path)[0].error)
