"""``scripts/docs``: the generated pages are up to date, complete, and one that is not is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agentotel.adapters.registry import ADAPTERS
from agentotel.config import load
from agentotel.config.variables import VARIABLES
from agentotel.model import names
from agentotel.model.instruments import INSTRUMENTS

ROOT = Path(__file__).parents[2]
PAGES = {"adapters.md", "configuration.md", "recorded.md"}


def docs(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a user would."""
    return subprocess.run([sys.executable, ROOT / "scripts" / "docs", *arguments], capture_output=True, text=True)


@pytest.fixture
def pages(tmp_path):
    """Return a folder with freshly generated pages."""
    run = docs("--directory", str(tmp_path))
    assert run.returncode == 0, run.stderr
    return tmp_path


def test_the_pages_of_the_checkout_are_up_to_date() -> None:
    """Whoever changes a setting, a name or an adapter has to run the script."""
    run = docs("--check")
    assert (run.returncode, run.stderr) == (0, "")


def test_all_pages_are_written(pages) -> None:
    """A second run has nothing to do, and the check is content."""
    assert {path.name for path in pages.iterdir()} == PAGES
    assert docs("--directory", str(pages)).stderr == ""
    assert docs("--check", "--directory", str(pages)).returncode == 0


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_that_is_out_of_date_is_named(pages, name) -> None:
    """The check names the page that differs, and only that one, and changes nothing."""
    (pages / name).write_text("edited by hand\n")
    run = docs("--check", "--directory", str(pages))
    assert run.returncode == 1
    assert run.stderr == f"{pages / name} is out of date: run scripts/docs\n"
    assert (pages / name).read_text() == "edited by hand\n"


def test_a_missing_page_is_out_of_date(pages) -> None:
    """A page that is not there fails the check as well."""
    (pages / "recorded.md").unlink()
    run = docs("--check", "--directory", str(pages))
    assert run.returncode == 1
    assert "recorded.md" in run.stderr


def test_every_setting_is_documented(pages) -> None:
    """The page of settings has a row for each variable of the table."""
    text = (pages / "configuration.md").read_text()
    assert [variable.name for variable in VARIABLES if f"| `{variable.name}` |" not in text] == []


def test_every_name_and_metric_is_documented(pages) -> None:
    """The page of what is recorded has every name and every instrument, with its name in Prometheus."""
    text = (pages / "recorded.md").read_text()
    constants = {
        value
        for key, value in vars(names).items()
        if key.isupper() and isinstance(value, str) and not key.endswith("_KEY")
    }
    assert {name for name in constants if f"`{name}`" not in text} == set()
    for one in INSTRUMENTS:
        assert f"| `{one.name}` |" in text
        assert f"`{one.prometheus}`" in text


def test_every_adapter_is_documented(pages) -> None:
    """The page of adapters has a section for each, with its versions and what it watches."""
    text = (pages / "adapters.md").read_text()
    for adapter in ADAPTERS:
        assert f"## {adapter.name}\n" in text
        assert f"`{adapter.supports}`" in text
        assert all(f"`{part.target}`" in text for part in (*adapter.calls, *adapter.notes))
        assert all(f"`{native.scope}`" in text for native in adapter.natives)


def test_tables_are_well_formed(pages) -> None:
    """Every row of a table has as many cells as its heading."""
    for name in PAGES:
        for block in (pages / name).read_text().split("\n\n"):
            if block.startswith("|"):
                cells = {line.replace(r"\|", "").count("|") for line in block.splitlines()}
                assert len(cells) == 1, block


def test_the_example_file_can_be_copied(pages, tmp_path) -> None:
    """The settings file that the page shows is accepted as it stands."""
    example = (pages / "configuration.md").read_text().split("```toml\n")[1].split("```")[0]
    project = tmp_path / "project"
    project.mkdir()
    (project / ".git").touch()
    (project / "agentotel.toml").write_text(example)
    loaded = load({}, project)
    assert loaded.problems == ()
    assert loaded.settings.cardinality_limit == 50
    assert loaded.settings.exit_timeout_s == 0.5
    assert len(loaded.settings.targets) == 2
