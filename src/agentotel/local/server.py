"""The embedded backend as one object: receivers, store and queries, started and stopped together."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agentotel._base.errors import printable
from agentotel.local.errors import AddressError, MissingExtraError
from agentotel.local.retention import Retention
from agentotel.local.store import Store

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from typing_extensions import Self

    from agentotel.local.grpc_receiver import GrpcReceiver

LOOPBACK: Final = "127.0.0.1"
OTLP_HTTP_PORT: Final = 4318
OTLP_GRPC_PORT: Final = 4317
QUERY_PORT: Final = 4319
_BACKLOG: Final = 128


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the backend listens.

    Attributes:
        otlp_http: Base URL for ``OTEL_EXPORTER_OTLP_ENDPOINT`` with ``http/protobuf`` or ``http/json``.
        otlp_grpc: The same for ``grpc``.
        query: Base URL of the JSON interface.
    """

    otlp_http: str
    otlp_grpc: str
    query: str


class LocalBackend:
    """OTLP in, SQLite, JSON out, on this machine.

    Args:
        db: The store; made if it is missing.
        host: The address to listen on.
        otlp_http_port: Port of OTLP/HTTP. Any port may be 0: a free one is taken, see `addresses`.
        otlp_grpc_port: Port of OTLP/gRPC.
        port: Port of the JSON interface.
        retention: How long and how much is kept.
        allow_remote: Listen on an address that other machines can reach. Nothing is encrypted and nobody is asked for
            a password, so this has to be said.

    Example:
        >>> with LocalBackend(Path("telemetry.db"), otlp_http_port=0, otlp_grpc_port=0, port=0) as backend:
        ...     print(backend.addresses.otlp_http)  # doctest: +SKIP
    """

    def __init__(
        self,
        db: Path,
        *,
        host: str = LOOPBACK,
        otlp_http_port: int = OTLP_HTTP_PORT,
        otlp_grpc_port: int = OTLP_GRPC_PORT,
        port: int = QUERY_PORT,
        retention: Retention | None = None,
        allow_remote: bool = False,
    ) -> None:
        self._db = db
        self._host = host
        self._ports = (otlp_http_port, otlp_grpc_port, port)
        self._retention = retention or Retention()
        self._allow_remote = allow_remote
        self._stopping = threading.Event()
        self._running = ExitStack()
        self._addresses: Addresses | None = None

    @property
    def addresses(self) -> Addresses:
        """Where it listens; known once it has started."""
        assert self._addresses is not None, "not started"
        return self._addresses

    def start(self) -> None:
        """Start everything, or nothing: return when telemetry can be sent.

        Raises:
            StoreError: The store cannot be used.
            AddressError: A port is in use, or the address may not be listened on.
            MissingExtraError: The extra ``[local]`` is not installed.
        """
        parts = _load_parts()
        if not self._allow_remote and not parts.is_loopback(self._host):
            raise AddressError(
                f"--host={printable(self._host)}: other machines could reach it, and nobody is asked for a password; "
                "expected a loopback address such as 127.0.0.1, or --allow-remote with it"
            )
        with ExitStack() as starting:
            self._start(parts, starting)
            self._running = starting.pop_all()

    def stop(self) -> None:
        """Stop everything: what was received is written first. Stopping twice is allowed."""
        self._stopping.set()
        self._running.close()

    def wait(self) -> None:
        """Wait until somebody calls `stop`, or a signal arrives where `stop_on_signals` was called."""
        self._stopping.wait()

    def stop_on_signals(self) -> None:
        """Let SIGINT and SIGTERM end `wait`. Only the main thread may call it."""

        def end(_number: int, _frame: FrameType | None) -> None:
            self._stopping.set()

        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def _start(self, parts: _Parts, starting: ExitStack) -> None:
        http_port, grpc_port, query_port = self._ports
        http = starting.enter_context(_listener(self._host, http_port, "--otlp-http-port"))
        query = starting.enter_context(_listener(self._host, query_port, "--port"))
        store = Store(self._db, self._retention)
        starting.callback(store.close)
        grpc_receiver = self._grpc_receiver(parts, store, grpc_port)
        starting.callback(grpc_receiver.stop)
        grpc_receiver.start()
        receiver = parts.http_receiver(store)
        starting.callback(receiver.close)
        service = parts.http_service([(receiver.app(self._host), http), (parts.query_app(self._db, self._host), query)])
        service.start()
        starting.callback(service.stop)
        self._addresses = Addresses(
            _url(self._host, http.getsockname()[1]),
            _url(self._host, grpc_receiver.port),
            _url(self._host, query.getsockname()[1]),
        )

    def _grpc_receiver(self, parts: _Parts, store: Store, port: int) -> GrpcReceiver:
        # gRPC would say why only in its own log on stderr.
        _listener(self._host, port, "--otlp-grpc-port").close()
        try:
            receiver: GrpcReceiver = parts.grpc_receiver(store, self._host, port)
        except AddressError:
            raise _in_use(self._host, port, "--otlp-grpc-port", "it is in use") from None
        return receiver


class _Parts(NamedTuple):
    """What needs third-party packages."""

    http_receiver: Any
    grpc_receiver: Any
    http_service: Any
    query_app: Any
    is_loopback: Any


def _load_parts() -> _Parts:
    # Here and not at the top: the packages of the extra [local] may be missing, which needs a better message than a
    # traceback, and they take a quarter of a second, which whoever only imports this module should not pay.
    try:
        from agentotel.local.api import query_app  # noqa: PLC0415
        from agentotel.local.grpc_receiver import GrpcReceiver  # noqa: PLC0415
        from agentotel.local.http_guard import is_loopback  # noqa: PLC0415
        from agentotel.local.http_receiver import HttpReceiver  # noqa: PLC0415
        from agentotel.local.http_service import HttpService  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the embedded backend needs the package {error.name}: pip install 'agentotel[local]'"
        ) from error
    return _Parts(HttpReceiver, GrpcReceiver, HttpService, query_app, is_loopback)


def _listener(host: str, port: int, option: str) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise _in_use(host, port, option, f"unknown address ({error})") from error
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there it would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _in_use(host, port, option, error.strerror or str(error)) from error
    return listener


def _in_use(host: str, port: int, option: str, reason: str) -> AddressError:
    return AddressError(
        f"{option}={port}: cannot listen on {printable(host)} port {port} ({reason}); end the program that listens "
        f"there, or choose another port (0 takes a free one)"
    )


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
