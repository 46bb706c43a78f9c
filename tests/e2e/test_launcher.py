"""Programs that know nothing of agentotel, under the plain launcher, seen in a real backend over real OTLP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e

AGENT = """
    import logging
    from openai import OpenAI

    class SearchTool:
        def execute(self, query):
            logging.getLogger("shop.tools").warning("searching")
            return [query]

    class ShopAgent:
        def __init__(self):
            self.id, self.name, self.user_id, self.tenant_id = "a1", "shop", "u1", "t1"
            self.model = OpenAI()

        def chat(self, message):
            messages = [{"role": "user", "content": message}]
            first = self.model.chat.completions.create(model="gpt-4o-mini", messages=messages)
            SearchTool().execute(message)
            stream = self.model.chat.completions.create(
                model="gpt-4o-mini", messages=messages, stream=True, stream_options={"include_usage": True}
            )
            pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
            return first.choices[0].message.content + "".join(pieces)

    if __name__ == "__main__":
        print(ShopAgent().chat("canary-prompt"))
"""


def test_an_agent_is_seen_with_exact_numbers_in_every_signal(world):
    """Two model calls and a tool inside a chat: one trace, one root, 130/21 tokens once in spans and metrics."""
    done = world.launch(AGENT, name="my_agent.py")
    assert (done.status, done.output) == (0, "helloab\n"), done.messages
    (trace,) = world.traces()
    assert (trace.name, trace.agent, trace.spans) == ("invoke_agent shop", "shop", 4)
    assert (trace.input_tokens, trace.output_tokens, trace.error) == (130, 21, False)
    assert trace.cost == pytest.approx(130 * 0.15e-6 + 21 * 0.6e-6)
    names = sorted(span.name for span in world.spans())
    assert names == ["chat gpt-4o-mini", "chat gpt-4o-mini", "execute_tool SearchTool", "invoke_agent shop"]
    tokens = world.metrics("agent.token.usage")
    assert sorted(
        (dict(labels)["type"], series.point["sum"]) for labels, series in tokens.items() if series.point["sum"]
    ) == [
        ("input", 130),
        ("output", 21),
    ]
    assert world.spans()[0].origin.service == "my_agent"


def test_every_log_record_carries_trace_span_and_ids(world):
    """The program's own records and ours are correlated; the program's stderr is what it is without us."""
    done = world.launch(AGENT)
    bare = world.launch(AGENT, launcher=())
    assert (done.output, done.messages) == (bare.output, bare.messages)
    records = world.logs()
    assert [record.body for record in records] == ["chat started", "searching"]
    spans = {span.span_id: span.name for span in world.spans()}
    assert [spans[record.span_id] for record in records] == ["invoke_agent shop", "execute_tool SearchTool"]
    for record in records:
        assert record.attributes["user.id"] == "u1"
        assert record.attributes["tenant.id"] == "t1"
        assert record.attributes["gen_ai.agent.id"] == "a1"
        assert record.attributes["request.id"]


def test_content_stays_in_the_process_unless_it_is_asked_for(world):
    """The prompt is nowhere in the store by default, and on the span with the standard switch."""
    world.launch(AGENT)
    assert b"canary-prompt" not in world.db.read_bytes() + (world.folder / "telemetry.db-wal").read_bytes()
    world.launch(AGENT, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true")
    assert any("canary-prompt" in str(span.attributes) for span in world.spans())


def test_grpc_delivers_the_same(world):
    """OTEL_EXPORTER_OTLP_PROTOCOL=grpc gives the same trace."""
    grpc = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": world.backend.addresses.otlp_grpc,
    }
    done = world.launch(AGENT, **grpc)
    assert done.status == 0, done.messages
    (trace,) = world.traces()
    assert (trace.input_tokens, trace.output_tokens, trace.spans) == (130, 21, 4)
    assert len(world.logs()) == 2


def test_agentotel_wins_over_another_distro_without_a_word(world, tmp_path):
    """With a second distro installed that comes first, the plain launcher uses agentotel and says nothing about it."""
    other = tmp_path / "site" / "aaa_other-1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-other\nVersion: 1\n")
    (other / "entry_points.txt").write_text(
        "[opentelemetry_distro]\nother = aaa_other:Distro\n"
        "[opentelemetry_configurator]\nother = aaa_other:Configurator\n"
    )
    (tmp_path / "site" / "aaa_other.py").write_text(
        "from opentelemetry.instrumentation.distro import BaseDistro\n"
        "class Distro(BaseDistro):\n    def _configure(self, **kwargs): print('other distro')\n"
        "class Configurator:\n    def configure(self, **kwargs): print('other configurator')\n"
    )
    done = world.launch(AGENT, PYTHONPATH=str(tmp_path / "site"))
    assert done.output == "helloab\n"
    assert "not loaded" not in done.messages
    assert len(world.traces()) == 1


def test_one_failing_instrumentor_stops_nothing(world, tmp_path):
    """An instrumentor that raises is named once; the agent is still recorded."""
    broken = tmp_path / "site" / "aaa_broken-1.dist-info"
    broken.mkdir(parents=True)
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-broken\nVersion: 1\n")
    (broken / "entry_points.txt").write_text("[opentelemetry_instrumentor]\nbroken = aaa_broken:Broken\n")
    (tmp_path / "site" / "aaa_broken.py").write_text(
        "class Broken:\n    def instrument(self, **kwargs): raise ValueError('no such thing')\n"
    )
    done = world.launch(AGENT, PYTHONPATH=str(tmp_path / "site"))
    assert done.output == "helloab\n"
    assert "broken failed and is left out: ValueError: no such thing" in done.messages
    assert len(world.traces()) == 1


def test_nothing_is_recorded_when_the_sdk_is_disabled(world):
    """OTEL_SDK_DISABLED=true leaves the program alone."""
    done = world.launch(AGENT, OTEL_SDK_DISABLED="true")
    assert done.output == "helloab\n"
    assert world.traces() == []


def test_an_adapter_can_be_switched_off(world):
    """OTEL_PYTHON_DISABLED_INSTRUMENTATIONS takes the names of adapters as well."""
    world.launch(AGENT, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="openai")
    assert sorted(span.name for span in world.spans()) == ["execute_tool SearchTool", "invoke_agent shop"]


def test_samplers_are_honoured(world):
    """OTEL_TRACES_SAMPLER=always_off keeps the metrics and drops the spans."""
    world.launch(AGENT, OTEL_TRACES_SAMPLER="always_off")
    assert world.traces() == []
    assert len(world.metrics("agent.requests")) == 1


def test_the_resource_of_the_user_stands(world):
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before our own name for the service."""
    world.launch(AGENT, OTEL_SERVICE_NAME="mine", OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test")
    span = world.spans()[0]
    assert span.origin.service == "mine"
    assert span.origin.resource["deployment.environment.name"] == "test"
    assert span.origin.resource["telemetry.distro.name"] == "agentotel"


CHILDREN = """
    import subprocess, sys
    class ParentAgent:
        def chat(self):
            code = "class ChildAgent:\\n    def chat(self): return 1\\nprint(ChildAgent().chat())"
            return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    print(ParentAgent().chat())
"""


@pytest.mark.parametrize(
    ("setting", "agents"),
    [
        # The launcher of opentelemetry-instrumentation 0.61 keeps child processes out by itself.
        pytest.param("on", {"ParentAgent", "ChildAgent"}, marks=pytest.mark.newest),
        ("off", {"ParentAgent"}),
    ],
)
def test_child_processes_can_be_left_out(world, setting, agents):
    """Python programs that the agent starts are recorded in its trace, unless AGENTOTEL_CHILD_PROCESSES is off."""
    done = world.launch(CHILDREN, AGENTOTEL_CHILD_PROCESSES=setting)
    assert done.output == "1\n\n", done.messages
    assert {span.name.removeprefix("invoke_agent ") for span in world.spans()} == agents
    assert [trace.agent for trace in world.traces()] == ["ParentAgent"]


def test_wrong_settings_are_named_and_the_program_runs_on(world):
    """Each bad value is named with what was expected; the rest works; a misspelt name is pointed out."""
    done = world.launch(
        AGENT,
        AGENTOTEL_CARDINALITY_LIMIT="many",
        AGENTOTEL_TARGET="x",
        OTEL_TRACES_EXPORTER="nosuch,otlp",
    )
    assert (done.status, done.output) == (0, "helloab\n")
    assert "AGENTOTEL_CARDINALITY_LIMIT=many" in done.messages
    assert "AGENTOTEL_TARGETS" in done.messages
    assert "nosuch" in done.messages
    assert len(world.traces()) == 1


def test_a_wrong_target_is_named_with_the_reason(world):
    """A target that matches nothing says what there is instead."""
    done = world.launch("import shop_bots", AGENTOTEL_TARGETS="agent=shop_bots:Bto.answer", name="main.py")
    assert done.status == 1  # shop_bots does not exist yet: Python's own error
    (world.folder / "shop_bots.py").write_text("class Bot:\n    def answer(self, text): return text\n")
    done = world.launch("import shop_bots", AGENTOTEL_TARGETS="agent=shop_bots:Bto.answer", name="main.py")
    assert done.status == 0
    assert "Bto" in done.messages
    assert "Bot" in done.messages


def test_a_target_that_was_never_met_is_told_to_those_who_ask(world):
    """A module that the program never imported is named at the end, at INFO."""
    settings = {"AGENTOTEL_TARGETS": "agent=shop_bots:Bot.answer"}
    assert "shop_bots" not in world.launch("pass", **settings).messages
    done = world.launch("pass", AGENTOTEL_LOG_LEVEL="info", **settings)
    assert "agent=shop_bots:Bot.answer has matched nothing" in done.messages


def test_targets_from_a_file_are_recorded(world):
    """`agentotel.toml` beside the program names functions, steps and globs."""
    (world.folder / "agentotel.toml").write_text(
        'targets = ["agent=shop_bots:*Bot.answer", "tool=shop_bots:search_*", "step=shop_bots:Auth.check"]\n'
    )
    (world.folder / "shop_bots.py").write_text(
        "def search_orders(q): return [q]\n"
        "class Auth:\n    def check(self): return True\n"
        "class HelpBot:\n"
        "    name = 'help'\n"
        "    def answer(self, text): Auth().check(); return search_orders(text)\n"
    )
    done = world.launch("import shop_bots\nprint(shop_bots.HelpBot().answer('x'))\n", name="main.py")
    assert done.output == "['x']\n", done.messages
    assert {span.name for span in world.spans()} == {"invoke_agent help", "execute_tool search_orders", "Auth.check"}


def test_a_busy_prometheus_port_stops_nothing(world):
    """The port is taken: that is said, and everything else works."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = world.launch(
            AGENT,
            OTEL_METRICS_EXPORTER="prometheus,otlp",
            OTEL_EXPORTER_PROMETHEUS_HOST="127.0.0.1",
            OTEL_EXPORTER_PROMETHEUS_PORT=str(taken.getsockname()[1]),
        )
    assert (done.status, done.output) == (0, "helloab\n")
    assert "OTEL_METRICS_EXPORTER=prometheus" in done.messages
    assert len(world.traces()) == 1
    assert len(world.metrics("agent.requests")) == 1


@pytest.mark.newest
def test_a_configuration_file_is_honoured(world):
    """OTEL_CONFIG_FILE makes the providers; ids, discovery and adapters are added to them."""
    endpoint = world.backend.addresses.otlp_http
    (world.folder / "otel.yaml").write_text(
        'file_format: "1.0"\n'
        "tracer_provider:\n  processors:\n    - batch:\n        exporter:\n          otlp_http:\n"
        f"            endpoint: {endpoint}/v1/traces\n"
    )
    done = world.launch(AGENT, OTEL_CONFIG_FILE=str(world.folder / "otel.yaml"))
    assert done.output == "helloab\n", done.messages
    (trace,) = world.traces()
    assert (trace.input_tokens, trace.spans) == (130, 4)


def test_a_broken_configuration_file_is_named_and_the_environment_used(world):
    """A file that cannot be read costs its own settings, not the telemetry."""
    done = world.launch(AGENT, OTEL_CONFIG_FILE=str(world.folder / "missing.yaml"))
    assert done.output == "helloab\n"
    assert "OTEL_CONFIG_FILE" in done.messages
    assert len(world.traces()) == 1


def test_a_dead_collector_changes_neither_output_nor_status(world):
    """Nobody listens: output, status and exceptions are those of the bare program."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    source = AGENT + "        raise SystemExit(3)\n"
    done = world.launch(source, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    assert (done.status, done.output) == (3, "helloab\n")
    assert done.messages.count("agentotel:") == 1
    assert "Connection refused" in done.messages


def test_a_hanging_collector_holds_the_exit_up_only_for_the_deadline(world):
    """A Collector that accepts and never answers: the program ends although three exports hang."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_TIMEOUT": "50"}
        done = world.launch(AGENT, AGENTOTEL_EXIT_TIMEOUT="1s", **settings)
    assert (done.status, done.output) == (0, "helloab\n")


@pytest.mark.newest
def test_the_official_instrumentation_beside_us_counts_nothing_twice(world):
    """With opentelemetry-instrumentation-genai-openai started by the program itself, every call is one span."""
    official = (
        "    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor\n"
        "    OpenAIInstrumentor().instrument()\n"
    )
    done = world.launch(official + AGENT)
    assert done.output == "helloab\n", done.messages
    (trace,) = world.traces()
    assert (trace.spans, trace.input_tokens, trace.output_tokens) == (4, 130, 21)
    calls = world.metrics("gen_ai.client.operation.duration")
    assert sum(series.point["count"] for series in calls.values()) == 2
    tokens = world.metrics("agent.token.usage")
    assert sum(series.point["sum"] for series in tokens.values() if dict(series.attributes)["type"] == "input") == 130


def test_signals_end_the_program_as_without_us(world):
    """Ctrl-C gives Python's own status and traceback."""
    source = """
        import os, signal
        class ShopAgent:
            def chat(self):
                os.kill(os.getpid(), signal.SIGINT)
        ShopAgent().chat()
    """
    done = world.launch(source)
    assert done.status == -signal.SIGINT
    assert done.messages.rstrip().endswith("KeyboardInterrupt")
    (trace,) = world.traces()
    assert trace.agent == "ShopAgent"


def test_no_library_is_imported_by_us(world):
    """A program that does nothing has no model SDK and no HTTP client of one in memory."""
    done = world.launch("import sys; print(sorted({'openai', 'httpx', 'httpx2', 'genai_prices'} & sys.modules.keys()))")
    assert done.output == "[]\n"


def test_module_programs_are_launched_too(world):
    """`python -m package` is recorded under the package's name."""
    package = world.folder / "shop"
    package.mkdir()
    (package / "__main__.py").write_text(
        "class A:\n    pass\nclass ShopAgent:\n    def chat(self): return 1\nShopAgent().chat()\n"
    )
    done = world.launch_command(["opentelemetry-instrument", sys.executable, "-m", "shop"])
    assert done.status == 0, done.messages
    assert world.spans()[0].origin.service == "shop"


def test_the_environment_of_the_launcher_is_enough(world):
    """Nothing but PATH: the console script starts the program that is on it."""
    environment = world.environment()
    path = world.folder / "program.py"
    path.write_text("class ShopAgent:\n    def chat(self): return 1\nprint(ShopAgent().chat())\n")
    done = subprocess.run(
        ["opentelemetry-instrument", "python", "program.py"],
        cwd=world.folder, env=environment | {"PATH": environment["PATH"].split(os.pathsep)[0]},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "1\n", done.stderr
    assert len(world.traces()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-5"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "ten"),
        ("OTEL_TRACES_SAMPLER_ARG", "lots"),
        ("AGENTOTEL_PRICES", "/nowhere/prices.toml"),
        ("AGENTOTEL_REDACT", "("),
        ("AGENTOTEL_TARGETS", "agent=no-colon"),
    ],
)
def test_a_value_of_the_wrong_form_costs_only_itself(world, name, value):
    """The setting and its value are named, and the program is recorded as if it had not been set."""
    extra = {"OTEL_TRACES_SAMPLER": "traceidratio"} if name.endswith("SAMPLER_ARG") else {}
    done = world.launch(AGENT, **{name: value}, **extra)
    assert (done.status, done.output) == (0, "helloab\n"), done.messages
    assert name in done.messages
    assert value in done.messages
    assert len(world.traces()) == 1


def test_hostile_values_of_any_size_are_harmless(world):
    """An id of a megabyte, names with control characters and an argument of 10 MB: the trace arrives, cut to size."""
    source = """
        class SearchTool:
            name = "a\\nb\\x1b[31m"
            def execute(self, text): return text
        class ShopAgent:
            id = "x" * 1_000_000
            def chat(self, message): return SearchTool().execute(message)
        print(len(ShopAgent().chat("y" * 10_000_000)))
    """
    done = world.launch(source, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true")
    assert done.output == "10000000\n", done.messages
    (trace,) = world.traces()
    assert trace.spans == 2
    for span in world.spans():
        assert span.name.isprintable()
        assert sum(len(str(value)) for value in span.attributes.values()) < 300_000
