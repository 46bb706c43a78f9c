"""Collector, backends, disks and networks that fail: nothing is lost, or what is lost is counted to the last item.

What is promised is *at least once*: a request whose answer is lost is sent again. So spans and log records are counted
by their ids, and counters of metrics, which are cumulative, by their value.
"""

from __future__ import annotations

import subprocess
from collections import deque
from contextlib import ExitStack
from pathlib import Path

import pytest

from backend_programs import Collector, Jaeger, Loki, Prometheus, wait_until
from backend_programs.jaeger import attributes
from e2e.backends.gate import Gate
from e2e.backends.launching import Traffic, environment, launch

pytestmark = [pytest.mark.backends, pytest.mark.timeout(240)]

TO_JAEGER, TO_PROMETHEUS, TO_LOKI = "otlp_grpc/jaeger", "otlp_http/prometheus", "otlp_http/loki"
SPANS_PER_RUN = 2
LINES_PER_RUN = 2
NOWHERE = "127.0.0.1:9"
PATIENT = {"OTEL_EXPORTER_OTLP_TIMEOUT": "60"}
RECEIVING = """
otlp: {keep_identifying_resource_attributes: true}
storage: {tsdb: {out_of_order_time_window: 30m}}
"""


def spans(jaeger, service) -> int:
    """Return how many different spans Jaeger has."""
    return len({(span["traceId"], span["spanId"]) for span in jaeger.spans(service)})


def lines(loki, service) -> int:
    """Return how many different log records Loki has."""
    found = loki.query(f'{{service_name="{service}"}}')
    return len({(it["labels"].get("trace_id"), it["labels"].get("span_id"), it["time_ns"], it["line"]) for it in found})


def total(prometheus, metric, service, **labels) -> int:
    """Return the value of a counter; 0 where there is none."""
    selected = ",".join(f'{name}="{value}"' for name, value in {"job": service, **labels}.items())
    return int(prometheus.value(f"sum({metric}{{{selected}}})") or 0)


@pytest.fixture
def chain(tmp_path):
    """Make backends that only this test uses; they are ended in the reverse order."""
    with ExitStack() as running:
        yield Chain(tmp_path, running)


class Chain:
    """Backends and a Collector in a folder."""

    def __init__(self, folder, running):
        self.folder = folder
        self._running = running

    def start(self, program):
        """Start a program, which is ended after the test."""
        return self._running.enter_context(program)

    def prometheus(self):
        """Return a Prometheus that receives OTLP and does nothing else; not started."""
        configuration = self.folder / "prometheus.yml"
        configuration.write_text(RECEIVING, encoding="utf-8")
        return Prometheus(self.folder / "prometheus", configuration)

    def collector(
        self, jaeger=NOWHERE, prometheus=f"http://{NOWHERE}", loki=f"http://{NOWHERE}", kind=Collector, **more
    ):
        """Start a Collector with the shipped configuration; what is not given is not there."""
        addresses = {
            "JAEGER_OTLP_ENDPOINT": jaeger,
            "PROMETHEUS_OTLP_ENDPOINT": prometheus,
            "LOKI_OTLP_ENDPOINT": loki,
            "OTELCOL_RETRY_MAX_INTERVAL": "1s",
        }
        return self.start(kind(self.folder / "collector", environment={**addresses, **more}))

    def traffic(self, collector, protocol="http/protobuf", service="traffic", **settings):
        """Start the program that runs an agent as often as it is told."""
        return self.start(Traffic(self.folder, environment(collector, protocol, service, **settings)))


def queued(collector, exporter) -> float:
    """Return how full the queue of an exporter is."""
    return collector.own_metric("otelcol_exporter_queue_size", exporter=exporter)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_collector_that_is_killed_in_the_middle_of_the_traffic_loses_nothing(chain, stack, protocol):
    """SIGKILL while spans, metrics and logs come in, and a start with the same disk: every item arrives."""
    service = f"killed-{protocol.partition('/')[0]}"
    collector = chain.collector(stack.jaeger.otlp, stack.prometheus.otlp, stack.loki.otlp)
    traffic = chain.traffic(collector, protocol, service, **PATIENT)
    traffic.begin(300)
    wait_until(lambda: collector.own_metric("otelcol_receiver_accepted_spans") > 0, "the first spans")
    collector.kill()
    traffic.wait()
    traffic.run(50)
    collector.start()
    traffic.run(50)
    traffic.end()
    expected = (SPANS_PER_RUN * 400, LINES_PER_RUN * 400, 400)
    wait_until(lambda: everything(stack, service) == expected, "everything has arrived", 60)
    assert total(stack.prometheus, "agentotel_self_dropped_total", service) == 0
    assert "lost" not in traffic.messages


