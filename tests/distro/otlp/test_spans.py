"""Spans are encoded to what the official encoder makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from agentotel.distro.otlp.requests import requests
from agentotel.distro.otlp.spans import encode
from otlp_generated import spans


def decoded(batch):
    """Return what a receiver reads of a batch."""
    message = ExportTraceServiceRequest()
    for request in requests(map(encode, batch)):
        message.MergeFromString(request.body)
    return message


@given(st.lists(spans(), max_size=4))
def test_generated_spans_are_encoded_as_the_official_encoder_does(batch):
    """Whatever a span holds, a receiver reads the same message, to the last field and in the same order."""
    assert decoded(batch) == encode_spans(batch)


def test_a_span_of_the_sdk_is_encoded_as_the_official_encoder_does():
    """A live one, whose attributes, events and links are kept in the SDK's own containers."""
    provider = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    tracer = provider.get_tracer("agentotel", "1.0")
    with tracer.start_as_current_span("outer", attributes={"a": 1, "b": True, "c": 1.0, "d": ("x", "y")}) as outer:
        with tracer.start_as_current_span("inner", kind=SpanKind.CLIENT) as inner:
            inner.add_event("said", {"words": "ä"})
            inner.set_status(StatusCode.ERROR, "failed")
            inner.set_attributes({"a": True, "b": 1, "c": 1})
    assert decoded([inner, outer]) == encode_spans([inner, outer])


def test_halves_of_surrogate_pairs_become_question_marks():
    """The official encoder drops such an attribute, and the whole batch for such a name: here the rest is kept."""
    context = SpanContext(1, 2, is_remote=False)
    batch = [ReadableSpan("a\ud800", context, attributes={"k\udfff": "v\udc80", "tags": ("\ud801",)})]
    with pytest.raises(UnicodeEncodeError):
        encode_spans(batch)
    (span,) = decoded(batch).resource_spans[0].scope_spans[0].spans
    assert (span.name, span.attributes[0].key, span.attributes[0].value.string_value) == ("a?", "k?", "v?")
    assert span.attributes[1].value.array_value.values[0].string_value == "?"
