"""What the demo's telemetry must hold: named expectations, each compared with what has arrived.

What the demo program does in any case is in `of_any_run`. What only the scripted model makes certain, down to
each token, is in `of_scripted_run`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agentotel.demo.script import TOOL_ERRORS, TOOL_OUTCOMES, TURNS
from agentotel.model import instruments, names, operations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agentotel.local.records import LogRecord, MetricSeries, Span
    from agentotel.local.trace import Trace
    from agentotel.model.instruments import Instrument

AGENT: Final = "shop-support"
AGENTS: Final = 2
QUESTIONS: Final = 4
CUSTOMERS: Final = {("alice", "acme"), ("bob", "globex")}
STEPS: Final = {"auth_check", "rate_limit", "prepare_request", "parse_response", "format_answer"}
NEAR_ITS_LIMIT: Final = ["bob"]

_COST_DIGITS: Final = 9
_SPAN_TOKENS: Final = {
    "input": names.USAGE_INPUT_TOKENS,
    "output": names.USAGE_OUTPUT_TOKENS,
    "cache_read": names.USAGE_CACHE_READ_TOKENS,
}


@dataclass(frozen=True)
class Evidence:
    """What has arrived of one run of the demo.

    Attributes:
        traces: All its traces.
        logs: All its log records, also those outside a trace.
        metrics: All its series, each with its latest point.
    """

    traces: Sequence[Trace]
    logs: Sequence[LogRecord]
    metrics: Sequence[MetricSeries]

    def spans(self, operation: str | None = None) -> list[Span]:
        """Return the spans that agentotel has recorded: all, or those of one ``gen_ai.operation.name``."""
        return [
            span
            for trace in self.traces
            for span in trace.spans
            if span.origin.scope.name == names.SCOPE and operation in {None, span.operation}
        ]

    def series(self, instrument: Instrument) -> Iterator[MetricSeries]:
        """Yield the series of one metric."""
        return (series for series in self.metrics if series.name == instrument.name)


@dataclass(frozen=True)
class Expectation:
    """One thing that must be so, in words, and what was found."""

    name: str
    expected: Any
    found: Any

    @property
    def met(self) -> bool:
        """Whether it is so."""
        return bool(self.expected == self.found)


def of_any_run(evidence: Evidence) -> list[Expectation]:
    """Return what holds whatever the model answers."""
    return [
        Expectation("each question is a trace with the agent's run at its root", *_roots(evidence)),
        Expectation("every span says whom it was for", CUSTOMERS, _customers(evidence.spans())),
        Expectation("every log record in a trace says so too", CUSTOMERS, _customers(_correlated(evidence))),
        Expectation("the steps around the model calls are on the time line", STEPS, _steps(evidence)),
        Expectation("the program's own log records carry trace and span", QUESTIONS, _written_in(evidence)),
        Expectation("each start of a run is a log record", QUESTIONS, _events(evidence)[names.EVENT_CHAT_STARTED]),
        Expectation("tokens of agent runs are those of their model calls", *_tokens_of_runs(evidence)),
        Expectation(
            "tokens in agent_token_usage are those on the spans",
            *_tokens_of(evidence, instruments.TOKEN_USAGE),
        ),
        Expectation(
            "tokens in gen_ai_client_token_usage are those on the spans",
            *_tokens_of(evidence, instruments.CLIENT_TOKEN_USAGE),
        ),
        Expectation("agent_cost_total is the cost on the spans", *_costs(evidence)),
        Expectation("agent_created_total", AGENTS, _total(evidence, instruments.AGENT_CREATED)),
        Expectation("agent_requests_total by status", {"success": QUESTIONS}, _requests(evidence)),
        Expectation(
            "agent_chat_latency_seconds counts each run",
            QUESTIONS,
            _count(evidence, instruments.CHAT_LATENCY),
        ),
        Expectation("agent_pool_size and agent_pool_max_size", (AGENTS, AGENTS), _pool(evidence)),
    ]


def of_scripted_run(evidence: Evidence) -> list[Expectation]:
    """Return what holds where the model answers by the script."""
    calls, events = evidence.spans(operations.CHAT), _events(evidence)
    failures = sum(TOOL_ERRORS.values())
    return [
        Expectation("each answer of the model is one span", len(TURNS), len(calls)),
        Expectation("their tokens, by kind", _scripted_tokens(), _tokens(calls)),
        Expectation("one call was refused with 429 and tried again", *_retried(evidence)),
        Expectation("streamed answers have a time to first chunk", *_streams(evidence)),
        Expectation("tool executions by outcome", TOOL_OUTCOMES, _tool_spans(evidence)),
        Expectation("agent_tool_calls_total by outcome", TOOL_OUTCOMES, _tool_calls(evidence)),
        Expectation("failed tools by kind of error", TOOL_ERRORS, _tool_errors(evidence)),
        Expectation("agent_errors_total by kind of error", TOOL_ERRORS, _errors(evidence)),
        Expectation("each failed tool is a log record", failures, events[names.EVENT_TOOL_FAILED]),
        Expectation("a warning for the agent near its token limit", NEAR_ITS_LIMIT, _near_limit(evidence)),
        Expectation("every model call has a price", 0, _total(evidence, instruments.COST_UNKNOWN)),
    ]


# --- spans ---


def _roots(evidence: Evidence) -> tuple[list[str], list[str]]:
    run = f"{operations.INVOKE_AGENT} {AGENT}"
    return [run] * QUESTIONS, [root.name for trace in evidence.traces for root in trace.roots]


def _customers(items: Iterable[Span | LogRecord]) -> set[tuple[Any, Any]]:
    return {(item.attributes.get(names.USER_ID), item.attributes.get(names.TENANT_ID)) for item in items}


def _steps(evidence: Evidence) -> set[str]:
    return {span.attributes[names.STEP_NAME] for span in evidence.spans() if names.STEP_NAME in span.attributes}


def _tokens(spans: Iterable[Span]) -> dict[str, int]:
    sums = dict.fromkeys(_SPAN_TOKENS, 0)
    for span in spans:
        for kind, attribute in _SPAN_TOKENS.items():
            sums[kind] += span.attributes.get(attribute, 0)
    return sums


def _tokens_of_runs(evidence: Evidence) -> tuple[dict[str, int], dict[str, int]]:
    return _tokens(evidence.spans(operations.CHAT)), _tokens(evidence.spans(operations.INVOKE_AGENT))


def _scripted_tokens() -> dict[str, int]:
    return {
        "input": sum(turn.input_tokens for turn in TURNS),
        "output": sum(turn.output_tokens for turn in TURNS),
        "cache_read": sum(turn.cached_tokens for turn in TURNS),
    }


def _retried(evidence: Evidence) -> tuple[Any, Any]:
    refused = sum(turn.rate_limited for turn in TURNS)
    spans = [span.attributes for span in evidence.spans(operations.CHAT) if names.RETRIES in span.attributes]
    on_spans = [(attributes[names.RETRIES], attributes.get(names.RATE_LIMITS)) for attributes in spans]
    counted = _total(evidence, instruments.AGENT_RETRIES), _total(evidence, instruments.RATE_LIMITED)
    return ([(1, 1)] * refused, (refused, refused)), (on_spans, counted)


def _streams(evidence: Evidence) -> tuple[int, int]:
    streamed = [
        span
        for span in evidence.spans(operations.CHAT)
        if 0 < span.attributes.get(names.RESPONSE_TIME_TO_FIRST_CHUNK, 0) <= span.duration_s
    ]
    return sum(turn.streamed for turn in TURNS), len(streamed)


def _tool_spans(evidence: Evidence) -> dict[tuple[Any, str], int]:
    spans = evidence.spans(operations.EXECUTE_TOOL)
    return dict(Counter((span.tool, "failed" if span.error else "success") for span in spans))


def _tool_errors(evidence: Evidence) -> dict[Any, int]:
    spans = evidence.spans(operations.EXECUTE_TOOL)
    return dict(Counter(span.attributes.get(names.ERROR_TYPE) for span in spans if span.error))


# --- log records ---


def _correlated(evidence: Evidence) -> list[LogRecord]:
    return [record for record in evidence.logs if record.trace_id]


def _written_in(evidence: Evidence) -> int:
    known = {(span.trace_id, span.span_id) for span in evidence.spans()}
    written = [record for record in evidence.logs if record.body == "question answered"]
    return sum((record.trace_id, record.span_id) in known for record in written)


def _events(evidence: Evidence) -> Counter[str | None]:
    return Counter(record.event_name for record in evidence.logs)


def _near_limit(evidence: Evidence) -> list[Any]:
    warnings = [record for record in evidence.logs if record.event_name == names.EVENT_TOKEN_LIMIT]
    return [record.attributes.get(names.USER_ID) for record in warnings]


# --- metrics ---


def _total(evidence: Evidence, instrument: Instrument) -> float:
    return float(sum(series.point["value"] for series in evidence.series(instrument)))


def _count(evidence: Evidence, instrument: Instrument) -> int:
    return sum(series.point["count"] for series in evidence.series(instrument))


def _tokens_of(evidence: Evidence, instrument: Instrument) -> tuple[dict[str, int], dict[str, int]]:
    on_spans = _tokens(evidence.spans(operations.CHAT))
    label = "type" if instrument is instruments.TOKEN_USAGE else "gen_ai.token.type"
    sums: Counter[str] = Counter()
    for series in evidence.series(instrument):
        sums[series.attributes[label]] += int(series.point["sum"])
    kinds = {kind: on_spans[kind] for kind in ("input", "output")}
    return kinds, {kind: sums[kind] for kind in kinds}


def _costs(evidence: Evidence) -> tuple[tuple[bool, float], tuple[bool, float]]:
    on_spans = sum(span.attributes.get(names.COST, 0.0) for span in evidence.spans(operations.CHAT))
    counted = _total(evidence, instruments.AGENT_COST)
    return (True, round(on_spans, _COST_DIGITS)), (counted > 0, round(counted, _COST_DIGITS))


def _requests(evidence: Evidence) -> dict[str, float]:
    return _by(evidence, instruments.AGENT_REQUESTS, "status")


def _errors(evidence: Evidence) -> dict[str, float]:
    return _by(evidence, instruments.AGENT_ERRORS, "error_type")


def _by(evidence: Evidence, instrument: Instrument, label: str) -> dict[str, float]:
    sums: Counter[str] = Counter()
    for series in evidence.series(instrument):
        sums[series.attributes[label]] += series.point["value"]
    return dict(sums)


def _tool_calls(evidence: Evidence) -> dict[tuple[str, str], float]:
    return {
        (series.attributes["tool_name"], series.attributes["status"]): series.point["value"]
        for series in evidence.series(instruments.TOOL_CALLS)
    }


def _pool(evidence: Evidence) -> tuple[float, float]:
    return _total(evidence, instruments.POOL_SIZE), _total(evidence, instruments.POOL_MAX_SIZE)