def everything(stack, service) -> tuple[int, int, int]:
    """Return the numbers of spans, of log records, and of agent runs by their counter."""
    return (
        spans(stack.jaeger, service),
        lines(stack.loki, service),
        total(stack.prometheus, "agent_requests_total", service),
    )


@pytest.mark.parametrize(("signal", "other"), [("traces", "LOGS"), ("logs", "TRACES")])
def test_what_a_program_could_not_deliver_is_in_its_own_count(chain, stack, signal, other):
    """A Collector that stays away beyond the program's timeout: arrived plus dropped is what was recorded, exactly."""
    service = f"gave-up-{signal}"
    collector = chain.collector(stack.jaeger.otlp, stack.prometheus.otlp, stack.loki.otlp)
    # One signal at a time, and metrics only at the end: so it is this one that the program says it has given up on.
    settings = {
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_METRIC_EXPORT_INTERVAL": "600000",
        f"OTEL_{other}_EXPORTER": "none",
    }
    traffic = chain.traffic(collector, service=service, **settings)
    traffic.run(20)
    wait_until(lambda: arrived(stack, signal, service) == 40, "the first part")
    collector.kill()
    traffic.run(100)
    wait_until(lambda: f"{signal} could not be delivered" in traffic.messages_so_far(), "it has given up on something")
    collector.start()
    traffic.run(30)
    traffic.end()
    wait_until(lambda: total(stack.prometheus, "agent_requests_total", service) == 150, "the metrics")
    wait_until(lambda: dropped(stack, signal, service) > 0, "its count of what was dropped")
    wait_until(
        lambda: arrived(stack, signal, service) + dropped(stack, signal, service) == 300, "together they are all"
    )


def dropped(stack, signal, service) -> int:
    """Return how many items of a signal a program says that it has dropped."""
    return total(stack.prometheus, "agentotel_self_dropped_total", service, signal=signal)


def arrived(stack, signal, service) -> int:
    """Return how many items of a signal have arrived."""
    return spans(stack.jaeger, service) if signal == "traces" else lines(stack.loki, service)


def test_jaeger_that_is_down_gets_everything_afterwards(chain, stack):
    """The queue fills on disk, outlives a Collector that is killed meanwhile, and drains; the other signals go on."""
    service = "no-jaeger"
    jaeger = Jaeger(chain.folder / "jaeger")
    collector = chain.collector(jaeger.otlp, stack.prometheus.otlp, stack.loki.otlp)
    traffic = chain.traffic(collector, service=service)
    traffic.run(300)
    wait_until(lambda: total(stack.prometheus, "agent_requests_total", service) == 300, "the metrics")
    wait_until(lambda: lines(stack.loki, service) == LINES_PER_RUN * 300, "the logs")
    wait_until(
        lambda: collector.own_metric("otelcol_receiver_accepted_spans") == SPANS_PER_RUN * 300, "all spans taken"
    )
    assert queued(collector, TO_JAEGER) > 0
    collector.kill()
    collector.start()
    wait_until(lambda: queued(collector, TO_JAEGER) > 0, "the queue is there again")
    traffic.run(100)
    traffic.end()
    chain.start(jaeger)
    wait_until(lambda: spans(jaeger, service) == SPANS_PER_RUN * 400, "all spans", 60)
    wait_until(lambda: queued(collector, TO_JAEGER) == 0, "the queue is empty")
    assert collector.own_metric("otelcol_exporter_send_failed_spans") == 0


def test_prometheus_that_is_down_has_the_exact_counters_afterwards(chain):
    """Points wait on disk; when Prometheus is back, its history has them and its counters are exact."""
    prometheus = chain.prometheus()
    collector = chain.collector(prometheus=prometheus.otlp)
    traffic = chain.traffic(collector)
    traffic.run(50)
    wait_until(lambda: queued(collector, TO_PROMETHEUS) > 0, "points wait")
    traffic.run(10, "fail")
    traffic.end()
    chain.start(prometheus)
    wait_until(lambda: total(prometheus, "agent_requests_total", "traffic", status="success") == 50, "good runs", 60)
    wait_until(lambda: total(prometheus, "agent_requests_total", "traffic", status="failed") == 10, "failed runs")
    wait_until(lambda: queued(collector, TO_PROMETHEUS) == 0, "the queue is empty")
    assert collector.own_metric("otelcol_exporter_send_failed_metric_points") == 0


