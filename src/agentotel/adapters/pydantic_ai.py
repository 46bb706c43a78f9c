"""Pydantic AI: agents, model requests, tools, output functions and embeddings, from its own spans.

Life of a run: ``run``, ``run_sync``, ``run_stream``, ``run_stream_events`` and ``iter`` all end in ``Agent.iter``. With
instrumentation on it makes the span ``invoke_agent NAME``, in it ``chat MODEL`` for each request (retries of the SDK
included, the stream read to its end) and ``execute_tool NAME`` for each tool and each output function. An agent that
a tool runs is nested in that tool's span. Earlier versions (1.60 still does) wrap the tools of one answer in a span
``running tools``, which is left out. Instrumentation is off until somebody calls ``Agent.instrument_all``: `enable`
does so, for agents, embedders and image generators, as soon as the library has been imported.

What the user says goes before that: an ``instrument_all`` of his own, an ``Instrumentation`` capability or
``instrument`` of an agent replace these settings, and the spans that his settings make are adopted all the same if
they go to the tracer provider that agentotel uses. With ``instrument = False`` the agent makes no spans, and nothing is
done behind the user's back: of such a run only the model calls are seen, by the adapter of the SDK underneath.

- Content: while agentotel records none, the library does not put messages together, which would cost as much as all
  the rest in a long conversation.
- The conversation id is the library's: ``conversation_id=`` of a run, or the one that its message history carries on.
  Earlier versions (1.85, for one) have none.
- Tokens are those of the model requests: what a run's span says includes, depending on version and use, the tokens of
  other runs. Cost is computed from them as everywhere: ``operation.cost`` and the library's own metrics are dropped.
- A tool that defers its call or asks for approval has not failed; earlier versions (1.70, for one) record that it has.
- Failed attempts of a ``FallbackModel``, questions to decision models and moments of a realtime session stay the
  library's plain spans.
"""

from __future__ import annotations

import inspect
from typing import Any, Final

from agentotel.adapters import native_attributes as reading
from agentotel.adapters import native_content as content
from agentotel.adapters import native_spans
from agentotel.model import names
from agentotel.model.contract import SUPPRESSED, Adapter, Native, NativeSpan, Observer, Suppressed
from agentotel.model.operations import GENERATE_CONTENT, AgentRun, ModelCall, Operation, Step, ToolCall

_FORMATS: Final = (6, 5, 3)
"""Formats of the spans to ask for, the best one first: 6 gives tool results the role of the conventions, 5 does not
count deferred tools as failed, 3 names spans and attributes after the conventions. Old versions take any number."""

_TOOL_WRAPPER: Final = "running tools"
_OLD_NAMES: Final = {"agent run": AgentRun, "running tool": ToolCall, "running output function": ToolCall}
"""Span names of formats 1 and 2, which a user may have asked for."""

_ANSWERING: Final = "assistant"
_WAITING: Final = "waiting for "
_NO_MODEL: Final = "no-model"
_SEVERAL_MODELS: Final = "fallback:"
_TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"


def enable(module: Any, observer: Observer) -> None:
    """Switch the library's instrumentation on, unless the user has already done so himself.

    Args:
        module: ``pydantic_ai``.
        observer: Says whether content is wanted.
    """
    settings = None
    for name in ("Agent", "Embedder", "ImageGenerator"):
        kind = getattr(module, name, None)
        if kind is not None and not getattr(kind, "_instrument_default", False):
            settings = settings or _settings(module.InstrumentationSettings, observer)
            kind.instrument_all(settings)


def _settings(kind: Any, observer: Observer) -> Any:
    """Make the settings, of those that this version has."""
    wanted = {"include_binary_content": False, "include_model_request_parameters": False}
    known = inspect.signature(kind).parameters
    chosen = {name: value for name, value in wanted.items() if name in known}
    ours = _asking(observer, kind)
    made = (_in_format(version, ours, chosen) for version in _FORMATS)
    return next((settings for settings in made if settings is not None), None) or ours(**chosen)


