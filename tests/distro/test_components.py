"""Exporters and other parts that settings name."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace.export import ConsoleSpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, TraceIdRatioBased

from agentotel.distro import components


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
@pytest.mark.parametrize(("protocol", "module"), [("http/protobuf", "proto.http"), ("grpc", "proto.grpc")])
def test_otlp_is_the_exporter_of_the_protocol(signal, protocol, module):
    """One name, two exporters."""
    (exporter,) = components.exporters(signal, ["otlp"], protocol)
    exporter.shutdown()
    assert module in type(exporter).__module__


@pytest.mark.parametrize(
    ("name", "protocol", "on_dropped", "module"),
    [
        ("otlp", "http/protobuf", print, "agentotel.distro.otlp"),
        ("otlp", "grpc", print, "opentelemetry.exporter.otlp.proto.grpc"),
        ("otlp_proto_http", "http/protobuf", print, "opentelemetry.exporter.otlp.proto.http"),
        ("otlp", "http/protobuf", None, "opentelemetry.exporter.otlp.proto.http"),
    ],
)
@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_our_exporter_speaks_http_where_nobody_asks_for_the_official_one(signal, name, protocol, on_dropped, module):
    """``OTEL_TRACES_EXPORTER=otlp_proto_http`` is OpenTelemetry's own one."""
    (exporter,) = components.exporters(signal, [name], protocol, on_dropped)
    exporter.shutdown()
    assert type(exporter).__module__.startswith(module)


def test_several_exporters_are_given_in_their_order():
    """Each one that is named and can be had."""
    http, console = components.exporters("traces", ["otlp", "none", "console"], "http/protobuf")
    http.shutdown()
    assert isinstance(console, ConsoleSpanExporter)


def test_none_is_no_exporter(caplog):
    """Nobody is warned about what was meant."""
    assert list(components.exporters("logs", ["none"], "grpc")) == []
    assert caplog.records == []


def test_an_exporter_that_is_not_installed_is_named(caplog):
    """With the variable, what it says as one line, and what there is."""
    assert list(components.exporters("traces", ["jae\nger"], "grpc")) == []
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "OTEL_TRACES_EXPORTER=jae\\nger: no such exporter is installed" in record.getMessage()
    assert "console" in record.getMessage()


def test_one_that_cannot_be_started_stops_no_other(monkeypatch, caplog):
    """A port that is in use or an endpoint that is wrong is named; the next exporter is made."""

    def refuse():
        raise OSError("address already in use")

    found = {
        "broken": [SimpleNamespace(name="broken", load=lambda: refuse)],
        "fine": [SimpleNamespace(name="fine", load=lambda: lambda: "an exporter")],
    }
    monkeypatch.setattr(components, "entry_points", lambda group, name=None: found.get(name, []))
    assert list(components.exporters("metrics", ["broken", "fine"], "grpc")) == ["an exporter"]
    (record,) = caplog.records
    assert "OTEL_METRICS_EXPORTER=broken" in record.getMessage()
    assert "address already in use" in record.getMessage()


def test_the_sampler_is_the_users(monkeypatch):
    """With its argument; none where nothing is said, so that the SDK takes its own."""
    monkeypatch.delenv("OTEL_TRACES_SAMPLER", raising=False)
    assert components.sampler() is None
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    assert components.sampler().get_description() == ALWAYS_OFF.get_description()
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    sampler = components.sampler()
    assert isinstance(sampler, TraceIdRatioBased)
    assert sampler.rate == 0.25


def test_ids_are_made_by_the_sdks_generator(monkeypatch):
    """Two ids differ and are valid."""
    monkeypatch.delenv("OTEL_PYTHON_ID_GENERATOR", raising=False)
    generator = components.id_generator()
    assert isinstance(generator, IdGenerator)
    assert 0 < generator.generate_trace_id() != generator.generate_trace_id()
