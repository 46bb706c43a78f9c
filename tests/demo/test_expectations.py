"""The demo's expectations hold for telemetry as it should be, and fail when anything of it is missing or wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from agentotel.demo.expectations import (
    AGENT,
    AGENTS,
    CUSTOMERS,
    NEAR_ITS_LIMIT,
    QUESTIONS,
    STEPS,
    Evidence,
    Expectation,
    of_any_run,
    of_scripted_run,
)
from agentotel.demo.script import TOOL_ERRORS, TOOL_OUTCOMES, TURNS
from agentotel.local.records import LogRecord, MetricSeries, Origin, Scope, Span
from agentotel.local.trace import Trace
from agentotel.model import instruments, names

ORIGIN = Origin("shop_agent", {}, Scope(names.SCOPE))
COST_OF_A_CALL = 0.00025
QUESTIONS_BY_CUSTOMER = {
    ("alice", "acme"): ("order 1001", "order 1002"),
    ("bob", "globex"): ("order 2001", "warranty"),
}


class Recorded:
    """Builds what a perfect run of the demo would leave in the store."""

    def __init__(self):
        self.count = 0
        self.logs = []
        self.failures = {("refund", "2001"): "tool_error", ("read_file", "1"): "FileNotFoundError"}

    def span(self, trace_id, parent, name, operation=None, *, error=None, tool=None, **attributes):
        """Return a span of one second."""
        self.count += 1
        return Span(
            trace_id=trace_id, span_id=f"{self.count:016x}", parent_span_id=parent, name=name, kind="internal",
            start_ns=self.count, end_ns=self.count + 10**9, status="error" if error else "unset", status_message=None,
            trace_state=None, flags=1, operation=operation, agent=AGENT, model=None, tool=tool,
            attributes=attributes | ({names.ERROR_TYPE: error} if error else {}),
            events=(), links=(), dropped=(0, 0, 0), origin=ORIGIN,
        )  # fmt: skip

    def log(self, span, body, event_name=None, **attributes):
        """Add a log record that was written in `span`."""
        ids = {key: span.attributes[key] for key in (names.USER_ID, names.TENANT_ID)}
        self.logs.append(
            LogRecord(
                shown_ns=1,
                time_ns=1,
                observed_ns=1,
                trace_id=span.trace_id,
                span_id=span.span_id,
                flags=1,
                severity=9,
                severity_text="INFO",
                event_name=event_name,
                body=body,
                attributes=ids | attributes,
                dropped=0,
                origin=ORIGIN,
            )
        )

    def trace(self, number, customer, question):
        """Return the trace of one question."""
        trace_id = f"{number:032x}"
        ids = {names.USER_ID: customer[0], names.TENANT_ID: customer[1]}
        turns = [turn for turn in TURNS if turn.question == question]
        total = tokens(turns)
        root = self.span(trace_id, None, f"invoke_agent {AGENT}", "invoke_agent", **ids, **total)
        self.log(root, "chat started", names.EVENT_CHAT_STARTED)
        self.log(root, "question answered")
        steps = [self.span(trace_id, root.span_id, step, **ids, **{names.STEP_NAME: step}) for step in sorted(STEPS)]
        inside = [span for turn in turns for span in self.turn(trace_id, root.span_id, ids, turn)]
        if customer[0] in NEAR_ITS_LIMIT and question == "warranty":
            self.log(root, "token usage approaching limit", names.EVENT_TOKEN_LIMIT)
        return Trace(trace_id, [root, *steps, *inside])

    def turn(self, trace_id, parent, ids, turn):
        """Yield the model call of a turn, and the tool that it asks for."""
        facts = {**ids, **tokens([turn]), names.COST: COST_OF_A_CALL}
        if turn.rate_limited:
            facts |= {names.RETRIES: 1, names.RATE_LIMITS: 1}
        if turn.streamed:
            facts[names.RESPONSE_TIME_TO_FIRST_CHUNK] = 0.2
        yield self.span(trace_id, parent, "chat gpt-4o-mini", "chat", **facts)
        if turn.tool is not None:
            name, number = turn.tool.name, turn.tool.id.rpartition("_")[2]
            error = self.failures.get((name, number))
            span = self.span(trace_id, parent, f"execute_tool {name}", "execute_tool", tool=name, error=error, **ids)
            if error:
                self.log(span, "tool execution failed", names.EVENT_TOOL_FAILED)
            yield span


def tokens(turns):
    """Return the token attributes of a span that stands for `turns`."""
    return {
        names.USAGE_INPUT_TOKENS: sum(turn.input_tokens for turn in turns),
        names.USAGE_OUTPUT_TOKENS: sum(turn.output_tokens for turn in turns),
        names.USAGE_CACHE_READ_TOKENS: sum(turn.cached_tokens for turn in turns),
    }


def series(instrument, attributes=None, **point):
    """Return one series of a metric."""
    return MetricSeries(
        name=instrument.name, description=None, unit=instrument.unit, kind="sum", temporality="cumulative",
        monotonic=True, metadata={}, attributes=attributes or {}, start_ns=1, time_ns=2, flags=0, point=point,
        exemplars=(), origin=ORIGIN,
    )  # fmt: skip


def perfect_metrics():
    """Return the metrics of a perfect run."""
    sums = {"input": sum(turn.input_tokens for turn in TURNS), "output": sum(turn.output_tokens for turn in TURNS)}
    return [
        *(series(instruments.TOKEN_USAGE, {"type": kind}, sum=float(total), count=9) for kind, total in sums.items()),
        *(
            series(instruments.CLIENT_TOKEN_USAGE, {"gen_ai.token.type": kind}, sum=float(total), count=9)
            for kind, total in sums.items()
        ),
        series(instruments.AGENT_COST, {"tenant_id": "acme"}, value=COST_OF_A_CALL * 4),
        series(instruments.AGENT_COST, {"tenant_id": "globex"}, value=COST_OF_A_CALL * 5),
        series(instruments.AGENT_CREATED, value=AGENTS),
        series(instruments.AGENT_REQUESTS, {"status": "success"}, value=QUESTIONS),
        series(instruments.CHAT_LATENCY, {"agent_id": "agent-1"}, count=2, sum=2.0),
        series(instruments.CHAT_LATENCY, {"agent_id": "agent-2"}, count=2, sum=2.0),
        series(instruments.POOL_SIZE, value=AGENTS),
        series(instruments.POOL_MAX_SIZE, value=AGENTS),
        series(instruments.AGENT_RETRIES, value=1),
        series(instruments.RATE_LIMITED, value=1),
        *(series(instruments.AGENT_ERRORS, {"error_type": kind}, value=count) for kind, count in TOOL_ERRORS.items()),
        *(
            series(instruments.TOOL_CALLS, {"tool_name": tool, "status": status}, value=count)
            for (tool, status), count in TOOL_OUTCOMES.items()
        ),
    ]


@pytest.fixture
def perfect():
    """Return the evidence of a run in which everything is as it should be."""
    recorded = Recorded()
    questions = [(customer, question) for customer in sorted(CUSTOMERS) for question in QUESTIONS_BY_CUSTOMER[customer]]
    traces = [recorded.trace(number, *asked) for number, asked in enumerate(questions, start=1)]
    return Evidence(traces, recorded.logs, perfect_metrics())


def unmet(evidence):
    """Return the names of the expectations that are not met."""
    return {expectation.name for expectation in of_any_run(evidence) + of_scripted_run(evidence) if not expectation.met}


def without_span(evidence, lost):
    """Return the evidence without one span."""
    return replace(
        evidence,
        traces=[Trace(trace.trace_id, [span for span in trace.spans if span is not lost]) for trace in evidence.traces],
    )


def with_attributes(evidence, changed, **attributes):
    """Return the evidence with some attributes of one span changed; None takes one away."""
    kept = {key: value for key, value in (changed.attributes | attributes).items() if value is not None}
    other = replace(changed, attributes=kept)
    return replace(
        evidence,
        traces=[
            Trace(trace.trace_id, [other if span is changed else span for span in trace.spans])
            for trace in evidence.traces
        ],
    )


def test_all_are_met_by_telemetry_as_it_should_be(perfect):
    """A perfect run meets every expectation."""
    assert unmet(perfect) == set()


def test_their_names_tell_them_apart(perfect):
    """No two expectations have the same name."""
    named = Counter(expectation.name for expectation in of_any_run(perfect) + of_scripted_run(perfect))
    assert set(named.values()) == {1}


def test_none_is_met_by_nothing_except_the_absence_of_unknown_prices(perfect):
    """Where nothing has arrived, hardly anything can be met: agreements of empty sums, and nothing without a price."""
    everything = {expectation.name for expectation in of_any_run(perfect) + of_scripted_run(perfect)}
    nothing = Evidence((), (), ())
    agreements = {name for name in everything if name.startswith("tokens ")} | {"every model call has a price"}
    assert unmet(nothing) == everything - agreements


def test_a_lost_span_is_noticed_unless_it_is_one_of_many_steps(perfect):
    """Whichever agent run, model call or tool is missing, some expectation is not met."""
    for span in perfect.spans():
        if span.operation is not None:
            assert unmet(without_span(perfect, span)), span.name


def test_a_step_that_is_never_seen_is_noticed(perfect):
    """A kind of step that is missing from all runs is named."""
    spans = [span for span in perfect.spans() if span.attributes.get(names.STEP_NAME) == "auth_check"]
    evidence = perfect
    for span in spans:
        evidence = without_span(evidence, span)
    assert unmet(evidence) == {"the steps around the model calls are on the time line"}


def test_a_lost_log_record_is_noticed(perfect):
    """Whichever log record is missing, some expectation is not met."""
    for lost in perfect.logs:
        evidence = replace(perfect, logs=[record for record in perfect.logs if record is not lost])
        assert unmet(evidence), lost.body


def test_a_lost_series_is_noticed(perfect):
    """Whichever series of a metric is missing, some expectation is not met."""
    for lost in perfect.metrics:
        evidence = replace(perfect, metrics=[one for one in perfect.metrics if one is not lost])
        assert unmet(evidence), lost.name


def test_a_wrong_number_in_a_metric_is_noticed(perfect):
    """Whichever value is one too high, some expectation is not met."""
    for wrong in perfect.metrics:
        checked = next(key for key in ("value", "sum", "count") if key in wrong.point)
        key = "count" if wrong.name == instruments.CHAT_LATENCY.name else checked
        point = wrong.point | {key: wrong.point[key] + 1}
        evidence = replace(
            perfect, metrics=[replace(one, point=point) if one is wrong else one for one in perfect.metrics]
        )
        assert unmet(evidence), wrong.name


def test_one_token_too_many_is_noticed(perfect):
    """Tokens of a model call are compared with the script, with the run and with both metrics."""
    call = next(span for span in perfect.spans("chat"))
    count = call.attributes[names.USAGE_INPUT_TOKENS] + 1
    assert unmet(with_attributes(perfect, call, **{names.USAGE_INPUT_TOKENS: count})) == {
        "their tokens, by kind",
        "tokens of agent runs are those of their model calls",
        "tokens in agent_token_usage are those on the spans",
        "tokens in gen_ai_client_token_usage are those on the spans",
    }


@pytest.mark.parametrize("attribute", [names.USER_ID, names.TENANT_ID])
def test_a_span_without_its_customer_is_noticed(perfect, attribute):
    """A single span of any kind that does not say whom it was for is enough."""
    for span in perfect.spans():
        assert unmet(with_attributes(perfect, span, **{attribute: None})) == {"every span says whom it was for"}


def test_a_stream_whose_first_chunk_comes_after_its_end_is_noticed(perfect):
    """The time to the first chunk has to lie within the call."""
    stream = next(span for span in perfect.spans("chat") if names.RESPONSE_TIME_TO_FIRST_CHUNK in span.attributes)
    late = {names.RESPONSE_TIME_TO_FIRST_CHUNK: stream.duration_s + 1}
    assert unmet(with_attributes(perfect, stream, **late)) == {"streamed answers have a time to first chunk"}


def test_a_call_without_a_price_is_noticed(perfect):
    """A model call that no price covers is named."""
    evidence = replace(perfect, metrics=[*perfect.metrics, series(instruments.COST_UNKNOWN, value=1)])
    assert unmet(evidence) == {"every model call has a price"}


def test_spans_of_others_do_not_count(perfect):
    """A span that another library has recorded in the same trace changes nothing."""
    trace = perfect.traces[0]
    foreign = replace(trace.spans[-1], span_id="f" * 16, origin=replace(ORIGIN, scope=Scope("httpx")), attributes={})
    evidence = replace(perfect, traces=[Trace(trace.trace_id, [*trace.spans, foreign]), *perfect.traces[1:]])
    assert unmet(evidence) == set()


def test_an_expectation_is_met_by_equality():
    """Only exactly what was expected meets an expectation."""
    assert Expectation("count", 2, 2).met
    assert not Expectation("count", 2, 3).met
