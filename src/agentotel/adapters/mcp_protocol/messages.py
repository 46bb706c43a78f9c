"""Requests, results and errors of the protocol as operations, whatever object of the SDK they arrive in."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from agentotel.model.operations import McpCall

TOOL_ERROR: Final = "tool_error"
PIPE: Final = "pipe"
TCP: Final = "tcp"

_UNSEEN: Final = frozenset({"ping", "subscriptions/listen"})
"""Requests that are no work: a sign of life, and a subscription, which stays open as long as the session does."""

_WITH_CONTENT: Final = frozenset({"tools/call", "prompts/get"})

_INVALID_PARAMS: Final = -32602
_FAULTS_OF_THE_CLIENT: Final = frozenset({"-32700", "-32600", "-32601", str(_INVALID_PARAMS), "-32002"})
"""Codes with which a server answers a request that it cannot serve: no failure of the server."""


def request(method: str, params: Any, *, server_side: bool, within: object = None) -> McpCall | None:
    """Return the operation of a request, None for what nobody wants to see (pings, notifications).

    Args:
        method: The method of the protocol.
        params: Its parameters: a mapping, or a model of the SDK.
        server_side: Whether it is served here.
        within: Identifies the exchange where two layers of the SDK show the same request. See `Operation.subject`.
    """
    if method in _UNSEEN or method.startswith("notifications/"):
        return None
    call = McpCall(method=method, server_side=server_side, subject=within)
    if method in _WITH_CONTENT:
        call.name = _text(field(params, "name"))
    add_params(call, params)
    return call


def same_client_request(method: str) -> object:
    """Return what stands for "the request with this method that is being sent here", always the same object.

    Inside of sending a request, nothing else sends one with the same method: two of them are one, seen twice.
    """
    return sys.intern(f"mcp client {method}")


def add_params(call: McpCall, params: Any) -> None:
    """Add what the parameters of the request tell besides the name."""
    arguments = field(params, "arguments")
    if call.method in _WITH_CONTENT and arguments is not None:
        call.arguments = lambda: arguments
    if call.method.startswith("resources/"):
        call.resource_uri = _text(field(params, "uri"))


def add_result(call: McpCall, result: Any) -> None:
    """Complete an operation from its result: a mapping, or a model of the SDK."""
    result = getattr(result, "root", result)
    if call.method == "tools/call" and is_error(result):
        call.failure = TOOL_ERROR
    if call.method == "initialize":
        call.protocol_version = _text(field(result, "protocolVersion", "protocol_version"))
    if call.method in _WITH_CONTENT:
        call.result = lambda: _plain(result)


def is_error(result: Any) -> bool:
    """Tell whether the result of a tool says that the tool has failed."""
    return field(result, "isError", "is_error") is True


def add_code(call: McpCall, code: object) -> None:
    """Complete an operation that was answered with a JSON-RPC error."""
    call.status_code = str(code)
    if not (call.server_side and call.status_code in _FAULTS_OF_THE_CLIENT):
        call.failure = call.status_code


def add_error(call: McpCall, error: BaseException) -> bool:
    """Complete an operation from the exception that ended it, if that stands for a JSON-RPC error; tell whether."""
    code = getattr(getattr(error, "error", None), "code", None)
    if code is None and call.server_side and type(error).__name__ == "ValidationError":
        code = _INVALID_PARAMS  # as the SDK answers it
    if code is not None:
        add_code(call, code)
    return code is not None


def add_server(call: McpCall, url: str) -> None:
    """Add where the server of a client over HTTP is."""
    parts = urlsplit(url)
    call.transport = TCP
    call.server_address = parts.hostname
    call.server_port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def carrier(meta: Any) -> dict[str, str] | None:
    """Return the headers of the caller from the ``_meta`` of its request, None where it has sent none."""
    if not isinstance(meta, Mapping):
        meta = getattr(meta, "model_extra", None) or {}
    return {key: value for key, value in meta.items() if isinstance(value, str)} or None


def field(holder: Any, *spellings: str) -> Any:
    """Return a field of a mapping or a model, by the first spelling that it has; None if it has none."""
    for name in spellings:
        value = holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
        if value is not None:
            return value
    return None


def _plain(result: Any) -> Any:
    """Return a result as JSON-able data, without what is not for the program."""
    data = result if isinstance(result, Mapping) else result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return {key: value for key, value in data.items() if key != "_meta"}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
