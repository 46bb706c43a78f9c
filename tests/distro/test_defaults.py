"""The defaults, and the mark by which child processes know that they are some."""

from __future__ import annotations

import os
import sys

import pytest

from agentotel.config.load import load
from agentotel.distro import defaults


def test_a_program_that_configured_nothing_gets_all_defaults(environ):
    """OTLP over HTTP for every signal, with a short timeout."""
    defaults.apply()
    assert {name: environ[name] for name in defaults.DEFAULTS} == defaults.DEFAULTS
    assert environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"


@pytest.mark.parametrize("name", defaults.DEFAULTS)
def test_what_the_user_has_set_stays(environ, name):
    """Any value, also one that is wrong: it is named elsewhere."""
    environ[name] = "theirs"
    defaults.apply()
    assert environ[name] == "theirs"
    assert {other: environ[other] for other in defaults.DEFAULTS if other != name} == {
        other: value for other, value in defaults.DEFAULTS.items() if other != name
    }


def test_an_empty_variable_is_not_set(environ):
    """As everywhere in OpenTelemetry."""
    environ["OTEL_TRACES_EXPORTER"] = ""
    defaults.apply()
    assert environ["OTEL_TRACES_EXPORTER"] == "otlp"


def test_the_defaults_can_be_used(environ):
    """The table of settings accepts each of them."""
    assert load(defaults.DEFAULTS).problems == ()


def test_what_cannot_be_used_is_replaced_by_the_default(environ):
    """The SDK does not see it; without a default of ours it has its own."""
    environ.update(OTEL_EXPORTER_OTLP_TIMEOUT="soon", OTEL_BSP_MAX_QUEUE_SIZE="many", OTEL_TRACES_EXPORTER="console")
    defaults.discard(["OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_NEVER_SET"])
    assert environ["OTEL_EXPORTER_OTLP_TIMEOUT"] == "3"
    assert "OTEL_BSP_MAX_QUEUE_SIZE" not in environ
    assert environ["OTEL_TRACES_EXPORTER"] == "console"


def test_the_first_process_is_no_child(environ):
    """It leaves the mark, and finds its own however often it looks."""
    assert not defaults.is_child_process()
    assert not defaults.is_child_process()
    assert environ["_AGENTOTEL_PARENT_PID"] == str(os.getpid())


PRINT = "from agentotel.distro import defaults; print(defaults.is_child_process())"


def test_what_it_starts_is_a_child_and_so_are_the_childs_own(run_program):
    """The mark goes down with the environment, and the first process stays the parent of all."""
    source = f"""
        import subprocess, sys
        from agentotel.distro import defaults
        print(defaults.is_child_process(), flush=True)
        grandchild = {PRINT!r}
        child = f"{{grandchild}}; import subprocess, sys; subprocess.run([sys.executable, '-c', {{grandchild!r}}])"
        subprocess.run([sys.executable, "-uc", child], check=True)
    """
    assert run_program(source).stdout.split() == ["False", "True", "True"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows starts another process")
def test_a_program_that_replaces_itself_is_no_child(run_program):
    """``exec`` keeps the process, and with it its place."""
    source = f"""
        import os, sys
        from agentotel.distro import defaults
        print(defaults.is_child_process(), flush=True)
        os.execv(sys.executable, [sys.executable, "-c", {PRINT!r}])
    """
    assert run_program(source).stdout.split() == ["False", "False"]
