"""A program in which agentotel itself fails: what it makes of an ended operation is broken; the program goes on."""

import signal
import threading

from agentotel.telemetry.ending import Ending


def broken(*_, **__):
    """Fail as an error of ours would."""
    raise ValueError("broken on purpose")


assert callable(Ending._work_out), "what is broken here must be there: else nothing of agentotel fails"
Ending._work_out = broken


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
