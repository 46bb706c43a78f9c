"""scripts/runbooks: the pages that Prometheus serves."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "runbooks"
PAGES = ROOT / "collector" / "prometheus" / "assets" / "runbooks"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)


def test_the_shipped_pages_are_up_to_date() -> None:
    """What is served is what docs/runbooks says."""
    done = _run("--check")
    assert done.returncode == 0, done.stderr


def test_a_page_that_is_missing_changed_or_an_orphan_is_named(tmp_path) -> None:
    """--check writes nothing; without it the pages are made and the orphan goes."""
    sources, targets = tmp_path / "docs", tmp_path / "pages"
    sources.mkdir()
    targets.mkdir()
    (sources / "First.md").write_text("# First\n\n## What it means\n\nOne thing. More.\n\n[Second](Second.md)\n")
    (targets / "Old.html").write_text("")
    arguments = [f"--sources={sources}", f"--targets={targets}"]
    done = _run("--check", *arguments)
    assert done.returncode == 1
    assert all(name in done.stderr for name in ("First.html", "index.html", "Old.html"))
    assert [path.name for path in targets.iterdir()] == ["Old.html"]
    assert _run(*arguments).returncode == 0
    assert sorted(path.name for path in targets.iterdir()) == ["First.html", "index.html"]
    assert '<a href="Second.html">' in (targets / "First.html").read_text()
    assert "One thing." in (targets / "index.html").read_text()
    assert _run("--check", *arguments).returncode == 0


def test_no_page_needs_the_network_and_no_link_is_broken() -> None:
    """They are read when the network is what is broken."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.html")}
    for name, text in pages.items():
        assert not re.search(r"<(script|img|link|iframe)\b|@import|url\(", text), name
        assert set(re.findall(r'href="([^"]+)"', text)) <= set(pages), name
        assert "prefers-color-scheme: dark" in text
