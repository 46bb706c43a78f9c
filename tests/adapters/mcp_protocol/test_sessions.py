"""The first generation of the SDK: what is read from its objects, and where headers go."""

from __future__ import annotations

from importlib.metadata import version
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import types

from agentotel.adapters.mcp_protocol import sessions
from agentotel.model.contract import Intercepted
from agentotel.model.operations import McpCall, ToolCall

pytestmark = pytest.mark.skipif(
    not version("mcp").startswith("1."), reason="the installed SDK is of another generation"
)

HEADERS = {"traceparent": "00-1", "baggage": "user.id=u"}


def sending(*args, **kwargs):
    """Return a call of ``send_request``."""
    session = SimpleNamespace(_request_id=5)
    return Intercepted("mcp.shared.session:BaseSession.send_request", print, session, args, kwargs)


def requests(meta=None):
    """Return requests of each kind: with parameters, with optional ones, with ``_meta`` of the program's own."""
    called = types.CallToolRequestParams(name="t", arguments={"a": 1}, **({"_meta": meta} if meta else {}))
    return [
        types.ClientRequest(types.CallToolRequest(method="tools/call", params=called)),
        types.ClientRequest(types.ListToolsRequest(method="tools/list")),
        types.ServerRequest(types.ListRootsRequest(method="roots/list")),
    ]


@given(st.none() | st.dictionaries(st.sampled_from(["mine", "other/key", "progressToken"]), st.text()), st.booleans())
def test_headers_are_added_to_a_copy_and_nothing_else_changes(meta, by_name):
    """The message has the same fields as before and the headers, and the program's object is as it was."""
    for request in requests(meta):
        before = request.model_dump(by_alias=True, mode="json", exclude_none=True)
        call = sending(request=request, result_type=dict) if by_name else sending(request, dict)
        args, kwargs = sessions.with_headers(call, HEADERS)
        changed = kwargs["request"] if by_name else args[0]
        after = changed.model_dump(by_alias=True, mode="json", exclude_none=True)
        assert request.model_dump(by_alias=True, mode="json", exclude_none=True) == before
        own = before.get("params", {}).get("_meta", {})
        assert after["params"].pop("_meta") == {**own, **HEADERS}
        before.get("params", {}).pop("_meta", None)
        assert after == {"params": {}, **before}
        assert type(changed) is type(request)
        assert type(changed.root) is type(request.root)
        assert len(args) + len(kwargs) == 2


def test_a_request_that_is_sent_has_the_number_that_it_is_going_to_get():
    """The session counts from there on."""
    call = sessions.sent(sending(requests()[0], dict))
    assert (call.method, call.name, call.request_id, call.server_side) == ("tools/call", "t", "5", False)


def responder(request):
    """Return what the SDK makes of a request that comes in."""
    return SimpleNamespace(request=request, request_id=9, request_meta=None, message_metadata=None)


def test_a_request_that_is_served_continues_the_trace_of_its_carrier():
    """The headers are what stands in ``_meta`` besides the fields of the SDK."""
    params = types.CallToolRequestParams.model_validate({"name": "t", "_meta": {"progressToken": 3, **HEADERS}})
    asked = responder(types.ClientRequest(types.CallToolRequest(method="tools/call", params=params)))
    asked.request_meta = params.meta
    call = sessions.handled(Intercepted("t", print, None, (asked, None), {}))
    assert (call.carrier, call.request_id, call.transport, call.server_side) == (HEADERS, "9", "pipe", True)


def test_the_session_of_a_server_serves_initialize_only():
    """Everything else goes to the server, and is seen there."""
    client = types.Implementation(name="c", version="1")
    params = types.InitializeRequestParams(
        protocolVersion="1", capabilities=types.ClientCapabilities(), clientInfo=client
    )
    opening = types.ClientRequest(types.InitializeRequest(method="initialize", params=params))
    assert sessions.initialized(Intercepted("t", print, None, (responder(opening),), {})).method == "initialize"
    assert sessions.initialized(Intercepted("t", print, None, (responder(requests()[0]),), {})) is None


def test_what_is_answered_completes_the_request_that_it_answers():
    """Only its own: a response to another request may be sent inside of it."""
    asked, other = responder(requests()[0]), responder(requests()[0])
    call = McpCall(method="tools/call", server_side=True, scratch=asked)
    answer = types.ServerResult(types.CallToolResult(content=[], isError=True))
    sessions.note_response(call, Intercepted("t", print, other, (answer,), {}))
    sessions.note_response(ToolCall(), Intercepted("t", print, asked, (answer,), {}))
    assert call.failure is None
    sessions.note_response(call, Intercepted("t", print, asked, (answer,), {}))
    assert call.failure == "tool_error"


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_request_that_the_client_has_taken_back_is_cancelled(cancelled):
    """The function that serves it returns as if nothing had happened."""
    call = McpCall(scratch=SimpleNamespace(cancelled=cancelled))
    sessions.served(call, None)
    assert call.cancelled == cancelled
    assert call.scratch is None
