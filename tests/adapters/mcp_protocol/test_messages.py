"""Requests, results and errors of the protocol as operations."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.adapters.mcp_protocol import messages
from agentotel.model.operations import McpCall


@pytest.mark.parametrize(
    "method", ["ping", "subscriptions/listen", "notifications/progress", "notifications/cancelled"]
)
def test_what_is_no_work_is_no_operation(method):
    """Signs of life, notifications and subscriptions, which end when the session does."""
    assert messages.request(method, {}, server_side=False) is None


@pytest.mark.parametrize("method", ["tools/call", "prompts/get"])
@pytest.mark.parametrize("kind", [dict, SimpleNamespace])
def test_tools_and_prompts_have_a_name_and_arguments(method, kind):
    """Whether the parameters are a mapping or an object of the SDK."""
    call = messages.request(method, kind(name="n", arguments={"a": 1}), server_side=True)
    assert (call.method, call.name, call.server_side, call.arguments()) == (method, "n", True, {"a": 1})


def test_the_names_of_other_requests_are_not_theirs():
    """What a sampling request calls ``name`` is no tool."""
    assert messages.request("sampling/createMessage", {"name": "x", "arguments": {}}, server_side=False).name is None


def test_resources_are_known_by_their_address():
    """It may be an object of a URL class."""
    call = messages.request(
        "resources/read", {"uri": SimpleNamespace(__str__=None) and "weather://x"}, server_side=True
    )
    assert call.resource_uri == "weather://x"


@pytest.mark.parametrize("result", [{"isError": True}, SimpleNamespace(isError=True), SimpleNamespace(is_error=True)])
def test_a_tools_error_is_a_failure(result):
    """In each of the spellings of the SDK, also inside of what it wraps around results."""
    for answer in (result, SimpleNamespace(root=result)):
        call = McpCall(method="tools/call")
        messages.add_result(call, answer)
        assert call.failure == "tool_error"


@pytest.mark.parametrize("result", [{}, {"isError": False}, {"isError": None}, SimpleNamespace(is_error=False)])
def test_other_results_are_none(result):
    """No word of an error is none."""
    call = McpCall(method="tools/call")
    messages.add_result(call, result)
    assert call.failure is None


def test_the_result_is_content_without_what_is_not_for_the_program():
    """What stands in ``_meta`` is between the two SDKs."""
    call = McpCall(method="tools/call")
    messages.add_result(call, {"content": [], "_meta": {"secret": 1}})
    assert call.result() == {"content": []}


def test_the_answer_to_initialize_tells_the_version():
    """It is what both sides have agreed on."""
    call = McpCall(method="initialize")
    messages.add_result(call, {"protocolVersion": "2025-11-25"})
    assert call.protocol_version == "2025-11-25"


@pytest.mark.parametrize("code", [-32700, -32600, -32601, -32602, -32002])
def test_faults_of_the_client_are_failures_of_the_client_only(code):
    """A server that says no has done its work."""
    client, server = McpCall(), McpCall(server_side=True)
    for call in (client, server):
        messages.add_code(call, code)
    assert (client.status_code, client.failure) == (str(code), str(code))
    assert (server.status_code, server.failure) == (str(code), None)


@given(st.integers().filter(lambda code: code not in {-32700, -32600, -32601, -32602, -32002}), st.booleans())
def test_other_codes_are_failures_of_both(code, server_side):
    """Whatever the number is."""
    call = McpCall(server_side=server_side)
    messages.add_code(call, code)
    assert call.failure == call.status_code == str(code)


def test_only_errors_of_the_protocol_have_a_code():
    """Other exceptions are left to the recorder."""
    call = McpCall()
    assert not messages.add_error(call, ValueError("x"))
    assert call == McpCall()
    error = RuntimeError()
    error.error = SimpleNamespace(code=-32000)
    assert messages.add_error(call, error)
    assert call.failure == "-32000"


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text()))))
def test_the_carrier_has_all_headers_and_nothing_else(meta):
    """Whatever propagators there are, headers are text; the rest of ``_meta`` is none of theirs."""
    texts = {key: value for key, value in meta.items() if isinstance(value, str)}
    assert messages.carrier(meta) == (texts or None)


@pytest.mark.parametrize("meta", [None, 3, "text", object()])
def test_no_meta_is_no_carrier(meta):
    """Whatever a client has sent instead."""
    assert messages.carrier(meta) is None


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("http://127.0.0.1:81/mcp", ("127.0.0.1", 81)),
        ("https://user:secret@example.org/mcp", ("example.org", 443)),
        ("http://[::1]/", ("::1", 80)),
    ],
)
def test_the_server_is_read_from_the_address(url, server):
    """Host and port, and nothing of the rest."""
    call = McpCall()
    messages.add_server(call, url)
    assert (call.server_address, call.server_port, call.transport) == (*server, "tcp")
