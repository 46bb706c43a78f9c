"""Clients that are slow to send a head do not pile up."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from agentotel.local.http_protocol import ImpatientProtocol


@pytest.fixture
def connect(monkeypatch, backend):
    """Give a function that connects to a backend that waits for a fifth of a second."""
    monkeypatch.setattr(ImpatientProtocol, "header_timeout_s", 0.2)
    target = urlsplit(backend.addresses.otlp_http)
    return lambda: socket.create_connection((target.hostname, target.port), timeout=30)


@pytest.mark.parametrize("head", [b"", b"POST /v1/tr", b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_an_unfinished_head_is_cut_off(connect, head):
    """Whether nothing, half a line or half a head arrived: the connection is closed."""
    with connect() as connection:
        connection.sendall(head)
        assert connection.recv(1) == b""


def test_the_second_head_of_a_connection_is_timed_too(connect):
    """A finished request does not buy unlimited time for the next one."""
    with connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /hea")
        received = b"more"
        while received:
            received = connection.recv(1000)


def test_a_request_that_runs_is_left_alone(connect, db, write_lock, traces_request):
    """Once the head is there, how long the answer takes is our own affair."""
    body = traces_request().SerializeToString()
    with connect() as connection:
        with write_lock(db):
            connection.sendall(
                b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
                + f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            connection.settimeout(0.5)
            with pytest.raises(TimeoutError):  # neither an answer nor a closed connection
                connection.recv(1)
        connection.settimeout(30)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
