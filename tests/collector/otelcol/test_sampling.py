"""The gateway keeps failed, slow, expensive, looping and interrupted runs, a share of the rest, and nothing else."""

from __future__ import annotations

import pytest

from backend_programs import OPERATIONS, Collector, wait_until
from collector.otelcol.otlp_sink import Sink, plain
from collector.otelcol.otlp_traffic import new_trace, send, send_http, span, spans

pytestmark = pytest.mark.backends

KEPT = {
    "failed": {"error": "the model said no"},
    "slow": {"seconds": 31.0},
    "expensive": {"attributes": {"agent.cost": 0.11}},
    "expensive as a whole number": {"attributes": {"agent.cost": 2}},
    "looping": {"attributes": {"agentotel.loop.detected": True}},
    "interrupted": {"attributes": {"agentotel.interrupted": True}},
    "priced by another library": {"attributes": {"openinference.span.kind": "LLM", "llm.cost.total": 0.5}},
}
DROPPED = {
    "plain": {},
    "nearly slow": {"seconds": 29.0},
    "cheap": {"attributes": {"agent.cost": 0.09}},
    "not looping": {"attributes": {"agentotel.loop.detected": False}},
}
DECISIONS = "otelcol_processor_tail_sampling_global_count_traces_sampled"


def trace_of(name, **telling):
    """Return the three spans of a run of which one model call is telling; its root comes last, as it does in life."""
    trace = new_trace()
    root = span(f"{name} root", {"gen_ai.operation.name": "invoke_agent"}, trace=trace)
    model = span(f"{name} model", trace=trace, parent=root.span_id, **telling)
    tool = span(f"{name} tool", trace=trace, parent=root.span_id)
    return model, tool, root


def decided(gateway):
    """Return about how many traces the gateway has decided."""
    return gateway.own_metric(DECISIONS)


@pytest.mark.parametrize("case", KEPT)
def test_a_trace_worth_keeping_is_kept_whole(gateway, case):
    """One telling span is enough, and all spans of the trace stay, though they came over two connections."""
    model, tool, root = trace_of(case, **KEPT[case])
    send(gateway, spans(model))
    send_http(gateway, spans(tool, root))
    wanted = {model.name, tool.name, root.name}
    arrived = lambda: [it.name for it in gateway.sink.spans() if it.trace_id == root.trace_id]  # noqa: E731
    wait_until(lambda: len(arrived()) >= len(wanted), "the whole trace arrives")
    assert sorted(arrived()) == sorted(wanted)


@pytest.mark.parametrize("case", DROPPED)
def test_any_other_trace_is_dropped(gateway, case):
    """With a share of 0 percent nothing arrives of a trace that has nothing to tell."""
    before = decided(gateway)
    send(gateway, spans(*trace_of(case, **DROPPED[case])))
    wait_until(lambda: decided(gateway) > before, "the gateway has decided")
    # What is kept goes through a queue of its order: a later trace that is kept shows that this one would be there.
    last = trace_of(f"after {case}", error="e")
    send(gateway, spans(*last))
    wait_until(lambda: gateway.sink.span(last[-1].name), "a later trace arrives")
    assert [it.name for it in gateway.sink.spans() if it.name.startswith(f"{case} ")] == []


def test_a_span_that_comes_late_shares_the_decision(gateway):
    """After the decision a late span of a kept trace is passed on, and that of a dropped one is not."""
    kept, dropped = trace_of("late kept", error="e"), trace_of("late dropped")
    before = decided(gateway)
    send(gateway, spans(*kept, *dropped))
    wait_until(lambda: decided(gateway) >= before + 2, "both are decided")
    send(gateway, spans(span("latecomer of dropped", {"agentotel.loop.detected": True}, trace=dropped[0].trace_id)))
    send(gateway, spans(span("latecomer of kept", trace=kept[0].trace_id)))
    wait_until(lambda: gateway.sink.span("latecomer of kept"), "the late span of the kept trace arrives")
    assert gateway.sink.span("latecomer of dropped") is None


def test_span_metrics_count_what_is_dropped_as_well(gateway):
    """They are made before the sampling, so they are exact whatever is kept."""
    for _ in range(7):
        send(gateway, spans(span("counted and dropped")))

    def calls():
        return max(
            (
                point.as_int
                for _, metric in gateway.sink.metrics("traces.span.metrics.calls")
                for point in metric.sum.data_points
                if plain(point.attributes)["span.name"] == "counted and dropped"
            ),
            default=0,
        )

    assert wait_until(lambda: calls() >= 7 and calls(), "the calls are counted") == 7


@pytest.mark.parametrize(("percent", "expected"), [("100", 20), ("0", 0)])
def test_the_knobs_are_obeyed(tmp_path, sink, percent, expected):
    """The share, the threshold of cost and that of slowness are variables."""
    knobs = {
        "OTELCOL_SAMPLING_WAIT_AFTER_ROOT": "1s",
        "OTELCOL_SAMPLING_PERCENT": percent,
        "OTELCOL_SAMPLING_COST": "5",
        "OTELCOL_SAMPLING_SLOW_MS": "60000",
    }
    rest = [span("rest", {"agent.cost": 4.9}, seconds=50) for _ in range(20)]
    telling = [span("dear", {"agent.cost": 5.0}), span("slow", seconds=61)]
    with Collector(tmp_path, [OPERATIONS / "otelcol" / "gateway.yaml"], {**sink.environment(), **knobs}) as collector:
        send(collector, spans(*rest, *telling))
        wait_until(lambda: decided(collector) >= len(rest) + len(telling), "everything is decided")
        wait_until(lambda: len(sink.spans()) >= expected + len(telling), "what is kept arrives")
        send(collector, spans(span("dear at last", {"agent.cost": 9.0})))
        wait_until(lambda: sink.span("dear at last"), "what came later arrives")
    names = [it.name for it in sink.spans()]
    assert (names.count("rest"), names.count("dear"), names.count("slow")) == (expected, 1, 1)


def test_what_waits_for_its_decision_survives_a_stop(tmp_path):
    """A stop decides about the traces that still wait, and what is kept of them is sent after the next start."""
    configuration = OPERATIONS / "otelcol" / "gateway.yaml"
    with Sink() as sink:
        knobs = {**sink.environment(), "OTELCOL_SAMPLING_PERCENT": "0", "OTELCOL_SAMPLING_WAIT_AFTER_ROOT": "10m"}
        with Collector(tmp_path, [configuration], knobs) as collector:
            send(collector, spans(span("waiting", error="e"), span("waiting and plain")))
            collector.stop()
        with Collector(tmp_path, [configuration], knobs):
            wait_until(lambda: sink.span("waiting"), "the trace arrives")
        assert [it.name for it in sink.spans()] == ["waiting"]
