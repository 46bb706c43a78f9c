"""The anthropic SDK: messages, plain and streamed, of Anthropic and of the platforms that serve its models.

Life of a call: ``messages.create``, ``.stream`` and ``.parse``, their beta forms and the tool runner all end in
``client.post("/v1/messages")``, which tries again by itself after a 429, a 5xx or a lost connection. ``stream()``
reads its events from the stream that ``post`` returned. So that one method is patched: one logical call, whatever the
interface and the number of tries. Batches are no model calls of this process, and counting tokens is none at all.

Since 2.0 the SDK makes spans of its own. They know neither the sampling parameters nor the retries, and the answer's
content only where a helper of the SDK reads the stream, so the patch records model calls in all versions and the span
of a call is suppressed (the SDK then collects nothing for it, and sends the trace context of ours along). Spans of its
tool runner and of the tools that it runs are adopted: an agent run and tool calls. All its other spans, of sessions,
files or batches, stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from agentotel.adapters import anthropic_messages as content
from agentotel.adapters import native_spans, stainless
from agentotel.adapters.anthropic_messages import read
from agentotel.adapters.openai_protocol.endpoint import endpoint_of
from agentotel.adapters.openai_protocol.messages import text_of
from agentotel.model.contract import (
    SUPPRESSED,
    Adapter,
    Call,
    Intercepted,
    Native,
    NativeSpan,
    Observer,
    Suppressed,
)
from agentotel.model.operations import AgentRun, ModelCall, Operation, ToolCall, Usage

_PATH: Final = "/v1/messages"
_NUMBERS: Final = ("temperature", "top_p", "top_k", "max_tokens")
_PROVIDERS: Final = {"Bedrock": "aws.bedrock", "Vertex": "gcp.vertex_ai", "Foundry": "azure.ai.inference"}
_SCOPE: Final = "com.anthropic.sdk.python"
_PLATFORMS: Final = ("aws", "bedrock", "foundry", "google_cloud", "vertex")
_SERVICE_TIER: Final = "anthropic.response.service_tier"


def request(call: Intercepted) -> ModelCall | None:
    """Make the operation of a request for a message; None for any other request of the client."""
    path = call.argument("path", 0)
    if not isinstance(path, str) or path.partition("?")[0] != _PATH:
        return None
    body = call.argument("body")
    given: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    extra = read(call.argument("options"), "extra_json")
    if isinstance(extra, Mapping):
        given = {**given, **extra}
    _, address, port = endpoint_of(call.instance)
    operation = ModelCall(
        provider=_provider(call.instance),
        request_model=text_of(given.get("model")),
        server_address=address,
        server_port=port,
        stream=given.get("stream") is True or call.argument("stream") is True,
        reasoning_level=text_of(read(given.get("output_config"), "effort")),
        stop_sequences=_texts(given.get("stop_sequences")),
        output_type="json" if read(read(given.get("output_config"), "format"), "type") == "json_schema" else None,
    )
    _add_numbers(operation, given)
    _offer_content(operation, given)
    return operation


def _provider(client: Any) -> str:
    kind = type(client).__name__
    return next((provider for name, provider in _PROVIDERS.items() if name in kind), "anthropic")


def _add_numbers(operation: ModelCall, given: Mapping[str, Any]) -> None:
    for name in _NUMBERS:
        value = given.get(name)
        if isinstance(value, int | float):
            setattr(operation, name, value)


def _offer_content(operation: ModelCall, given: Mapping[str, Any]) -> None:
    """Keep references for the case that content is wanted; the list is copied, as programs go on with theirs."""
    messages, tools, system = given.get("messages"), given.get("tools"), given.get("system")
    if isinstance(messages, Sequence):
        operation.message_count = len(messages)
        operation.input_messages = partial(content.messages, tuple(messages))
    if isinstance(system, str | Sequence):
        operation.system_instructions = partial(content.instructions, system)
    if isinstance(tools, Sequence) and tools:
        operation.tool_definitions = partial(content.tool_definitions, tuple(tools))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list | tuple) else ()


def response(operation: ModelCall, result: Any) -> None:
    """Complete it from an answer in one piece; raw bodies are read where they are JSON."""
    _add_head(operation, result)
    _add_end(operation, read(result, "stop_reason"), read(result, "usage"))
    blocks = read(result, "content")
    if isinstance(blocks, Sequence) and not isinstance(blocks, str | bytes):
        operation.output_messages = partial(content.answer, blocks, read(result, "stop_reason"))


def chunk(operation: ModelCall, event: Any) -> None:
    """Complete it from one event of a streamed answer."""
    kind = read(event, "type")
    if kind == "message_start":
        message = read(event, "message")
        _add_head(operation, message)
        _add_end(operation, None, read(message, "usage"))
        if operation.wants_content:
            operation.scratch = []
            operation.output_messages = partial(_streamed, operation)
    elif kind == "message_delta":
        _add_end(operation, read(read(event, "delta"), "stop_reason"), read(event, "usage"))
    elif operation.scratch is not None and kind in {"content_block_start", "content_block_delta"}:
        operation.scratch.append(event)


def _streamed(operation: ModelCall) -> list[content.Message]:
    return content.streamed_answer(operation.scratch, next(iter(operation.finish_reasons), None))


def _add_head(operation: ModelCall, message: Any) -> None:
    operation.response_id = text_of(read(message, "id")) or operation.response_id
    operation.response_model = text_of(read(message, "model")) or operation.response_model


def _add_end(operation: ModelCall, stop_reason: Any, counts: Any) -> None:
    if text_of(stop_reason):
        operation.finish_reasons = (stop_reason,)
    if counts is not None:
        operation.usage = _usage(counts, operation.usage or Usage())
    if tier := text_of(read(counts, "service_tier")):
        operation.attributes[_SERVICE_TIER] = tier


def _usage(counts: Any, before: Usage) -> Usage:
    """Return the tokens; Anthropic counts those of the cache beside the input, the conventions within it.

    Args:
        counts: ``usage`` of a message, or of a ``message_delta``, whose counts are those of the whole message.
        before: What an earlier event has said; a later one may leave out the input.
    """
    read_tokens = _count(counts, "cache_read_input_tokens", before.cache_read_tokens)
    written = _count(counts, "cache_creation_input_tokens", before.cache_write_tokens)
    fresh = _count(counts, "input_tokens", None)
    total = before.input_tokens if fresh is None else fresh + (read_tokens or 0) + (written or 0)
    thinking = _count(read(counts, "output_tokens_details"), "thinking_tokens", before.reasoning_tokens)
    return Usage(
        input_tokens=total,
        output_tokens=_count(counts, "output_tokens", before.output_tokens),
        cache_read_tokens=read_tokens,
        cache_write_tokens=written,
        reasoning_tokens=thinking,
    )


def _count(counts: Any, name: str, default: int | None) -> int | None:
    value = read(counts, name)
    return value if isinstance(value, int) else default


def start(span: NativeSpan) -> Operation | Suppressed | None:
    """Make the operation of a span of the SDK's own, since 2.0."""
    if span.name == "anthropic.messages.create":
        return SUPPRESSED
    operation = native_spans.started(span)
    if isinstance(operation, AgentRun) and operation.name is None:
        operation.name = "tool_runner"
    return operation if isinstance(operation, AgentRun | ToolCall) else None


