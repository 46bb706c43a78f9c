"""Everything that a span, a log record and a resource can hold, as Jaeger and Loki give it back, for each protocol."""

from __future__ import annotations

import json

import pytest

from agentotel.model import names
from backend_programs import wait_until
from backend_programs.jaeger import attributes
from e2e.backends.launching import environment, launch

pytestmark = pytest.mark.backends

ERROR, INTERNAL, PRODUCER = 2, 1, 4


@pytest.fixture(scope="module", params=["http/protobuf", "grpc"])
def recorded(request, stack, tmp_path_factory):
    """Run the program with every field; give its service, the spans of both traces, and what it says of them."""
    service = f"fields-{request.param.partition('/')[0]}"
    environ = environment(
        stack.collector,
        request.param,
        service,
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test,shop.floor=3",
    )
    done = launch("every_field.py", folder=tmp_path_factory.mktemp("fields"), environ=environ)
    linked, everything = json.loads(done.stdout)
    traces = wait_until(
        lambda: (found := stack.jaeger.traces(service)) and sum(map(len, found.values())) == 4 and found, "four spans"
    )
    spans = {span["name"]: span for spans in traces.values() for span in spans}
    return {"service": service, "spans": spans, "linked": linked, "everything": everything, "stack": stack}


def test_ids_tree_and_kind_are_what_the_program_recorded(recorded):
    """Two traces: the linked span alone, and the other one above the agent's run, which is above the tool."""
    spans = recorded["spans"]
    top, agent, tool = (spans[name] for name in ("everything", "invoke_agent field", "execute_tool broken"))
    assert [top["traceId"], top["spanId"]] == recorded["everything"]
    assert [spans["linked to"]["traceId"], spans["linked to"]["spanId"]] == recorded["linked"]
    assert agent["parentSpanId"] == top["spanId"]
    assert tool["parentSpanId"] == agent["spanId"]
    assert {span["traceId"] for span in (agent, tool)} == {top["traceId"]}
    assert [span["kind"] for span in (top, agent, tool)] == [PRODUCER, INTERNAL, INTERNAL]
    assert int(top["startTimeUnixNano"]) <= int(agent["startTimeUnixNano"]) <= int(tool["startTimeUnixNano"])
    assert int(tool["endTimeUnixNano"]) <= int(agent["endTimeUnixNano"]) <= int(top["endTimeUnixNano"])


def test_attributes_of_every_type_keep_their_type(recorded):
    """Texts, whole numbers, fractions and booleans come back as they were; Jaeger's memory keeps lists as JSON."""
    found = attributes(recorded["spans"]["everything"])
    assert {name: value for name, value in found.items() if name not in names_of_ids()} == {
        "text": "wörd ✓",
        "whole": -(2**53) - 1,
        "real": 0.1,
        "yes": True,
        "texts": '["a",""]',
        "wholes": "[1,2]",
        "reals": "[1.5]",
        "flags": "[true,false]",
    }


def names_of_ids():
    """Return the attributes that say whom something was for."""
    return {names.REQUEST_ID, names.USER_ID, names.TENANT_ID, names.SESSION_ID}


def test_events_links_and_status_arrive(recorded):
    """The link leads to the other trace, the event has its attributes, errors their status and type."""
    spans = recorded["spans"]
    top, tool = spans["everything"], spans["execute_tool broken"]
    (link,) = top["links"]
    assert [link["traceId"], link["spanId"]] == recorded["linked"]
    assert attributes(link) == {"opentracing.ref_type": "follows_from"}, "Jaeger keeps no attributes of links"
    (event,) = top["events"]
    assert (event["name"], attributes(event)) == ("half way", {"percent": 50})
    assert top["status"] == {"code": ERROR, "message": "QuotaExceeded"}
    assert tool["status"]["code"] == ERROR
    assert attributes(tool)[names.ERROR_TYPE] == "LookupError"
    (raised,) = tool["events"]
    assert (raised["name"], attributes(raised)[names.EXCEPTION_TYPE]) == ("exception", "LookupError")
    assert "no such order" not in json.dumps(tool), "content is off"


def test_scope_and_resource_arrive(recorded):
    """The program's own scope has its version, and the resource what the environment says."""
    top, agent = recorded["spans"]["everything"], recorded["spans"]["invoke_agent field"]
    assert (top["scope"]["name"], top["scope"]["version"]) == ("fields", "1.2.3")
    assert agent["scope"]["name"] == names.SCOPE
    for span in (top, agent):
        resource = attributes(span["resource"])
        assert resource["service.name"] == recorded["service"]
        assert resource["deployment.environment.name"] == "test"
        assert resource["shop.floor"] == "3"
        assert resource["service.instance.id"]


def test_a_log_record_keeps_its_level_its_span_and_its_attributes(recorded):
    """The program's own record stands in Loki under the span in which it was written."""
    agent = recorded["spans"]["invoke_agent field"]
    (line,) = wait_until(
        lambda: recorded["stack"].loki.query(f'{{service_name="{recorded["service"]}"}} |= "about to break"'),
        "the line",
    )
    labels = line["labels"]
    assert (labels["trace_id"], labels["span_id"]) == (agent["traceId"], agent["spanId"])
    assert (labels["severity_text"], labels["scope_name"], labels["attempt"]) == ("ERROR", "field", "3")
    assert (labels["user_id"], labels["tenant_id"], labels["gen_ai_agent_id"]) == ("dave", "hooli", "field-1")
