"""The choke point for content: prompts, answers, tool arguments and results, exception messages pass here or nowhere.

Off by default. What is on is redacted first and cut to the byte budgets afterwards, so that no half of a secret is
left.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from agentotel import privacy
from agentotel._base.failopen import attempt
from agentotel.model import instruments, names
from agentotel.model.operations import AgentRun, McpCall, ModelCall, Operation, Retrieval, ToolCall, Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from agentotel.model.instruments import Instrument
    from agentotel.model.operations import Content
    from agentotel.telemetry.attributes import Attributes

    Count = Callable[[Instrument, str, int], None]


class ContentCapture:
    """Turns the thunks of an operation into attributes, as far as the policy lets content out.

    Args:
        policy: Where content may go.
        redactor: Replaces secrets and personal data.
        budget: Bytes that an attribute and a span may have.
        count: Counts what was cut and what was replaced.
    """

    def __init__(
        self, policy: privacy.ContentPolicy, redactor: privacy.Redactor, budget: privacy.ByteBudget, count: Count
    ) -> None:
        self._policy = policy
        self._redactor = redactor
        self._budget = budget
        self._count = count
        self._scrubber = privacy.Scrubber(
            redactor,
            budget,
            on_redacted=lambda kind, number: count(instruments.SELF_REDACTED, kind, number),
            on_truncated=lambda name: count(instruments.SELF_TRUNCATED, name, 1),
        )

    @property
    def is_wanted(self) -> bool:
        """Whether content goes anywhere."""
        return self._policy.on_spans or self._policy.on_events

    def budget(self) -> privacy.SpanBudget | None:
        """Return what the content of one span may have from its start to its end; None where none goes to spans."""
        return self._budget.for_span() if self._policy.on_spans else None

    def at_start(self, operation: Operation, budget: privacy.SpanBudget | None) -> Attributes:
        """Return the content that is known at the start, for the span."""
        return {} if budget is None else self._written(_inputs(operation), budget)

    def at_end(self, operation: Operation, budget: privacy.SpanBudget | None) -> Attributes:
        """Return the content that the end adds, for the span: also what went in, where that was not known before."""
        return {} if budget is None else self._written((*_inputs(operation), *_outputs(operation)), budget)

    def details(self, operation: Operation) -> Attributes:
        """Return all content of an operation, for its event; empty if content is not wanted there."""
        if not self._policy.on_events:
            return {}
        return self._written((*_inputs(operation), *_outputs(operation)), self._budget.for_span())

    def scrub_span(self, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the attributes of a span (or of its event) that may leave the process, None where all of them may.

        The second line, in front of every exporter, for what other instrumentations have recorded.
        """
        return self._scrubbed(attributes, allowed=self._policy.on_spans)

    def scrub_record(self, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
        """The same for the attributes of a log record."""
        return self._scrubbed(attributes, allowed=self._policy.on_events)

    def _scrubbed(self, attributes: Mapping[str, Any], *, allowed: bool) -> dict[str, Any] | None:
        return self._scrubber.attributes(attributes) if allowed else privacy.scrub_attributes(attributes)

    def exception(self, error: BaseException, budget: privacy.SpanBudget | None) -> Attributes:
        """Return the attributes of an exception's event: its type, and with content on also its words."""
        described: Attributes = {names.EXCEPTION_TYPE: type(error).__qualname__}
        if budget is not None:
            for name, words in (
                (names.EXCEPTION_MESSAGE, attempt("content.exception", str, error)),
                (names.EXCEPTION_STACKTRACE, attempt("content.exception", _stack, error)),
            ):
                if words is not None:
                    described[name] = self._words(name, words, budget)
        return described

    def _words(self, name: str, words: str, budget: privacy.SpanBudget) -> str:
        """Return plain text as it may be written: redacted, and cut to what is left."""
        redacted, replaced = self._redactor.redact(words)
        kept, was_cut = budget.spend(redacted)
        self._report(name, replaced, was_cut=was_cut)
        return kept

    def _written(self, thunks: Iterable[tuple[str, Content | None]], budget: privacy.SpanBudget) -> Attributes:
        """Return content as JSON by the attribute it belongs to."""
        written: Attributes = {}
        for name, thunk in thunks:
            if thunk is None or name in budget.asked_for:
                continue
            budget.asked_for.add(name)
            value = attempt("content.thunk", thunk)
            if value is None or value in ([], {}, ""):
                continue
            captured = privacy.capture(value, budget.next_bytes, self._redactor)
            written[name], _ = budget.spend(captured.text)
            self._report(name, captured.redacted, was_cut=captured.cut)
        return written

    def _report(self, name: str, replaced: Mapping[str, int], *, was_cut: bool) -> None:
        if was_cut:
            self._count(instruments.SELF_TRUNCATED, name, 1)
        for pattern, number in replaced.items():
            self._count(instruments.SELF_REDACTED, pattern, number)


def _stack(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def _inputs(operation: Operation) -> Iterator[tuple[str, Content | None]]:
    if isinstance(operation, ModelCall | AgentRun):
        yield names.SYSTEM_INSTRUCTIONS, operation.system_instructions
    if isinstance(operation, ModelCall | AgentRun | Workflow):
        yield names.INPUT_MESSAGES, operation.input_messages
    if isinstance(operation, ModelCall):
        yield names.TOOL_DEFINITIONS, operation.tool_definitions
    if isinstance(operation, ToolCall | McpCall):
        yield names.TOOL_CALL_ARGUMENTS, operation.arguments
    if isinstance(operation, Retrieval):
        yield names.RETRIEVAL_QUERY, operation.query


def _outputs(operation: Operation) -> Iterator[tuple[str, Content | None]]:
    if isinstance(operation, ModelCall | AgentRun | Workflow):
        yield names.OUTPUT_MESSAGES, operation.output_messages
    if isinstance(operation, ToolCall | McpCall):
        yield names.TOOL_CALL_RESULT, operation.result
    if isinstance(operation, Retrieval):
        yield names.RETRIEVAL_DOCUMENTS, operation.documents