def test_loki_that_is_down_gets_every_line_afterwards(chain):
    """Lines wait on disk, also while Loki is starting and not ready yet."""
    loki = Loki(chain.folder / "loki")
    collector = chain.collector(loki=loki.otlp)
    traffic = chain.traffic(collector)
    traffic.run(200)
    traffic.end()
    wait_until(lambda: queued(collector, TO_LOKI) > 0, "lines wait")
    chain.start(loki)
    wait_until(lambda: lines(loki, "traffic") == LINES_PER_RUN * 200, "all lines", 60)
    assert collector.own_metric("otelcol_exporter_send_failed_log_records") == 0


class OnSmallDisk(Collector):
    """A Collector whose queue stands on a file system of 4 MiB of its own, which a test can fill."""

    SIZE = "4m"

    def command(self):
        mounted = f'mount -t tmpfs -o size={self.SIZE} tmpfs "$OTELCOL_STORAGE" && exec "$@"'
        return ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", *super().command()]

    @property
    def filler(self):
        """A file on that file system, seen from here."""
        return Path(f"/proc/{self._process.pid}/root{self.storage}/filler")

    def fill_disk(self):
        """Leave no byte free."""
        page = b"x" * 4096
        with self.filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            deque(iter(lambda: file.write(page), None), maxlen=0)  # writes until it raises


def test_a_full_disk_refuses_and_goes_on(chain, stack):
    """The Collector refuses what it cannot keep; its sender counts that, and what was accepted arrives all the same."""
    if subprocess.run(["unshare", "--map-root-user", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("this system gives no mount namespaces to users")
    service = "full-disk"
    jaeger = Jaeger(chain.folder / "jaeger")
    collector = chain.collector(jaeger.otlp, stack.prometheus.otlp, stack.loki.otlp, kind=OnSmallDisk)
    traffic = chain.traffic(collector, service=service, OTEL_LOGS_EXPORTER="none", OTEL_METRIC_EXPORT_INTERVAL="600000")
    traffic.run(50)
    wait_until(lambda: queued(collector, TO_JAEGER) > 0, "spans wait on the disk")
    collector.fill_disk()

    def has_given_up():
        traffic.run(100)
        return "traces could not be delivered" in traffic.messages_so_far()

    wait_until(has_given_up, "the disk takes no more", 60)
    assert collector.is_running()
    collector.filler.unlink()
    traffic.run(50)
    traffic.end()
    chain.start(jaeger)
    wait_until(lambda: queued(collector, TO_JAEGER) == 0, "the queue has drained", 60)
    wait_until(lambda: dropped(stack, "traces", service) > 0, "its count of what was dropped")
    all_runs = SPANS_PER_RUN * traffic.runs
    wait_until(lambda: spans(jaeger, service) + dropped(stack, "traces", service) == all_runs, "together they are all")


def test_a_slow_backend_holds_nobody_up(chain):
    """While Jaeger's connection stands still the program runs and ends; all spans arrive when it moves again."""
    jaeger = chain.start(Jaeger(chain.folder / "jaeger"))
    gate = chain.start(Gate(jaeger.otlp_port, delay_s=0.05))
    collector = chain.collector(gate.address)
    traffic = chain.traffic(collector)
    gate.hold()
    traffic.run(200)
    traffic.end()
    gate.wait_for_arrival()
    assert "lost" not in traffic.messages
    assert spans(jaeger, "traffic") == 0
    gate.release()
    wait_until(lambda: spans(jaeger, "traffic") == SPANS_PER_RUN * 200, "all spans", 60)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_only_the_oversized_span_is_cut(stack, tmp_path, protocol):
    """A span with an attribute of 6 MB between two good ones: all arrive, and only the large attribute is shorter."""
    service = f"oversized-{protocol.partition('/')[0]}"
    environ = environment(stack.collector, protocol, service)
    done = launch("oversized.py", "6000000", folder=tmp_path, environ=environ)
    assert "lost" not in done.stderr
    found = wait_until(lambda: (it := stack.jaeger.spans(service)) and len(it) == 3 and it, "three spans")
    kept = {span["name"]: attributes(span) for span in found}
    assert {name: it["kept"] for name, it in kept.items()} == {name: name for name in ("before", "oversized", "after")}
    assert [len(kept[name]["notes"]) for name in ("before", "after")] == [10, 10]
    assert 0 < len(kept["oversized"]["notes"]) < 6_000_000
