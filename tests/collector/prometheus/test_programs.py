"""The shipped files in the real programs: accepted without a warning, loaded, evaluated, served."""

import re
import shutil
import subprocess
import urllib.request

import pytest

from backend_programs import Prometheus, binary, free_port, wait_until

pytestmark = pytest.mark.backends

INTERVAL = re.compile(r"\b(scrape_interval|scrape_timeout|evaluation_interval|interval): *\S+")


@pytest.mark.parametrize("promtool", ["promtool", "promtool2"])
def test_the_rules_are_accepted(folder, promtool) -> None:
    """By Prometheus 3 and 2.42, with all checks on."""
    files = sorted((folder / "rules").glob("*.yml"))
    done = subprocess.run([binary(promtool), "check", "rules", "--lint=all", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == len(files)


@pytest.mark.parametrize(
    ("promtool", "file"),
    [("promtool", "prometheus.yml"), ("promtool", "prometheus-scrape.yml"), ("promtool2", "prometheus-scrape.yml")],
)
def test_the_configuration_is_accepted(folder, promtool, file) -> None:
    """Without a warning; the scraping one by 2.42 too."""
    done = subprocess.run([binary(promtool), "check", "config", folder / file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr


@pytest.fixture(params=["prometheus", "prometheus2"])
def prometheus(request, tmp_path, folder):
    """Prometheus with the shipped files, evaluating every second, scraping itself."""
    program = request.param
    file = {"prometheus": "prometheus.yml", "prometheus2": "prometheus-scrape.yml"}[program]
    binary(program)
    copy = tmp_path / "files"
    shutil.copytree(folder, copy)
    port = free_port()
    for path in [copy / file, *(copy / "rules").glob("*.yml")]:
        text = INTERVAL.sub(r"\1: 1s", path.read_text())
        path.write_text(text.replace("prometheus:9090", f"127.0.0.1:{port}"))
    with Prometheus(tmp_path / "data", copy / file, program, port) as running:
        yield running


def _evaluated(rules):
    return None if any(rule["health"] == "unknown" for rule in rules) else rules


def test_every_rule_is_evaluated_without_an_error(prometheus, rules) -> None:
    """All of the shipped rules, and they have been evaluated."""
    loaded = wait_until(lambda: _evaluated(prometheus.rules()), "every rule to be evaluated")
    assert len(loaded) == len(rules)
    assert [(it["name"], it.get("lastError")) for it in loaded if it["health"] != "ok"] == []


def test_the_watchdog_fires(prometheus) -> None:
    """From the start, with a link to a page that Prometheus serves itself."""
    firing = wait_until(
        lambda: [it for it in prometheus.alerts() if it["labels"]["alertname"] == "Watchdog"], "the Watchdog to fire"
    )
    url = firing[0]["annotations"]["runbook_url"]
    with urllib.request.urlopen(prometheus.url + url[url.index("/user/") :]) as response:
        assert b"<h1>Watchdog</h1>" in response.read()


def test_prometheus_has_the_series_that_alerts_about_it_read(prometheus) -> None:
    """They are there from the start, so that their first increase is seen."""
    wanted = {
        "prometheus_rule_evaluation_failures_total",
        "prometheus_notifications_dropped_total",
        "prometheus_notifications_alertmanagers_discovered",
        "prometheus_config_last_reload_successful",
        "prometheus_tsdb_too_old_samples_total",
        "prometheus_tsdb_out_of_bound_samples_total",
    }
    wait_until(lambda: wanted <= prometheus.series_names(), "Prometheus' own series")
