"""OpenTelemetry's own messages: each kind once."""

from __future__ import annotations

import logging

import pytest

from agentotel.distro import quiet


@pytest.fixture
def filtered():
    """Install the filters, and take them away again."""
    before = {name: list(logging.getLogger(name).filters) for name in (*quiet._REPEATING, quiet._LOADER)}
    quiet.install()
    yield
    for name, filters in before.items():
        logging.getLogger(name).filters = filters


@pytest.mark.usefixtures("filtered")
def test_the_same_message_is_said_once(caplog):
    """A Collector that is away logs an error per batch; the program's stderr shows the first of each kind."""
    logger = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    for number in range(5):
        logger.error("Failed to export span batch code: %s", number)
    logger.error("something else")
    assert [record.getMessage() for record in caplog.records] == [
        "Failed to export span batch code: 0",
        "something else",
    ]


@pytest.mark.usefixtures("filtered")
def test_that_another_distro_was_not_used_is_no_news(caplog):
    """The launcher's warning about it is dropped; its other messages are not."""
    logger = logging.getLogger(quiet._LOADER)
    logger.warning("Configuration of %s not loaded, %s already loaded", "a", "b")
    logger.error("Distribution %s configuration failed", "a")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
