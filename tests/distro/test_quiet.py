"""OpenTelemetry's own messages: each kind once."""

from __future__ import annotations

import logging

import pytest

from agentotel.distro import quiet


@pytest.fixture
def filtered():
    """Install the filters, without what other tests have left in them, and take them away again."""
    quiet.exporter_messages.__init__()
    before = {name: list(logging.getLogger(name).filters) for name in (*quiet._REPEATING, quiet._LOADER)}
    quiet.install()
    yield
    for name, filters in before.items():
        logging.getLogger(name).filters = filters
    quiet.exporter_messages.__init__()


@pytest.mark.usefixtures("filtered")
def test_failed_exports_are_held_back_and_remembered(caplog):
    """A Collector that is away logs lines for every batch; none is shown, the first is kept as the reason."""
    logger = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    logger.error("Failed to export span batch code: %s, reason: %s", 503, "away")
    logger.error("Failed to export span batch code: %s, reason: %s", 503, "still away")
    assert caplog.records == []
    assert quiet.exporter_messages.reason == "Failed to export span batch code: 503, reason: away"


@pytest.mark.usefixtures("filtered")
def test_other_messages_are_shown_once_per_kind(caplog):
    """A warning about something else is not hidden, and not repeated."""
    logger = logging.getLogger("opentelemetry.sdk.trace")
    for number in range(3):
        logger.warning("Invalid type %s for attribute", number)
    assert [record.getMessage() for record in caplog.records] == ["Invalid type 0 for attribute"]


@pytest.mark.usefixtures("filtered")
def test_that_another_distro_was_not_used_is_no_news(caplog):
    """The launcher's warning about it is dropped; its other messages are not."""
    logger = logging.getLogger(quiet._LOADER)
    logger.warning("Configuration of %s not loaded, %s already loaded", "a", "b")
    logger.error("Distribution %s configuration failed", "a")
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.usefixtures("filtered")
def test_messages_that_differ_each_time_are_bounded(caplog):
    """A message with a number in its own text is new for ever: no memory is spent on it, and stderr is not flooded."""
    logger = logging.getLogger("opentelemetry.sdk.trace")
    for number in range(3 * quiet._MAX_KINDS):
        logger.warning(f"request {number} was odd")  # noqa: G004 - the kind of message that this is about
    assert len(caplog.records) == len(quiet.exporter_messages._seen) == quiet._MAX_KINDS


@pytest.mark.usefixtures("filtered")
def test_the_first_reason_stays():
    """It is the one that is said; the following ones often come of it."""
    quiet.exporter_messages.failed("refused")
    quiet.exporter_messages.failed("no room")
    assert quiet.exporter_messages.reason == "refused"
