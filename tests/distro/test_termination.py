"""What the program sees of the handlers that stand in for the default, and what they do."""

from __future__ import annotations

import inspect
import os
import signal
import threading

import pytest

from agentotel.distro.shutdown import End
from agentotel.distro.termination import SIGNALS, Termination

pytestmark = pytest.mark.skipif(not SIGNALS, reason="there are no such signals")


@pytest.fixture
def installed():
    """Install a termination; put everything back."""
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    originals = os._exit, signal.signal, signal.getsignal
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_DFL)
    made = Termination(End([], 1, lambda _: None), lambda: None)
    made.install()
    yield made
    made.uninstall()
    assert (os._exit, signal.signal, signal.getsignal) == originals
    for signum, handler in before.items():
        assert signal.getsignal(signum) == signal.SIG_DFL
        signal.signal(signum, handler)


def real(termination, signum):
    """Return the handler that Python really has."""
    return termination._originals["getsignal"](signum)


def test_the_program_sees_the_default(installed):
    """What is told and what is returned is SIG_DFL, of the type that Python gives."""
    for signum in SIGNALS:
        assert real(installed, signum) is installed._handler
        assert signal.getsignal(signum) is signal.SIG_DFL
        assert signal.signal(signum, signal.SIG_IGN) is signal.SIG_DFL
        assert signal.signal(signum, signal.SIG_DFL) is signal.SIG_IGN
        assert real(installed, signum) is installed._handler


@pytest.mark.parametrize("default", [signal.SIG_DFL, 0])
def test_the_handlers_of_the_program_are_its_own(installed, default):
    """Set, told, returned and replaced as ever; the default, put back, is ours again."""

    def own(signum, frame):
        """Do nothing."""

    signal.signal(signal.SIGTERM, own)
    assert real(installed, signal.SIGTERM) is own
    assert signal.getsignal(signal.SIGTERM) is own
    assert signal.signal(signal.SIGTERM, default) is own
    assert real(installed, signal.SIGTERM) is installed._handler


def test_other_signals_are_none_of_our_business(installed):
    """SIGUSR1 has the default that it had."""
    assert signal.signal(signal.SIGUSR1, signal.SIG_DFL) is signal.SIG_DFL
    assert real(installed, signal.SIGUSR1) is signal.SIG_DFL


def test_the_functions_look_as_before(installed):
    """Name, documentation and signature are those of the originals."""
    for name, wrapper in {"signal": signal.signal, "getsignal": signal.getsignal, "_exit": os._exit}.items():
        original = installed._originals[name]
        assert wrapper.__name__ == original.__name__
        assert wrapper.__doc__ == original.__doc__
        assert inspect.signature(wrapper) == inspect.signature(original)


def test_wrong_use_is_the_same_error(installed):
    """What Python refuses is refused: in threads, and for what is no handler."""
    with pytest.raises(TypeError, match="signal handler must be"):
        signal.signal(signal.SIGTERM, "no handler")
    errors = []

    def elsewhere():
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        except ValueError as error:
            errors.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert errors == ["signal only works in main thread of the main interpreter"]


def test_a_signal_that_is_ignored_is_left_alone(installed):
    """A termination that is installed where a signal is ignored does not touch it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    second = Termination(End([], 1, lambda _: None), lambda: None)
    second.install()
    assert real(installed, signal.SIGHUP) is signal.SIG_IGN
    second.uninstall()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_the_first_process_of_a_container_lives_on(installed, monkeypatch):
    """The kernel ignores the default there: what there is is delivered, and nothing ends."""
    flushed = threading.Event()
    installed._flush = flushed.set
    monkeypatch.setattr(os, "getpid", lambda: 1)
    installed._handle(signal.SIGTERM, None)
    assert flushed.wait(10)
    assert installed._signal is None


def test_a_forked_process_has_received_nothing(installed):
    """The signal that the parent is dying of is the parent's."""
    installed._signal = signal.SIGTERM
    installed.begin_anew()
    assert installed._signal is None


def test_os_exit_delivers_first(installed, monkeypatch):
    """The end has happened when the original is called, with its status."""
    order = []
    installed._end = End([("shutdown.test", lambda: order.append("delivered"))], 10, lambda _: None)
    exit_ = installed._exiting(order.append)
    exit_(3)
    assert order == ["delivered", 3]
