"""Settings from the environment and the files: precedence, defaults, problems, and never an exception."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentotel
from agentotel.config import Settings, load, load_settings
from agentotel.config.variables import VARIABLES

NOWHERE = Path("/nonexistent/agentotel/project")
BY_NAME = {variable.name: variable for variable in VARIABLES}

GOOD = [
    ("AGENTOTEL_DISCOVER", "off", False),
    ("AGENTOTEL_TARGETS", "agent=a:B.c; tool=d:e", ("agent=a:B.c", "tool=d:e")),
    ("AGENTOTEL_CHILD_PROCESSES", "no", False),
    ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "openai, requests", frozenset({"openai", "requests"})),
    ("AGENTOTEL_METRICS", "agent", frozenset({"agent"})),
    ("AGENTOTEL_CONVENTIONS", "Guide", "guide"),
    ("AGENTOTEL_CARDINALITY_LIMIT", "50", 50),
    ("AGENTOTEL_PRICES", "/etc/prices.toml", Path("/etc/prices.toml")),
    ("AGENTOTEL_TOKEN_LIMIT", "200000", 200_000),
    ("AGENTOTEL_LOOP_LIMIT", "OFF", None),
    ("AGENTOTEL_LOOP_LIMIT", "0", None),
    ("AGENTOTEL_LOOP_LIMIT", "25", 25),
    ("AGENTOTEL_BUDGET", "day=5", (("day", None, "day", 5.0),)),
    ("AGENTOTEL_LOGS", "0", False),
    ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_only", "SPAN_ONLY"),
    ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "True", "SPAN_AND_EVENT"),
    ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "0", "NO_CONTENT"),
    ("AGENTOTEL_REDACT", "CUST-[0-9]+;x{2}", ("CUST-[0-9]+", "x{2}")),
    ("AGENTOTEL_BAGGAGE", "request.id,tenant.id", frozenset({"request.id", "tenant.id"})),
    ("AGENTOTEL_ATTRIBUTE_BYTES", "4KiB", 4096),
    ("AGENTOTEL_SPAN_BYTES", "64KB", 64_000),
    ("AGENTOTEL_DB", "/var/lib/agentotel.db", Path("/var/lib/agentotel.db")),
    ("AGENTOTEL_RETENTION_AGE", "90m", 5400.0),
    ("AGENTOTEL_RETENTION_SIZE", "250MB", 250_000_000),
    ("AGENTOTEL_STRICT", "yes", True),
    ("AGENTOTEL_EXIT_TIMEOUT", "250ms", 0.25),
    ("AGENTOTEL_LOG_LEVEL", "debug", "DEBUG"),
    ("OTEL_SDK_DISABLED", "TRUE", True),
    ("OTEL_CONFIG_FILE", "/etc/otel.yaml", Path("/etc/otel.yaml")),
    ("OTEL_TRACES_EXPORTER", "console,otlp", ("console", "otlp")),
    ("OTEL_METRICS_EXPORTER", "prometheus", ("prometheus",)),
    ("OTEL_LOGS_EXPORTER", "none", ()),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "grpc"),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "grpc"),
    ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc", "grpc"),
    ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc", "grpc"),
    ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1", "127.0.0.1"),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", "9999", 9999),
]

BAD = {
    "AGENTOTEL_DISCOVER": "maybe",
    "AGENTOTEL_CHILD_PROCESSES": "2",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "open ai",
    "AGENTOTEL_METRICS": "agents",
    "AGENTOTEL_CONVENTIONS": "genai,guide",
    "AGENTOTEL_CARDINALITY_LIMIT": "100001",
    "AGENTOTEL_PRICES": "a\0b",
    "AGENTOTEL_TOKEN_LIMIT": "-1",
    "AGENTOTEL_LOOP_LIMIT": "1",
    "AGENTOTEL_BUDGET": "day=50; week=100",
    "AGENTOTEL_LOGS": "stderr",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "everything",
    "AGENTOTEL_REDACT": "(",
    "AGENTOTEL_BAGGAGE": "request id",
    "AGENTOTEL_ATTRIBUTE_BYTES": "16K",
    "AGENTOTEL_SPAN_BYTES": "lots",
    "AGENTOTEL_DB": "~nobody-has-this-name-x/a.db",
    "AGENTOTEL_RETENTION_AGE": "a week",
    "AGENTOTEL_RETENTION_SIZE": "1",
    "AGENTOTEL_STRICT": "very",
    "AGENTOTEL_EXIT_TIMEOUT": "1h",
    "AGENTOTEL_LOG_LEVEL": "loud",
    "OTEL_SDK_DISABLED": "on",
    "OTEL_CONFIG_FILE": "a\0b",
    "OTEL_TRACES_EXPORTER": "otpl",
    "OTEL_METRICS_EXPORTER": "statsd",
    "OTEL_LOGS_EXPORTER": "loki",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "tcp",
    "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "udp",
    "OTEL_EXPORTER_PROMETHEUS_HOST": "a\x1b[2J",
    "OTEL_EXPORTER_PROMETHEUS_PORT": "65536",
    "OTEL_SERVICE_NAME": "shop\nagent",
    "OTEL_RESOURCE_ATTRIBUTES": "team",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "a b",
    "OTEL_PROPAGATORS": "carrier-pigeon",
    "OTEL_PYTHON_DISTRO": "no-such-distro",
    "OTEL_PYTHON_CONFIGURATOR": "no-such-configurator",
    "OTEL_TRACES_SAMPLER": "sometimes",
    "OTEL_TRACES_SAMPLER_ARG": "half",
    "OTEL_EXPORTER_OTLP_INSECURE": "yes",
    "OTEL_METRIC_EXPORT_INTERVAL": "10s",
    "OTEL_METRIC_EXPORT_TIMEOUT": "-1",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "alpha",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "sketch",
    "OTEL_METRICS_EXEMPLAR_FILTER": "on",
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "1",
    **{
        f"OTEL_EXPORTER_OTLP_{signal}{suffix}": bad
        for signal in ("", "TRACES_", "METRICS_", "LOGS_")
        for suffix, bad in (
            ("ENDPOINT", "collector:4318"),
            ("HEADERS", "nothing"),
            ("TIMEOUT", "ten"),
            ("COMPRESSION", "zip"),
            ("CERTIFICATE", "a\0b"),
        )
    },
    **{
        f"OTEL_{processor}_{suffix}": "many"
        for processor in ("BSP", "BLRP")
        for suffix in ("SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE")
    },
    **{name: "-5" for name in BY_NAME if name.endswith("_LIMIT") and name.startswith("OTEL_")},
}


def everything_else(settings: Settings, field: str) -> dict[str, object]:
    """Return the settings without one of them, and without what falls back on it."""
    followers = {v.field for v in VARIABLES if v.fallback and BY_NAME[v.fallback].field == field}
    return {name: getattr(settings, name) for name in Settings.__slots__ if name != field and name not in followers}


def python(code: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own that can import what is tested here."""
    inherited = dict(os.environ)
    environ = {**inherited, "PYTHONPATH": str(Path(agentotel.__file__).parents[1]), **environ}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd="/", env=environ
    )


