"""One backend that is down neither holds up the others nor loses anything, whatever happens to the Collector."""

from __future__ import annotations

import grpc
import pytest

from backend_programs import OPERATIONS, Collector, free_port, wait_until
from collector.otelcol.otlp_sink import Sink
from collector.otelcol.otlp_traffic import SERVICE, counter, logs, send, span, spans

pytestmark = pytest.mark.backends

QUICK = {"OTELCOL_RETRY_MAX_INTERVAL": "1s"}


def send_many(collector, count):
    """Send spans of 5 KB one by one."""
    for _ in range(count):
        send(collector, spans(span("big", {"text": "x" * 5000})))


@pytest.mark.parametrize("down", ["JAEGER_OTLP_ENDPOINT", "LOKI_OTLP_ENDPOINT", "PROMETHEUS_OTLP_ENDPOINT"])
def test_one_backend_that_is_down_does_not_hold_up_the_others(tmp_path, sink, down):
    """With nobody behind one address, what is for the other two arrives."""
    dead = f"127.0.0.1:{free_port()}"
    endpoint = dead if down.startswith("JAEGER") else f"http://{dead}"
    with Collector(tmp_path, environment={**sink.environment(), **QUICK, down: endpoint}) as collector:
        send(collector, spans(span("s")))
        send(collector, logs("l"))
        send(collector, counter("c", 1, {}, SERVICE))
        seen = {"JAEGER_OTLP_ENDPOINT": sink.spans, "LOKI_OTLP_ENDPOINT": sink.logs}
        seen["PROMETHEUS_OTLP_ENDPOINT"] = lambda: sink.metrics("c")
        missing = seen.pop(down)
        wait_until(lambda: all(look() for look in seen.values()), "the others have theirs")
        assert missing() == []


@pytest.mark.parametrize(
    ("name", "variable"), [("local.yaml", "JAEGER_OTLP_ENDPOINT"), ("agent.yaml", "GATEWAY_ENDPOINT")]
)
def test_nothing_is_lost_when_the_backend_is_down_and_the_collector_is_killed(tmp_path, name, variable):
    """Spans sent while nobody listens survive a SIGKILL of the Collector, and arrive once each when somebody does."""
    with Sink() as sink:
        dead = {**sink.environment(), **QUICK, variable: f"127.0.0.1:{free_port()}"}
        collector = Collector(tmp_path, [OPERATIONS / "otelcol" / name], dead)
        with collector:
            for number in range(50):
                send(collector, spans(span(f"kept {number}")))
            collector.kill()
        again = Collector(tmp_path, [OPERATIONS / "otelcol" / name], {**sink.environment(), **QUICK})
        with again:
            wait_until(lambda: len(sink.spans()) >= 50, "all spans arrive")
        assert sorted(it.name for it in sink.spans()) == sorted(f"kept {number}" for number in range(50))


def test_a_full_queue_refuses_and_says_so(tmp_path, sink):
    """When the queue on disk is full the sender is told, so that it keeps its data; nothing disappears."""
    tiny = {"OTELCOL_QUEUE_BYTES": "20000", "GATEWAY_ENDPOINT": f"127.0.0.1:{free_port()}"}
    configuration = OPERATIONS / "otelcol" / "agent.yaml"
    with Collector(tmp_path, [configuration], {**sink.environment(), **QUICK, **tiny}) as collector:
        with pytest.raises(grpc.RpcError, match="UNAVAILABLE"):
            send_many(collector, 20)
        assert collector.own_metric("otelcol_receiver_refused_spans") >= 1
