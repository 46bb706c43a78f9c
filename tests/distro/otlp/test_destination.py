"""Where our exporters send to is what the official exporter was configured with."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from agentotel.distro.otlp.destination import destination_of

SIGNALS = [("traces", OTLPSpanExporter), ("logs", OTLPLogExporter), ("metrics", OTLPMetricExporter)]


def configured(exporter):
    """Return the destination of an exporter that is not used any further."""
    found = destination_of(exporter)
    exporter.shutdown()
    return found


@pytest.mark.parametrize(("signal", "exporter"), SIGNALS)
def test_settings_for_all_signals_count(monkeypatch, signal, exporter):
    """The endpoint gets the signal's path; headers, timeout, compression and certificates are taken over."""
    for name, value in {
        "ENDPOINT": "https://collector.example:4318/base",
        "HEADERS": "api-key=secret",
        "TIMEOUT": "7.5",
        "COMPRESSION": "gzip",
        "CERTIFICATE": "ca.pem",
        "CLIENT_CERTIFICATE": "client.pem",
        "CLIENT_KEY": "client.key",
    }.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    found = configured(exporter())
    headers = {**found.session.headers, **found.headers}
    sent = {name.lower(): value for name, value in headers.items()}
    assert found.url == f"https://collector.example:4318/base/v1/{signal}"
    assert (found.timeout_s, found.compression) == (7.5, "gzip")
    assert (found.session.verify, found.session.cert) == ("ca.pem", ("client.pem", "client.key"))
    assert sent["api-key"] == "secret"
    assert sent["content-type"] == "application/x-protobuf"
    assert sent["content-encoding"] == "gzip"
    assert sent["user-agent"].startswith("OTel-OTLP-Exporter-Python/")


@pytest.mark.parametrize(("signal", "exporter"), SIGNALS)
def test_settings_of_one_signal_go_first(monkeypatch, signal, exporter):
    """Its endpoint is used as it is."""
    for name, value in {"ENDPOINT": "http://other.example/path", "TIMEOUT": "2", "COMPRESSION": "deflate"}.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", "http://no.example" if name == "ENDPOINT" else "none")
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", value)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "9")
    found = configured(exporter())
    assert (found.url, found.timeout_s, found.compression) == ("http://other.example/path", 2, "deflate")


def test_defaults_are_those_of_the_standard():
    """This machine, no compression, certificates checked."""
    found = configured(OTLPSpanExporter())
    assert (found.url, found.compression) == ("http://localhost:4318/v1/traces", "none")
    assert (found.session.verify, found.session.cert) == (True, None)


@pytest.mark.parametrize("exporter", [object(), SimpleNamespace(_client=object()), SimpleNamespace(_endpoint="x")])
def test_an_exporter_of_another_version_does_not_say(exporter):
    """Then it has to do the work itself."""
    assert destination_of(exporter) is None
