"""The second generation of the SDK: its own spans, and where headers go."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.adapters.mcp_protocol import dispatchers
from agentotel.model.contract import SUPPRESSED, Intercepted, NativeSpan
from agentotel.model.operations import McpCall, ToolCall

JSON = st.recursive(st.none() | st.booleans() | st.text(), st.lists, max_leaves=4)
SERVED = {
    "mcp.method.name": "tools/call",
    "mcp.protocol.version": "2026-07-28",
    "jsonrpc.request.id": "7",
    "gen_ai.tool.name": "get weather",
}
SENT = {"mcp.method.name": "tools/call", "jsonrpc.request.id": "7"}


def sending(*args, **kwargs):
    """Return a call of ``send_raw_request``."""
    return Intercepted("mcp.shared.jsonrpc_dispatcher:JSONRPCDispatcher.send_raw_request", print, None, args, kwargs)


@pytest.mark.parametrize(
    "span",
    [
        NativeSpan("tools/call get weather", "server", SERVED),
        NativeSpan("MCP send tools/call get weather", "client", SENT),
    ],
    ids=["server", "client"],
)
def test_a_span_of_the_sdk_tells_the_request(span):
    """The one of a client has the tool in its own name only."""
    call = dispatchers.native_start(span)
    assert (call.method, call.name, call.request_id) == ("tools/call", "get weather", "7")
    assert call.server_side == (span.kind == "server")
    assert call.protocol_version == span.attributes.get("mcp.protocol.version")


@pytest.mark.parametrize("method", ["ping", "notifications/initialized"])
def test_spans_of_what_is_no_work_are_left_out(method):
    """The SDK makes one for each message."""
    assert dispatchers.native_start(NativeSpan(method, "server", {"mcp.method.name": method})) is SUPPRESSED


def test_the_sdks_span_is_the_request_that_is_being_sent():
    """Sending and its span are one and the same; serving is another matter."""
    sent = dispatchers.sent(sending("tools/call", {"name": "x"}))
    span = dispatchers.native_start(NativeSpan("MCP send tools/call x", "client", SENT))
    assert sent.subject is span.subject
    assert dispatchers.native_start(NativeSpan("tools/call x", "server", SERVED)).subject is None
    assert dispatchers.sent(sending("tools/list", {})).subject is not sent.subject


def test_fastmcp_adds_no_other_client_to_a_request():
    """It wraps the client of the SDK, which is seen already; its server takes the place of the SDK's."""
    assert dispatchers.fastmcp_start(NativeSpan("tools/call x", "client", {})) is SUPPRESSED
    assert dispatchers.fastmcp_start(NativeSpan("tools/call x", "server", {})) is None


@pytest.mark.parametrize(
    ("attributes", "decided", "failure"),
    [
        ({"error.type": "-32603", "rpc.response.status_code": "-32603"}, True, "-32603"),
        ({"error.type": "-32602", "rpc.response.status_code": "-32602"}, True, None),
        ({"error.type": "tool_error"}, False, None),
        ({}, False, None),
    ],
)
def test_the_end_of_a_span_tells_the_code(attributes, decided, failure):
    """Without a code the status that the SDK has set speaks for itself."""
    call = McpCall(method="tools/call", server_side=True)
    assert dispatchers.native_end(call, NativeSpan("tools/call", "server", attributes)) == decided
    assert call.failure == failure


@given(
    st.none() | st.dictionaries(st.text().filter(lambda key: key != "_meta"), JSON),
    st.none() | st.dictionaries(st.text(), JSON),
    st.booleans(),
)
def test_headers_are_added_to_a_copy_and_nothing_else_changes(params, meta, by_name):
    """Whatever the program sends, and however it is passed."""
    if meta is not None:
        params = {**(params or {}), "_meta": meta}
    before = copy.deepcopy(params)
    call = sending("m", params=params, opts=None) if by_name else sending("m", params, None)
    args, kwargs = dispatchers.with_headers(call, {"traceparent": "00-1"})
    changed = kwargs["params"] if by_name else args[1]
    assert params == before
    assert changed == {**(before or {}), "_meta": {**(meta or {}), "traceparent": "00-1"}}
    assert args == (("m",) if by_name else ("m", changed, None))
    assert kwargs == ({"params": changed, "opts": None} if by_name else {})


def test_notes_are_taken_by_the_request_that_they_are_about_only():
    """An operation of something else around a message of the SDK stays what it is."""
    message = SimpleNamespace(method="tools/call", id=3)
    note = Intercepted("t", print, None, (message,), {})
    mine, other, tool = McpCall(method="tools/call"), McpCall(method="tools/list"), ToolCall()
    for operation in (mine, other, tool, served := McpCall(method="tools/call", server_side=True)):
        dispatchers.note_written(operation, note)
    assert (mine.request_id, other.request_id, served.request_id) == ("3", None, None)
    assert tool == ToolCall()
