"""The Collector accepts every configuration and every overlay, and says nothing about them."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
import yaml

from backend_programs import OPERATIONS, Collector, binary, wait_until

FOLDER = OPERATIONS / "otelcol"
COMBINATIONS = [
    ("local.yaml",),
    ("agent.yaml",),
    ("gateway.yaml",),
    ("agent.yaml", "kafka-agent.yaml"),
    ("gateway.yaml", "kafka-gateway.yaml"),
]
NOT_BUILT = {"load-balancing.yaml"}


def names(combination):
    """Name a combination for the list of tests."""
    return "+".join(it.removesuffix(".yaml") for it in combination)


def load(name):
    """Return a configuration as data."""
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.backends
@pytest.mark.parametrize("combination", COMBINATIONS, ids=names)
def test_validates_without_a_word(combination, tmp_path):
    """`otelcol validate` accepts each shipped combination and prints nothing."""
    options = [f"--config={FOLDER / it}" for it in combination]
    done = subprocess.run(
        [binary("otelcol"), "validate", *options],
        env={**os.environ, "OTELCOL_STORAGE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.backends
@pytest.mark.parametrize("name", ["local.yaml", "agent.yaml", "gateway.yaml"])
def test_starts_and_stops_without_a_warning(name, tmp_path, sink):
    """A start and a stop write no warning, no error and no word about something deprecated into the log."""
    with Collector(tmp_path, configurations=[FOLDER / name], environment=sink.environment()) as collector:
        wait_until(lambda: "Everything is ready" in collector.log(), "it says that it is ready")
    telling = re.compile(r"\t(warn|error)\t|deprecat", re.IGNORECASE)
    assert [line for line in collector.log().splitlines() if telling.search(line)] == []


def test_every_file_is_in_a_combination():
    """No configuration is shipped that the tests above do not run, but for the overlay that needs another build."""
    shipped = {path.name for path in FOLDER.glob("*.yaml")} - {"builder.yaml"}
    assert shipped == {name for combination in COMBINATIONS for name in combination} | NOT_BUILT


def test_the_gateway_does_what_the_local_collector_does():
    """Names, net, limits, span metrics and exporters are the same in both: what differs is the sampling."""
    local, gateway = load("local.yaml"), load("gateway.yaml")
    assert gateway["processors"].pop("tail_sampling")
    for section in ("extensions", "receivers", "processors", "connectors", "exporters"):
        assert gateway[section] == local[section], section


@pytest.mark.parametrize(
    "name", ["local.yaml", "gateway.yaml", "agent.yaml", "kafka-agent.yaml", "load-balancing.yaml"]
)
def test_every_backend_is_tried_for_ever_from_disk(name):
    """Each exporter that sends has a queue on disk and no time at which it gives up."""
    exporters = {key: value for key, value in load(name)["exporters"].items() if key != "prometheus"}
    assert exporters
    for key, exporter in exporters.items():
        assert exporter["sending_queue"]["storage"] == "file_storage", key
        assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s", key


@pytest.mark.parametrize("name", ["local.yaml", "gateway.yaml", "agent.yaml"])
def test_every_pipeline_begins_with_the_memory_limiter(name):
    """What does not fit into memory is refused at the door."""
    pipelines = load(name)["service"]["pipelines"]
    assert {pipeline["processors"][0] for pipeline in pipelines.values()} == {"memory_limiter"}


def test_the_slim_build_holds_every_component_that_is_used():
    """Whatever a configuration names is in builder.yaml, load_balancing excepted."""
    built = {
        section: {
            re.search(r"/([\w-]+?)(receiver|processor|exporter|connector|extension)? v", it["gomod"])[1] for it in items
        }
        for section, items in load("builder.yaml").items()
        if section not in {"dist", "providers"}
    }
    for name in {name for combination in COMBINATIONS for name in combination}:
        for section, components in load(name).items():
            used = {key.partition("/")[0].replace("_", "") for key in components}
            spelt = {"otlpgrpc": "otlp"}
            if section != "service":
                assert {spelt.get(it, it) for it in used} <= built[section], (name, section)


def test_the_load_balancing_overlay_fits_the_agent():
    """The overlay that cannot be run here changes only the way of the traces, to the exporter that it defines."""
    overlay, agent = load("load-balancing.yaml"), load("agent.yaml")
    assert overlay["service"]["pipelines"] == {"traces": {"exporters": list(overlay["exporters"])}}
    assert "traces" in agent["service"]["pipelines"]
    assert overlay["exporters"]["load_balancing"]["routing_key"] == "traceID"