def test_grpc_takes_an_address_without_a_scheme(tmp_path):
    """``collector:4317`` is an endpoint where gRPC is spoken, for all signals or for one, and nowhere else."""
    address = {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}
    grpc = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert load(address | grpc, tmp_path).problems == ()
    own = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "collector:4317", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}
    assert load(own, tmp_path).problems == ()
    assert [problem.setting for problem in load(address, tmp_path).problems] == ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    wrong = {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:99999"}
    assert [problem.setting for problem in load(wrong | grpc, tmp_path).problems] == ["OTEL_EXPORTER_OTLP_ENDPOINT"]


def test_nothing_set_gives_the_defaults(project) -> None:
    """Without a word from the user everything comes from the table, and nothing is wrong."""
    loaded = load({}, project)
    assert loaded.problems == ()
    assert set(loaded.sources.values()) == {"default"}
    assert loaded.settings.discover is True
    assert loaded.settings.targets == ()
    assert loaded.settings.metric_families == {"agent", "gen_ai"}
    assert loaded.settings.cardinality_limit == 100
    assert loaded.settings.content == "NO_CONTENT"
    assert loaded.settings.retention_age_s == 7 * 86_400
    assert loaded.settings.exit_timeout_s == 2.5
    assert loaded.settings.prices is None
    assert loaded.settings.token_limit is None
    assert loaded.settings.traces_exporters == ("otlp",)
    assert loaded.settings.traces_protocol == "http/protobuf"
    assert loaded.settings.log_level == "WARNING"


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_a_good_value_is_used(project, name, text, value) -> None:
    """Each variable changes its own field, and no other one."""
    loaded = load({name: text}, project)
    field = BY_NAME[name].field
    assert getattr(loaded.settings, field) == value
    assert loaded.sources[field] == "environment"
    assert loaded.problems == ()
    assert everything_else(loaded.settings, field) == everything_else(load_settings({}, project), field)


def test_every_field_has_a_good_value_here() -> None:
    """The list of good values above leaves no field out."""
    assert {BY_NAME[name].field for name, _, _ in GOOD} == set(Settings.__slots__)


@pytest.mark.parametrize(("name", "text"), BAD.items())
def test_a_bad_value_is_named_and_the_default_is_used(project, name, text) -> None:
    """The problem names the setting, the value, its source and what was expected; everything else goes on."""
    loaded = load({name: text}, project)
    (problem,) = loaded.problems
    variable = BY_NAME[name]
    assert problem.setting == name
    assert problem.key == variable.key
    assert problem.source == "environment"
    assert problem.expected == variable.kind.expected
    message = str(problem)
    assert message.startswith(f"{name}={variable.shown(text)} (environment): expected {variable.kind.expected}")
    assert message.isprintable()
    assert loaded.settings == load_settings({}, project)
    assert loaded.sources[variable.key] == "default"


def test_every_variable_that_can_be_wrong_has_a_bad_value_here() -> None:
    """The list of bad values above leaves out only the targets, which patching parses."""
    assert set(BY_NAME) - set(BAD) == {"AGENTOTEL_TARGETS"}


@pytest.mark.parametrize("empty", ["", "  ", "\t\n"])
def test_empty_means_unset(project, empty) -> None:
    """An empty variable, as container files often have them, is as if it were not there."""
    loaded = load(dict.fromkeys(BY_NAME, empty), project)
    assert loaded.problems == ()
    assert loaded.settings == load_settings({}, project)


def test_precedence(project) -> None:
    """Environment, then agentotel.toml, then pyproject.toml, then the default; each field by itself."""
    (project / "pyproject.toml").write_text(
        "[tool.agentotel]\ncardinality_limit = 1\ntoken_limit = 1\nconventions = 'guide'\n"
    )
    (project / "agentotel.toml").write_text("cardinality_limit = 2\ntoken_limit = 2\n")
    loaded = load({"AGENTOTEL_CARDINALITY_LIMIT": "3"}, project)
    settings = loaded.settings
    assert (settings.cardinality_limit, settings.token_limit, settings.conventions) == (3, 2, "guide")
    assert loaded.sources["cardinality_limit"] == "environment"
    assert loaded.sources["token_limit"] == str(project / "agentotel.toml")
    assert loaded.sources["conventions"] == str(project / "pyproject.toml")
    assert loaded.sources["strict"] == "default"


def test_targets_of_all_sources_count(project) -> None:
    """Targets add up instead of hiding one another, and may be tables in the files."""
    (project / "pyproject.toml").write_text('[tool.agentotel]\ntargets = ["tool=a:b; tool=c:d"]\n')
    (project / "agentotel.toml").write_text('targets = [{kind = "agent", target = "e:F.g"}]\n')
    loaded = load({"AGENTOTEL_TARGETS": "model=h:i;"}, project)
    assert loaded.settings.targets == ("model=h:i", {"kind": "agent", "target": "e:F.g"}, "tool=a:b", "tool=c:d")
    assert loaded.sources["targets"].split(", ") == [
        "environment",
        str(project / "agentotel.toml"),
        str(project / "pyproject.toml"),
    ]


def test_bad_targets_of_one_source_leave_the_others(project) -> None:
    """A file whose targets have the wrong type is named; the environment's targets still count."""
    (project / "agentotel.toml").write_text("targets = 5\n")
    loaded = load({"AGENTOTEL_TARGETS": "model=h:i"}, project)
    assert loaded.settings.targets == ("model=h:i",)
    assert [problem.setting for problem in loaded.problems] == ["targets"]


def test_files_take_the_types_of_toml(project) -> None:
    """Booleans, numbers, lists and texts may be written as TOML has them."""
    (project / "agentotel.toml").write_text(
        'discover = false\ncardinality_limit = 50\nmetrics = ["agent"]\nredact = ["a;b"]\nexit_timeout = 0.5\n'
        'retention_age = "2d"\nbaggage = []\n'
    )
    loaded = load({}, project)
    assert loaded.problems == ()
    assert loaded.settings.discover is False
    assert loaded.settings.cardinality_limit == 50
    assert loaded.settings.metric_families == {"agent"}
    assert loaded.settings.redact == ("a;b",)
    assert loaded.settings.exit_timeout_s == 0.5
    assert loaded.settings.retention_age_s == 172_800
    assert loaded.shown["discover"] == "off"


def test_a_bad_value_in_a_file_is_named_with_the_file(project) -> None:
    """The problem says which key of which file is wrong."""
    path = project / "agentotel.toml"
    path.write_text('cardinality_limit = "many"\n')
    (problem,) = load({}, project).problems
    assert str(problem) == (
        f"cardinality_limit=many ({path}): expected a whole number from 1 to 100000; using the default 100"
    )


def test_relative_paths_start_where_they_were_written(project) -> None:
    """A path in a file starts at the file, a path in the environment at the working directory."""
    (project / "agentotel.toml").write_text('prices = "prices.toml"\n')
    folder = project / "src"
    folder.mkdir()
    settings = load_settings({"AGENTOTEL_DB": "t.db"}, folder)
    assert settings.prices == project / "prices.toml"
    assert settings.db == folder / "t.db"


def test_a_file_that_does_not_parse_is_named_with_its_line(project) -> None:
    """A broken file is one problem, and all its settings are as if it were not there."""
    path = project / "agentotel.toml"
    path.write_text("discover = false\ncardinality_limit = = 5\n")
    loaded = load({}, project)
    (problem,) = loaded.problems
    assert "agentotel.toml" in str(problem)
    assert "line 2" in str(problem)
    assert str(path) in str(problem)
    assert loaded.settings == load_settings({}, Path("/"))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AGENTOTEL_TARGTES", "AGENTOTEL_TARGETS"),
        ("AGENTOTEL_CARDINALITY_LIMITS", "AGENTOTEL_CARDINALITY_LIMIT"),
        ("AGENTOTEL_RETENTION", "AGENTOTEL_RETENTION_"),
        ("agentotel_db", "AGENTOTEL_DB"),
    ],
)
def test_a_misspelt_variable_is_pointed_out(project, name, meant) -> None:
    """The user learns that the variable does nothing, and which one was probably meant; never its value."""
    (problem,) = load({name: "sesame"}, project).problems
    assert problem.setting == name
    assert problem.key is None
    assert f"did you mean {meant}" in str(problem)
    assert "sesame" not in str(problem)


