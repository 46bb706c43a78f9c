"""Writing the pack to a folder, again and again, with edits between."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.ops.choices import Choices
from agentotel.ops.export import Change, ExportError, Status, plan, write
from agentotel.ops.manifest import MANIFEST, Manifest, read
from agentotel.ops.rendering import File

NEW = Manifest("1.2.3", Choices(retention="3d"))


def export(folder, *, force=False, **files):
    """Bring `folder` up to date with `files`, and return the status of each file."""
    rendered = {name: File(text.encode()) for name, text in files.items()}
    changes = plan(folder, rendered, read(folder), force=force)
    write(folder, changes, NEW)
    return {change.file: change.status for change in changes}


def test_a_new_folder_gets_everything(tmp_path):
    """With the folders between, the modes, and a note of what was written."""
    folder = tmp_path / "a" / "b"
    changes = plan(folder, {"x/run.sh": File(b"#!", executable=True), "y": File(b"y")}, Manifest())
    write(folder, changes, NEW)
    assert (folder / "x/run.sh").read_bytes() == b"#!"
    assert stat.S_IMODE((folder / "x/run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / "y").stat().st_mode) == 0o644
    assert stat.S_IMODE((folder / "x").stat().st_mode) == 0o755
    assert read(folder).choices == NEW.choices
    assert set(read(folder).checksums) == {"x/run.sh", "y"}
    assert sorted(path.name for path in folder.iterdir()) == [MANIFEST, "x", "y"]


def test_doing_it_twice_changes_nothing(tmp_path):
    """Every file is unchanged."""
    export(tmp_path, a="1")
    assert export(tmp_path, a="1") == {"a": Status.UNCHANGED}


def test_an_upgrade_replaces_what_nobody_has_touched(tmp_path):
    """New text, new files, and no file that is no longer part of the pack."""
    export(tmp_path, a="1", gone="1")
    assert export(tmp_path, a="2", added="1") == {
        "a": Status.UPDATED,
        "added": Status.CREATED,
        "gone": Status.REMOVED,
    }
    assert (tmp_path / "a").read_text() == "2"
    assert not (tmp_path / "gone").exists()


def test_an_upgrade_keeps_edits(tmp_path):
    """Where only the user has changed something there is nothing to say but that it was kept."""
    export(tmp_path, a="1", gone="1")
    (tmp_path / "a").write_text("mine")
    (tmp_path / "gone").write_text("mine")
    assert export(tmp_path, a="1") == {"a": Status.KEPT, "gone": Status.KEPT}
    assert (tmp_path / "a").read_text() == (tmp_path / "gone").read_text() == "mine"


def test_a_file_that_both_have_changed_is_left_and_told_once(tmp_path):
    """The user's version stands; the next export has nothing new to say about it."""
    export(tmp_path, a="1")
    (tmp_path / "a").write_text("mine")
    assert export(tmp_path, a="2") == {"a": Status.DIFFERS}
    assert (tmp_path / "a").read_text() == "mine"
    assert export(tmp_path, a="2") == {"a": Status.KEPT}
    assert export(tmp_path, a="3") == {"a": Status.DIFFERS}


def test_the_same_change_on_both_sides_is_none(tmp_path):
    """A user who has merged by hand hears no more of it."""
    export(tmp_path, a="1")
    (tmp_path / "a").write_text("2")
    assert export(tmp_path, a="2") == {"a": Status.UNCHANGED}


def test_what_the_user_has_deleted_stays_deleted(tmp_path):
    """Only force brings it back."""
    export(tmp_path, a="1")
    (tmp_path / "a").unlink()
    assert export(tmp_path, a="2") == {"a": Status.KEPT}
    assert not (tmp_path / "a").exists()
    assert export(tmp_path, a="2", force=True) == {"a": Status.CREATED}


def test_force_overwrites_and_says_so(tmp_path):
    """What was edited is named."""
    export(tmp_path, a="1")
    (tmp_path / "a").write_text("mine")
    assert export(tmp_path, a="1", force=True) == {"a": Status.OVERWRITTEN}
    assert (tmp_path / "a").read_text() == "1"


def test_a_file_of_somebody_else_differs(tmp_path):
    """Without a manifest nothing is taken for ours."""
    (tmp_path / "a").write_text("theirs")
    changes = plan(tmp_path, {"a": File(b"1"), "b": File(b"1")}, Manifest())
    assert [change.status for change in changes] == [Status.DIFFERS, Status.CREATED]


def test_a_plan_changes_nothing(tmp_path):
    """It may be made for a folder that does not exist."""
    plan(tmp_path / "x", {"a": File(b"1")}, Manifest())
    assert list(tmp_path.iterdir()) == []


def test_a_link_of_the_user_stays_a_link(tmp_path):
    """The file behind it gets the new text."""
    export(tmp_path / "ops", a="1")
    (tmp_path / "ops" / "a").rename(tmp_path / "elsewhere")
    (tmp_path / "ops" / "a").symlink_to(tmp_path / "elsewhere")
    assert export(tmp_path / "ops", a="2") == {"a": Status.UPDATED}
    assert (tmp_path / "ops" / "a").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "2"


def test_what_is_in_the_way_is_an_error_and_leaves_nothing_half(tmp_path):
    """A file where a folder belongs, or a folder where a file belongs."""
    (tmp_path / "a").write_text("a file")
    with pytest.raises(ExportError, match="cannot be read"):
        plan(tmp_path, {"a/b": File(b"1")}, Manifest())
    (tmp_path / "c").mkdir()
    with pytest.raises(ExportError, match="cannot be read"):
        plan(tmp_path, {"c": File(b"1")}, Manifest())
    changes = [Change("c", Status.CREATED, None, File(b"1"))]
    with pytest.raises(ExportError, match="cannot be written"):
        write(tmp_path, changes, NEW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]


def test_the_difference_is_shown_line_by_line():
    """From the user's file to that of the pack."""
    shown = Change("a.yml", Status.DIFFERS, b"x\nmine\n", File(b"x\nnew\n")).diff()
    assert shown.splitlines()[:2] == ["--- a.yml (yours)", "+++ a.yml (agentotel)"]
    assert "-mine" in shown.splitlines()
    assert "+new" in shown.splitlines()
    assert Change("a.yml", Status.UNCHANGED, b"x", File(b"x")).diff() == ""
    assert "binary" in Change("a.png", Status.DIFFERS, b"\0", File(b"\1")).diff()


EDITS = st.sampled_from(["my 1", "my 2", "release 1", None, "no edit"])
RELEASES = st.sampled_from(["release 1", "release 2", "release 3"])


@given(st.lists(st.tuples(EDITS, RELEASES), min_size=1, max_size=6))
def test_no_edit_is_ever_lost_without_force(tmp_path_factory, rounds):
    """Whatever the user and the releases do: a text of the user's stays, and what was deleted stays deleted."""
    folder = tmp_path_factory.mktemp("ops")
    path, exported = folder / "a", False
    for edit, release in rounds:
        if edit is None:
            path.unlink(missing_ok=True)
        elif edit != "no edit":
            path.write_text(edit)
        before = path.read_text() if path.exists() else None
        export(folder, a=release)
        after = path.read_text() if path.exists() else None
        if (before is None and exported) or (before or "").startswith("my"):
            assert after == before
        exported = True
