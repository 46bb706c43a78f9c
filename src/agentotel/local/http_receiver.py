"""OTLP over HTTP: POST /v1/traces, /v1/metrics and /v1/logs in protobuf and JSON, and /health and /ready."""

from __future__ import annotations

import asyncio
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

from google.rpc import code_pb2, status_pb2  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentotel.local import otlp_json
from agentotel.local.errors import MalformedError, StoreError, StoreFullError, TooLargeError
from agentotel.local.http_body import MAX_BODY_BYTES, BodyReader, MemoryBudget, UnsupportedEncodingError
from agentotel.local.http_guard import BrowserGuard
from agentotel.local.signals import SIGNALS, Signal

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from starlette.requests import Request

    from agentotel.local.batch import Batch
    from agentotel.local.store import Store

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

_BODY_TIMEOUT_S: Final = 30.0
_COMMIT_TIMEOUT_S: Final = 30.0
_RETRY_AFTER_S: Final = "1"
_DECODERS: Final = 2

_STATUSES: Final[dict[type[Exception], tuple[int, int]]] = {
    MalformedError: (400, code_pb2.INVALID_ARGUMENT),
    TooLargeError: (413, code_pb2.INVALID_ARGUMENT),
    UnsupportedEncodingError: (415, code_pb2.INVALID_ARGUMENT),
    StoreFullError: (429, code_pb2.RESOURCE_EXHAUSTED),
    StoreError: (503, code_pb2.UNAVAILABLE),
    ClientDisconnect: (400, code_pb2.CANCELLED),
}
_RETRYABLE: Final = frozenset({429, 503})


class HttpReceiver:
    """The endpoints of OTLP/HTTP in front of a store.

    Args:
        store: Where rows go.
        budget: Memory for the bodies of all requests together.
        body_timeout_s: Seconds that a client may take to send a body.
    """

    def __init__(
        self, store: Store, budget: MemoryBudget | None = None, body_timeout_s: float = _BODY_TIMEOUT_S
    ) -> None:
        self._store = store
        self._budget = budget or MemoryBudget()
        self._body_timeout_s = body_timeout_s
        self._decoders = ThreadPoolExecutor(_DECODERS, "agentotel-decode")

    def app(self, host: str) -> Starlette:
        """Return the ASGI application, to be served on `host`."""
        routes = [Route(signal.path, partial(self._export, signal), methods=["POST"]) for signal in SIGNALS]
        routes += [Route("/health", self._health), Route("/ready", self._ready)]
        return Starlette(routes=routes, middleware=[Middleware(BrowserGuard, host=host)])

    def close(self) -> None:
        """End the decoding threads."""
        self._decoders.shutdown(wait=False, cancel_futures=True)

    async def _export(self, signal: Signal, request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in {PROTOBUF, JSON}:
            return _failure(415, code_pb2.INVALID_ARGUMENT, f"Content-Type must be {PROTOBUF} or {JSON}", JSON)
        try:
            batch = await self._receive(signal, request, as_json=media_type == JSON)
        except tuple(_STATUSES) as error:
            # The traceback goes round in a circle through the task: its frames must not hold a body until then.
            traceback.clear_frames(error.__traceback__)
            status, code = next(value for kind, value in _STATUSES.items() if isinstance(error, kind))
            return _failure(status, code, str(error), media_type)
        except asyncio.TimeoutError:
            return _failure(408, code_pb2.DEADLINE_EXCEEDED, "the body did not arrive in time", media_type)
        return _response(signal.answer(batch), media_type)

    async def _receive(self, signal: Signal, request: Request, *, as_json: bool) -> Batch:
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
            raise TooLargeError(f"a body of {declared} bytes, at most {MAX_BODY_BYTES} are accepted")
        with self._budget.account() as reserve:
            reader = BodyReader(request.headers.get("content-encoding", "").strip().lower(), reserve)
            body = await asyncio.wait_for(reader.read(request.stream()), self._body_timeout_s)
            loop = asyncio.get_running_loop()
            batch = await loop.run_in_executor(self._decoders, partial(signal.read, body, as_json=as_json))
            await self._committed(batch)
        return batch

    async def _committed(self, batch: Batch) -> None:
        future = asyncio.wrap_future(self._store.submit(batch))
        try:
            await asyncio.wait_for(future, _COMMIT_TIMEOUT_S)
        except asyncio.TimeoutError:
            raise StoreError("the store did not commit in time; send it again") from None

    @staticmethod
    async def _health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _ready(self, _: Request) -> Response:
        ready = self._store.ready
        return JSONResponse({"status": "ready" if ready else "stopping"}, 200 if ready else 503)


def _failure(status: int, code: int, message: str, media_type: str) -> Response:
    response = _response(status_pb2.Status(code=code, message=message), media_type, status)
    if status in _RETRYABLE:
        response.headers["Retry-After"] = _RETRY_AFTER_S
    if status == 408:  # noqa: PLR2004 - request timeout: the rest of the body is not wanted any more
        response.headers["Connection"] = "close"
    return response


def _response(message: Message, media_type: str, status: int = 200) -> Response:
    content = otlp_json.serialize(message) if media_type == JSON else message.SerializeToString()
    return Response(content, status, media_type=media_type)
