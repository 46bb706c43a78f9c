"""Carries the OpenTelemetry context into threads and thread pools, where Python leaves it behind.

What a tool does in a thread belongs to the run that started the thread: its spans, its log records and its ids.
Python copies context variables into tasks and `asyncio.to_thread`, but not into `threading.Thread`, `threading.Timer`
and `concurrent.futures.ThreadPoolExecutor` (and so not into ``loop.run_in_executor``).

opentelemetry-instrumentation-threading does the same, but not for a `Thread` subclass with a `run` of its own, and it
pins the release of everything else that is instrumented: one lagging package made agentotel impossible to install.

This module owns state: the original methods.
"""

from __future__ import annotations

import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, attach, get_current

from agentotel._base.own_frames import leave_out

if TYPE_CHECKING:
    from collections.abc import Callable

_originals: dict[type, Callable[..., Any]] = {}


def install() -> None:
    """Carry the context from now on; calling it again changes nothing."""
    if _originals:
        return
    _originals[threading.Thread] = threading.Thread.start
    _originals[ThreadPoolExecutor] = ThreadPoolExecutor.submit
    threading.Thread.start = _carrying_start(threading.Thread.start)  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = _carrying_submit(ThreadPoolExecutor.submit)  # type: ignore[method-assign]


def uninstall() -> None:
    """Put the original methods back, for tests."""
    if _originals:
        threading.Thread.start = _originals.pop(threading.Thread)  # type: ignore[method-assign]
        ThreadPoolExecutor.submit = _originals.pop(ThreadPoolExecutor)  # type: ignore[method-assign]


def _carrying_start(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(self: threading.Thread) -> Any:
        context = get_current()
        if not context or "run" in self.__dict__:
            return original(self)
        run = self.run

        def run_in_context() -> None:
            self.__dict__.pop("run", None)  # the thread looks as it did before it was started
            attach(context)
            try:
                run()
            except BaseException as error:
                leave_out(error)
                raise

        self.run = run_in_context  # type: ignore[method-assign]  # also of a subclass with a `run` of its own
        try:
            return original(self)
        except BaseException:
            self.__dict__.pop("run", None)
            raise

    return start


def _carrying_submit(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        context = get_current()
        if not context:
            return original(self, fn, *args, **kwargs)
        attach(Context())  # a worker that the pool starts for this call outlives it, and belongs to nobody
        try:
            return original(self, _in_context, context, fn, args, kwargs)
        finally:
            attach(context)

    return submit


def _in_context(context: Context, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    previous = get_current()
    attach(context)
    try:
        return function(*args, **kwargs)
    except BaseException as error:
        leave_out(error)
        raise
    finally:
        attach(previous)  # the pool's thread serves others after this