def test_an_unknown_variable_that_resembles_nothing_is_pointed_out(project) -> None:
    """Without a similar name the user is sent to the list of all settings."""
    (problem,) = load({"AGENTOTEL_QQQQQQQQQQQQ": "1"}, project).problems
    assert "agentotel config" in str(problem)


def test_unknown_keys_in_files_are_pointed_out(project) -> None:
    """Keys are checked like variables; what only the environment decides is said to belong there."""
    (project / "agentotel.toml").write_text(
        "cardinality-limit = 5\ntargtes = []\notel_service_name = 'x'\n[alerts]\na = 1\n"
    )
    messages = [str(problem) for problem in load({}, project).problems]
    assert len(messages) == 4
    assert "did you mean cardinality_limit?" in messages[0]
    assert "did you mean targets?" in messages[1]
    assert "OTEL_SERVICE_NAME in the environment" in messages[2]
    assert messages[3].startswith("alerts ")


def test_other_variables_are_nobody_s_business(project) -> None:
    """Variables without our prefix are not judged."""
    assert load({"AGENT": "1", "OTEL_EXPORTER_ZIPKIN_ENDPOINT": "x", "PATH": ""}, project).problems == ()


def test_strict_is_the_default_under_pytest(project) -> None:
    """Tests of the user's see errors of agentotel, unless they say no."""
    assert load_settings({"PYTEST_VERSION": "9"}, project).strict is True
    assert load_settings({"PYTEST_VERSION": "9", "AGENTOTEL_STRICT": "off"}, project).strict is False
    assert load_settings({}, project).strict is False


