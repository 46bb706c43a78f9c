"""Metrics made of spans have the names that Jaeger reads, seconds as unit, and buckets for calls that take minutes."""

from __future__ import annotations

import pytest

from backend_programs import wait_until
from collector.otelcol.otlp_sink import plain
from collector.otelcol.otlp_traffic import counter, send, span, spans

pytestmark = pytest.mark.backends

BOUNDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800]


def points(collector, name, span_name):
    """Return the resource and the data points of a metric of the spans of a name, the newest last."""
    found = []
    for resource, metric in collector.sink.metrics(name):
        data = metric.sum if metric.HasField("sum") else metric.histogram
        found += [(resource, metric, it) for it in data.data_points if plain(it.attributes)["span.name"] == span_name]
    return found


def test_durations_are_seconds_in_buckets_for_models(local):
    """A call of 45 s and one of 400 s are told apart, with exactly their sum, and point to their traces."""
    calls = [span("chat gpt-5", seconds=45), span("chat gpt-5", seconds=400)]
    send(local, spans(*calls))
    duration = "traces.span.metrics.duration"
    wait_until(
        lambda: any(it.count == 2 for _, _, it in points(local, duration, "chat gpt-5")), "both calls are counted"
    )
    _, metric, point = points(local, duration, "chat gpt-5")[-1]
    assert (metric.unit, list(point.explicit_bounds), point.count) == ("s", BOUNDS, 2)
    assert point.sum == pytest.approx(445)
    counts = dict(zip([*BOUNDS, float("inf")], point.bucket_counts, strict=True))
    assert {bound for bound, count in counts.items() if count} == {60, 600}
    exemplars = {it.trace_id for _, _, it in points(local, duration, "chat gpt-5") for it in it.exemplars}
    assert exemplars == {it.trace_id for it in calls}


def test_calls_tell_agent_model_tool_and_outcome(local):
    """The dimensions are those of agents; ids of users and requests are none, however many there are."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.agent.name": "planner",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.tool.name": "search",
        "error.type": "timeout",
    }
    send(local, spans(*(span("bounded", {**attributes, "user.id": f"u{it}"}, error="e") for it in range(5))))
    wait_until(lambda: points(local, "traces.span.metrics.calls", "bounded"), "the counter arrives")
    series = {
        tuple(sorted(plain(it.attributes).items()))
        for _, _, it in points(local, "traces.span.metrics.calls", "bounded")
    }
    assert len(series) == 1
    labels = dict(series.pop())
    assert labels.pop("collector.instance.id", None) is not False
    assert labels == {
        **attributes,
        "service.name": "shop",
        "span.name": "bounded",
        "span.kind": "SPAN_KIND_CLIENT",
        "status.code": "STATUS_CODE_ERROR",
    }


def test_the_names_of_a_scrape_are_those_that_jaeger_reads(local):
    """The scrape endpoint offers traces_span_metrics_calls_total and ..._duration_seconds_bucket for each service."""
    send(local, spans(span("scraped span")))

    def lines(name):
        return [it for it in local.scraped().splitlines() if it.startswith(name) and 'span_name="scraped span"' in it]

    assert wait_until(lambda: lines("traces_span_metrics_calls_total{"), "the counter is there")
    buckets = lines("traces_span_metrics_duration_seconds_bucket{")
    assert len(buckets) == len(BOUNDS) + 1
    assert all('service_name="shop"' in it and 'span_kind="SPAN_KIND_CLIENT"' in it for it in buckets)
    assert all('job="shop"' in it for it in buckets)


def test_the_scrape_endpoint_shows_the_agents_metrics_with_job_and_instance(local):
    """Two processes of a service are two instances; labels that only describe the process are left away."""
    for instance, value in (("bot-1", 3), ("bot-2", 4)):
        resource = {
            "service.name": "bot",
            "service.instance.id": instance,
            "process.command_args": ["python", "bot.py"],
            "telemetry.sdk.version": "1.45.1",
        }
        send(local, counter("agent.requests", value, {"agent_name": "planner", "status": "success"}, resource))

    def lines():
        return [it for it in local.scraped().splitlines() if it.startswith("agent_requests_total{")]

    wait_until(lambda: len(lines()) == 2, "both instances are there")
    values = {
        instance: line.rpartition("} ")[2].split()[0]
        for line in lines()
        for instance in ("bot-1", "bot-2")
        if f'instance="{instance}"' in line
    }
    assert {key: float(value) for key, value in values.items()} == {"bot-1": 3, "bot-2": 4}
    assert all('job="bot"' in it and 'agent_name="planner"' in it for it in lines())
    assert not any("process_command" in it or "telemetry_sdk_version" in it for it in lines())


def test_a_program_without_an_instance_id_gets_one(local):
    """Host and process stand in, so that two processes of another SDK are not one series that jumps."""
    resource = {"service.name": "old", "host.name": "h1", "process.pid": 17}
    send(local, counter("old.requests", 1, {}, resource))
    assert wait_until(lambda: 'instance="h1:17"' in local.scraped(), "the series has an instance")
