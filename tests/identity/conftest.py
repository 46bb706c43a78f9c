"""Every test starts with no context, no error counts, and fails on anything that OpenTelemetry logs."""

import logging

import pytest
from opentelemetry.context import attach, get_current
from opentelemetry.context.context import Context

from agentotel._base import failopen


@pytest.fixture(autouse=True)
def clean_context(caplog):
    """Give the test an empty context, and take care that it leaves none and logs nothing about contexts."""
    attach(Context())
    failopen.reset()
    with caplog.at_level(logging.WARNING, logger="opentelemetry"):
        yield
    assert get_current() == Context()
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []
