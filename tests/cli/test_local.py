"""``agentotel local``."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from agentotel.cli.local import command

PROGRAM = "from agentotel.cli.local import command; command()"
FREE = ["--otlp-http-port", "0", "--otlp-grpc-port", "0", "--port", "0"]


def test_it_serves_until_it_is_told_to_stop(tmp_path):
    """The addresses go to stdout at once; SIGTERM ends it with status 0."""
    db = tmp_path / "folder" / "telemetry.db"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--db", db, *FREE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline().split() for _ in range(4)]
    assert [line[0] for line in lines] == ["OTLP/HTTP", "OTLP/gRPC", "queries", "store"]
    assert lines[3][1] == str(db)
    with urllib.request.urlopen(lines[2][1]) as answer:
        assert answer.read() == b"[]"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stored" in errors


def test_a_port_in_use_is_status_1(call, tmp_path):
    """The message names the option, the port and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = call(command, "--db", tmp_path / "a.db", *FREE, "--port", port)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"--port={port}" in result.stderr
    assert "choose another port" in result.stderr


def test_an_unusable_store_is_status_1(call, tmp_path):
    """The message names the path and what was expected."""
    result = call(command, "--db", tmp_path, *FREE)
    assert result.exit_code == 1
    assert "is a directory, expected a file" in result.stderr


@pytest.mark.parametrize("wrong", [["--port", "70000"], ["--port", "x"], ["extra"]])
def test_wrong_use_is_status_2(call, wrong):
    """A port is a number up to 65535."""
    assert call(command, *wrong).exit_code == 2
