"""start.sh starts Alertmanager with the receivers whose secret is there."""

from __future__ import annotations

import os
import subprocess

import pytest
import yaml

from backend_programs import wait_until

WITHOUT_PRIVILEGE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
"""For root, who could read every file otherwise."""
SHOW_CONFIGURATION = """#!/bin/sh
for option; do
    case $option in --config.file=*) cat "${option#*=}" ;; *) printf '# option %s\\n' "$option" ;; esac
done
printf '# working directory %s\\n' "$PWD"
for file in "$(dirname "${1#*=}")"/templates/*.tmpl; do printf '# template %s\\n' "${file##*/}"; done
"""


@pytest.fixture
def start_sh(folder, tmp_path):
    """Run start.sh of the folder; returns what Alertmanager would have read, and what was said."""
    program = tmp_path / "bin" / "alertmanager"
    program.parent.mkdir()
    program.write_text(SHOW_CONFIGURATION)
    program.chmod(0o755)

    def run(*options: str) -> subprocess.CompletedProcess:
        environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
        command = ["/bin/sh", str(folder / "start.sh"), *options]
        if os.geteuid() == 0:
            command = [*WITHOUT_PRIVILEGE, *command]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)

    return run


def receivers(answer: subprocess.CompletedProcess) -> dict[str, set[str]]:
    """Each receiver of a configuration with the kinds of what it sends."""
    return {each["name"]: set(each) - {"name"} for each in yaml.safe_load(answer.stdout)["receivers"]}


def test_without_secrets_every_receiver_is_there_and_sends_nothing(start_sh):
    """The routes stay valid; what is off is said, with the file that is missing."""
    answer = start_sh()
    assert receivers(answer) == {"slack": set(), "pager": set(), "webhook": set(), "dead-man": set()}
    assert answer.stderr.splitlines() == [
        "alertmanager: receiver 'slack' is off: no secrets/slack_api_url",
        "alertmanager: receiver 'pager' is off: no secrets/pagerduty_routing_key",
        "alertmanager: receiver 'webhook' is off: no secrets/webhook_url",
        "alertmanager: receiver 'dead-man' is off: no secrets/dead_man_url",
    ]


def test_with_all_secrets_the_file_is_unchanged(start_sh, secrets, folder):
    """Alertmanager reads the shipped file line by line, and nothing is said."""
    answer = start_sh()
    assert answer.stdout.startswith((folder / "alertmanager.yml").read_text())
    assert not answer.stderr


def test_one_secret_switches_one_receiver_on(start_sh, folder):
    """A file dropped into secrets/ is all that Slack needs."""
    (folder / "secrets" / "slack_api_url").write_text("http://127.0.0.1:1/")
    answer = start_sh()
    assert receivers(answer) == {"slack": {"slack_configs"}, "pager": set(), "webhook": set(), "dead-man": set()}
    assert "slack" not in answer.stderr


def test_an_empty_secret_is_none(start_sh, secrets):
    """A file without content switches its receiver off and is named."""
    (secrets / "webhook_url").write_text("")
    answer = start_sh()
    assert receivers(answer)["webhook"] == set()
    assert answer.stderr == "alertmanager: receiver 'webhook' is off: secrets/webhook_url is empty\n"


def test_a_secret_that_cannot_be_read_is_named(start_sh, secrets):
    """The container runs as another user than the one who wrote the file."""
    (secrets / "webhook_url").chmod(0)
    answer = start_sh()
    assert receivers(answer)["webhook"] == set()
    assert "secrets/webhook_url cannot be read by user" in answer.stderr


def test_everything_but_the_receivers_stays(start_sh, folder):
    """Routes, inhibition and templates do not depend on secrets."""
    shipped = yaml.safe_load((folder / "alertmanager.yml").read_text())
    started = yaml.safe_load(start_sh().stdout)
    assert {**started, "receivers": None} == {**shipped, "receivers": None}


def test_sections_after_the_receivers_survive(start_sh, folder):
    """The order of the sections is the user's; a receiver of two services is off when one secret is missing."""
    (folder / "secrets" / "one").write_text("x")
    (folder / "alertmanager.yml").write_text(
        "receivers:\n  - name: both\n    webhook_configs:\n"
        "      - url_file: secrets/one\n      - url_file: secrets/two\n"
        "  - name: plain\n    webhook_configs:\n      - url: http://127.0.0.1:1/\n"
        "# a remark\ninhibit_rules: []\nroute:\n  receiver: both"
    )
    answer = start_sh()
    configuration = yaml.safe_load(answer.stdout)
    assert receivers(answer) == {"both": set(), "plain": {"webhook_configs"}}
    assert configuration["inhibit_rules"] == []
    assert configuration["route"] == {"receiver": "both"}


def test_options_templates_and_the_working_directory_are_those_of_the_folder(start_sh, folder):
    """Options are handed on; relative paths of templates and secrets hold wherever it is started from."""
    said = start_sh("--log.level=debug", "--storage.path=/a b").stdout
    assert "# option --log.level=debug\n# option --storage.path=/a b\n" in said
    assert f"# working directory {folder}\n" in said
    for template in (folder / "templates").iterdir():
        assert f"# template {template.name}\n" in said


@pytest.mark.backends
def test_without_secrets_alerts_are_shown_and_nothing_is_logged_as_an_error(start):
    """Before anything is set up: every alert stands in Alertmanager, and its log stays calm."""
    running = start()
    running.fire(*({"alertname": "Any", "severity": severity} for severity in ("critical", "warning", "info")))
    running.fire({"alertname": "Watchdog", "severity": "none"})
    wait_until(lambda: running.log().count("msg=flushing") >= 8, "each of the four groups was flushed again")
    assert len(running.alerts()) == 4
    assert not [line for line in running.log().splitlines() if "level=ERROR" in line or "level=WARN" in line]


@pytest.mark.backends
def test_a_secret_is_read_again_for_every_message(alertmanager, outside, secrets):
    """A new address needs no restart once the receiver is on."""
    alertmanager.fire({"alertname": "First", "severity": "info"})
    outside.wait_for("webhook")
    (secrets / "webhook_url").write_text(f"{outside.address}/renewed/")
    alertmanager.fire({"alertname": "Second", "severity": "info"})
    outside.wait_for("renewed")