@pytest.mark.skipif(sys.platform != "linux", reason="the state folder is another one there")
@pytest.mark.parametrize(
    ("state", "folder"),
    [
        ("/srv/state", Path("/srv/state")),
        ("relative", Path("~/.local/state").expanduser()),
        ("", Path("~/.local/state").expanduser()),
        ("/nul\0", Path("~/.local/state").expanduser()),
    ],
)
def test_the_store_lies_in_the_state_folder(project, state, folder) -> None:
    """``XDG_STATE_HOME`` moves the store; what the specification forbids there is ignored."""
    settings = load_settings({"XDG_STATE_HOME": state}, project)
    assert settings.db == folder / "agentotel" / "telemetry.db"


def test_one_signal_s_protocol_falls_back_on_the_general_one(project) -> None:
    """What is said for a signal goes first, then what is said for all."""
    loaded = load({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/protobuf"}, project)
    assert loaded.settings.traces_protocol == "grpc"
    assert loaded.settings.logs_protocol == "http/protobuf"
    assert loaded.sources["traces_protocol"] == "OTEL_EXPORTER_OTLP_PROTOCOL"
    assert loaded.sources["logs_protocol"] == "environment"


def test_a_bad_protocol_of_one_signal_falls_back_on_the_general_one(project) -> None:
    """The message says what is used instead: the general protocol, not the table's default."""
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "udp"}
    loaded = load(environ, project)
    assert loaded.settings.logs_protocol == "grpc"
    assert [str(problem).rpartition("; ")[2] for problem in loaded.problems] == ["using the default grpc"]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}, ["OTEL_TRACES_SAMPLER_ARG"]),
        ({}, ["OTEL_TRACES_SAMPLER_ARG"]),
    ],
)
def test_the_share_of_a_ratio_sampler_is_checked(project, environ, expected) -> None:
    """A share that the SDK cannot read would silently keep everything."""
    loaded = load({**environ, "OTEL_TRACES_SAMPLER_ARG": "50%"}, project)
    assert [problem.setting for problem in loaded.problems] == expected


