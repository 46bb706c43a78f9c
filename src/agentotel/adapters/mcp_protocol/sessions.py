"""The SDK before 2.0: sessions that send and serve requests, and have no telemetry of their own.

``BaseSession.send_request`` sends a request and waits for the answer, on clients and, the other way round, on servers.
A request that comes in is made a ``RequestResponder``. Servers hand it to ``Server._handle_request``, each in a task of
its own, but for ``initialize``, which the session answers itself; clients answer theirs in the session. Whoever answers
calls ``RequestResponder.respond``, with the result or with the error: there the operation is completed. The tasks were
started when the connection was made, so what the operation belongs to is in the ``_meta`` of the request only.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from agentotel.adapters.mcp_protocol import messages
from agentotel.model.contract import Call, Intercepted, Note
from agentotel.model.operations import McpCall, Operation

_GENERATION: Final = "<2"


def sent(call: Intercepted) -> McpCall | None:
    """Make the operation of a request that is sent."""
    request = _root(call.argument("request", 0))
    operation = messages.request(request.method, request.params, server_side=False)
    if operation is not None:
        operation.request_id = str(call.instance._request_id)  # noqa: SLF001 - the number that it is going to get
    return operation


def with_headers(call: Intercepted, headers: Any) -> tuple[tuple[Any, ...], Any]:
    """Put headers into the ``_meta`` of a request that is sent, on a copy of it."""
    request = call.argument("request", 0)
    root = _root(request)
    params = root.params if root.params is not None else _model_of(root, "params").model_validate({})
    meta = params.meta if params.meta is not None else _model_of(params, "meta").model_validate({})
    copied = root.model_copy(
        update={"params": params.model_copy(update={"meta": meta.model_copy(update=dict(headers))})}
    )
    if root is not request:
        copied = request.model_copy(update={"root": copied})
    if "request" in call.kwargs:
        return call.args, {**call.kwargs, "request": copied}
    return (copied, *call.args[1:]), call.kwargs


def answered(operation: McpCall, result: Any) -> None:
    """Complete it from the answer that came."""
    messages.add_result(operation, result)


def handled(call: Intercepted) -> McpCall | None:
    """Make the operation of a request that ``Server._handle_request`` serves."""
    return _served(call.argument("message", 0))


def received(call: Intercepted) -> McpCall | None:
    """Make the operation of a request that a client serves."""
    return _served(call.argument("responder", 0))


def initialized(call: Intercepted) -> McpCall | None:
    """Make the operation of ``initialize``, the only request that the session of a server serves by itself."""
    responder = call.argument("responder", 0)
    return _served(responder) if _root(responder.request).method == "initialize" else None


def served(operation: McpCall, result: Any) -> None:
    """Take note of a cancellation by the client, which ends the function like a success."""
    del result
    operation.cancelled = operation.scratch.cancelled
    operation.scratch = None


def note_response(operation: Operation, call: Intercepted) -> None:
    """Complete the operation from what it is answered with."""
    if not isinstance(operation, McpCall) or operation.scratch is not call.instance:
        return
    response = call.argument("response", 0)
    if hasattr(response, "code"):
        messages.add_code(operation, response.code)
    else:
        messages.add_result(operation, response)


def _served(responder: Any) -> McpCall | None:
    request = _root(responder.request)
    operation = messages.request(request.method, request.params, server_side=True)
    if operation is not None:
        operation.request_id = str(responder.request_id)
        operation.carrier = messages.carrier(responder.request_meta)
        operation.scratch = responder
        _add_transport(operation, responder.message_metadata)
    return operation


def _add_transport(operation: McpCall, metadata: Any) -> None:
    """Add what the HTTP request tells that brought the message; without one it came through a pipe."""
    headers = getattr(getattr(metadata, "request_context", None), "headers", None)
    if headers is None:
        operation.transport = messages.PIPE
        return
    operation.transport = messages.TCP
    operation.mcp_session_id = headers.get("mcp-session-id")
    operation.protocol_version = headers.get("mcp-protocol-version")


def _root(request: Any) -> Any:
    return getattr(request, "root", request)


def _model_of(model: Any, name: str) -> Any:
    """Return the class of an optional field of a model: ``Meta`` for ``meta: Meta | None``."""
    annotation = type(model).model_fields[name].annotation
    return next(kind for kind in (*get_args(annotation), annotation) if hasattr(kind, "model_validate"))


CALLS: Final = (
    Call(
        "mcp.shared.session:BaseSession.send_request",
        sent,
        answered,
        inject=with_headers,
        error=messages.add_error,
        supports=_GENERATION,
    ),
    Call("mcp.server.lowlevel.server:Server._handle_request", handled, served, supports=_GENERATION),
    Call("mcp.server.session:ServerSession._received_request", initialized, served, supports=_GENERATION),
    Call("mcp.client.session:ClientSession._received_request", received, served, supports=_GENERATION),
)

NOTES: Final = (Note("mcp.shared.session:RequestResponder.respond", note_response, optional=True),)
