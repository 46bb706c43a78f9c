"""The backend's own JSON interface: the questions of the command line over HTTP, for programs on this machine."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentotel.local import query
from agentotel.local.errors import StoreError
from agentotel.local.filters import SINCE, Filters
from agentotel.local.http_guard import BrowserGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from starlette.requests import Request

_TEXT_FILTERS: Final = frozenset(
    field.name for field in fields(Filters) if field.name not in {"since_s", "error", "where", "limit"}
)
_KNOWN: Final = _TEXT_FILTERS | {"since", "error", "where", "limit"}
_MAX_LIMIT: Final = 10_000


class QueryError(ValueError):
    """A parameter of a request that cannot be understood."""


def query_app(path: Path, host: str) -> Starlette:
    """Return the ASGI application that answers questions to the store at `path`, to be served on `host`.

    ``GET /api/traces``, ``/api/traces/{id}``, ``/api/logs``, ``/api/metrics`` with the filters of the command line as
    parameters (``since=1h``, ``agent=``, ``where=KEY=VALUE``, ``error=true``, ``limit=``), and ``/health``.
    """
    routes = [
        Route("/api/traces", partial(_list, path, query.traces)),
        Route("/api/traces/{trace_id}", partial(_trace, path)),
        Route("/api/logs", partial(_list, path, query.logs)),
        Route("/api/metrics", partial(_list, path, query.metrics)),
        Route("/health", _health),
    ]
    handlers: Any = {QueryError: _bad_request, StoreError: _unavailable}
    return Starlette(routes=routes, middleware=[Middleware(BrowserGuard, host=host)], exception_handlers=handlers)


def filters_of(pairs: Sequence[tuple[str, str]]) -> Filters:
    """Return the filters that the parameters of a request ask for.

    Raises:
        QueryError: One of them is unknown or has a value that cannot be used.
    """
    given: dict[str, Any] = {}
    where = []
    for name, value in pairs:
        if name not in _KNOWN:
            raise QueryError(f"unknown parameter {name[:50]!r}; expected one of {', '.join(sorted(_KNOWN))}")
        if name == "where":
            where.append(_pair(value))
        else:
            given.update([_CASTS.get(name, _text)(name, value)])
    return Filters(**given, where=tuple(where))


def _text(name: str, value: str) -> tuple[str, Any]:
    return name, value


def _since(_: str, value: str) -> tuple[str, Any]:
    try:
        return "since_s", SINCE.cast(value)
    except ValueError:
        raise QueryError(f"since: expected {SINCE.expected}") from None


def _error(name: str, value: str) -> tuple[str, Any]:
    if value not in {"true", "false", "1", "0"}:
        raise QueryError("error: expected true or false")
    return name, value in {"true", "1"}


def _limit(name: str, value: str) -> tuple[str, Any]:
    if not value.isdecimal() or not 1 <= int(value[:9]) <= _MAX_LIMIT:
        raise QueryError(f"limit: expected a whole number from 1 to {_MAX_LIMIT}")
    return name, int(value)


_CASTS: Final[dict[str, Callable[[str, str], tuple[str, Any]]]] = {"since": _since, "error": _error, "limit": _limit}


def _pair(value: str) -> tuple[str, str]:
    key, equals, expected = value.partition("=")
    if not key or not equals:
        raise QueryError("where: expected KEY=VALUE")
    return key, expected


async def _list(path: Path, ask: Callable[[Path, Filters], Sequence[Any]], request: Request) -> Response:
    filters = filters_of(request.query_params.multi_items())
    return await asyncio.to_thread(lambda: JSONResponse([item.as_dict() for item in ask(path, filters)]))


async def _trace(path: Path, request: Request) -> Response:
    found = await asyncio.to_thread(query.trace, path, request.path_params["trace_id"])
    if found is None:
        return JSONResponse({"message": "no such trace"}, 404)
    return await asyncio.to_thread(lambda: JSONResponse(found.as_dict()))


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _bad_request(_: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, 400)


async def _unavailable(_: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, 503)
