"""No secret comes through the Collector, whoever has written it where; and what was found is counted."""

from __future__ import annotations

import pytest

from backend_programs import OPERATIONS, Collector, wait_until
from collector.otelcol.otlp_sink import plain
from collector.otelcol.otlp_traffic import SERVICE, counter, logs, send, span, spans

pytestmark = pytest.mark.backends

# Made of parts, so that no scanner takes this file for a leak.
SECRETS = {
    "openai": "sk-" + "proj-Q1w2E3r4T5y6U7i8O9p0",
    "anthropic": "sk-" + "ant-api03-AbCdEf0123456789xyz",
    "github": "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "google": "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "slack": "xoxb-" + "123456789012-abcdefghijkl",
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "bearer": "Bearer " + "0123456789abcdefABCDEF",
    "password": "hunter2-is-mine",
    "e-mail": "ada.lovelace@example.org",
    "visa": "4111111111111111",
    "card with gaps": "5500 0055 5555 5559",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAKj34Gkx\n-----END RSA PRIVATE KEY-----",
    "url": "s3cr3tpass",
}
WITH_WORDS = {"password": "password=", "url": "postgres://bot:"}
AFTER = {"url": "@db.example/orders"}


def in_words(kind):
    """Return a sentence with the secret in it, as a log line has it."""
    return f"failed for {WITH_WORDS.get(kind, '')}{SECRETS[kind]}{AFTER.get(kind, '')} again"


def came_through(text, kind):
    """Say whether the secret, or the telling part of it, is in a text."""
    return (
        SECRETS[kind].partition("\n")[2].partition("\n")[0] in text if "\n" in SECRETS[kind] else SECRETS[kind] in text
    )


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_comes_through_a_span(local, kind):
    """It may stand in an attribute, a list, an event, the status or the name of a span: it leaves from nowhere."""
    text, name = in_words(kind), f"spans {kind}"
    events = (("exception", {"exception.message": text}),)
    send(local, spans(span(name, {"note": text, "list": ["a", text], "map": {"b": text}}, error=text, events=events)))
    arrived = wait_until(lambda: local.sink.span(name), "the span arrives")
    assert not came_through(str(arrived), kind)
    assert plain(arrived.attributes)["note"].startswith("failed for ")
    assert plain(arrived.attributes)["redaction.masked.count"] == 4  # note, list, map and the status
    assert plain(arrived.events[0].attributes)["redaction.masked.count"] == 1
    assert arrived.status.message.startswith("failed for ")


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_comes_through_a_log_record(local, kind):
    """The body (text, map or list) and the attributes of log records pass the same net."""
    text = in_words(kind)
    before = len(local.sink.logs())
    send(local, logs(text, {"reply": {"text": text}}, [text], attributes={"note": text}))
    arrived = wait_until(lambda: local.sink.logs()[before : before + 3], "the records arrive")
    assert len(arrived) == 3
    assert not came_through(str(arrived), kind)
    for record in arrived:
        counts = plain(record.attributes)
        assert (counts["redaction.masked.count"], counts["redaction.body.masked.count"]) == (1, 1)


def test_a_span_name_with_a_secret_is_masked(local):
    """The name is the one part of a span that everybody reads."""
    send(local, spans(span(f"GET /items?api_key={SECRETS['password']}", {"which": "name"})))
    arrived = wait_until(lambda: local.sink.span("GET /items?a****"), "the span arrives under a masked name")
    assert plain(arrived.attributes) == {"which": "name", "redaction.masked.count": 1}


@pytest.mark.parametrize(
    "key", ["password", "db.password", "X-Api-Key", "http.request.header.authorization", "auth_token"]
)
def test_values_under_telling_keys_are_masked_whatever_they_are(local, key):
    """A key that says "secret" needs no pattern for its value."""
    name = f"key {key}"
    send(local, spans(span(name, {key: "x1"})))
    arrived = wait_until(lambda: local.sink.span(name), "the span arrives")
    assert plain(arrived.attributes) == {key: "****", "redaction.masked.count": 1}


def test_harmless_values_are_left_alone(local):
    """Token counts, ids, times and models look like nothing secret, and nothing is added to the span."""
    harmless = {
        "gen_ai.usage.input_tokens": 4111,
        "gen_ai.request.model": "gpt-5-mini",
        "agent.token.limit": 200000,
        "gen_ai.token.type": "input",
        "user.id": "ada@example.org",
        "session.id": "4111111111111111",
        "gen_ai.response.id": "chatcmpl-9f2c6a",
        "time": 1763856000123456789,
        "tool": "task-queue-sk-short",
        "share": 0.4111111111111,
        "done": "[REDACTED:password] and password=[REDACTED:password]",
    }
    send(local, spans(span("harmless", harmless)))
    arrived = wait_until(lambda: local.sink.span("harmless"), "the span arrives")
    assert plain(arrived.attributes) == harmless


def test_metrics_and_resources_pass_the_net(local):
    """Labels of metrics and the resource are masked as well, without a summary that would add a label."""
    resource = {**SERVICE, "service.description": f"key {SECRETS['github']}"}
    send(local, counter("shop.orders", 3, {"note": SECRETS["e-mail"]}, resource))
    ((seen, metric),) = wait_until(lambda: local.sink.metrics("shop.orders"), "the counter arrives")
    assert plain(metric.sum.data_points[0].attributes) == {"note": "****"}
    assert seen["service.description"] == "key ****"


def test_what_was_found_is_counted_as_a_metric(local):
    """The calls of span metrics say in how many spans the net has found how much."""
    send(local, spans(span("counted", {"note": SECRETS["e-mail"]}), span("counted", {"note": "nothing"})))

    def by_count():
        return {
            attributes.get("redaction.masked.count"): point.as_int
            for _, metric in local.sink.metrics("traces.span.metrics.calls")
            for point in metric.sum.data_points
            if (attributes := plain(point.attributes))["span.name"] == "counted"
        }

    # A new series begins with a 0, so that rates see its first spans.
    wait_until(lambda: by_count() == {1: 1, None: 1}, "both series say 1")


def test_the_gateway_has_the_same_net(gateway):
    """A secret that an agent's Collector passed on stops at the gateway."""
    send(gateway, spans(span("at the gateway", {"note": SECRETS["github"]}, error=SECRETS["openai"])))
    arrived = wait_until(lambda: gateway.sink.span("at the gateway"), "the span arrives")
    assert not any(came_through(str(arrived), kind) for kind in ("github", "openai"))


def test_content_can_be_kept_and_is_redacted_then(tmp_path, sink):
    """With OTELCOL_THIRD_PARTY_CONTENT=keep the prompts of other libraries stay, without their secrets."""
    environment = {**sink.environment(), "OTELCOL_THIRD_PARTY_CONTENT": "keep"}
    with Collector(tmp_path, [OPERATIONS / "otelcol" / "local.yaml"], environment) as collector:
        send(collector, spans(span("kept", {"input.value": f"my key is {SECRETS['openai']}"})))
        arrived = wait_until(lambda: sink.span("kept"), "the span arrives")
    assert plain(arrived.attributes)["input.value"] == "my key is ****"
