"""``agentotel local``: the embedded backend."""

from __future__ import annotations

from pathlib import Path

import click

from agentotel.cli.output import escaped, message, settings, told_plainly
from agentotel.local.retention import Retention
from agentotel.local.server import LOOPBACK, OTLP_GRPC_PORT, OTLP_HTTP_PORT, QUERY_PORT, LocalBackend

_PORT = click.IntRange(0, 65535)


@click.command("local")
@click.option(
    "--db",
    type=click.Path(path_type=Path),
    help="The store, made if it is missing; by default AGENTOTEL_DB, else a file in your state folder.",
)
@click.option("--host", default=LOOPBACK, show_default=True, help="The address to listen on.")
@click.option("--otlp-http-port", type=_PORT, default=OTLP_HTTP_PORT, show_default=True, help="Port of OTLP/HTTP.")
@click.option("--otlp-grpc-port", type=_PORT, default=OTLP_GRPC_PORT, show_default=True, help="Port of OTLP/gRPC.")
@click.option("--port", type=_PORT, default=QUERY_PORT, show_default=True, help="Port of the JSON interface.")
@click.option("--allow-remote", is_flag=True, help="Listen on a host that other machines can reach, unprotected.")
def command(
    *, db: Path | None, host: str, otlp_http_port: int, otlp_grpc_port: int, port: int, allow_remote: bool
) -> None:
    """Receive telemetry (OTLP over HTTP and gRPC) and keep it in one file, until Ctrl-C.

    Port 0 takes a free one; the addresses are printed. How long and how much is kept: AGENTOTEL_RETENTION_AGE and
    AGENTOTEL_RETENTION_SIZE.

    \b
    Examples:
      agentotel local
      agentotel local --db ./telemetry.db --otlp-http-port 14318
      curl http://127.0.0.1:4319/api/traces?since=1h
    """  # noqa: D301 - click knows a block by its backspace
    chosen = settings()
    path = chosen.db if db is None else db
    backend = LocalBackend(
        path,
        host=host,
        otlp_http_port=otlp_http_port,
        otlp_grpc_port=otlp_grpc_port,
        port=port,
        retention=Retention(chosen.retention_age_s, chosen.retention_bytes),
        allow_remote=allow_remote,
    )
    backend.stop_on_signals()
    with told_plainly(), backend:
        _announce(backend, path)
        backend.wait()
    message("stopped; everything that was received is stored")


def _announce(backend: LocalBackend, path: Path) -> None:
    addresses = backend.addresses
    click.echo(f"OTLP/HTTP  {addresses.otlp_http}")
    click.echo(f"OTLP/gRPC  {addresses.otlp_grpc}")
    click.echo(f"queries    {addresses.query}/api/traces")
    click.echo(f"store      {escaped(str(path))}")
    message("ready; Ctrl-C stops it")
