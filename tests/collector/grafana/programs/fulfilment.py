"""A workflow of a user's own: AGENTOTEL_TARGETS=workflow=fulfilment:Fulfilment.run names it."""

import signal
import threading


class Fulfilment:
    """Several steps under one name."""

    def run(self, order):
        """Do them."""
        return f"{order} is on its way"


def main():
    """Fulfil orders until it is told to stop."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    while not over.wait(0.5):
        Fulfilment().run("order 1001")
