"""Requests group what they carry, and have a bounded size."""

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from agentotel.distro.otlp import requests as module
from agentotel.distro.otlp.requests import Encoded, requests

SHOP, BANK = Resource({"service.name": "shop"}), Resource({"service.name": "bank"})
OURS, THEIRS = InstrumentationScope("agentotel"), InstrumentationScope("other")


def encoded(name, resource=SHOP, scope=OURS):
    """Return a span."""
    return Encoded(resource, scope, Span(name=name).SerializeToString())


def read(request):
    """Return the names of the spans of a request, by resource and scope."""
    return [
        (group.resource.attributes[0].value.string_value, scopes.scope.name, [span.name for span in scopes.spans])
        for group in ExportTraceServiceRequest.FromString(request.body).resource_spans
        for scopes in group.scope_spans
    ]


def test_items_stand_with_others_of_their_resource_and_scope():
    """Each resource and scope once, also where they are equal and not the same."""
    again = Resource({"service.name": "shop"})
    items = [encoded("a"), encoded("b", BANK), encoded("c", again), encoded("d", SHOP, THEIRS), encoded("e")]
    (request,) = requests(items)
    assert request.items == 5
    assert read(request) == [
        ("shop", "agentotel", ["a", "c", "e"]),
        ("shop", "other", ["d"]),
        ("bank", "agentotel", ["b"]),
    ]


def test_a_large_batch_becomes_several_requests():
    """None has more than the bound, except for one item that alone has more."""
    items = [encoded(letter * 100) for letter in "abcd"] + [encoded("x" * 1_000), encoded("e")]
    made = list(requests(items, 250))
    assert [request.items for request in made] == [2, 2, 1, 1]
    assert [name[0] for request in made for _, _, names in read(request) for name in names] == list("abcdxe")


def test_nothing_makes_no_request():
    """An empty batch is not sent."""
    assert list(requests([])) == []


def test_what_is_remembered_of_resources_is_bounded():
    """A program that makes a resource per span does not keep them all."""
    for number in range(2 * module._MAX_ORIGINS):
        list(requests([encoded("a", Resource({"service.name": str(number)}))]))
    assert 0 < len(module._resources._known) <= module._MAX_ORIGINS
