"""``agentotel demo``: an agent program that knows nothing of agentotel, seen end to end."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentotel.cli.filter_options import store_path
from agentotel.cli.output import console, message, told_plainly
from agentotel.cli.rendering import render_trace
from agentotel.demo.run import COMMAND, has_real_model, run_program
from agentotel.local.errors import AddressError
from agentotel.local.server import LOOPBACK, OTLP_HTTP_PORT, LocalBackend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentotel.demo.run import Finished


@click.command("demo")
@click.option("--once", is_flag=True, help="End after the run; status 0 only if all that was expected arrived.")
@click.option(
    "--db",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The store. Default: that of `agentotel local`; with --once a temporary one.",
)
@click.option("--offline", is_flag=True, help="Use the scripted model even if OPENAI_API_KEY is set.")
def command(*, once: bool, db: Path | None, offline: bool) -> None:
    r"""Run a small agent program under opentelemetry-instrument and show its telemetry.

    The program is a shop's support desk: two agents, two customers, tools that work and tools that fail. Its model is a
    scripted one on this machine, unless OPENAI_API_KEY is set: then it is the real one.

    \b
    Examples:
      agentotel demo
      agentotel demo --once --offline
      agentotel demo --once --db demo.db && agentotel traces --db demo.db
    """
    with told_plainly(), _store(db, once=once) as store, _backend(store, free_ports=once) as backend:
        finished = _run(backend.addresses.otlp_http, store, offline=offline or not has_real_model())
        if not once:
            message(_what_next(backend, store))
            backend.stop_on_signals()
            backend.wait()
    if once:
        message(_what_next_after(db))
        sys.exit(1 if finished.unmet else 0)


@contextmanager
def _store(db: Path | None, *, once: bool) -> Iterator[Path]:
    if db is not None:
        yield db
    elif not once:
        yield store_path(None)
    else:
        with tempfile.TemporaryDirectory(prefix="agentotel-demo-") as folder:
            yield Path(folder) / "telemetry.db"


@contextmanager
def _backend(store: Path, *, free_ports: bool) -> Iterator[LocalBackend]:
    backend = _started_where_agents_look(store) if not free_ports else None
    if backend is None:
        backend = LocalBackend(store, otlp_http_port=0, otlp_grpc_port=0, port=0)
        backend.start()
    try:
        yield backend
    finally:
        backend.stop()


def _started_where_agents_look(store: Path) -> LocalBackend | None:
    backend = LocalBackend(store)
    try:
        backend.start()
    except AddressError as error:
        message(f"{error}. The demo takes free ports instead.")
        return None
    return backend


def _run(endpoint: str, store: Path, *, offline: bool) -> Finished:
    model = "a scripted one on this machine" if offline else "the real one, with your OPENAI_API_KEY"
    message(f"embedded backend: {endpoint}, store {store}\nmodel: {model}\n$ {' '.join(COMMAND)}\n")
    finished = run_program(endpoint, store, offline=offline)
    output = console()
    click.echo(finished.said)
    for trace in finished.evidence.traces:
        render_trace(trace, output)
        output.print()
    _report(finished)
    return finished


def _report(finished: Finished) -> None:
    for unmet in finished.unmet:
        click.echo(f"not met: {unmet.name}\n  expected {unmet.expected!r}\n  found    {unmet.found!r}")
    total = len(finished.expectations)
    click.echo(f"{total - len(finished.unmet)} of {total} expectations of this telemetry are met")
    if finished.unmet and finished.complaints:
        message(f"The program wrote to stderr:\n{finished.complaints}")


def _what_next(backend: LocalBackend, store: Path) -> str:
    addresses = backend.addresses
    with_store = "" if store == store_path(None) else f" --db {shlex.quote(str(store))}"
    endpoint = "" if _is_default(addresses.otlp_http) else f"OTEL_EXPORTER_OTLP_ENDPOINT={addresses.otlp_http} "
    ours, launcher = _executable("agentotel"), _executable(COMMAND[0])
    return f"""
In another terminal:
  {ours} traces{with_store}               what has run
  {ours} trace last{with_store}           the last run as a tree
  {ours} logs --user alice{with_store}    what was logged for one user
  {ours} metrics{with_store}              what Prometheus would get
Your own agent:
  {endpoint}{launcher} python my_agent.py

Listening until Ctrl-C: OTLP/HTTP {addresses.otlp_http}, OTLP/gRPC {addresses.otlp_grpc}, JSON {addresses.query}"""


def _what_next_after(db: Path | None) -> str:
    ours = _executable("agentotel")
    look = f"\n  {ours} traces --db {shlex.quote(str(db))}    look at this run again" if db else ""
    return f"""
To go on:{look}
  {ours} demo     the same, and the backend stays up for your own agent
  {ours} local    the backend alone; then: {_executable(COMMAND[0])} python my_agent.py"""


def _is_default(endpoint: str) -> bool:
    return endpoint == f"http://{LOOPBACK}:{OTLP_HTTP_PORT}"


def _executable(name: str) -> str:
    """Return how the user can call a program of this environment: by its name where the shell would find it."""
    path = Path(sysconfig.get_path("scripts"), name)
    if shutil.which(name) == str(path):
        return name
    return shlex.quote(os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path))
