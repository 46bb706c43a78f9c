"""What is known about the process before anything is recorded."""

from __future__ import annotations

import logging

import pytest

from agentotel._base import failopen
from agentotel.distro import process

_logger = logging.getLogger("agentotel")


@pytest.fixture(autouse=True)
def _unread(environ):
    """Forget what has been read, before and after; put the logger's level and the guard back."""
    level, was_strict = _logger.level, failopen.is_strict()
    handlers, propagates = list(_logger.handlers), _logger.propagate
    process._current = None
    yield
    process._current = None
    _logger.setLevel(level)
    _logger.handlers, _logger.propagate = handlers, propagates
    failopen.configure(strict=was_strict)


@pytest.mark.parametrize(("level", "own_handlers"), [("debug", 1), ("info", 1), ("warning", 0), ("error", 0)])
def test_less_than_warnings_need_a_handler_of_our_own(environ, level, own_handlers):
    """Who asks for more sees it on stderr, once; otherwise the logger has no handler and passes records on."""
    environ["AGENTOTEL_LOG_LEVEL"] = level
    process.current()
    assert len(_logger.handlers) == own_handlers
    assert _logger.propagate is (own_handlers == 0)


def test_it_is_read_once(environ):
    """Distro and configurator are made separately and see the same, whatever has changed in between."""
    first = process.current()
    environ["OTEL_SDK_DISABLED"] = "true"
    assert process.current() is first
    assert first.left_out is None


def test_the_defaults_are_applied_before_the_settings_are_read(environ):
    """What the SDK will see and what agentotel has read is the same."""
    settings = process.current().settings
    assert settings.traces_exporters == ("otlp",)
    assert environ["OTEL_TRACES_EXPORTER"] == "otlp"


def test_a_value_that_cannot_be_used_is_named_and_taken_away(environ, caplog):
    """The SDK would fail on it; the user reads the variable, the value and what was expected."""
    environ.update(OTEL_BSP_MAX_QUEUE_SIZE="many", AGENTOTEL_CARDINALITY_LIMIT="lots")
    assert process.current().settings.cardinality_limit == 100
    assert "OTEL_BSP_MAX_QUEUE_SIZE" not in environ
    assert environ["AGENTOTEL_CARDINALITY_LIMIT"] == "lots"
    said = sorted(record.getMessage() for record in caplog.records)
    assert len(said) == 2
    assert all(message.startswith("agentotel: ") and "expected" in message for message in said)
    assert "AGENTOTEL_CARDINALITY_LIMIT=lots" in said[0]
    assert "OTEL_BSP_MAX_QUEUE_SIZE=many" in said[1]


def test_nothing_is_recorded_when_the_sdk_is_disabled(environ, caplog):
    """The reason is known, and nobody is told about settings that do not matter."""
    environ.update(OTEL_SDK_DISABLED="true", AGENTOTEL_CARDINALITY_LIMIT="lots")
    assert process.current().left_out == "OTEL_SDK_DISABLED is set"
    assert caplog.records == []


@pytest.mark.parametrize(
    ("parent", "setting", "left_out"),
    [("1", "off", True), ("1", "on", False), (None, "off", False)],
    ids=["child", "child that is wanted", "no child"],
)
def test_children_are_left_out_where_they_are_not_wanted(environ, parent, setting, left_out):
    """AGENTOTEL_CHILD_PROCESSES=off concerns processes that an instrumented one has started, not the first one."""
    environ["AGENTOTEL_CHILD_PROCESSES"] = setting
    if parent is not None:
        environ["_AGENTOTEL_PARENT_PID"] = parent
    assert (process.current().left_out is not None) is left_out


@pytest.mark.parametrize(("value", "strict"), [("on", True), ("off", False)])
def test_the_guard_is_as_strict_as_the_settings(environ, value, strict):
    """AGENTOTEL_STRICT decides whether errors of ours are raised."""
    environ["AGENTOTEL_STRICT"] = value
    process.current()
    assert failopen.is_strict() is strict


@pytest.mark.parametrize(("value", "level"), [("debug", logging.DEBUG), ("ERROR", logging.ERROR)])
def test_our_own_messages_have_the_level_of_the_settings(environ, value, level):
    """AGENTOTEL_LOG_LEVEL, in any case of letters."""
    environ["AGENTOTEL_LOG_LEVEL"] = value
    process.current()
    assert _logger.level == level


def test_it_is_read_without_the_sdk(run_program):
    """The SDK reads the environment as it is imported, which must be clean by then."""
    source = """
        import sys
        from agentotel.distro import process
        process.current()
        print([name for name in sys.modules if name.startswith("opentelemetry.sdk")])
    """
    assert run_program(source).stdout.strip() == "[]"
