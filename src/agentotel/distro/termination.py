"""Ends of a process of which Python tells nobody: signals that kill by default, and ``os._exit``.

By default SIGTERM and SIGHUP kill a Python program at once, without its exit handlers: everything that was not
delivered yet would be lost. So where the disposition is the default, a handler takes its place that ends what is open,
delivers, puts the default back and sends the signal again: the process dies of the same signal as without agentotel.

Nobody can see the handler: `signal.getsignal` and `signal.signal` say ``SIG_DFL`` where it stands, a handler of the
program's own replaces it, and when the program puts the default back, it is there again. Signals that are ignored stay
ignored. Processes that are started by ``exec`` have the default, as always.

What differs from the default: as every handler in Python it runs when the main thread returns to the interpreter, so a
long call of C code is finished first.

This module owns state: the originals of what it has wrapped, and the signal of which this process is dying.
"""

from __future__ import annotations

import _thread
import functools
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

from agentotel._base.failopen import attempt

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from agentotel.distro.shutdown import End

SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if os.name == "posix" and hasattr(signal, name)
)
"""Those whose default is to kill, and that are sent to end a program in good order."""

_PATIENCE_S: Final = 0.1
_INIT: Final = 1


class Termination:
    """Lets the end of the process happen before a signal or ``os._exit`` kills it.

    State: the signal that has come.

    Args:
        end: What has to happen.
        flush: Delivers what there is, for a process that goes on.
    """

    def __init__(self, end: End, flush: Callable[[], object]) -> None:
        self._end = end
        self._flush = flush
        self._originals: dict[str, Any] = {}
        self._handler = self._handle  # one object, to be recognised by
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was: in a process that was just forked."""
        self._signal: int | None = None
        self._is_waiting = False
        # Locks rather than events: they may be waited for in a handler that has interrupted another one.
        self._under_way = _taken_lock()
        self._over = _taken_lock()

    def install(self) -> None:
        """Wrap ``os._exit`` and, where signals are handled, what sets and tells their handlers."""
        self._originals = {"_exit": os._exit, "signal": signal.signal, "getsignal": signal.getsignal}
        os._exit = self._exiting(os._exit)
        if threading.current_thread() is not threading.main_thread():
            return  # no other one may set handlers
        for signum in SIGNALS:
            if signal.getsignal(signum) == signal.SIG_DFL:
                signal.signal(signum, self._handler)
        signal.signal = self._setting(signal.signal)
        signal.getsignal = self._telling(signal.getsignal)

    def uninstall(self) -> None:
        """Put everything back, for tests."""
        for signum in SIGNALS:
            if self._originals["getsignal"](signum) is self._handler:
                self._originals["signal"](signum, signal.SIG_DFL)
        os._exit, signal.signal, signal.getsignal = self._originals.values()

    # --- what the program sees of it ---

    def _exiting(self, original: Callable[[int], Any]) -> Any:
        @functools.wraps(original)
        def _exit(status: int) -> Any:
            attempt("termination.exit", self._end.run)
            return original(status)

        return _exit

    def _setting(self, original: Callable[..., Any]) -> Any:
        @functools.wraps(original)
        def set_handler(signalnum: Any, handler: Any) -> Any:
            ours = signalnum in SIGNALS and _is_default(handler)
            return self._as_told(original(signalnum, self._handler if ours else handler))

        return set_handler

    def _telling(self, original: Callable[[Any], Any]) -> Any:
        @functools.wraps(original)
        def getsignal(signalnum: Any) -> Any:
            return self._as_told(original(signalnum))

        return getsignal

    def _as_told(self, handler: Any) -> Any:
        return signal.SIG_DFL if handler is self._handler else handler

    # --- the signal ---

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        """Hold the main thread, as if it were dead, while another thread does the work; then die.

        The main thread may hold any lock just now, the program's or the SDK's. If the work does not get on, it is
        released to let go of it, and is called again when the work is done.
        """
        del frame
        if os.getpid() == _INIT:
            # The kernel ignores signals without a handler for the first process of a container: it lives on.
            _thread.start_new_thread(attempt, ("termination.flush", self._flush))
            return
        if self._is_waiting:
            return
        if self._signal is None:
            self._signal = signum
            _thread.start_new_thread(self._run, ())
        self._is_waiting = True
        if self._under_way.acquire(timeout=_PATIENCE_S):
            self._under_way.release()
            self._over.acquire(timeout=self._end.deadline_s + _PATIENCE_S)
            self._die()
        self._is_waiting = False

    def _run(self) -> None:
        """Let the end happen; in a thread without a name, since making one may need a lock of the main thread's."""
        try:
            attempt("termination.end", self._end.run, self._under_way.release)
        finally:
            if self._under_way.locked():
                self._under_way.release()
            self._over.release()
            assert self._signal is not None
            os.kill(os.getpid(), self._signal)

    def _die(self) -> None:
        assert self._signal is not None
        self._originals["signal"](self._signal, signal.SIG_DFL)
        os.kill(os.getpid(), self._signal)


def _taken_lock() -> _thread.LockType:
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock


def _is_default(handler: object) -> bool:
    return handler is signal.SIG_DFL or (type(handler) is int and handler == signal.SIG_DFL)
