"""One request by HTTP: what is retried, what is not, and what the receiver's answer means."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from email.utils import formatdate
from time import time

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from agentotel.distro.otlp import delivery
from agentotel.distro.otlp.delivery import Sender
from agentotel.distro.otlp.destination import Destination

OK, BUSY, AWAY = (200, {}, b""), (429, {"Retry-After": "0"}, b""), (503, {"Retry-After": "0"}, b"")


@pytest.fixture
def sender_to():
    """Make senders, and close them at the end."""
    made = []

    def make(url, timeout_s=10.0, compression="none"):
        made.append(Sender(Destination(url, requests.Session(), {"x-key": "k"}, compression, timeout_s)))
        return made[-1]

    yield make
    for sender in made:
        sender.close()


def test_a_request_arrives_as_it_is(sender_to, receiver):
    """With the headers of the destination, over a connection that is kept for the next one."""
    sender = sender_to(receiver.url)
    assert sender.send(b"first").delivered
    assert sender.send(b"second").delivered
    assert receiver.bodies == [b"first", b"second"]
    assert receiver.headers[0]["x-key"] == "k"
    assert receiver.connections == 1


def test_at_the_end_of_the_program_no_connection_is_kept(sender_to, receiver):
    """It would be found open by the interpreter, with a warning."""
    sender = sender_to(receiver.url)
    sender.end()
    assert sender.send(b"last").delivered
    assert receiver.headers[0]["Connection"] == "close"


@pytest.mark.parametrize(("compression", "decompress"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)])
def test_compressed_requests_can_be_read(sender_to, receiver, compression, decompress):
    """By whoever knows the usual forms."""
    assert sender_to(receiver.url, compression=compression).send(b"words" * 100).delivered
    assert decompress(receiver.bodies[0]) == b"words" * 100


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_be_better_later_is_sent_again(sender_to, receiver, status):
    """After the time that the receiver asks for."""
    receiver.answers = [(status, {"Retry-After": "0"}, b"")] * 2 + [OK]
    assert sender_to(receiver.url).send(b"x").delivered
    assert receiver.bodies == [b"x"] * 3


@pytest.mark.parametrize("status", [302, 400, 401, 404, 413, 500])
def test_what_will_never_be_better_is_not_sent_again(sender_to, receiver, status):
    """And nobody is followed to elsewhere."""
    receiver.answers = [(status, {"Location": receiver.url + "/elsewhere"}, b"words")]
    outcome = sender_to(receiver.url).send(b"x")
    assert not outcome.delivered
    assert outcome.reason.startswith(f"{status} ")
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize("retry_after", ["3600", formatdate(time() + 3600, usegmt=True)])
def test_nobody_waits_longer_than_the_timeout(sender_to, receiver, retry_after):
    """A receiver that asks for an hour is given up at once, whichever way it says so."""
    receiver.answers = [(429, {"Retry-After": retry_after}, b"")]
    outcome = sender_to(receiver.url).send(b"x")
    assert outcome.reason == "429 Too Many Requests"
    assert len(receiver.bodies) == 1


def test_attempts_come_to_an_end(sender_to, receiver):
    """A receiver that is always busy for another moment is not asked for ever."""
    receiver.answers = [BUSY]
    assert not sender_to(receiver.url, timeout_s=60.0).send(b"x").delivered
    assert len(receiver.bodies) == delivery._ATTEMPTS


def test_a_wait_ends_when_the_sender_is_closed(sender_to, receiver):
    """The end of the program is not held up by a pause between two attempts."""
    receiver.answers = [(503, {"Retry-After": "50"}, b"")]
    sender = sender_to(receiver.url, timeout_s=60.0)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(sender.send(b"x")))
    thread.start()
    while not receiver.bodies:
        pass
    sender.close()
    thread.join(20)
    assert [outcome.delivered for outcome in outcomes] == [False]


def test_at_the_end_of_the_program_nobody_is_waited_for_long(sender_to, receiver):
    """A pause that is under way when the end begins is broken off, and a long one is not begun any more."""
    receiver.answers = [(503, {"Retry-After": "50"}, b"")]
    sender = sender_to(receiver.url, timeout_s=60.0)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(sender.send(b"x")))
    thread.start()
    while not receiver.bodies:
        pass
    sender.end()
    thread.join(20)
    outcomes.append(sender.send(b"y"))
    assert [outcome.reason for outcome in outcomes] == ["503 Service Unavailable"] * 2
    assert receiver.bodies == [b"x", b"y"]


def test_at_the_end_of_the_program_a_short_pause_is_made(sender_to, receiver):
    """A receiver that comes back at once gets what is left."""
    receiver.answers = [(503, {"Retry-After": "0.01"}, b""), OK]
    sender = sender_to(receiver.url, timeout_s=60.0)
    sender.end(30.0)
    assert sender.send(b"x").delivered


def test_nobody_there_is_no_error(sender_to):
    """It is the reason of the outcome."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    outcome = sender_to(f"http://127.0.0.1:{port}", timeout_s=0.2).send(b"x")
    assert not outcome.delivered
    assert "refused" in outcome.reason


def test_an_address_that_is_none_is_no_error(sender_to):
    """Nothing that is wrong with the destination is raised."""
    outcome = sender_to("nowhere").send(b"x")
    assert not outcome.delivered
    assert outcome.reason.startswith("MissingSchema: ")


def test_a_connection_gone_stale_costs_nothing(sender_to):
    """A receiver that has hung up meanwhile is called again at once."""
    served = []

    def serve(listener):
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                received = b""
                while not received.endswith(b"body"):
                    received += connection.recv(65_536)
                served.append(received)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        sender = sender_to(f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert sender.send(b"first body").delivered
        assert sender.send(b"second body").delivered
        thread.join()
    assert [b"first" in served[0], b"second" in served[1]] == [True, True]


def test_what_the_receiver_rejects_is_said(sender_to, receiver):
    """An answer of success may still name a number of items, and a reason."""
    partial = ExportTracePartialSuccess(rejected_spans=3, error_message="too\nold")
    receiver.answers = [(200, {}, ExportTraceServiceResponse(partial_success=partial).SerializeToString())]
    assert sender_to(receiver.url).send(b"x") == (True, 3, "rejected: too\\nold")


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"x" * 100_000])
def test_other_answers_of_success_are_successes(sender_to, receiver, body):
    """Whatever a proxy or a receiver in JSON writes below its status."""
    receiver.answers = [(200, {}, body)]
    outcome = sender_to(receiver.url).send(b"x")
    assert (outcome.delivered, outcome.rejected) == (True, 0)


def test_an_answer_without_end_is_an_answer(sender_to):
    """The status is what counts: the body is read until the timeout and no longer."""
    let_go = threading.Event()

    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not let_go.wait(0.01):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        assert sender_to(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.3).send(b"x").delivered
        let_go.set()
        thread.join()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0.5", 0.5), ("-1", 0), ("nan", None), ("inf", None), ("soon", None), (None, None), ("", None)],
)
def test_what_retry_after_says(header, seconds):
    """Seconds, or nothing that can be used."""
    assert delivery._seconds(header) == seconds


def test_pauses_get_longer():
    """None after the first attempt, then about 1, 2, 4... seconds."""
    assert delivery._backoff(0) == 0
    for attempt in range(1, 5):
        assert 0.8 * 2 ** (attempt - 1) <= delivery._backoff(attempt) <= 1.2 * 2 ** (attempt - 1)
