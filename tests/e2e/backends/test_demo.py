"""The demo under the plain launcher, through the real Collector into real Jaeger, Prometheus and Loki."""

from __future__ import annotations

from time import time

import pytest

from agentotel.demo.expectations import AGENT, QUESTIONS, of_any_run, of_scripted_run
from agentotel.model import names
from backend_programs import OPERATIONS, Prometheus, rewired, wait_until
from backend_programs.jaeger import attributes
from e2e.backends.evidence import without_the_path

pytestmark = pytest.mark.backends


def settled(look, what):
    """Return the last answer of `look` when all expectations in it are met; name the others when time is up."""
    seen = []

    def met():
        seen[:] = [it for it in look() if not it.met]
        return not seen

    try:
        wait_until(met, what)
    except TimeoutError as error:
        raise AssertionError(
            "\n".join(f"{it.name}: expected {it.expected}, found {it.found}" for it in seen)
        ) from error


def expectations(evidence):
    """Return everything that the demo's telemetry must hold."""
    return of_any_run(evidence) + of_scripted_run(evidence)


@pytest.fixture(scope="session")
def whole(demo):
    """The demo when the backends hold all of it: each has its own time, and the tests come in any order."""
    settled(lambda: expectations(demo.evidence()), "the backends hold the whole demo")
    return demo


def test_what_the_backends_hold_of_the_demo_is_all_that_it_did(demo):
    """Traces from Jaeger, series from Prometheus and records from Loki together meet each expectation of the demo."""
    settled(lambda: expectations(demo.evidence()), "the backends hold the whole demo")


def test_jaeger_shows_one_tree_for_each_question(whole):
    """Each trace has one root, the agent's run, and every other span stands below it, in its resource and scope."""
    traces = whole.stack.jaeger.traces(whole.service)
    assert len(traces) == QUESTIONS
    for spans in traces.values():
        known = {span["spanId"] for span in spans}
        roots = [span for span in spans if not span.get("parentSpanId")]
        assert [root["name"] for root in roots] == [f"invoke_agent {AGENT}"]
        assert all(span["parentSpanId"] in known for span in spans if span is not roots[0])
        for span in spans:
            resource = attributes(span["resource"])
            assert resource["service.name"] == whole.service
            assert resource["telemetry.distro.name"] == "agentotel"
            assert span["scope"]["name"] == names.SCOPE


def test_logs_are_found_by_trace_agent_and_user(whole):
    """A trace id of Jaeger finds the records of that trace in Loki; so do the agent's and the user's names."""
    traces = whole.stack.jaeger.traces(whole.service)
    of_service = f'{{service_name="{whole.service}"}}'
    loki = whole.stack.loki
    for trace_id, spans in traces.items():
        lines = loki.query(f'{of_service} | trace_id="{trace_id}"')
        assert lines
        assert {line["labels"]["span_id"] for line in lines} <= {span["spanId"] for span in spans}
    with_trace = {line["labels"].get("trace_id") for line in whole.lines()} - {None, ""}
    assert with_trace == set(traces)
    by_agent = loki.query(f'{of_service} | gen_ai_agent_name="{AGENT}"')
    assert {line["labels"]["trace_id"] for line in by_agent} == set(traces)
    for user in ("alice", "bob"):
        of_user = {attributes(spans[0])["user.id"]: trace_id for trace_id, spans in traces.items()}
        lines = loki.query(f'{of_service} | user_id="{user}"')
        assert of_user[user] in {line["labels"]["trace_id"] for line in lines}
        assert {line["labels"]["user_id"] for line in lines} == {user}


def test_an_exemplar_in_prometheus_leads_to_a_trace_in_jaeger(whole):
    """Latency buckets carry exemplars, each with the id of a trace that Jaeger has."""
    end = time()
    exemplars = wait_until(
        lambda: whole.stack.prometheus.exemplars(
            f'agent_chat_latency_seconds_bucket{{job="{whole.service}"}}', end - 600, end + 60
        ),
        "exemplars",
    )
    ids = {exemplar["labels"]["trace_id"] for exemplar in exemplars}
    assert ids <= set(whole.stack.jaeger.traces(whole.service))


@pytest.mark.parametrize("program", ["prometheus2", "prometheus"])
def test_the_scraped_path_gives_the_same_names_and_values(demo, program, tmp_path):
    """Prometheus 2 and 3, scraping the Collector, know the same series with the same values as by OTLP.

    One metric differs in form: the exponential histogram comes by OTLP as a native one, scraped as its count and sum.
    """
    here = {
        "collector:8889": f"127.0.0.1:{demo.stack.collector.scrape_port}",
        "scrape_interval: 15s": "scrape_interval: 1s",
        "scrape_timeout: 10s": "scrape_timeout: 1s",
    }
    shipped = OPERATIONS / "prometheus" / "prometheus-scrape.yml"
    configuration = rewired(shipped, tmp_path / "prometheus.yml", here)
    with Prometheus(tmp_path / program, configuration, program) as scraping:
        settled(lambda: expectations(demo.evidence(demo.samples(scraping))), "the scraped series are the whole demo's")
        wait_until(lambda: not differences(demo, scraping), "both paths give the same")


def differences(demo, scraping):
    """Return the samples of either path that the other one does not have."""
    scraped, received = (without_the_path(demo.samples(it)) for it in (scraping, demo.stack.prometheus))
    for name, histogram in demo.histograms().items():
        for suffix in ("count", "sum"):
            labels = next(labels for known, labels in scraped if known == f"{name}_{suffix}")
            received[f"{name}_{suffix}", labels] = float(histogram[suffix])
    # What identifies a resource is a label of its own on one path only, and native histograms have no buckets.
    native = tuple(f"{name}_bucket" for name in demo.histograms())
    different = set(scraped.items()) ^ set(received.items())
    return sorted(item for item in different if item[0][0] not in {"target_info", *native})
