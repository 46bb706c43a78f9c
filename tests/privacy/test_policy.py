"""Tests of the one switch for content."""

import pytest

from agentotel._base.errors import SettingError
from agentotel.privacy import ContentPolicy


@pytest.mark.parametrize(
    ("value", "on_spans", "on_events"),
    [
        ("NO_CONTENT", False, False),
        ("SPAN_ONLY", True, False),
        ("EVENT_ONLY", False, True),
        ("SPAN_AND_EVENT", True, True),
        ("span_and_event", True, True),
        (" True ", True, False),
        ("1", True, False),
        ("false", False, False),
        ("0", False, False),
        ("", False, False),
    ],
)
def test_known_values(value, on_spans, on_events):
    """The standard values and the older true/false are understood, in any case."""
    policy = ContentPolicy.parse(value)
    assert (policy.on_spans, policy.on_events, policy.records) == (on_spans, on_events, on_spans or on_events)


def test_content_is_off_by_default():
    """Nobody who says nothing records content."""
    assert not ContentPolicy().records


@pytest.mark.parametrize("value", ["yes please", "SPAN", "2", "on\nNO_CONTENT"])
def test_unknown_values_are_named(value):
    """A misspelt value says what was found and what is accepted."""
    with pytest.raises(SettingError) as caught:
        ContentPolicy.parse(value)
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=" in str(caught.value)
    assert "SPAN_AND_EVENT" in str(caught.value)
    assert "\n" not in str(caught.value)
