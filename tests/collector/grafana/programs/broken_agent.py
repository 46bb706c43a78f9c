"""A program in which agentotel itself fails: what it makes of an operation's end is broken, and the program goes on."""

import signal
import threading

from agentotel.telemetry import ending


def broken(*_, **__):
    """Fail as an error of ours would."""
    raise ValueError("broken on purpose")


ending._outcome = broken


class BrokenAgent:
    """An agent of which no run is recorded."""

    def chat(self, message):
        """Answer."""
        return message


if __name__ == "__main__":
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    while not over.wait(0.5):
        BrokenAgent().chat("hello")
