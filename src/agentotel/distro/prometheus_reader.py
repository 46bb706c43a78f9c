"""Lets Prometheus fetch the metrics of this process: a reader, and a small server for ``/metrics``.

`PrometheusReader` owns state: the server. What it shows goes through `prometheus_client`'s registry, so that a
program's own metrics stand on the same page, and ours on a page that the program serves itself.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakMethod
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from opentelemetry.sdk.metrics.export import MetricReader
from prometheus_client import REGISTRY, make_wsgi_app
from prometheus_client.registry import Collector

from agentotel._base.errors import SettingError
from agentotel._base.failopen import attempt
from agentotel.distro import forks
from agentotel.distro.prometheus_page import families

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.metrics.export import MetricsData
    from prometheus_client import Metric as Family

_logger = logging.getLogger("agentotel")

_HOST: Final = "OTEL_EXPORTER_PROMETHEUS_HOST"
_PORT: Final = "OTEL_EXPORTER_PROMETHEUS_PORT"
_ABOUT_THE_PORT: Final = frozenset({errno.EADDRINUSE, errno.EACCES})


class PrometheusReader(MetricReader):
    """Collects when Prometheus asks.

    Listens at once, so that a port that is taken is known at once; answers from `serve` on.

    Args:
        host: Where to listen: a name or an address of this machine.
        port: The same; 0 takes any that is free.
        is_alone: Nobody else exports the metrics.

    Raises:
        SettingError: Nothing can listen there; it names the setting to change.
    """

    def __init__(self, host: str, port: int, *, is_alone: bool = True) -> None:
        super().__init__()
        self._server: _Server | None = _listen(host, port)
        self._collector = _Collector(self)
        self._is_alone = is_alone
        self._has_warned = False
        self._lock = threading.Lock()
        self._received: MetricsData | None = None
        if hasattr(os, "register_at_fork"):
            warn = WeakMethod(self._warn_of_fork)
            os.register_at_fork(after_in_parent=lambda: attempt("prometheus.fork", warn() or int))
        forks.in_child("forks.prometheus", self._leave_to_parent)

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that are listened on, None where nothing is served (any more)."""
        server = self._server
        return None if server is None else (str(server.server_name), server.server_port)

    def serve(self) -> None:
        """Answer from now on; call it when a provider reads from this reader."""
        server = self._server
        if server is not None:
            REGISTRY.register(self._collector)
            threading.Thread(target=server.serve_forever, name="agentotel-metrics", daemon=True).start()
            _logger.info("agentotel: metrics are served on http://%s:%s/metrics", *(self.address or ()))

    def page(self) -> list[Family]:
        """Collect and return what the page shows; clients that come at once each get a page of their own."""
        with self._lock:
            self.collect()
            received, self._received = self._received, None
        return [] if received is None else families(received)

    # --- as a reader of the SDK ---

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        del timeout_millis, kwargs
        self._received = metrics_data

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Do nothing: there is nobody to send anything to."""
        del timeout_millis
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Answer no more, and free the port; nobody waits for requests under way."""
        del timeout_millis, kwargs
        server, self._server = self._server, None
        if server is not None:
            attempt("prometheus.shutdown", REGISTRY.unregister, self._collector)
            threading.Thread(target=_stop, args=(server,), name="agentotel-metrics-end", daemon=True).start()

    # --- forks ---

    def _warn_of_fork(self) -> None:
        """Say once, in the process that is served, that those forked from it are not."""
        address = self.address
        if address is not None and not self._has_warned:
            self._has_warned = True
            level = logging.WARNING if self._is_alone else logging.INFO
            message = (
                "agentotel: what a forked process records is not on http://%s:%s/metrics; "
                "OTEL_METRICS_EXPORTER=otlp,prometheus exports it"
            )
            _logger.log(level, message, *address)

    def _leave_to_parent(self) -> None:
        """Let go of the port: it would else stay taken after the end of the parent."""
        self._lock = threading.Lock()
        server, self._server = self._server, None
        if server is not None:
            server.socket.close()


class _Collector(Collector):
    """A reader as `prometheus_client` wants it."""

    def __init__(self, reader: PrometheusReader) -> None:
        self._reader = reader

    def describe(self) -> list[Family]:
        """Return nothing: what there will be is not known before."""
        return []

    def collect(self) -> list[Family]:
        """Return the families of the present."""
        return attempt("prometheus.page", self._reader.page) or []


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each client in a thread of its own, for which nobody waits."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_port = False

    def __init__(self, family: socket.AddressFamily, address: tuple[Any, ...]) -> None:
        self.address_family = family
        super().__init__(address[:2], _Handler)
        self.set_app(make_wsgi_app(REGISTRY))

    def server_bind(self) -> None:
        """Bind; the standard library would look its own name up in the network."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep a client that has gone away off the program's stderr, where the standard library prints it."""
        del request
        _logger.debug("agentotel: a request for /metrics from %s has failed", client_address)


class _Handler(WSGIRequestHandler):
    timeout = 10
    """Seconds for which a client may be silent."""

    def log_message(self, *args: Any) -> None:
        """Keep requests off the program's stderr."""


def _listen(host: str, port: int) -> _Server:
    try:
        family, address = _resolve(host, port)
        return _Server(family, address)
    except OSError as error:
        if error.errno in _ABOUT_THE_PORT:
            expected = f"a port of {host} that is free and may be listened on ({error.strerror})"
            raise SettingError(_PORT, str(port), expected) from error
        raise SettingError(_HOST, host, f"a name or an address of this machine ({error.strerror})") from error


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """Return where to listen: on IPv4 where there is a choice, as `localhost` is taken for 127.0.0.1 by most."""
    found: Iterable[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address


def _stop(server: _Server) -> None:
    server.shutdown()
    server.server_close()
