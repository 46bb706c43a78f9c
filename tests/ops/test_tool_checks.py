"""Which program reads which file, and how it is called."""

from __future__ import annotations

import pytest

from agentotel.ops import tool_checks
from agentotel.ops.folder import read
from agentotel.ops.programs import Programs
from agentotel.ops.results import perform

CALLS = {
    "prometheus.yml": ("scrape_configs:\n", "promtool", "promtool check config", "check config {file}"),
    "rules.yml": ("groups:\n", "promtool", "promtool check rules", "check rules {file}"),
    "rules_test.yml": ("tests:\nrule_files:\n", "promtool", "promtool test rules", "test rules {file}"),
    "alertmanager.yml": ("route:\nreceivers:\n", "amtool", "amtool check-config", "check-config {file}"),
    "jaeger.yaml": (
        "extensions:\n  jaeger_storage:\nreceivers:\nexporters:\nservice:\n", "jaeger", "jaeger validate",
        "validate --config={file}",
    ),
    "loki.yaml": (
        "schema_config:\n", "loki", "loki", "-verify-config -config.expand-env=true -config.file={file}",
    ),
}  # fmt: skip


@pytest.fixture
def results(tool, alone):
    """Check a folder with the programs that the test has made."""

    def check(folder):
        programs = Programs([tool("unused").parent], timeout_s=30)
        return {result.file: result for result in map(perform, tool_checks.checks(read(folder), programs))}

    return check


@pytest.mark.parametrize("name", CALLS)
def test_each_file_goes_to_its_program(results, tool, written, name):
    """With the arguments that check it and start nothing."""
    text, program, shown, call = CALLS[name]
    path = tool(program)
    folder = written(**{f"sub/{name}": text})
    found = results(folder)[f"sub/{name}"]
    assert (found.tool, found.status) == (shown, "ok")
    assert path.with_name(f"{program}.calls").read_text().splitlines()[-1] == call.format(file=folder / "sub" / name)


@pytest.mark.parametrize("name", CALLS)
def test_what_the_program_says_is_the_message(results, tool, written, name):
    """Where it ends with another status than 0."""
    tool(CALLS[name][1], "echo no such key; exit 1")
    found = results(written(**{name: CALLS[name][0]}))[name]
    assert (found.status, found.message) == ("failed", "no such key")


@pytest.mark.parametrize("name", CALLS)
def test_a_missing_program_is_named(results, written, name):
    """With the way to get it."""
    found = results(written(**{name: CALLS[name][0]}))[name]
    assert found.status == "not_checked"
    assert f"{CALLS[name][1]} was not found" in found.message


def test_files_are_read_where_they_lie(results, tool, written):
    """What they name is relative to them."""
    tool("promtool", "test -f rules.yml")
    found = results(written(**{"sub/test.yml": "tests:\nrule_files:\n", "sub/rules.yml": "groups:\n"}))
    assert found["sub/test.yml"].status == "ok"


def test_promtool_of_the_second_generation_is_not_asked(results, tool, written):
    """It knows nothing of OTLP and would refuse the file."""
    tool("promtool", "echo 'promtool, version 2.42.0+ds (branch: x)'")
    found = results(written(**{"prometheus.yml": "scrape_configs:\n"}))["prometheus.yml"]
    assert found.status == "not_checked"
    assert "2.42" in found.message
