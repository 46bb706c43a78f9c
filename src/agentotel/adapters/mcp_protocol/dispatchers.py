"""The SDK from 2.0 on: dispatchers between client and server, and OpenTelemetry spans of its own.

The SDK makes a SERVER span around everything that a server does for a message, with the ``_meta`` of the message as
its parent: that is adopted. It makes a CLIENT span in the one dispatcher that writes messages, which ends before it
knows whether the tool has failed, and none in the dispatcher that calls a server in the same process; so sending is
patched in both dispatchers, and the CLIENT span is the same operation seen again (it counts if a later version of
the SDK should send in another place). It makes none where a client serves a request of the server: patched too.

What its spans do not tell is read where it passes inside of them (the notes): the number of the request, arguments
and result, and the HTTP server that a client talks to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentotel.adapters.mcp_protocol import messages
from agentotel.model.contract import SUPPRESSED, Call, Intercepted, Native, NativeSpan, Note, Suppressed
from agentotel.model.operations import McpCall, Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

_GENERATION: Final = ">=2"
_SENT: Final = "MCP send "
_IN_PROCESS: Final = "mcp.shared.direct_dispatcher:DirectDispatcher._dispatch_request"


def sent(call: Intercepted) -> McpCall | None:
    """Make the operation of a request that a dispatcher sends."""
    method, params, options = _arguments(call)
    operation = messages.request(method, params, server_side=False, within=messages.same_client_request(method))
    if operation is not None:
        headers = messages.field(options, "headers") or {}
        operation.protocol_version = messages.field(headers, "mcp-protocol-version")
        if call.target == _IN_PROCESS:
            operation.transport = messages.PIPE
    return operation


def with_headers(call: Intercepted, headers: Mapping[str, str]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Put headers into the ``_meta`` of a request that is sent, on a copy of its parameters."""
    _, params, _ = _arguments(call)
    meta = messages.field(params, "_meta") or {}
    changed = {**(params or {}), "_meta": {**meta, **headers}}
    if "params" in call.kwargs:
        return call.args, {**call.kwargs, "params": changed}
    return (call.args[0], changed, *call.args[2:]), call.kwargs


def served_by_client(call: Intercepted) -> McpCall | None:
    """Make the operation of a request that a client serves."""
    dispatched, method, params = call.argument("dctx", 0), call.argument("method", 1), call.argument("params", 2)
    operation = messages.request(method, params, server_side=True)
    if operation is not None:
        operation.request_id = _text(dispatched.request_id)
        operation.carrier = messages.carrier(messages.field(params, "_meta"))
    return operation


def answered(operation: McpCall, result: Any) -> None:
    """Complete it from the answer."""
    messages.add_result(operation, result)


def native_start(span: NativeSpan) -> McpCall | Suppressed:
    """Make the operation of a span of the SDK."""
    attributes = span.attributes
    method, server_side = str(attributes.get("mcp.method.name", "")), span.kind == "server"
    within = None if server_side else messages.same_client_request(method)
    params = {"name": _name_in(span, method)}
    operation = messages.request(method, params, server_side=server_side, within=within)
    if operation is None:
        return SUPPRESSED
    operation.request_id = _text(attributes.get("jsonrpc.request.id"))
    operation.protocol_version = _text(attributes.get("mcp.protocol.version"))
    return operation


def native_end(operation: McpCall, span: NativeSpan) -> bool:
    """Complete it from what the SDK has set; an exception that is no JSON-RPC error is seen by the recorder."""
    code = span.attributes.get("rpc.response.status_code")
    if code is not None:
        messages.add_code(operation, code)
    return code is not None


def fastmcp_start(span: NativeSpan) -> Suppressed | None:
    """Leave out the span that FastMCP makes around sending; its one around serving, instead of the SDK's, stays."""
    return SUPPRESSED if span.kind == "client" else None


def note_written(operation: Operation, call: Intercepted) -> None:
    """Learn the id of the request that is being sent."""
    message = call.argument("message", 0)
    sending = _open_call(operation, getattr(message, "method", None), server_side=False)
    if sending is not None:
        sending.request_id = _text(getattr(message, "id", None))


def note_posted(operation: Operation, call: Intercepted) -> None:
    """Learn which HTTP server gets the request."""
    context = call.argument("ctx", 0)
    message = context.session_message.message
    sending = _open_call(operation, getattr(message, "method", None), server_side=False)
    if sending is not None and sending.request_id == _text(getattr(message, "id", None)):
        messages.add_server(sending, call.instance.url)
        sending.mcp_session_id = context.session_id


def note_validated(operation: Operation, call: Intercepted) -> None:
    """Learn the parameters of the request that is being served."""
    serving = _open_call(operation, call.argument("method", 0), server_side=True)
    if serving is not None:
        messages.add_params(serving, call.argument("params", 2))


def note_serialized(operation: Operation, call: Intercepted) -> None:
    """Learn the result of the request that is being served, and its session: only HTTP has sessions with an id."""
    serving = _open_call(operation, call.argument("method", 0), server_side=True)
    if serving is None:
        return
    messages.add_result(serving, call.argument("result", 2))
    session = call.instance.connection.session_id
    if session is not None:
        serving.transport, serving.mcp_session_id = messages.TCP, session


def _open_call(operation: Operation, method: str | None, *, server_side: bool) -> McpCall | None:
    """Return the innermost operation if it is the request that a note is about."""
    if isinstance(operation, McpCall) and (operation.method, operation.server_side) == (method, server_side):
        return operation
    return None


def _arguments(call: Intercepted) -> tuple[str, Any, Any]:
    return call.argument("method", 0), call.argument("params", 1), call.argument("opts", 2)


def _name_in(span: NativeSpan, method: str) -> str | None:
    """Return the tool or prompt that a span of the SDK names: the CLIENT one does so in its own name only."""
    named = span.attributes.get("gen_ai.tool.name") or span.attributes.get("gen_ai.prompt.name")
    if named is None and span.name.startswith(f"{_SENT}{method} "):
        named = span.name.removeprefix(f"{_SENT}{method} ")
    return named if isinstance(named, str) else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _sending(target: str) -> Call:
    return Call(target, sent, answered, inject=with_headers, error=messages.add_error, supports=_GENERATION)


CALLS: Final = (
    _sending("mcp.shared.jsonrpc_dispatcher:JSONRPCDispatcher.send_raw_request"),
    _sending(_IN_PROCESS),
    Call(
        "mcp.client.session:ClientSession._on_request",
        served_by_client,
        answered,
        error=messages.add_error,
        supports=_GENERATION,
    ),
)

NOTES: Final = (
    Note("mcp.shared.jsonrpc_dispatcher:JSONRPCDispatcher._write", note_written, optional=True),
    Note("mcp.client.streamable_http:StreamableHTTPTransport._handle_post_request", note_posted, optional=True),
    Note("mcp_types.methods:validate_client_request", note_validated, optional=True),
    Note("mcp.server.runner:ServerRunner._serialize", note_serialized, optional=True),
)

NATIVES: Final = (Native("mcp-python-sdk", native_start, native_end), Native("fastmcp", fastmcp_start))
