"""The files that are written for a user."""

from __future__ import annotations

import re
import subprocess

import pytest

from agentotel.ops.choices import Choices
from agentotel.ops.pack_location import files, pack
from agentotel.ops.rendering import compose_variables, program_variables, render, without_effect

COMPOSE = 'a: "${AGENTOTEL_BIND:-127.0.0.1}:1"\nb: ${AGENTOTEL_RETENTION:-15d}\nc: ${OTHER:-x}\nd: $${NOT_ONE:-y}\n'


def test_without_choices_the_files_are_those_of_the_pack(small_pack):
    """Byte by byte, with the two files of variables besides."""
    rendered = render(small_pack, Choices(), "1.2.3")
    assert set(rendered) == {*files(small_pack), ".env", "agentotel.env"}
    for name, path in files(small_pack).items():
        assert rendered[name].content == path.read_bytes()


def test_containers_get_the_version_that_is_installed():
    """There is no checkout around an export from which they could be built."""
    text = compose_variables("args: {AGENTOTEL_VERSION: ${AGENTOTEL_VERSION:-}}\n", Choices(), "1.2.3")
    assert "AGENTOTEL_VERSION=1.2.3" in text.splitlines()


def test_programs_stay_programs(small_pack):
    """A script is executable, a configuration is not."""
    rendered = render(small_pack, Choices(), "1.2.3")
    assert [name for name, file in rendered.items() if file.executable] == ["collector/start.sh"]


def test_links_for_people_lead_where_the_user_says(small_pack):
    """All of them, and nothing that only looks like one."""
    rendered = render(small_pack, Choices(grafana_url="https://grafana.example"), "1.2.3")
    rules = rendered["collector/prometheus/rules/requests.yml"].content.decode()
    assert "https://grafana.example/d/agents" in rules
    assert "http://127.0.0.1:30001/" in rules


def test_addresses_between_programs_stay(small_pack):
    """Where people reach Prometheus is not where the Collector sends to."""
    rendered = render(small_pack, Choices(prometheus_url="https://prometheus.example"), "1.2.3")
    assert b"http://127.0.0.1:9090/api/v1/otlp" in rendered["collector/otelcol/local.yaml"].content


def test_variables_of_the_compose_file_are_all_listed():
    """Chosen ones have their value, the others stand there as comments with their default."""
    text = compose_variables(COMPOSE, Choices(retention="30d"), "1.2.3")
    lines = [line for line in text.splitlines() if "=" in line]
    assert lines == ["# AGENTOTEL_BIND=127.0.0.1", "AGENTOTEL_RETENTION=30d", "# OTHER=x"]


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (Choices(), {"ENDPOINT": "http://127.0.0.1:4318", "PROTOCOL": "http/protobuf", "NAME": ""}),
        (Choices(protocol="grpc"), {"ENDPOINT": "http://127.0.0.1:4317", "PROTOCOL": "grpc", "NAME": ""}),
        (
            Choices(endpoint="https://collector.example", service_name="shop"),
            {"ENDPOINT": "https://collector.example", "PROTOCOL": "http/protobuf", "NAME": "shop"},
        ),
    ],
)
def test_a_shell_reads_the_environment_of_programs(tmp_path, choices, expected):
    """As the file says that it is used."""
    (tmp_path / "agentotel.env").write_text(program_variables(choices))
    script = (
        "set -a; . ./agentotel.env; set +a;"
        ' echo "$OTEL_EXPORTER_OTLP_ENDPOINT|$OTEL_EXPORTER_OTLP_PROTOCOL|$OTEL_SERVICE_NAME"'
    )
    said = subprocess.run(["sh", "-euc", script.replace("$OTEL_SERVICE_NAME", "${OTEL_SERVICE_NAME:-}")],
                          cwd=tmp_path, env={}, capture_output=True, text=True)  # fmt: skip
    assert said.stderr == ""
    assert said.stdout.strip() == "|".join(expected.values())


def test_a_choice_on_which_nothing_depends_is_found(small_pack):
    """The user is told instead of wondering."""
    chosen = Choices(
        retention="3d", log_retention="48h", grafana_url="https://a", jaeger_url="https://b", endpoint="http://c"
    )
    assert list(without_effect(small_pack, chosen)) == ["log_retention", "jaeger_url"]


def test_on_one_host_programs_ask_one_another_by_loopback():
    """Outside of compose nobody knows its names; comments and ports stay."""
    rendered = render(pack(), Choices(layout="host"), "1.2.3")
    prometheus = rendered["collector/prometheus/prometheus.yml"].content.decode()
    assert '- targets: ["127.0.0.1:8888"]' in prometheus
    assert '- targets: ["127.0.0.1:9093"]' in prometheus
    asking = [
        name for name in rendered if name.startswith(("collector/prometheus/prometheus", "collector/grafana/prov"))
    ]
    for name in asking:
        assert not re.search(rb"(collector|jaeger|prometheus|alertmanager|loki|grafana):\d", rendered[name].content), (
            name
        )


def test_only_on_one_host_there_are_command_lines():
    """Compose has them in its own file."""
    assert "start.txt" in render(pack(), Choices(layout="host"), "1.2.3")
    assert "start.txt" not in render(pack(), Choices(layout="compose"), "1.2.3")


def test_every_option_has_an_effect_on_the_real_pack():
    """No option of the command is there for nothing."""
    url = "https://somewhere.example"
    chosen = Choices(
        layout="host", service_name="shop", endpoint=url, protocol="grpc", bind="0.0.0.0",
        retention="3d", log_retention="48h", trace_retention="9h",
        grafana_url=url, jaeger_url=url, prometheus_url=url, alertmanager_url=url,
    )  # fmt: skip
    assert list(without_effect(pack(), chosen)) == []


def test_no_link_of_the_real_pack_is_left_behind():
    """With all addresses given, nothing that people read leads to this machine."""
    url = "https://somewhere.example"
    chosen = Choices(grafana_url=url, jaeger_url=url, prometheus_url=url, alertmanager_url=url)
    for name, file in render(pack(), chosen, "1.2.3").items():
        if "rules/" in name or "dashboards/" in name:
            assert b"http://127.0.0.1" not in file.content, name