def _asking(observer: Observer, kind: Any) -> Any:
    """Return `kind` with the one difference that messages are put together only while content is wanted."""

    class Settings(kind):  # type: ignore[misc]  # a class of the library, known only when it is there
        include_content = property(lambda _: observer.wants_content, lambda _, __: None)

        def handle_messages(self, *args: Any, **kwargs: Any) -> None:
            # With its cache the library would warn the user of changes that only instrumentation could tell.
            kwargs.pop("message_json_cache", None)
            if observer.wants_content:
                super().handle_messages(*args, **kwargs)

        def messages_to_otel_messages(self, *args: Any, **kwargs: Any) -> Any:
            return super().messages_to_otel_messages(*args, **kwargs) if observer.wants_content else []

    return Settings


def _in_format(version: int, kind: Any, chosen: dict[str, bool]) -> Any:
    """Make the settings for one format, None where this version of the library does not have it."""
    try:
        return kind(**chosen, version=version)
    except ValueError:
        return None


def start(span: NativeSpan) -> Operation | Suppressed | None:
    """Make the operation of a span that the library starts."""
    if span.name == _TOOL_WRAPPER:
        return SUPPRESSED
    if span.name in _OLD_NAMES:
        return _with_model(native_spans.start(_OLD_NAMES[span.name], span), span)
    if span.name.startswith(_WAITING):
        return Step(name=span.name)
    if span.attributes.get(names.OPERATION_NAME) == "image_generation":
        return native_spans.start(ModelCall, span, verb=GENERATE_CONTENT)
    return _with_model(native_spans.started(span), span)


def _with_model(operation: Operation | None, span: NativeSpan) -> Operation | None:
    """Add the model of an agent that has exactly one."""
    if isinstance(operation, AgentRun):
        model = reading.text(span.attributes, "model_name")
        if model is not None and model != _NO_MODEL and not model.startswith(_SEVERAL_MODELS):
            operation.request_model = model
    return operation


def end(operation: Operation, span: NativeSpan) -> None:
    """Complete an operation when its span ends."""
    native_spans.ended(operation, span)
    if isinstance(operation, AgentRun):
        _end_run(operation, span)
    elif isinstance(operation, ModelCall):
        _end_model_call(operation, span)
    elif isinstance(operation, ToolCall):
        operation.arguments = operation.arguments or content.data(span, "tool_arguments")
        operation.result = operation.result or content.data(span, "tool_response")


def _end_model_call(call: ModelCall, span: NativeSpan) -> None:
    call.stream = call.stream or _TIME_TO_FIRST_CHUNK in span.attributes


def _end_run(run: AgentRun, span: NativeSpan) -> None:
    run.usage = None
    history = span.attributes.get("pydantic_ai.all_messages")
    if history is None:
        return
    before = reading.count(span.attributes, "pydantic_ai.new_message_index") or 0
    result = span.attributes.get("final_result")
    run.input_messages = lambda: _asked(history, before)
    if result is not None:
        run.output_messages = lambda: _answered(history, result)


def _asked(history: Any, before: int) -> list[content.Message]:
    """Return the messages with which a run started.

    Args:
        history: All messages of the run, the earlier runs' included.
        before: How many messages, counted as the library counts them, are of earlier runs: every other one of those
            is an answer, and each answer is one message here.
    """
    messages = content.messages([history], "user")
    answers = [index for index, message in enumerate(messages) if message["role"] == _ANSWERING]
    first = answers[before // 2 - 1] + 1 if 0 < before // 2 <= len(answers) else 0
    following = next((index for index in answers if index >= first), len(messages))
    return messages[first:following]


def _answered(history: Any, result: Any) -> list[content.Message]:
    """Return a run's answer: the model's last message where it is the result, else the result on its own."""
    answers = [message for message in content.messages([history], "user") if message["role"] == _ANSWERING]
    if answers and any(part.get("type") == "text" for part in answers[-1]["parts"]):
        return answers[-1:]
    return [{"role": _ANSWERING, "parts": content.parts(result)}]


ADAPTER: Final = Adapter(
    name="pydantic-ai",
    distribution="pydantic-ai-slim",
    supports=">=1.32,<3",
    trigger="pydantic_ai",
    choice="enable: it makes complete spans, but only after a switch; a switch that the user sets goes before ours",
    install=enable,
    natives=(Native(scope="pydantic-ai", start=start, end=end, meters=("pydantic-ai",)),),
)
