"""Tests of the last net before export."""

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.model import names
from agentotel.privacy import ByteBudget, Redactor, Scrubber, is_content, scrub, scrub_attributes

CONTENT = [
    *sorted(names.CONTENT_ATTRIBUTES),
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.prompt.0.content",
    "gen_ai.completion.12.tool_calls.0.arguments",
    "llm.input_messages.0.message.content",
    "llm.output_messages.3.message.tool_calls.0.tool_call.function.arguments",
    "input.value",
    "output.value",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "langfuse.observation.input",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    "tool.parameters",
    "ai.prompt",
    "ai.prompt.messages",
    "ai.response.text",
    "gcp.vertex.agent.llm_request",
    "pydantic_ai.all_messages",
]
HARMLESS = [
    "gen_ai.request.model",
    "gen_ai.usage.input_tokens",
    "gen_ai.prompt.name",
    "gen_ai.tool.name",
    "input.mime_type",
    "llm.model_name",
    "db.query.text",
    "http.url",
    "exception.type",
    "user.id",
    "ai.model.id",
]


@pytest.fixture(autouse=True)
def forget_names():
    """Start without known names."""
    scrub._clean.clear()
    scrub._content.clear()


@pytest.mark.parametrize("name", CONTENT)
def test_content_is_recognised(name):
    """Content of the conventions and of third-party instrumentations is known by name, the second time as well."""
    assert is_content(name)
    assert is_content(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_other_attributes_are_not(name):
    """What is no content stays."""
    assert not is_content(name)
    assert not is_content(name)


@given(st.permutations([*CONTENT, *HARMLESS]), st.integers(min_value=0, max_value=40))
def test_only_content_is_dropped(attribute_names, number):
    """Of any mixture exactly the content is removed, in the same order; None when there is none."""
    attributes = {name: index for index, name in enumerate(attribute_names[:number])}
    expected = {name: value for name, value in attributes.items() if name in HARMLESS}
    for _ in range(2):
        assert scrub_attributes(attributes) == (None if expected == attributes else expected)


def test_other_mappings_work():
    """The read-only mappings of the SDK are taken as well, and nothing is changed in place."""
    attributes = {"input.value": "secret", "a": 1}
    assert scrub_attributes(MappingProxyType(attributes)) == {"a": 1}
    assert attributes == {"input.value": "secret", "a": 1}
    assert scrub_attributes({}) is None


def test_the_memory_of_names_is_bounded():
    """A library that invents attribute names does not grow our memory, and content is still found."""
    for number in range(30_000):
        scrub_attributes({f"generated.{number}": 1, f"gen_ai.prompt.{number}.content": "x"})
    assert len(scrub._clean) <= 8_192
    assert len(scrub._content) <= 8_192
    assert scrub_attributes({"gen_ai.prompt.1.content": "x"}) == {}


def test_content_that_is_on_is_redacted_and_cut():
    """With content on, third-party content passes redaction and budgets, and is counted."""
    redacted, truncated = [], []
    scrubber = Scrubber(
        Redactor(),
        ByteBudget(attribute_bytes=60, span_bytes=100),
        on_redacted=lambda kind, number: redacted.append((kind, number)),
        on_truncated=truncated.append,
    )
    attributes = {
        "a": "jane@example.org",
        "input.value": "mail jane@example.org",
        "gen_ai.prompt.0.content": "x" * 500,
        "llm.prompts": ("one bob@example.org", 2),
    }
    result = scrubber.attributes(attributes)
    assert result["a"] == "jane@example.org"
    assert result["input.value"] == "mail [REDACTED:email]"
    assert result["gen_ai.prompt.0.content"].endswith(" bytes]")
    assert len(result["gen_ai.prompt.0.content"].encode()) <= 60
    assert len(result["llm.prompts"][0].encode()) <= 100 - 21 - 60
    assert result["llm.prompts"][1] == 2
    assert redacted == [("email", 1), ("email", 1)]
    assert truncated == ["gen_ai.prompt.0.content", "llm.prompts"]
    assert list(result) == list(attributes)


def test_content_that_is_safe_is_not_copied():
    """Nothing to redact and nothing to cut gives None, with and without content."""
    scrubber = Scrubber(Redactor(), ByteBudget())
    assert scrubber.attributes({"input.value": "hello", "llm.prompts": ("a", "b")}) is None
    assert scrubber.attributes({"a": 1}) is None
    assert scrubber.attributes({"a": 1}) is None


def test_structured_content_is_redacted_and_cut():
    """Messages that are lists and mappings, as log records have them, pass the same redaction and budgets as JSON."""
    redacted, truncated = [], []
    scrubber = Scrubber(
        Redactor(),
        ByteBudget(attribute_bytes=400, span_bytes=600),
        on_redacted=lambda kind, number: redacted.append((kind, number)),
        on_truncated=truncated.append,
    )
    parts = [{"type": "text", "content": "mail jane@example.org"}, {"password": "x", "card": 4111111111111111}]
    result = scrubber.attributes(
        {
            "gen_ai.input.messages": [{"role": "user", "parts": parts}],
            "gen_ai.tool.call.arguments": {"to": "bob@example.org"},
            "gen_ai.output.messages": ({"content": "x" * 5_000},),
            "a": {"mail": "jane@example.org"},
        }
    )
    (message,) = result["gen_ai.input.messages"]
    assert message["parts"][0]["content"] == "mail [REDACTED:email]"
    assert message["parts"][1] == {"password": "[REDACTED:sensitive_key]", "card": "[REDACTED:card_number]"}
    assert result["gen_ai.tool.call.arguments"] == {"to": "[REDACTED:email]"}
    assert result["a"] == {"mail": "jane@example.org"}
    assert len(str(result["gen_ai.output.messages"])) < 400
    assert truncated == ["gen_ai.output.messages"]
    assert sorted(redacted) == [("card_number", 1), ("email", 1), ("email", 1), ("sensitive_key", 1)]


def test_structured_content_that_is_safe_stays_as_it_is():
    """Nothing to redact and nothing to cut leaves lists and mappings as they were."""
    attributes = {"gen_ai.input.messages": [{"role": "user", "parts": [{"content": "hello", "n": 1}]}]}
    assert Scrubber(Redactor(), ByteBudget()).attributes(attributes) is None
