"""A program that sets the SDK up itself: everything works for it as without us, and its processors see our spans."""

from __future__ import annotations

import pytest

AGENT = """
class WeatherAgent:
    def chat(self, question):
        with trace.get_tracer("mine").start_as_current_span("inner"):
            return question

"""
START = """
import sys
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

def launched():
    from agentotel.distro import entry_points, configurator
    entry_points.AgentotelDistro().configure()
    configurator.AgentotelConfigurator().configure()

memory = InMemorySpanExporter()
"""
SEEN = """
WeatherAgent().chat("hello")
print(*sorted(span.name for span in memory.get_finished_spans()))
"""
SET = """
provider = TracerProvider(resource=Resource({"service.name": "theirs"}))
trace.set_tracer_provider(provider)
provider.add_span_processor(SimpleSpanProcessor(memory))
assert trace.get_tracer_provider() is provider
"""


def only(signal, collector):
    """Return settings that export one signal, to `collector`."""
    off = {f"OTEL_{other.upper()}_EXPORTER": "none" for other in {"traces", "metrics", "logs"} - {signal}}
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **off}


@pytest.mark.parametrize("order", [START + "launched()" + SET, START + SET + "launched()"], ids=["after", "before"])
def test_their_processors_and_our_collector_get_every_span(run_program, collector, order):
    """Whether the program sets its provider after the launcher has started us (the usual way) or before."""
    done = run_program(order + AGENT + SEEN, **only("traces", collector))
    assert done.stdout.split("\n")[0] == "inner invoke_agent WeatherAgent"
    assert done.stderr == ""
    assert sorted(span.name for span in collector.spans()) == ["inner", "invoke_agent WeatherAgent"]
    inner, run = sorted(collector.spans(), key=lambda span: span.name)
    assert inner.parent_span_id == run.span_id
    assert "theirs" in str(collector.requests["traces"])


def test_no_span_arrives_twice_where_the_program_exports_to_the_same_collector(run_program, collector):
    """Its own exporter is enough then."""
    theirs = SET.replace("SimpleSpanProcessor(memory)", "BatchSpanProcessor(OTLPSpanExporter())")
    source = START + "launched()" + theirs + AGENT + "WeatherAgent().chat('hello')"
    run_program(source, **only("traces", collector))
    assert sorted(span.name for span in collector.spans()) == ["inner", "invoke_agent WeatherAgent"]


def test_a_second_provider_is_refused_as_opentelemetry_does(run_program, collector):
    """The first one of the program stays the global one, and the warning is OpenTelemetry's."""
    source = START + "launched()" + SET + "trace.set_tracer_provider(TracerProvider())\n" + AGENT + SEEN
    done = run_program(source, **only("traces", collector))
    assert done.stdout.split("\n")[0] == "inner invoke_agent WeatherAgent"
    assert done.stderr == "Overriding of current TracerProvider is not allowed\n"
    assert len(collector.spans()) == 2


def test_what_ends_after_their_shutdown_still_reaches_our_collector(run_program, collector):
    """A program that shuts its provider down before its last work is done loses its own copy only."""
    source = START + "launched()" + SET + AGENT + 'provider.shutdown()\nWeatherAgent().chat("hello")'
    run_program(source, **only("traces", collector))
    assert len(collector.spans()) == 2


def test_a_meter_provider_of_the_program_becomes_global_and_our_metrics_go_on(run_program, collector):
    """Its readers get what it measures, our Collector what we measure."""
    theirs = "provider = MeterProvider()\nmetrics.set_meter_provider(provider)\n"
    seen = "print(metrics.get_meter_provider() is provider)\n"
    source = START + "launched()\n" + theirs + seen + AGENT + 'WeatherAgent().chat("hello")'
    done = run_program(source, **only("metrics", collector))
    assert done.stdout == "True\n"
    assert done.stderr == ""
    assert collector.metrics("agent.requests")


def test_a_provider_around_the_sdks_is_seen_through(run_program, collector):
    """Some libraries set a provider of their own that passes everything on to the SDK's, under ``provider``."""
    theirs = """
class Passing(trace.TracerProvider):
    def __init__(self, provider):
        self.provider = provider

    def get_tracer(self, *args, **kwargs):
        return self.provider.get_tracer(*args, **kwargs)

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(Passing(provider))
"""
    done = run_program(START + "launched()\n" + theirs + AGENT + SEEN, **only("traces", collector))
    assert done.stdout.split("\n")[0] == "inner invoke_agent WeatherAgent"
    assert len(collector.spans()) == 2


def test_a_provider_that_is_not_the_sdks_becomes_global_and_our_spans_go_on(run_program, collector):
    """Nothing can be joined to it."""
    theirs = "trace.set_tracer_provider(trace.NoOpTracerProvider())\n"
    source = START + "launched()\n" + theirs + AGENT + 'WeatherAgent().chat("hello")'
    run_program(source, **only("traces", collector))
    assert [span.name for span in collector.spans()] == ["invoke_agent WeatherAgent"]
