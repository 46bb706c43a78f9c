"""Tokens, cost and budgets: counted once, whoever has seen the call."""

from __future__ import annotations

from contextlib import suppress

import pytest

from agentotel import testing
from agentotel.model.operations import AgentRun, ModelCall, Usage

CALL = {"provider": "openai", "request_model": "gpt-4o-mini"}


def tokens(telemetry, name="agent.token.usage"):
    """Return (records, tokens) over all kinds of a histogram of tokens."""
    points = telemetry.metric(name).values()
    return sum(count for count, _ in points), sum(total for _, total in points)


def client(telemetry, run, inner, usage=None):
    """Record a client of the program around calls of an SDK; `usage` is what the client's own result says."""
    outer = ModelCall(request_model="assistant")
    with run(telemetry.observer, outer):
        for call in inner:
            operation = ModelCall(**CALL)
            with run(telemetry.observer, operation):
                operation.usage = call
        outer.usage = usage


def test_a_client_that_repeats_less_than_the_sdk_knows_takes_nothing_away(telemetry, run):
    """The client's own result has no cached tokens: those that the SDK has seen stay."""
    seen = Usage(input_tokens=50, output_tokens=12, cache_read_tokens=20)
    client(telemetry, run, [seen], Usage(input_tokens=50, output_tokens=12))
    (span,) = telemetry.spans()
    assert span.attributes["gen_ai.usage.cache_read.input_tokens"] == 20
    assert tokens(telemetry) == (3, 82)


def test_a_client_that_sums_up_two_calls_counts_nothing_twice(telemetry, run):
    """Its own result says 130/21 where the calls inside have counted 50/12 and 80/9: 151 tokens in all."""
    with run(telemetry.observer, AgentRun(name="shop")):
        client(telemetry, run, [Usage(50, 12), Usage(80, 9)], Usage(130, 21))
    assert tokens(telemetry) == (4, 151)
    assert tokens(telemetry, "gen_ai.client.token.usage") == (4, 151)
    assert telemetry.span("invoke_agent shop").attributes["gen_ai.usage.input_tokens"] == 130
    calls = [span for span in telemetry.spans() if span.name.startswith("chat")]
    assert sorted(span.attributes["gen_ai.usage.input_tokens"] for span in calls) == [50, 80]
    assert telemetry.metric("agent.cost.unknown") == {}


def test_a_client_whose_first_try_failed_counts_the_second_once(telemetry, run):
    """The call that failed has no tokens, the one that answered has counted its own."""
    outer = ModelCall(request_model="assistant")
    with run(telemetry.observer, outer):
        with suppress(TimeoutError), run(telemetry.observer, ModelCall(**CALL)):
            raise TimeoutError
        with run(telemetry.observer, ModelCall(**CALL, usage=Usage(80, 9))):
            pass
        outer.usage = Usage(80, 9)
    assert tokens(telemetry) == (2, 89)
    assert telemetry.metric("agent.cost.unknown") == {}


def test_a_call_that_is_seen_by_three_layers_is_one(telemetry, run):
    """A gateway around a client around an SDK: one span, one count, with what the lowest layer knows."""
    with run(telemetry.observer, ModelCall(request_model="gateway")):
        with run(telemetry.observer, ModelCall(request_model="assistant")):
            with run(telemetry.observer, ModelCall(**CALL, temperature=0.0, usage=Usage(50, 12))):
                pass
    (span,) = telemetry.spans()
    assert span.name == "chat gpt-4o-mini"
    assert span.attributes["gen_ai.request.temperature"] == 0.0
    assert span.attributes["gen_ai.usage.input_tokens"] == 50
    assert tokens(telemetry) == (2, 62)


def test_a_stream_that_outlives_the_client_counts_for_its_tenant(telemetry, run):
    """Tokens that come after the client has returned: both families, the run, the tenant's cost; nothing unknown."""
    with run(telemetry.observer, AgentRun(name="shop", tenant_id="t1")):
        with run(telemetry.observer, ModelCall(request_model="assistant")):
            call = ModelCall(**CALL)
            inner = telemetry.observer.start(call)
        call.usage = Usage(50, 12)
        inner.stop()
    assert tokens(telemetry) == (2, 62)
    assert tokens(telemetry, "gen_ai.client.token.usage") == (2, 62)
    assert telemetry.span("invoke_agent shop").attributes["gen_ai.usage.input_tokens"] == 50
    ((labels, amount),) = telemetry.metric("agent.cost").items()
    assert dict(labels)["tenant_id"] == "t1"
    assert amount > 0
    assert telemetry.metric("agent.cost.unknown") == {}


def test_a_stream_that_outlives_a_client_which_has_counted_it_adds_nothing(telemetry, run):
    """The client's own result had the tokens already."""
    outer = ModelCall(request_model="assistant")
    with run(telemetry.observer, outer):
        call = ModelCall(**CALL)
        inner = telemetry.observer.start(call)
        outer.usage = Usage(50, 12)
    call.usage = Usage(50, 12)
    inner.stop()
    assert tokens(telemetry) == (2, 62)


def test_a_failed_call_without_tokens_is_no_unknown_cost(telemetry, run):
    """A call that was refused has cost nothing that a price could cover."""
    with pytest.raises(TimeoutError), run(telemetry.observer, ModelCall(**CALL)):
        raise TimeoutError
    assert telemetry.metric("agent.cost.unknown") == {}


def test_the_end_tells_what_agents_cost_in_one_currency_only(telemetry, run):
    """Sums of different currencies would be no amount: the run then has none, the counter has both."""
    with run(telemetry.observer, AgentRun(name="shop")) as recording:
        recording.totals.add(Usage(1, 1), ("USD", 1.0))
        recording.totals.add(Usage(1, 1), ("EUR", 1.0))
    span = telemetry.span("invoke_agent shop")
    assert span.attributes["gen_ai.usage.input_tokens"] == 2
    assert "agent.cost" not in span.attributes


# --- budgets ---


def test_a_budget_that_is_used_up_is_warned_of(run):
    """Once, in the log, with the ids of the call that has used it up."""
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    with testing.recording({"AGENTOTEL_BUDGET": "day=0.1; tenant:acme/day=100"}) as telemetry:
        with run(telemetry.observer, AgentRun(name="shop", tenant_id="acme")):
            for _ in range(2):
                call = ModelCall(provider="openai", request_model="gpt-4o-mini", usage=usage)
                telemetry.observer.start(call).stop()
        assert telemetry.metric("agent.cost")  # what is left for later has been done by then
        (record,) = [record for record in telemetry.logs() if record.event_name == "agent.budget.used"]
        assert record.severity_text == "WARN"
        assert record.attributes["agent.budget.scope"] == "day"
        assert record.attributes["agent.budget.limit"] == 0.1
        assert record.attributes["agent.budget.spent"] == pytest.approx(0.15)
        assert record.attributes["tenant.id"] == "acme"


def test_a_call_that_no_price_covers_is_counted_as_unknown(telemetry, run):
    """A model that nobody knows has no cost, and is no silent zero."""
    with run(telemetry.observer, ModelCall(provider="acme", request_model="m", usage=Usage(input_tokens=50))):
        pass
    assert telemetry.metric("agent.cost") == {}
    assert telemetry.metric("agent.cost.unknown") == {(("model", "m"),): 1}