def test_the_argument_of_another_sampler_is_its_own_business(project, monkeypatch) -> None:
    """A sampler that a package brings along may take anything."""
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: ("installed",))
    environ = {"OTEL_TRACES_SAMPLER": "remote", "OTEL_TRACES_SAMPLER_ARG": "endpoint=http://h"}
    assert load(environ, project).problems == ()


@pytest.mark.parametrize(
    ("queue", "batch", "blamed"),
    [
        ("100", "200", ["MAX_EXPORT_BATCH_SIZE", "MAX_QUEUE_SIZE"]),
        ("1000", "2000", ["MAX_EXPORT_BATCH_SIZE"]),
        ("100", "", ["MAX_QUEUE_SIZE"]),
        ("", "4000", ["MAX_EXPORT_BATCH_SIZE"]),
        ("100", "100", []),
    ],
)
@pytest.mark.parametrize("processor", ["BSP", "BLRP"])
def test_a_batch_larger_than_its_queue_is_refused(project, processor, queue, batch, blamed) -> None:
    """The SDK raises for such a pair and would export nothing: what is set is named, until the rest fits."""
    start = f"OTEL_{processor}_"
    environ = {f"{start}MAX_QUEUE_SIZE": queue, f"{start}MAX_EXPORT_BATCH_SIZE": batch}
    loaded = load(environ, project)
    assert [problem.setting for problem in loaded.problems] == [start + name for name in blamed]
    assert int(loaded.shown[f"{start}MAX_EXPORT_BATCH_SIZE"]) <= int(loaded.shown[f"{start}MAX_QUEUE_SIZE"])


