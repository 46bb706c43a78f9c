"""The rule tests themselves: every alert is shown to fire, not to fire, and to resolve; promtool runs them."""

import subprocess
from pathlib import Path

import pytest
import yaml

from backend_programs import binary

FOLDER = Path(__file__).parents[3] / "collector" / "prometheus"
FILES = sorted((FOLDER / "tests").glob("*.yml"))
OF_OURS = [path for path in FILES if not path.stem.startswith("guide_")]
ALWAYS = "Watchdog"


def _histories():
    """Yield (alert, whether it fires at each moment) of each test of our alerts."""
    for path in OF_OURS:
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            by_alert: dict[str, list[tuple[int, bool]]] = {}
            for check in test["alert_rule_test"]:
                moment = int(check["eval_time"].removesuffix("m"))
                by_alert.setdefault(check["alertname"], []).append((moment, bool(check["exp_alerts"])))
            for alert, moments in by_alert.items():
                yield alert, [fires for _, fires in sorted(moments)]


def test_every_alert_is_tested_firing(alerts) -> None:
    """Each has a test in which it fires."""
    assert {rule["alert"] for rule in alerts} == {alert for alert, fires in _histories() if True in fires}


def test_every_alert_is_tested_resolving(alerts) -> None:
    """Each has a test in which it fires and later does not; the Watchdog never resolves."""
    resolving = {alert for alert, fires in _histories() if True in fires and not fires[-1]}
    assert {rule["alert"] for rule in alerts} - {ALWAYS} == resolving


def test_every_alert_is_tested_silent(alerts) -> None:
    """Each has a test in which something comes near and it stays silent throughout."""
    silent = {alert for alert, fires in _histories() if True not in fires}
    assert {rule["alert"] for rule in alerts} - {ALWAYS} == silent


def test_every_severity_is_tested_firing(alerts) -> None:
    """An alert with two severities has a test of each."""
    expected = set()
    for path in OF_OURS:
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for check in test["alert_rule_test"]:
                expected |= {(check["alertname"], it["exp_labels"]["severity"]) for it in check["exp_alerts"]}
    assert expected == {(rule["alert"], rule["labels"]["severity"]) for rule in alerts}


def test_what_the_guide_gets_wrong_has_the_same_input_for_ours() -> None:
    """guide_right.yml answers every case of guide_wrong.yml."""
    wrong, right = (
        yaml.safe_load((FOLDER / "tests" / f"guide_{it}.yml").read_text())["tests"] for it in ("wrong", "right")
    )
    assert [test["name"] for test in wrong] == [test["name"] for test in right]
    for left, other in zip(wrong, right, strict=True):
        series = {it["series"]: it["values"] for it in other["input_series"]}
        assert all(series[it["series"]] == it["values"] for it in left["input_series"])


@pytest.mark.backends
@pytest.mark.timeout(300)
@pytest.mark.parametrize("promtool", ["promtool", "promtool2"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_rule_tests_pass(path, promtool) -> None:
    """In Prometheus 3 and in 2.42."""
    done = subprocess.run([binary(promtool), "test", "rules", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
