"""OTLP over gRPC: the Export methods of the trace, metrics and logs services.

Bodies are taken as bytes and decoded here rather than by gRPC, which would answer a malformed one with INTERNAL.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from agentotel.local.errors import AddressError, MalformedError, StoreError, StoreFullError, TooLargeError
from agentotel.local.http_body import MAX_BODY_BYTES
from agentotel.local.signals import SIGNALS, Signal

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from agentotel.local.store import Store

_WORKERS: Final = 4
_WAITING_CALLS: Final = 16
_COMMIT_TIMEOUT_S: Final = 30.0
_RETRY_AFTER_S: Final = 1

_STATUSES: Final[dict[type[Exception], grpc.StatusCode]] = {
    MalformedError: grpc.StatusCode.INVALID_ARGUMENT,
    TooLargeError: grpc.StatusCode.INVALID_ARGUMENT,
    StoreFullError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    StoreError: grpc.StatusCode.UNAVAILABLE,
    FutureTimeoutError: grpc.StatusCode.UNAVAILABLE,
}


class GrpcReceiver:
    """The services of OTLP/gRPC in front of a store.

    Args:
        store: Where rows go.
        host: The address to listen on.
        port: The port; 0 takes a free one.

    Raises:
        AddressError: The address cannot be listened on.
    """

    def __init__(self, store: Store, host: str, port: int) -> None:
        self._store = store
        self._server = grpc.server(
            ThreadPoolExecutor(_WORKERS, "agentotel-grpc"),
            options=[
                # gRPC holds to this limit while it inflates, too.
                ("grpc.max_receive_message_length", MAX_BODY_BYTES),
                # Without this a second program could listen on the same port and take half of the telemetry.
                ("grpc.so_reuseport", 0),
            ],
            # What is beyond is answered with RESOURCE_EXHAUSTED: a bound on the bodies in memory.
            maximum_concurrent_rpcs=_WORKERS + _WAITING_CALLS,
        )
        self._server.add_generic_rpc_handlers(tuple(self._handler(signal) for signal in SIGNALS))
        self.port = self._listen(host, port)

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self, grace_s: float = 2.0) -> None:
        """Refuse new calls, wait at most `grace_s` seconds for those that run, and end."""
        self._server.stop(grace_s).wait()

    def _listen(self, host: str, port: int) -> int:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = int(self._server.add_insecure_port(address))
        except RuntimeError:
            bound = 0
        if not bound:
            raise AddressError(f"{address}: cannot be listened on")
        return bound

    def _handler(self, signal: Signal) -> grpc.GenericRpcHandler:
        method = grpc.unary_unary_rpc_method_handler(
            partial(self._export, signal), response_serializer=lambda message: message.SerializeToString()
        )
        return grpc.method_handlers_generic_handler(signal.service, {"Export": method})

    def _export(self, signal: Signal, body: bytes, context: Any) -> Any:
        try:
            batch = signal.read(body)
            self._store.submit(batch).result(_COMMIT_TIMEOUT_S)
        except tuple(_STATUSES) as error:
            status = _status_of(error)
            if status is grpc.StatusCode.RESOURCE_EXHAUSTED:
                # Without RetryInfo a client must take RESOURCE_EXHAUSTED for final.
                context.set_trailing_metadata((("grpc-status-details-bin", _retry_details(str(error))),))
            context.abort(status, str(error) or "the store did not commit in time; send it again")
            raise AssertionError from error  # abort always raises
        return signal.answer(batch)


def _status_of(error: Exception) -> grpc.StatusCode:
    return next(status for kind, status in _STATUSES.items() if isinstance(error, kind))


def _retry_details(message: str) -> bytes:
    details = any_pb2.Any()
    details.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=_RETRY_AFTER_S)))
    status: Message = status_pb2.Status(
        code=grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], message=message, details=[details]
    )
    return status.SerializeToString()