def test_what_the_sdk_must_not_see_is_listed(project) -> None:
    """Bad variables of OpenTelemetry are listed for the distro; our own and those in files are not."""
    (project / "agentotel.toml").write_text("otel_propagators = 'x'\n")
    environ = {"OTEL_PROPAGATORS": "pigeon", "OTEL_SERVICE_NAME": "good", "AGENTOTEL_STRICT": "very"}
    assert load(environ, project).unusable == ("OTEL_PROPAGATORS",)


def test_secrets_are_shown_masked(project) -> None:
    """Neither a good nor a bad value of a secret setting appears anywhere in what was loaded."""
    good = load(
        {
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=sesame",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://user:sesame@host:4318",
        },
        project,
    )
    bad = load({"OTEL_EXPORTER_OTLP_HEADERS": "sesame", "OTEL_EXPORTER_OTLP_ENDPOINT": "user:sesame@host"}, project)
    assert good.shown["OTEL_EXPORTER_OTLP_HEADERS"] == "api-key=***"
    assert good.shown["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://***@host:4318"
    assert len(bad.problems) == 2
    assert "sesame" not in f"{good}{bad}{[str(problem) for problem in bad.problems]}"


awkward = st.text(max_size=60) | st.sampled_from(
    [
        "\0",
        "a\nb",
        "9" * 100_000,
        "é" * 50_000,
        "\udc80",
        "(" * 5000,
        ";" * 1000,
        "~",
        "~root",
        "~\0",
        "../..",
        "nan",
        "-0",
    ]
)


@given(st.dictionaries(st.sampled_from(sorted(BY_NAME)) | st.text(max_size=20).map("AGENTOTEL_".__add__), awkward))
def test_load_never_raises(environ) -> None:
    """Whatever the environment holds, settings come out, and every problem is one short printable line."""
    loaded = load(environ, NOWHERE)
    assert isinstance(loaded.settings, Settings)
    assert set(loaded.sources) == set(loaded.shown) == {variable.key for variable in VARIABLES}
    for text in [*map(str, loaded.problems), *loaded.shown.values()]:
        assert text.isprintable()
        assert len(text) < 1500


toml_values = st.recursive(
    st.booleans() | st.integers(-(10**6), 10**6) | st.sampled_from(['"x"', '"off"', "1.5", "inf", "2026-01-01", "''"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([v.file_key for v in VARIABLES if v.file_key]), toml_values, max_size=5))
def test_load_never_raises_for_files(tmp_path_factory, values) -> None:
    """Whatever type a key of a file has, settings come out, and each key is either used or a problem."""
    folder = tmp_path_factory.mktemp("project")
    written = {key: str(value).lower().replace("'", "") if value != "''" else value for key, value in values.items()}
    (folder / "agentotel.toml").write_text("".join(f"{key} = {value}\n" for key, value in written.items()))
    loaded = load({}, folder)
    assert isinstance(loaded.settings, Settings)
    named = {problem.setting for problem in loaded.problems}
    used = {v.file_key for v in VARIABLES if loaded.sources[v.key] != "default"}
    assert {key for key, value in written.items() if value != "''"} <= named | used


def test_a_deleted_working_directory_stops_nothing(tmp_path) -> None:
    """A program whose working directory has gone still gets its settings."""
    gone = tmp_path / "gone"
    code = (
        "import os, sys; os.mkdir(sys.argv[1]); os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])\n"
        "from agentotel.config import load; print(load().settings.cardinality_limit)"
    )
    run = python(code, str(gone), AGENTOTEL_CARDINALITY_LIMIT="7")
    assert (run.stdout, run.stderr) == ("7\n", "")


def test_reading_settings_imports_nothing_heavy() -> None:
    """Every start of a program reads the settings: no parser, no command line, no network, no metadata."""
    code = (
        "import sys; from agentotel.config import load; load({'AGENTOTEL_DB': 'x'});"
        "print(sorted({'tomllib', 'tomli', 'click', 'rich', 'difflib', 'packaging', 'importlib.metadata',"
        " 'opentelemetry', 'socket', 'asyncio'} & set(sys.modules)))"
    )
    assert python(code).stdout == "[]\n"
