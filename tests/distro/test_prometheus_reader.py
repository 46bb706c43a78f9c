"""The server of /metrics: what it answers, what it never does to the program."""

from __future__ import annotations

import logging
import os
import socket
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY, generate_latest

from agentotel._base.errors import SettingError
from agentotel.distro import components, prometheus_reader
from agentotel.distro.late_work import late_work
from agentotel.distro.prometheus_reader import PrometheusReader


def get(reader, **headers):
    """Return what the server answers."""
    host, port = reader.address
    request = urllib.request.Request(f"http://{host}:{port}/metrics", headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as response:
        return response.read().decode()


def wait_for_end_of_server():
    """Wait until no server is being ended any more."""
    for thread in threading.enumerate():
        if thread.name.startswith("agentotel-metrics"):
            thread.join(20)


@pytest.fixture
def served():
    """A provider that is scraped, and its reader."""
    reader = PrometheusReader("127.0.0.1", 0)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    reader.serve()
    yield provider, reader
    provider.shutdown()
    wait_for_end_of_server()


def test_a_scrape_sees_the_present(served):
    """Also what was left for later, and the metrics that the program keeps with `prometheus_client`."""
    provider, reader = served
    later = late_work(provider)
    counter = provider.get_meter("test").create_counter("calls")
    for expected in (1.0, 2.0):
        later.add("site", counter.add, 1)
        page = get(reader)
        assert f'calls_total{{otel_scope_name="test"}} {expected}\n' in page
        assert "python_info{" in page
        assert "settled" not in page
    assert "# EOF" in get(reader, Accept="application/openmetrics-text; version=1.0.0")


def test_clients_that_come_at_once_see_each_series_once(served):
    """No page is mixed with another one."""
    provider, reader = served
    counter = provider.get_meter("test").create_counter("calls")
    for number in range(50):
        counter.add(1, {"number": str(number)})
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: get(reader), range(24)))
    for page in pages:
        lines = [line for line in page.splitlines() if line.startswith("calls_total{")]
        assert len(lines) == len(set(lines)) == 50


def test_the_page_is_also_on_a_server_of_the_programs_own(served):
    """Who serves `prometheus_client`'s registry already needs no second port."""
    provider, _ = served
    provider.get_meter("test").create_counter("calls").add(1)
    assert b"calls_total" in generate_latest(REGISTRY)


def test_after_the_end_nothing_is_served_and_the_port_is_free():
    """A second reader can have it, and the registry knows nothing of the first one."""
    reader = PrometheusReader("127.0.0.1", 0)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    reader.serve()
    provider.get_meter("test").create_counter("calls").add(1)
    _, port = reader.address
    provider.shutdown()
    provider.shutdown()
    wait_for_end_of_server()
    assert reader.address is None
    assert b"calls_total" not in generate_latest(REGISTRY)
    again = PrometheusReader("127.0.0.1", port)
    assert again.address == ("127.0.0.1", port)
    again._server.server_close()


def test_a_client_that_says_nothing_holds_up_no_other(served):
    """Each has a thread of its own."""
    _, reader = served
    with socket.create_connection(reader.address):
        assert "python_info" in get(reader)


def test_a_port_that_is_taken_is_named():
    """With the setting, its value, what would do, and what the system says."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError) as error:
            PrometheusReader("127.0.0.1", port)
    assert str(error.value).startswith(
        f"OTEL_EXPORTER_PROMETHEUS_PORT={port}: expected a port of 127.0.0.1 that is free"
    )
    assert "in use" in str(error.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_not_this_machine_is_named(host):
    """It is the other setting that has to be changed."""
    with pytest.raises(SettingError) as error:
        PrometheusReader(host, 0)
    assert str(error.value).startswith(f"OTEL_EXPORTER_PROMETHEUS_HOST={host}: expected a name or an address")


def test_localhost_is_an_address_of_the_older_kind():
    """Where both are there: most clients try that one, some only that one."""
    reader = PrometheusReader("localhost", 0)
    assert reader.address[0] == "127.0.0.1"
    reader._server.server_close()


@pytest.mark.parametrize(("is_child", "level"), [(False, logging.ERROR), (True, logging.INFO)])
def test_a_child_process_makes_no_noise(monkeypatch, caplog, is_child, level):
    """It has its parent's settings and cannot have its port; anybody else has made a mistake."""
    monkeypatch.setattr(components.defaults, "is_child_process", lambda: is_child)
    caplog.set_level(logging.INFO, "agentotel")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert components.prometheus("127.0.0.1", taken.getsockname()[1], is_alone=True) is None
    (record,) = caplog.records
    assert record.levelno == level
    assert "OTEL_METRICS_EXPORTER=prometheus: could not be started" in record.getMessage()


@pytest.mark.parametrize(("is_alone", "level"), [(True, logging.WARNING), (False, logging.INFO)])
def test_what_is_forked_is_not_served_and_that_is_said_once(caplog, is_alone, level):
    """Loudly only where nobody else exports it."""
    caplog.set_level(logging.INFO, "agentotel")
    reader = PrometheusReader("127.0.0.1", 0, is_alone=is_alone)
    for _ in range(2):
        reader._warn_of_fork()
    (record,) = caplog.records
    assert record.levelno == level
    assert "OTEL_METRICS_EXPORTER=otlp,prometheus" in record.getMessage()
    reader._server.server_close()
    reader._server = None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_leaves_the_port_to_its_parent(run_program):
    """The parent goes on answering while the child lives, and the port is free once the parent has let go of it."""
    done = run_program(
        """
        import os
        import socket
        import urllib.request

        from opentelemetry.sdk.metrics import MeterProvider

        from agentotel.distro.prometheus_reader import PrometheusReader

        reader = PrometheusReader("127.0.0.1", 0)
        provider = MeterProvider([reader], shutdown_on_exit=False)
        reader.serve()
        host, port = reader.address
        end, told = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.write(told[1], b"x" if reader.address is None else b"y")
            os.read(end[0], 1)
            os._exit(0)
        print(os.read(told[0], 1))
        page = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{host}:{port}/metrics")
        print("python_info" in page.read().decode())
        server = reader._server
        server.shutdown()
        server.server_close()
        socket.create_server((host, port)).close()
        print("free")
        os.write(end[1], b"x")
        os.waitpid(child, 0)
        """
    )
    assert done.stdout.split() == ["b'x'", "True", "free"]
    assert done.stderr.count("what a forked process records is not on") == 1


def test_what_is_not_asked_for_is_not_imported(run_program):
    """A program that is not scraped pays for no client and no server."""
    done = run_program(
        """
        import sys

        from agentotel.config.load import load_settings
        from agentotel.distro import wiring

        wiring.start(load_settings(), None)
        heavy = ("prometheus_client", "wsgiref.simple_server", "agentotel.distro.prometheus_reader")
        print([name for name in heavy if name in sys.modules])
        """,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    assert done.stdout == "[]\n"


def test_errors_of_clients_are_kept_off_stderr(served, capfd):
    """A scrape that is broken off is nothing the program's user should read."""
    _, reader = served
    with socket.create_connection(reader.address) as client:
        client.sendall(b"nonsense\r\n\r\n")
        client.recv(1000)
    reader._server.handle_error(None, ("127.0.0.1", 1))
    assert prometheus_reader._Handler.timeout <= 10
    assert capfd.readouterr().err == ""
