"""The program's own log records, without a handler of ours."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from agentotel._base import failopen
from agentotel.distro import program_logs


@pytest.fixture
def records():
    """What was handed over while the hook is in place."""
    found = []
    program_logs.install(found.append)
    yield found
    program_logs.uninstall()


def test_every_record_is_seen_also_of_loggers_that_do_not_propagate(records):
    """A logger that keeps its records to itself is heard, at the level that it is set to."""
    logger = logging.getLogger("shop.private")
    logger.propagate = False
    logger.warning("seen")
    logger.debug("below the level")
    logger.propagate = True
    assert [record.getMessage() for record in records] == ["seen"]


def test_our_own_records_are_left_out(records):
    """A failing export that logs must not be exported."""
    logging.getLogger("opentelemetry.exporter").error("failed")
    logging.getLogger("agentotel").error("failed")
    assert records == []


def test_a_program_whose_name_begins_like_ours_is_heard(records):
    """Names are compared part by part."""
    for name in ("agentotel_shop", "opentelemetry_demo.shop", "agentotel", "opentelemetry.sdk.trace"):
        logging.getLogger(name).warning(name)
    assert [record.name for record in records] == ["agentotel_shop", "opentelemetry_demo.shop"]


def test_no_handler_is_added(records):
    """The root logger looks as it did."""
    assert all(type(handler).__module__ != "opentelemetry" for handler in logging.getLogger().handlers)


def test_an_error_while_handling_does_not_reach_the_program(caplog):
    """What fails on our side is counted; the record still reaches the program's handlers."""
    failopen.reset()

    def broken(record):
        raise ValueError("broken")

    program_logs.install(broken)
    try:
        logging.getLogger("shop").warning("still here")
    finally:
        program_logs.uninstall()
    assert "still here" in caplog.text
    assert failopen.errors() == {"logs.handle": 1}
    failopen.reset()


def test_uninstalling_puts_logging_back():
    """The method is the original one again."""
    before = logging.Logger.callHandlers
    program_logs.install(lambda record: None)
    assert logging.Logger.callHandlers is not before
    program_logs.uninstall()
    assert logging.Logger.callHandlers is before


@pytest.mark.parametrize("code", ["logging.warning('w')", "logging.getLogger('a').warning('w')", "logging.info('i')"])
def test_what_an_unconfigured_program_prints_stays_the_same(code):
    """Last resort and implicit configuration of `logging` work as without us, to the byte."""

    def run(preparation):
        program = f"import logging\n{preparation}\n{code}\n"
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stderr

    hook = "from agentotel.distro import program_logs; program_logs.install(lambda record: None)"
    assert run(hook) == run("")
