"""Kafka between the agent's Collector and several gateways: whole traces, nothing lost, nothing too big."""

from __future__ import annotations

import secrets
from collections import Counter
from contextlib import ExitStack

import pytest

from backend_programs import OPERATIONS, Collector, Kafka, wait_until
from collector.otelcol.otlp_sink import Sink, plain
from collector.otelcol.otlp_traffic import SERVICE, counter, logs, new_trace, send, span, spans

pytestmark = pytest.mark.backends

FOLDER = OPERATIONS / "otelcol"
AGENT = [FOLDER / "agent.yaml", FOLDER / "kafka-agent.yaml"]
GATEWAY = [FOLDER / "gateway.yaml", FOLDER / "kafka-gateway.yaml"]
KNOBS = {
    "OTELCOL_SAMPLING_PERCENT": "100",
    "OTELCOL_SAMPLING_WAIT": "5s",
    "OTELCOL_SAMPLING_WAIT_AFTER_ROOT": "1s",
    "OTELCOL_RETRY_MAX_INTERVAL": "1s",
}
PARENT = b"12345678"
MESSAGE = 1_000_000
WAIT_S = 90  # a group of consumers needs its time to agree on who reads what


class Chain:
    """An agent's Collector, a broker, and two gateways with a sink behind each."""

    def __init__(self, folder, running):
        self.kafka = Kafka(folder / "kafka")
        environment = {**KNOBS, "KAFKA_BROKERS": self.kafka.address}
        self.sinks = [running.enter_context(Sink()) for _ in range(2)]
        self.agent = Collector(folder / "agent", AGENT, environment)
        self.gateways = [
            Collector(folder / f"gateway-{number}", GATEWAY, {**sink.environment(), **environment})
            for number, sink in enumerate(self.sinks)
        ]
        for program in (self.kafka, self.agent, *self.gateways):
            running.enter_context(program)

    def spans(self):
        """Return the spans that have arrived at either sink."""
        return [it for sink in self.sinks for it in sink.spans()]

    def logs(self):
        """Return the log records that have arrived at either sink."""
        return [it for sink in self.sinks for it in sink.logs()]

    def metrics(self, name):
        """Return the metrics of a name that have arrived at either sink."""
        return [it for sink in self.sinks for it in sink.metrics(name)]

    def arrive(self, names):
        """Wait until spans of all these names have arrived, and return them by their names."""
        found = lambda: {it.name: it for it in self.spans() if it.name in names}  # noqa: E731
        wait_until(lambda: set(found()) == set(names), "all spans arrive", WAIT_S)
        return found()


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """The chain, running."""
    with ExitStack() as running:
        yield Chain(tmp_path_factory.mktemp("kafka"), running)


