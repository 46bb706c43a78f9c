"""A span or log record that is too big is cut; what is sent together with it arrives whole."""

from __future__ import annotations

import pytest

from backend_programs import OPERATIONS, Collector, wait_until
from collector.otelcol.otlp_sink import plain
from collector.otelcol.otlp_traffic import logs, send, send_http, span, spans

pytestmark = pytest.mark.backends

MEGABYTE = 1_048_576
GOOD = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 12}
BIG = {
    "one long text": {"text": "x" * (10 * MEGABYTE)},
    "many texts": {f"text.{number}": "y" * 200_000 for number in range(60)},
    "a long list": {"list": ["z" * 1000] * 10_000},
    "letters of four bytes": {"text": "😀" * (2 * MEGABYTE)},
}


@pytest.mark.parametrize("case", BIG)
@pytest.mark.parametrize("way", [send, send_http], ids=["grpc", "http"])
def test_only_the_oversized_span_is_cut(local, case, way):
    """Ten good spans around one of megabytes arrive unchanged, the big one shortened, with what it is about."""
    mark = f"{case} by {way.__name__},"
    good = [span(f"{mark} good {number}", GOOD) for number in range(10)]
    big = span(f"{mark} big", {**BIG[case], **GOOD, "user.id": "u1"})
    way(local, spans(*good[:5], big, *good[5:]))
    wait_until(lambda: local.sink.span(big.name), "the big span arrives")
    arrived = {it.name: it for it in local.sink.spans() if it.name.startswith(mark)}
    assert set(arrived) == {it.name for it in (*good, big)}
    assert all(plain(arrived[it.name].attributes) == GOOD for it in good)
    kept = plain(arrived[big.name].attributes)
    assert arrived[big.name].ByteSize() < 1.2 * MEGABYTE
    assert {key: kept[key] for key in (*GOOD, "user.id")} == {**GOOD, "user.id": "u1"}
    assert kept["agentotel.collector.cut_bytes"] > 5 * MEGABYTE


@pytest.mark.parametrize(("count", "kept"), [(10, 16_384), (300, 2_048), (1000, 0)])
def test_many_big_events_are_cut(local, count, kept):
    """All events of a span stay, each with the less the more they are, and the span beside it arrives."""
    events = tuple((f"event {number}", {"text": "e" * 50_000}) for number in range(count))
    good = span(f"beside {count} events", GOOD)
    send(local, spans(span(f"{count} events", GOOD, events=events), good))
    arrived = wait_until(lambda: local.sink.span(f"{count} events"), "the span arrives")
    assert [it.name for it in arrived.events] == [it for it, _ in events]
    assert {len(plain(it.attributes).get("text", "")) for it in arrived.events} == {kept}
    assert wait_until(lambda: local.sink.span(good.name), "the one beside it arrives")


def test_a_normal_span_is_not_touched(local):
    """64 KB of content are no reason to cut anything."""
    content = {**GOOD, "gen_ai.input.messages": "m" * 60_000}
    send(local, spans(span("large but fine", content)))
    assert plain(wait_until(lambda: local.sink.span("large but fine"), "it arrives").attributes) == content


def test_big_log_records_are_cut(local):
    """Loki takes lines of 256 KiB and metadata of 64 KiB: records are shortened to fit, those beside them stay."""
    before = len(local.sink.logs())
    attributes = {"user.id": "u1", **{f"text.{number}": "t" * 50_000 for number in range(20)}}
    send(local, logs("a" * (5 * MEGABYTE), {"map": "b" * (5 * MEGABYTE)}, "short", attributes=attributes))
    first, second, third = wait_until(lambda: local.sink.logs()[before : before + 3], "the records arrive")
    assert len(first.body.string_value) == len(second.body.string_value) == 131_072
    assert third.body.string_value == "short"
    for record in (first, second, third):
        assert sum(it.ByteSize() for it in record.attributes) < 49_152
        assert plain(record.attributes)["user.id"] == "u1"


def test_many_spans_are_split_into_messages_that_the_backend_takes(local):
    """20 MB of good spans arrive complete at a backend that takes 4 MiB a message."""
    many = [span(f"split {number}", {"text": "s" * 20_000}) for number in range(1000)]
    send(local, spans(*many))
    wanted = {it.name for it in many}

    def arrived():
        return [it.name for it in local.sink.spans() if it.name in wanted]

    assert wait_until(lambda: len(arrived()) == len(many), "all of them arrive")
    assert set(arrived()) == wanted


def test_an_oversized_span_goes_from_the_agent_to_the_gateway(gateway, tmp_path):
    """The agent's Collector passes it on as it is, and the gateway cuts it; the good ones beside it arrive."""
    agent = Collector(
        tmp_path,
        [OPERATIONS / "otelcol" / "agent.yaml"],
        {"GATEWAY_ENDPOINT": f"127.0.0.1:{gateway.grpc_port}"},
    )
    with agent:
        send(
            agent, spans(span("passed on", {"text": "p" * (10 * MEGABYTE)}, error="e"), span("beside", GOOD, error="e"))
        )
        arrived = wait_until(lambda: gateway.sink.span("passed on"), "the big span arrives")
        assert len(plain(arrived.attributes)["text"]) == 65_536
        assert plain(wait_until(lambda: gateway.sink.span("beside"), "the other arrives").attributes) == GOOD