def end(operation: Operation, span: NativeSpan) -> None:
    """Complete an operation when its span ends."""
    native_spans.ended(operation, span)
    result = span.attributes.get("anthropic.tool_result.content")
    if isinstance(operation, ToolCall) and result is not None:
        operation.result = lambda: result


def install(module: Any, observer: Observer) -> None:
    """Let the SDK's own spans of tools carry content, where content is recorded.

    Args:
        module: ``anthropic``.
        observer: Says whether content is wanted.
    """
    config = getattr(getattr(getattr(module, "lib", None), "_tracing", None), "OpenTelemetryConfig", None)
    theirs = getattr(config, "records_content", None)
    if config is not None and isinstance(theirs, property):
        config.records_content = property(lambda self: theirs.__get__(self) or observer.wants_content)


_FUNCTIONS: Final[dict[str, Any]] = {
    "request": request,
    "response": response,
    "chunk": chunk,
    "deferred": stainless.deferred,
}

ADAPTER: Final = Adapter(
    name="anthropic",
    distribution="anthropic",
    supports=">=0.60,<3",
    trigger="anthropic",
    choice="patch: its own spans, since 2.0, lack parameters, retries and content; adopt those of its tool runner",
    calls=(
        Call("anthropic._base_client:SyncAPIClient.post", **_FUNCTIONS),
        Call("anthropic._base_client:AsyncAPIClient.post", **_FUNCTIONS),
    ),
    notes=stainless.notes("anthropic"),
    install=install,
    natives=tuple(Native(scope, start, end) for scope in (_SCOPE, *(f"{_SCOPE}.{name}" for name in _PLATFORMS))),
    replaces=(
        "opentelemetry-instrumentation-genai-anthropic:anthropic",
        "opentelemetry-instrumentation-anthropic:anthropic",
        "openinference-instrumentation-anthropic:anthropic",
    ),
)
