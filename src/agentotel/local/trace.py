"""One trace as a tree: who is whose child, and the tokens and cost of it all, counted once."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentotel.local.facets import INPUT_TOKENS, MODEL_CALLS, OUTPUT_TOKENS, first
from agentotel.local.records import LogRecord, Span, rfc3339
from agentotel.model import names, operations

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Tokens:
    """Input and output tokens."""

    input: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What model calls cost. Both None where no call has a price.

    Attributes:
        amount: In `currency`; None where calls were priced in several currencies, which have no sum.
        currency: Its code; several, joined by ``+``, where there are several.
    """

    amount: float | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    """One line of a list of traces.

    Attributes:
        agent: Name of the agent that was invoked first.
        error: Whether any of its spans ended with an error.
        spans: How many there are.
    """

    trace_id: str
    name: str
    agent: str | None
    start_ns: int
    duration_s: float
    error: bool
    input_tokens: int
    output_tokens: int
    cost: float | None
    currency: str | None
    spans: int

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "trace_id": self.trace_id,
            "name": self.name,
            "agent": self.agent,
            "start": rfc3339(self.start_ns),
            "duration_s": self.duration_s,
            "error": self.error,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": self.cost,
            "currency": self.currency,
            "spans": self.spans,
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """All that is known of one trace.

    Attributes:
        spans: In the order of their starts; at least one.
        logs: The log records that were written inside it, in the order of their times.
        roots: Spans without a parent here.
        children: The children of each span by its id, in the order of their starts.
    """

    trace_id: str
    spans: Sequence[Span]
    logs: Sequence[LogRecord] = ()
    roots: Sequence[Span] = field(init=False)
    children: dict[str, list[Span]] = field(init=False)

    def __post_init__(self) -> None:
        """Arrange the spans once."""
        roots, children = arrange(self.spans)
        object.__setattr__(self, "roots", roots)
        object.__setattr__(self, "children", children)

    def tokens(self) -> dict[str, Tokens]:
        """Return the tokens of each span by its id, those of its descendants included, each counted once.

        A model call has its own. Any other span has the sum of its children's, or, where that is nothing, what it says
        about itself: an agent that reports the usage of model calls which nobody recorded.
        """
        totals: dict[str, Tokens] = {}
        for span in reversed(self._parents_first()):
            own = own_tokens(span)
            if span.operation in MODEL_CALLS:
                totals[span.span_id] = own
                continue
            below = add_tokens(totals[child.span_id] for child in self.children.get(span.span_id, ()))
            totals[span.span_id] = Tokens(below.input or own.input, below.output or own.output)
        return totals

    def cost(self) -> Cost:
        """Return what its model calls cost."""
        by_currency: dict[str, float] = defaultdict(float)
        for span in self.spans:
            cost = own_cost(span)
            if span.operation in MODEL_CALLS and cost.amount is not None:
                by_currency[cost.currency or ""] += cost.amount
        if len(by_currency) > 1:
            return Cost(None, "+".join(sorted(by_currency)))
        for currency, amount in by_currency.items():
            return Cost(amount, currency or None)
        return Cost()

    def summary(self) -> TraceSummary:
        """Return its line in a list of traces."""
        start_ns = min(span.start_ns for span in self.spans)
        totals = self.tokens()
        tokens = add_tokens(totals[root.span_id] for root in self.roots)
        cost = self.cost()
        return TraceSummary(
            trace_id=self.trace_id,
            name=self.roots[0].name,
            agent=next((span.agent for span in self.spans if span.operation == operations.INVOKE_AGENT), None),
            start_ns=start_ns,
            duration_s=max(0, max(span.end_ns for span in self.spans) - start_ns) / 1e9,
            error=any(span.error for span in self.spans),
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cost=cost.amount,
            currency=cost.currency,
            spans=len(self.spans),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON: its summary, with the spans themselves and the log records."""
        spans = [span.as_dict() for span in self.spans]
        return {**self.summary().as_dict(), "spans": spans, "logs": [record.as_dict() for record in self.logs]}

    def _parents_first(self) -> list[Span]:
        order = list(self.roots)
        for span in order:  # grows while it is walked: no recursion, however deep the tree
            order.extend(self.children.get(span.span_id, ()))
        return order


def arrange(spans: Sequence[Span]) -> tuple[list[Span], dict[str, list[Span]]]:
    """Return the roots and the children by parent id.

    Every span is reached exactly once from the roots, also where spans name each other as parents: one span of such a
    circle becomes a root.
    """
    parents = _acyclic_parents(spans)
    children: dict[str, list[Span]] = defaultdict(list)
    roots = []
    for span in spans:
        parent = parents[span.span_id]
        if parent is None:
            roots.append(span)
        else:
            children[parent].append(span)
    return roots, dict(children)


def _acyclic_parents(spans: Sequence[Span]) -> dict[str, str | None]:
    known = {span.span_id for span in spans}
    parents = {span.span_id: span.parent_span_id if span.parent_span_id in known else None for span in spans}
    done: set[str] = set()
    for span in spans:
        path: dict[str, None] = {}  # ordered, and quick to search: a chain may be thousands of spans long
        node: str | None = span.span_id
        while node is not None and node not in done and node not in path:
            path[node] = None
            node = parents[node]
        if node is not None and node in path:
            parents[node] = None
        done.update(path)
    return parents


def own_tokens(span: Span) -> Tokens:
    """Return the tokens that a span itself states, under any of the names in use."""
    return Tokens(
        _count(first(span.attributes, INPUT_TOKENS)),
        _count(first(span.attributes, OUTPUT_TOKENS)),
    )


def own_cost(span: Span) -> Cost:
    """Return the cost that a span itself states."""
    amount = span.attributes.get(names.COST)
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not math.isfinite(amount):
        return Cost()
    currency = span.attributes.get(names.COST_CURRENCY)
    return Cost(float(amount), currency if isinstance(currency, str) else None)


def add_tokens(parts: Iterable[Tokens]) -> Tokens:
    """Return the sum of `parts`."""
    total_input = total_output = 0
    for part in parts:
        total_input += part.input
        total_output += part.output
    return Tokens(total_input, total_output)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0
    return max(0, int(value))
