"""Native spans as operations: the sets of attributes that libraries are known to write, and any other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.adapters import native_spans
from agentotel.model.contract import NativeSpan
from agentotel.model.operations import AgentRun, ModelCall, Retrieval, Step, ToolCall, Usage, Workflow

NAMES = st.sampled_from(
    sorted(
        {name for fields in native_spans._FIELDS.values() for field in fields for name in field.attributes}
        | {name for field in native_spans._USAGE for name in field.attributes}
        | {"error.type", "gen_ai.operation.name", "gen_ai.input.messages", "gen_ai.tool.call.result"}
    )
)
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()) | st.binary()
OPERATIONS = (
    "chat",
    "embeddings",
    "invoke_agent",
    "execute_tool",
    "invoke_workflow",
    "retrieval",
    "create_agent",
    "plan",
)


def span(name="", attributes=None, *events):
    """Return a span that has said this."""
    return NativeSpan(name, "internal", attributes or {}, list(events))


def ended(name, attributes, *events, later=None):
    """Return the operation of a span that starts with some attributes and ends with more of them."""
    operation = native_spans.started(span(name, attributes))
    native_spans.ended(operation, span(name, {**attributes, **(later or {})}, *events))
    return operation


@given(
    verb=st.sampled_from(OPERATIONS),
    first=st.dictionaries(NAMES, VALUES),
    later=st.dictionaries(NAMES, VALUES),
    events=st.lists(st.tuples(st.sampled_from(["exception", "gen_ai.choice"]), st.dictionaries(st.text(), VALUES))),
)
def test_nothing_that_a_library_says_makes_the_map_raise(verb, first, later, events):
    """Any attribute with any value, at the start and at the end."""
    first = {**first, "gen_ai.operation.name": verb}
    operation = ended(f"{verb} x", first, *events, later={**later, "gen_ai.operation.name": verb})
    for thunk in ("input_messages", "output_messages", "arguments", "result"):
        content = getattr(operation, thunk, None)
        assert content is None or content() is not None or thunk in {"arguments", "result"}


@pytest.mark.parametrize(
    ("verb", "kind"),
    [
        ("chat", ModelCall),
        ("generate_content", ModelCall),
        ("text_completion", ModelCall),
        ("embeddings", ModelCall),
        ("invoke_agent", AgentRun),
        ("execute_tool", ToolCall),
        ("invoke_workflow", Workflow),
        ("retrieval", Retrieval),
        ("create_agent", Step),
        ("plan", Step),
    ],
)
def test_an_operation_is_known_by_its_attribute_or_by_its_name(verb, kind):
    """Not all libraries set ``gen_ai.operation.name``; the span's name begins with it."""
    by_name = native_spans.started(span(f"{verb} it"))
    by_attribute = native_spans.started(span("whatever", {"gen_ai.operation.name": verb}))
    assert type(by_name) is type(by_attribute) is kind
    subject = by_name.request_model if kind is ModelCall else by_name.name
    assert subject == (f"{verb} it" if kind is Step else "it")
    assert by_attribute.name == ("whatever" if kind is Step else None)
    if kind is ModelCall:
        assert by_name.operation == by_attribute.operation == verb


@pytest.mark.parametrize("name", ["", "GET", "execute_event_loop_cycle", "chatting gpt-5"])
def test_what_is_none_of_the_conventions_operations_is_none(name):
    """It is for the adapter to say what such a span is."""
    assert native_spans.started(span(name)) is None


def test_an_attribute_goes_before_the_name():
    """The span's name may be cut, or of an older state."""
    operation = native_spans.started(span("chat gpt", {"gen_ai.request.model": "gpt-5-mini"}))
    assert operation.request_model == "gpt-5-mini"


def test_what_is_said_later_replaces_what_was_said_before():
    """A library that falls back to another model says so at the end."""
    call = ended("chat a", {"gen_ai.request.model": "a"}, later={"gen_ai.request.model": "b"})
    assert call.request_model == "b"


def test_strands_spans_are_understood():
    """``gen_ai.system``, both names of token counts, messages as events, and no model in the span's name."""
    common = {"gen_ai.system": "strands-agents", "gen_ai.operation.name": "chat"}
    call = ended(
        "chat",
        {**common, "gen_ai.request.model": "us.amazon.nova"},
        ("gen_ai.user.message", {"content": '[{"text": "Hello"}]'}),
        ("gen_ai.choice", {"finish_reason": "tool_use", "message": '[{"text": "Hi"}]'}),
        later={
            "gen_ai.usage.prompt_tokens": 50,
            "gen_ai.usage.input_tokens": 50,
            "gen_ai.usage.completion_tokens": 12,
            "gen_ai.usage.output_tokens": 12,
            "gen_ai.usage.total_tokens": 62,
            "gen_ai.usage.cache_read_input_tokens": 30,
            "gen_ai.usage.cache_write_input_tokens": 5,
        },
    )
    assert call.provider == "strands-agents"
    assert call.request_model == "us.amazon.nova"
    assert call.usage == Usage(50, 12, 30, 5)
    assert call.finish_reasons == ("tool_use",)
    assert call.input_messages() == [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]
    assert call.output_messages()[0]["finish_reason"] == "tool_use"


