"""Flushing reaches the exporters through all processors."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agentotel.distro.net import ScrubbingSpanProcessor
from agentotel.distro.processors import IdSpanProcessor


def test_a_flush_goes_past_our_processors():
    """No processor of ours makes the provider stop before the one that exports."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    for processor in (IdSpanProcessor(), ScrubbingSpanProcessor(lambda _: None), BatchSpanProcessor(exporter)):
        provider.add_span_processor(processor)
    provider.get_tracer("x").start_span("a").end()
    assert provider.force_flush()
    assert [span.name for span in exporter.get_finished_spans()] == ["a"]
    provider.shutdown()
