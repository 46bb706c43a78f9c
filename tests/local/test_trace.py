"""Trees of any shape are whole, and tokens and cost are counted once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.local.facets import operation
from agentotel.local.records import Origin, Scope, Span
from agentotel.local.trace import Cost, Trace, arrange
from agentotel.model import names

ORIGIN = Origin("shop", {}, Scope())
INPUT, OUTPUT = names.USAGE_INPUT_TOKENS, names.USAGE_OUTPUT_TOKENS


def span(span_id, parent=None, name="work", start=0, end=None, status="unset", **attributes):
    """Make a span; the operation is found as the decoder finds it."""
    attributes = {key.replace("__", "."): value for key, value in attributes.items()}
    attributes.update(attributes.pop("also", {}))
    return Span(
        trace_id="1" * 32,
        span_id=str(span_id),
        parent_span_id=None if parent is None else str(parent),
        name=name,
        kind="internal",
        start_ns=start,
        end_ns=start if end is None else end,
        status=status,
        status_message=None,
        trace_state=None,
        flags=0,
        operation=operation(name, attributes),
        agent=attributes.get(names.AGENT_NAME),
        model=None,
        tool=None,
        attributes=attributes,
        events=(),
        links=(),
        dropped=(0, 0, 0),
        origin=ORIGIN,
    )


def call(span_id, parent, tokens_in, tokens_out, **attributes):
    """Make a model call."""
    also = {names.OPERATION_NAME: "chat", INPUT: tokens_in, OUTPUT: tokens_out, **attributes.pop("also", {})}
    return span(span_id, parent, "chat gpt-4o", also=also, **attributes)


def run(span_id, parent=None, tokens_in=None, tokens_out=None, agent="support"):
    """Make a run of an agent."""
    usage = {} if tokens_in is None else {INPUT: tokens_in, OUTPUT: tokens_out}
    return span(span_id, parent, f"invoke_agent {agent}", also={
        names.OPERATION_NAME: "invoke_agent", names.AGENT_NAME: agent, **usage})  # fmt: skip


def totals(*spans):
    """Return the tokens of a trace."""
    summary = Trace("1" * 32, spans).summary()
    return summary.input_tokens, summary.output_tokens


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([run(1), call(2, 1, 50, 12), call(3, 1, 80, 9)], (130, 21)),
        ([run(1, None, 130, 21), call(2, 1, 50, 12), call(3, 1, 80, 9)], (130, 21)),
        ([run(1, None, 999, 999), call(2, 1, 50, 12)], (50, 12)),
        ([run(1, None, 130, 21), span(2, 1)], (130, 21)),
        ([run(1), run(2, 1, 7, 3), run(3, 1, 1, 1), call(4, 3, 20, 2)], (27, 5)),
        ([call(1, None, 5, 6), call(2, 1, 9, 9)], (5, 6)),
        ([call(1, 99, 5, 6), call(2, 98, 1, 1)], (6, 7)),
        ([run(1, None, 10, 4), call(2, 1, 0, 0)], (10, 4)),
        ([span(1, None, "Agent.Chat", also={"agent.id": "a", "tokens.input": 9, "tokens.output": 8})], (9, 8)),
        (
            [
                span(1, None, "Agent.Chat", also={"agent.id": "a", "tokens.input": 9, "tokens.output": 8}),
                span(2, 1, "Model.Call", also={"tokens.input": 5, "tokens.output": 4}),
            ],
            (5, 4),
        ),
        (
            [
                span(
                    1,
                    also={
                        "gen_ai.system": "openai",
                        names.REQUEST_MODEL: "gpt-4",
                        "gen_ai.usage.prompt_tokens": 3,
                        "gen_ai.usage.completion_tokens": 2,
                    },
                )
            ],
            (3, 2),
        ),
        ([call(1, None, "many", -5)], (0, 0)),
        ([call(1, None, True, float("nan"))], (0, 0)),
        ([span(1)], (0, 0)),
    ],
)
def test_tokens_are_counted_once(spans, expected):
    """Model calls count; what is around them only where nothing below it does."""
    assert totals(*spans) == expected


def priced(span_id, amount, currency="USD"):
    """Make a model call with a cost."""
    return call(span_id, None, 1, 1, also={names.COST: amount, names.COST_CURRENCY: currency})


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([priced(1, 0.25), priced(2, 0.5), call(3, None, 1, 1)], Cost(0.75, "USD")),
        ([priced(1, 0.25), priced(2, 0.5, "EUR")], Cost(None, "EUR+USD")),
        ([call(1, None, 1, 1)], Cost(None, None)),
        ([span(1, also={names.COST: 3.0, names.COST_CURRENCY: "USD"})], Cost(None, None)),
        ([priced(1, 0.0)], Cost(0.0, "USD")),
        ([priced(1, "free")], Cost(None, None)),
    ],
)
def test_cost_is_that_of_the_model_calls(spans, expected):
    """Currencies are not added up, and an unknown price is not 0."""
    assert Trace("1" * 32, spans).cost() == expected


def test_the_summary():
    """Name of the root, first agent, from the first start to the last end, any error."""
    spans = [
        span("a", None, "POST /chat", start=1_000_000_000, end=5_000_000_000),
        run("b", "a", agent="front"),
        run("c", "b", agent="back"),
        span("d", "c", status="error", start=2_000_000_000, end=6_500_000_000),
    ]
    summary = Trace("1" * 32, sorted(spans, key=lambda each: each.start_ns)).summary()
    assert summary.agent == "front"
    assert (summary.error, summary.spans, summary.duration_s) == (True, 4, 6.5)


def test_a_summary_has_the_documented_keys():
    """The keys that the command line promises, in their order."""
    assert list(Trace("1" * 32, [span(1)]).summary().as_dict()) == [
        "trace_id", "name", "agent", "start", "duration_s", "error", "input_tokens", "output_tokens", "cost",
        "currency", "spans",
    ]  # fmt: skip


def test_a_clock_that_was_set_back():
    """Durations are never negative."""
    spans = [span(1, start=100, end=50)]
    assert spans[0].duration_s == 0
    assert Trace("1" * 32, spans).summary().duration_s == 0


@given(st.lists(st.none() | st.integers(0, 12), min_size=1, max_size=12))
def test_every_span_is_reached_once_whatever_the_parents_are(parents):
    """Orphans, circles and spans that are their own parents included."""
    spans = [span(number, parent) for number, parent in enumerate(parents)]
    roots, children = arrange(spans)
    reached = list(roots)
    for each in reached:
        reached.extend(children.get(each.span_id, ()))
        assert len(reached) <= len(spans)
    assert sorted(each.span_id for each in reached) == sorted(each.span_id for each in spans)


def test_a_very_deep_trace():
    """Ten thousand levels are no recursion."""
    spans = [span(0), *(span(number, number - 1) for number in range(1, 9_999)), call(9_999, 9_998, 3, 4)]
    assert totals(*spans) == (3, 4)
    assert totals(*reversed(spans)) == (3, 4)


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("chat x", {"gen_ai.operation.name": "chat"}, "chat"),
        ("Agent.Chat", {}, "invoke_agent"),
        ("Model.Call", {}, "chat"),
        ("Tool.search", {"tool.name": "search"}, "execute_tool"),
        ("Tool.search", {}, None),
        ("x", {"gen_ai.operation.name": 5}, "5"),
        ("GET /", {}, None),
    ],
)
def test_operations_are_recognised_by_any_of_their_names(name, attributes, expected):
    """The conventions', the guide's, and none where there is none."""
    assert operation(name, attributes) == expected
