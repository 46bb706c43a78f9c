"""The shipped Alertmanager folder, started for real beside one server that stands for Slack, PagerDuty and webhooks."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from backend_programs import OPERATIONS, Alertmanager, binary, wait_until

SHIPPED = OPERATIONS / "alertmanager"
SECRETS = {
    "slack_api_url": "{address}/slack/T0/B0/slack-secret",
    "pagerduty_routing_key": "pagerduty-secret",
    "webhook_url": "{address}/webhook/webhook-secret",
    "dead_man_url": "{address}/dead-man/dead-man-secret",
}
ANSWERS = {"slack": (200, "ok"), "pagerduty": (202, '{"status": "success"}')}
QUICK = {"group_wait": "500ms", "group_interval": "1s"}


@dataclass
class Outside:
    """All the services that are told: one loopback server whose first folder says which one is meant."""

    address: str = ""
    received: list[tuple[str, dict]] = field(default_factory=list)

    def told(self, service: str) -> list[dict]:
        """What one service was sent so far."""
        return [body for name, body in list(self.received) if name == service]

    def wait_for(self, service: str, count: int = 1) -> list[dict]:
        """The messages of one service, as soon as there are `count` of them."""
        wait_until(lambda: len(self.told(service)) >= count, f"{count} messages have arrived at {service}")
        return self.told(service)


@pytest.fixture
def outside():
    """A server that answers as Slack, PagerDuty and webhooks do, and keeps what it was sent."""
    services = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            service = self.path.split("/")[1]
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = ANSWERS.get(service, (200, ""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())
            services.received.append((service, body))

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        services.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield services
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path, outside):
    """A copy of the shipped folder without secrets: intervals shortened, PagerDuty's address is the local server's."""
    copy = tmp_path / "alertmanager"
    shutil.copytree(SHIPPED, copy, ignore=shutil.ignore_patterns("secrets"))
    (copy / "secrets").mkdir()
    file = copy / "alertmanager.yml"
    text = file.read_text()
    for name, value in QUICK.items():
        text, changed = re.subn(rf"{name}: \S+", f"{name}: {value}", text)
        assert changed
    assert "https://events.pagerduty.com/v2/enqueue" in text
    file.write_text(text.replace("https://events.pagerduty.com/v2/enqueue", f"{outside.address}/pagerduty"))
    return copy


@pytest.fixture
def secrets(folder, outside):
    """All secrets in their files."""
    for name, content in SECRETS.items():
        (folder / "secrets" / name).write_text(content.format(address=outside.address) + "\n")
    return folder / "secrets"


class Fired(Alertmanager):
    """An Alertmanager that is given alerts by the test."""

    def fire(self, *alerts: dict, ended: bool = False) -> None:
        """Post alerts as Prometheus does; with `ended` as those that are over.

        Every other entry of an alert than `annotations` is a label. One that fires began just now (an older one would
        not wait for its group), one that is over began nine minutes ago.
        """
        now = datetime.now(timezone.utc)
        body = [
            {
                "labels": {name: value for name, value in alert.items() if name != "annotations"},
                "annotations": alert.get("annotations", {}),
                "startsAt": (now - timedelta(minutes=9) if ended else now).isoformat(),
                "endsAt": (now if ended else now + timedelta(minutes=5)).isoformat(),
            }
            for alert in alerts
        ]
        post(f"{self.url}/api/v2/alerts", body)

    def command(self) -> list[str]:
        return [*super().command(), "--log.level=debug"]


class Shipped(Fired):
    """An Alertmanager that is started through start.sh of a folder, as compose does."""

    def command(self) -> list[str]:
        start = ["/bin/sh", str(self.configuration.parent / "start.sh")]
        options = ["--web.external-url=http://127.0.0.1:9093", "--web.route-prefix=/"]
        return start + super().command()[2:] + options

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{binary('alertmanager').parent}:{os.environ['PATH']}", "TMPDIR": str(self.folder)}


def post(url: str, body: object) -> None:
    """Send JSON; an error unless it is accepted."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


@pytest.fixture
def start(folder, tmp_path):
    """Start the Alertmanager of the folder; ended after the test."""
    with ExitStack() as running:
        yield lambda: running.enter_context(Shipped(tmp_path / "running", folder / "alertmanager.yml"))


@pytest.fixture
def start_file(tmp_path):
    """Start an Alertmanager with a configuration of the test's own, given as text; ended after the test."""
    file = tmp_path / "own.yml"

    def start_it(text: str) -> Fired:
        file.write_text(text, encoding="utf-8")
        return running.enter_context(Fired(tmp_path / "own", file))

    with ExitStack() as running:
        yield start_it


@pytest.fixture
def alertmanager(secrets, start):
    """An Alertmanager with every secret."""
    return start()
