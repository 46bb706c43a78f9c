"""The last net before export: content in the attributes of any span or log record, third-party ones included.

This module owns state: which attribute names are known to hold content and which are not, so that a name is looked
at once and not again for every span. Both are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from agentotel.model import names
from agentotel.privacy.content import bound

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from agentotel.privacy.budgets import ByteBudget, SpanBudget
    from agentotel.privacy.redaction import Redactor

_EXACT: Final = names.CONTENT_ATTRIBUTES | {
    # OpenTelemetry, earlier forms, also as attributes of span events.
    "gen_ai.prompt", "gen_ai.completion", "gen_ai.event.content", "gen_ai.input", "gen_ai.output",
    "gen_ai.tool.call.input", "gen_ai.tool.call.output", "gen_ai.tool.input", "gen_ai.tool.output",
    "gen_ai.retrieval.query", "gen_ai.retrieval.query.text", "gen_ai.retrieval.documents",
    "gen_ai.evaluation.explanation", "gen_ai.memory.records", "gen_ai.memory.query.text",
    "content", "message", "tool_calls", "system_prompt",
    # OpenLLMetry (traceloop).
    "traceloop.entity.input", "traceloop.entity.output", "llm.prompts", "llm.completions",
    # OpenInference.
    "input.value", "output.value", "llm.invocation_parameters", "llm.function_call", "tool.parameters",
    "tool_call.function.arguments", "message.content", "message.function_call_arguments_json", "document.content",
    "embedding.text", "reranker.query", "llm.prompt_template.template", "llm.prompt_template.variables",
    # Langfuse, MLflow, LangSmith, Vercel AI SDK.
    "langfuse.observation.input", "langfuse.observation.output", "langfuse.trace.input", "langfuse.trace.output",
    "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.chat.messages", "mlflow.traceInputs", "mlflow.traceOutputs",
    "langsmith.inputs", "langsmith.outputs",
    # Pydantic AI and Logfire.
    "all_messages_events", "pydantic_ai.all_messages", "final_result", "tool_arguments", "tool_response",
    "model_request_parameters", "request_data", "response_data", "events", "prompt",
    # Google ADK, Semantic Kernel, Haystack, CrewAI, AutoGen.
    "gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response", "gcp.vertex.agent.data", "semantic_kernel.function.arguments",
    "semantic_kernel.function.result", "haystack.component.input", "haystack.component.output",
    "haystack.pipeline.input_data", "haystack.pipeline.output_data", "haystack.agent.messages",
    "formatted_description", "task_output", "message_content",
}  # fmt: skip
"""Attributes that hold content, by their whole name."""

_PREFIXES: Final = (
    "gen_ai.prompt.", "gen_ai.completion.", "gen_ai.input.messages.", "gen_ai.output.messages.",
    "gen_ai.system_instructions.", "llm.prompts.", "llm.completions.", "llm.input_messages.",
    "llm.output_messages.", "llm.tools.", "llm.request.functions.", "retrieval.documents.",
    "embedding.embeddings.", "reranker.input_documents.", "reranker.output_documents.",
    "langfuse.observation.input.", "langfuse.observation.output.", "langfuse.trace.input.",
    "langfuse.trace.output.", "mlflow.chat.messages.", "ai.prompt", "ai.response.text", "ai.response.object",
    "ai.response.toolCalls", "ai.response.reasoning", "ai.result.", "ai.toolCall.args", "ai.toolCall.result",
    "ai.value", "ai.values", "mcp.request.argument.", "mcp.request.params", "mcp.response.value",
    "traceloop.prompt.", "gen_ai.prompt.variable.", "semantic_kernel.function.arguments.",
)  # fmt: skip
"""Attributes that hold content, by how they begin (they are numbered, or one per argument)."""

_HARMLESS: Final = frozenset({
    "gen_ai.prompt.name", "gen_ai.prompt.version", "traceloop.prompt.key", "traceloop.prompt.version",
    "traceloop.prompt.managed",
})  # fmt: skip
"""Names of prompt templates: they begin like content and are none."""

_MAX_NAMES: Final = 8_192

_clean: set[str] = set()
_content: set[str] = set()


def is_content(name: str) -> bool:
    """Tell whether an attribute of this name holds content."""
    if name in _clean:
        return False
    if name in _content:
        return True
    holds = name in _EXACT or (name.startswith(_PREFIXES) and name not in _HARMLESS)
    known = _content if holds else _clean
    if len(known) >= _MAX_NAMES:
        known.clear()
    known.add(name)
    return holds


def scrub_attributes(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return `attributes` without those that hold content, or None when there are none of them.

    Use it on every span and log record on its way out while content is off. None says that nothing had to change,
    so that the common case costs no copy.
    """
    if attributes.keys() <= _clean:
        return None
    kept = {name: value for name, value in attributes.items() if not is_content(name)}
    return kept if len(kept) < len(attributes) else None


class Scrubber:
    """Redacts and cuts the content attributes of any span or log record, for when content is on.

    What agentotel records itself has passed this before; here it is done for what others have recorded. Doing it
    twice changes nothing.

    Args:
        redactor: Finds the secrets.
        budget: What one attribute and one span may keep.
        on_redacted: Called with the kind and the number of replaced secrets, to count them.
        on_truncated: Called with the name of an attribute that was cut, to count it.
    """

    def __init__(
        self,
        redactor: Redactor,
        budget: ByteBudget,
        *,
        on_redacted: Callable[[str, int], None] | None = None,
        on_truncated: Callable[[str], None] | None = None,
    ) -> None:
        """Remember what to apply and whom to tell."""
        self._redactor = redactor
        self._budget = budget
        self._on_redacted = on_redacted
        self._on_truncated = on_truncated

    def attributes(self, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return `attributes` with their content redacted and within the budget, or None when nothing changed."""
        if attributes.keys() <= _clean:
            return None
        span = self._budget.for_span()
        changed = {
            name: safe
            for name, value in attributes.items()
            if is_content(name) and (safe := self._value(name, value, span)) != value
        }
        return {**attributes, **changed} if changed else None

    def _value(self, name: str, value: Any, span: SpanBudget) -> Any:
        """Return one attribute's value, redacted and cut; numbers are left alone."""
        if isinstance(value, str):
            return self._text(name, value, span)
        if isinstance(value, Mapping) or (isinstance(value, tuple | list) and not all(map(_is_flat, value))):
            return self._structured(name, value, span)
        if isinstance(value, tuple | list):
            return tuple(self._value(name, item, span) for item in value)
        return value

    def _structured(self, name: str, value: object, span: SpanBudget) -> Any:
        """Return messages that are no JSON but lists and mappings themselves, as log records and newer spans have."""
        bounded = bound(value, span.next_bytes, self._redactor)
        span.remaining -= bounded.bytes
        self._tell(name, bounded.redacted, cut=bounded.cut)
        return bounded.data

    def _text(self, name: str, text: str, span: SpanBudget) -> str:
        text, redacted = self._redactor.redact(text)
        text, cut = span.spend(text)
        self._tell(name, redacted, cut=cut)
        return text

    def _tell(self, name: str, redacted: Counter[str], *, cut: bool) -> None:
        if self._on_redacted is not None:
            for kind, number in redacted.items():
                self._on_redacted(kind, number)
        if cut and self._on_truncated is not None:
            self._on_truncated(name)


def _is_flat(value: object) -> bool:
    return value is None or isinstance(value, str | bytes | bool | int | float)
