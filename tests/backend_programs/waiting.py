"""Ports, and waiting for what another process does."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.parse
import urllib.request

POLL_S = 0.05


def free_port() -> int:
    """Return a loopback port on which nobody listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(condition, what: str, timeout_s: float = 60):
    """Ask again and again until the answer is true, and return it.

    Another process gives no event, so its state is asked for. An error of the network counts as "not yet".

    Args:
        condition: Called without arguments.
        what: Words for the message when time is up: "the span is in Jaeger".
        timeout_s: When to give up, in seconds.

    Raises:
        TimeoutError: It did not become true; the message holds the last answer or error.
    """
    end = time.monotonic() + timeout_s
    while True:
        try:
            answer = condition()
        except (OSError, urllib.error.URLError, ValueError) as error:
            answer, last = None, error
        else:
            last = answer
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout_s:g} s: {what}; last: {last!r}")
        time.sleep(POLL_S)


def get_text(url: str, **parameters: object) -> str:
    """Return what an address answers; a list as parameter is sent as several."""
    query = urllib.parse.urlencode(parameters, doseq=True)
    with urllib.request.urlopen(f"{url}?{query}" if query else url, timeout=10) as answer:
        return answer.read().decode()


def get_json(url: str, **parameters: object):
    """Return the JSON that an address answers."""
    return json.loads(get_text(url, **parameters))


def answers(url: str) -> bool:
    """Say whether an address answers with a good status now."""
    try:
        get_text(url)
    except OSError:
        return False
    return True