def noise(size):
    """Return text that no compression makes small."""
    return secrets.token_hex(size // 2)


def test_all_signals_go_through_and_no_trace_is_split(chain):
    """Spans of 60 traces, sent in three parts, come whole to one of the two gateways each; so do metrics and logs."""
    traces = [new_trace() for _ in range(60)]
    for part in ("model", "tool", "root"):
        parent = b"" if part == "root" else PARENT
        send(chain.agent, spans(*(span(part, trace=trace, parent=parent) for trace in traces)))
    send(chain.agent, logs("a line"))
    send(chain.agent, counter("through.kafka", 5, {}, SERVICE))
    ours = lambda sink: Counter(it.trace_id for it in sink.spans() if it.trace_id in traces)  # noqa: E731
    wait_until(lambda: sum(sum(ours(sink).values()) for sink in chain.sinks) >= 180, "all spans arrive", WAIT_S)
    assert [set(ours(sink).values()) - {3} for sink in chain.sinks] == [set(), set()]
    assert wait_until(chain.logs, "the log record arrives")
    assert wait_until(lambda: chain.metrics("through.kafka"), "the metric arrives")


def test_a_batch_that_is_larger_than_a_message_of_kafka_arrives_whole(chain):
    """A trace of 3 MB, and log records of 2 MB, are split into messages that Kafka takes; nothing of them is cut."""
    trace, text = new_trace(), noise(60_000)
    names = [f"large {number}" for number in range(50)]
    send(chain.agent, spans(*(span(it, {"text": text}, trace=trace, parent=PARENT) for it in names)))
    send(chain.agent, logs(*(f"large {number} {noise(60_000)}" for number in range(40))))
    assert all(plain(it.attributes) == {"text": text} for it in chain.arrive(names).values())
    large = lambda: [it for it in chain.logs() if it.body.string_value.startswith("large")]  # noqa: E731
    assert wait_until(lambda: len(large()) == 40, "all log records arrive", WAIT_S)
    assert chain.agent.own_metric("otelcol_exporter_send_failed_spans") == 0


@pytest.mark.parametrize(
    ("case", "big"),
    [
        ("one long text", {"attributes": {"text": "x" * 8 * MESSAGE}}),
        ("many texts", {"attributes": {f"text.{number}": "y" * 60_000 for number in range(60)}}),
        ("a long list", {"attributes": {"list": ["z" * 1000] * 8_000}}),
        ("a list of numbers", {"attributes": {"list": [1] * 600_000}}),
        ("few large events", {"events": (("event", {"a": "e" * 900_000, "b": "f" * 900_000}),) * 4}),
        ("many events", {"events": (("event", {"text": "e" * 20_000}),) * 128}),
    ],
)
def test_only_a_span_that_is_larger_than_a_message_of_kafka_is_cut(chain, case, big):
    """It says what it was about and that it was cut; the good ones beside it, in the same trace, arrive unchanged."""
    trace, about = new_trace(), {"gen_ai.operation.name": "chat", "user.id": "u1"}
    good = [span(f"{case}, good {number}", about, trace=trace, parent=PARENT) for number in range(4)]
    attributes = {**about, **big.get("attributes", {})}
    huge = span(f"{case}, big", attributes, trace=trace, events=big.get("events", ()))
    send(chain.agent, spans(*good[:2], huge, *good[2:]))
    arrived = chain.arrive([huge.name, *(it.name for it in good)])
    assert all(plain(arrived[it.name].attributes) == about for it in good)
    kept = plain(arrived[huge.name].attributes)
    assert {key: kept[key] for key in about} == about
    assert len(arrived[huge.name].events) == len(huge.events)
    if not huge.events:
        assert kept["agentotel.collector.cut_bytes"] > 400_000


def test_a_log_record_that_is_larger_than_a_message_of_kafka_is_cut(chain):
    """Its line and its attributes are shortened, and the one beside it arrives."""
    attributes = {"user.id": "u9", **{f"text.{number}": noise(60_000) for number in range(20)}}
    send(chain.agent, logs("h" * 3 * MESSAGE, "beside the huge", attributes=attributes))
    ours = lambda: [it for it in chain.logs() if plain(it.attributes).get("user.id") == "u9"]  # noqa: E731
    wait_until(lambda: len(ours()) == 2, "both arrive", WAIT_S)
    assert sorted(len(it.body.string_value) for it in ours()) == [15, 131_072]


def test_half_a_secret_at_the_edge_of_a_cut_is_not_let_through(chain):
    """What the agent cuts is cut once more behind the net, which cannot know the first half of a key."""
    for edge in (131_072, 8_192):
        secret = f"sk-{secrets.token_hex(20)}"
        fillers = {f"filler.{number}": "y" * 100_000 for number in range(8)} if edge == 8_192 else {}
        text = "." * (edge - 12) + " " + secret + "." * 400_000
        name = f"cut at {edge}"
        send(chain.agent, spans(span(name, {"text": text, **fillers})))
        kept = plain(chain.arrive([name])[name].attributes)
        assert secret[:8] not in kept["text"]
        assert set(kept["text"]) == {"."}


def test_nothing_is_lost_when_kafka_is_away_and_the_collectors_are_killed(chain):
    """What is sent meanwhile lies on the disk of the agent; each gateway goes on where it was."""
    chain.kafka.stop()
    names = [f"kept {number}" for number in range(30)]
    for name in names[:20]:
        send(chain.agent, spans(span(name)))
    for program in (chain.agent, *chain.gateways):
        program.kill()
    chain.agent.start()
    for name in names[20:]:
        send(chain.agent, spans(span(name)))
    chain.kafka.start()
    for gateway in chain.gateways:
        gateway.start()
    assert len(chain.arrive(names)) == len(names)
