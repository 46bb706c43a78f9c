"""The joining of the parts of one process."""

from __future__ import annotations

import pytest

from agentotel import testing
from agentotel.model.operations import ModelCall, ToolCall, Usage

NOWHERE = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}

START = """
import logging
from agentotel import patching
from agentotel.config.load import load_settings
from agentotel.distro import wiring

def start():
    wiring.start(load_settings(), None)
"""


def call(telemetry, model, provider="house"):
    """Record one model call of a million tokens in."""
    operation = ModelCall(provider=provider, request_model=model, usage=Usage(input_tokens=1_000_000, output_tokens=0))
    telemetry.observer.start(operation).stop()


def test_the_users_prices_go_before_the_bundled_ones(tmp_path, caplog):
    """A price file is used, and an entry of it that is wrong is named; the others count."""
    prices = tmp_path / "prices.toml"
    prices.write_text(
        'currency = "EUR"\n[models.house-1]\ninput = 2\noutput = 3\n[models.house-2]\ninput = "dear"\noutput = 1\n'
    )
    with testing.recording({"AGENTOTEL_PRICES": str(prices)}) as telemetry:
        call(telemetry, "house-1")
        call(telemetry, "house-2")
        assert telemetry.metric("agent.cost") == {(("currency", "EUR"), ("model", "house-1")): 2.0}
        assert telemetry.metric("agent.cost.unknown") == {(("model", "house-2"),): 1}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "dear" in caplog.text


def test_without_a_usable_price_file_the_bundled_prices_are_used(tmp_path, caplog):
    """The file is named; models that everybody knows still cost what they cost."""
    with testing.recording({"AGENTOTEL_PRICES": str(tmp_path / "missing.toml")}) as telemetry:
        call(telemetry, "gpt-4o-mini", "openai")
        assert list(telemetry.metric("agent.cost").values()) == [pytest.approx(0.15)]
    assert "missing.toml" in caplog.text


def test_content_passes_the_users_patterns_and_budget():
    """What AGENTOTEL_REDACT matches is replaced, what is longer than AGENTOTEL_ATTRIBUTE_BYTES cut; both counted."""
    environment = {
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
        "AGENTOTEL_REDACT": "CUST-[0-9]{6}",
        "AGENTOTEL_ATTRIBUTE_BYTES": "100",
    }
    with testing.recording(environment) as telemetry:
        tool = ToolCall(name="t", arguments=lambda: "CUST-123456 and CUST-654321", result=lambda: "word " * 100)
        telemetry.observer.start(tool).stop()
        (span,) = telemetry.spans()
        assert "CUST-" not in span.attributes["gen_ai.tool.call.arguments"]
        assert len(span.attributes["gen_ai.tool.call.result"].encode()) <= 100
        ((labels, count),) = telemetry.metric("agentotel.self.redacted").items()
        assert (dict(labels), count) == ({"pattern": "user_1"}, 2)
        assert telemetry.metric("agentotel.self.truncated") == {(("attribute", "gen_ai.tool.call.result"),): 1}


@pytest.mark.parametrize(("disabled", "patched"), [("", True), ("openai", False), ("*", False), ("other", True)])
def test_adapters_can_be_switched_off_by_name(run_program, disabled, patched):
    """OTEL_PYTHON_DISABLED_INSTRUMENTATIONS takes their names, and `*` for all of them."""
    source = f"{START}\nstart()\nprint(any(report.adapter == 'openai' for report in patching.patch_reports()))"
    done = run_program(source, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=disabled, **NOWHERE)
    assert done.stdout.strip() == str(patched)


@pytest.mark.parametrize(("setting", "collected"), [("on", True), ("off", False)])
def test_the_programs_log_records_can_be_left_alone(run_program, setting, collected):
    """AGENTOTEL_LOGS=off leaves `logging` as it was."""
    source = f"{START}\nbefore = logging.Logger.callHandlers\nstart()\nprint(logging.Logger.callHandlers is not before)"
    assert run_program(source, AGENTOTEL_LOGS=setting, **NOWHERE).stdout.strip() == str(collected)


def test_a_record_of_the_program_is_exported_with_its_ids(run_program):
    """A warning that the program logs inside a context carries its user, on the real exporter to the console."""
    source = f"""{START}
start()
import agentotel
with agentotel.context(user_id="u-canary"):
    logging.getLogger("shop").warning("stock is low")
"""
    done = run_program(source, **NOWHERE | {"OTEL_LOGS_EXPORTER": "console"})
    assert "stock is low" in done.stdout
    assert "u-canary" in done.stdout
    assert done.stderr == "stock is low\n"


@pytest.mark.parametrize(("allowed", "leaves"), [("", False), ("tenant.id", True)])
def test_baggage_leaves_the_process_only_where_it_is_allowed(run_program, allowed, leaves):
    """The propagator of the whole process keeps back what AGENTOTEL_BAGGAGE does not name."""
    source = f"""{START}
start()
from opentelemetry import baggage, context, propagate
carrier = {{}}
propagate.inject(carrier, baggage.set_baggage("tenant.id", "t-canary"))
print(carrier)
"""
    assert ("t-canary" in run_program(source, AGENTOTEL_BAGGAGE=allowed, **NOWHERE).stdout) is leaves


@pytest.mark.parametrize(
    ("broken", "site"),
    [
        ("patching.patch_adapter", "openai.patch"),
        ("wiring.Discovery", "discovery.install"),
        ("wiring.program_logs.install", "logs.install"),
        ("wiring.identity.AllowListedBaggage", "baggage.install"),
    ],
)
def test_a_part_that_cannot_be_connected_stops_no_other(run_program, broken, site):
    """It is named once, and nothing else; operations are recorded."""
    source = f"""{START}
from agentotel._base import failopen
from agentotel.model.operations import AgentRun
def fail(*arguments, **keywords):
    raise ValueError("broken")
{broken} = fail
start()
patching.observer().start(AgentRun(name="shop")).stop()
print(sorted(failopen.errors()))
"""
    done = run_program(source, **NOWHERE | {"OTEL_TRACES_EXPORTER": "console"})
    failed = done.stdout.splitlines()[0]
    assert f"'{site}'" in failed
    part = site.rpartition(".")[2]
    assert failed.count("'") == 2 * failed.count(f".{part}'")
    assert "invoke_agent shop" in done.stdout
    assert done.stderr.count(site) == 1


def test_pools_and_users_are_read_when_metrics_are_collected(run_program):
    """The gauges are there in a process that has been started, whatever happens in it."""
    flush = "from opentelemetry import metrics\nmetrics.get_meter_provider().force_flush()"
    source = f"{START}\nstart()\n{flush}\n"
    page = run_program(source, **NOWHERE | {"OTEL_METRICS_EXPORTER": "console"}).stdout
    assert '"name": "agent.concurrent.users"' in page
    assert '"name": "agent.memory.usage"' in page