def test_only_old_names_of_token_counts_are_understood():
    """Some libraries know no others."""
    call = ended("chat x", {}, later={"gen_ai.usage.prompt_tokens": 5, "gen_ai.usage.completion_tokens": 2})
    assert call.usage == Usage(5, 2)


def test_agent_framework_spans_are_understood():
    """A URL as address, reasons as JSON, and the error's type as an attribute."""
    call = ended(
        "chat gpt-5-mini",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "azure.ai.openai",
            "gen_ai.request.model": "gpt-5-mini",
            "server.address": "https://acme.openai.azure.com:444/",
        },
        later={"gen_ai.response.finish_reasons": '["stop"]', "error.type": "openai.RateLimitError"},
    )
    assert (call.server_address, call.server_port) == ("acme.openai.azure.com", 444)
    assert call.finish_reasons == ("stop",)
    assert call.failure == "openai.RateLimitError"


def test_autogen_spans_are_understood():
    """Agents without a word about models, tools with a call id."""
    run = native_spans.started(
        span(
            "invoke_agent helper", {"gen_ai.system": "autogen", "gen_ai.agent.name": "helper", "gen_ai.agent.id": "h1"}
        )
    )
    assert (run.name, run.agent_id, run.request_model) == ("helper", "h1", None)
    tool = native_spans.started(
        span("execute_tool f", {"gen_ai.tool.name": "f", "gen_ai.tool.call.id": "1", "gen_ai.tool.description": "F"})
    )
    assert (tool.name, tool.call_id, tool.tool_type, tool.description) == ("f", "1", "function", "F")


def test_google_adk_spans_are_understood():
    """``generate_content``, and the name of the provider that older versions write."""
    call = ended(
        "generate_content gemini-3-flash",
        {"gen_ai.system": "gemini", "gen_ai.request.model": "gemini-3-flash", "gen_ai.request.top_k": 40.0},
        later={"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2, "gen_ai.usage.reasoning_tokens": 1},
    )
    assert (call.operation, call.provider, call.top_k) == ("generate_content", "gcp.gemini", 40)
    assert call.usage == Usage(5, 2, reasoning_tokens=1)


def test_anthropic_sdk_spans_are_understood():
    """A name of the SDK's own for the span, the operation in an attribute, and all token classes of the conventions."""
    call = ended(
        "anthropic.messages.create",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.request.max_tokens": 100,
            "gen_ai.request.stream": True,
        },
        later={
            "gen_ai.response.id": "msg_1",
            "gen_ai.usage.input_tokens": 80,
            "gen_ai.usage.cache_read.input_tokens": 30,
            "gen_ai.usage.cache_write.input_tokens": 0,
            "gen_ai.usage.output_tokens": 9,
            "gen_ai.usage.reasoning.output_tokens": 4,
        },
    )
    assert call.request_model == "claude-sonnet-4-5"
    assert (call.max_tokens, call.stream, call.response_id) == (100, True, "msg_1")
    assert call.usage == Usage(80, 9, 30, 0, 4)


def test_what_no_field_stands_for_is_carried_on():
    """Attributes of the conventions are kept, a library's own are not."""
    call = ended("embeddings m", {"gen_ai.embeddings.dimension.count": 8, "operation.cost": 0.1})
    assert call.attributes == {"gen_ai.embeddings.dimension.count": 8}


@pytest.mark.parametrize(
    ("kind", "failure", "cancelled"),
    [
        ("builtins.ValueError", "ValueError", False),
        ("OSError", "OSError", False),
        ("asyncio.exceptions.CancelledError", None, True),
    ],
)
def test_an_exception_event_says_how_it_ended(kind, failure, cancelled):
    """Where the library has not recorded the exception itself, the type that it names has to do."""
    tool = ended("execute_tool f", {}, ("exception", {"exception.type": kind}))
    assert (tool.failure, tool.cancelled) == (failure, cancelled)


def test_the_last_exception_counts():
    """Earlier ones were handled on the way."""
    events = [("exception", {"exception.type": kind}) for kind in ("KeyError", "OSError")]
    assert ended("execute_tool f", {}, *events).failure == "OSError"


def test_a_failure_that_the_adapter_has_decided_stays():
    """What an adapter has set before is not replaced."""
    tool = ToolCall(name="f", failure="tool_error")
    native_spans.set_outcome(tool, span("", {"error.type": "OSError"}))
    assert tool.failure == "tool_error"


def test_a_retrieval_has_its_query_and_documents():
    """Content of a retrieval is read lazily, as all content."""
    found = ended(
        "retrieval docs",
        {"gen_ai.data_source.id": "docs", "gen_ai.retrieval.top_k": 3},
        later={"gen_ai.retrieval.query.text": "who?", "gen_ai.retrieval.documents": '[{"id": "1"}]'},
    )
    assert (found.data_source_id, found.top_k) == ("docs", 3)
    assert found.query() == "who?"
    assert found.documents() == [{"id": "1"}]


def test_an_operation_can_be_made_of_a_span_that_only_the_adapter_knows():
    """The adapter says what it is; its attributes are read as those of all others."""
    call = native_spans.start(ModelCall, span("image", {"gen_ai.request.model": "draw-1"}), verb="generate_content")
    assert (call.operation, call.request_model) == ("generate_content", "draw-1")
    assert native_spans.start(ToolCall, span("running tool"), "f").name == "f"
