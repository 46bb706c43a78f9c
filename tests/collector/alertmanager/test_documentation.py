"""What docs/alertmanager.md says, done."""

from __future__ import annotations

import email
import email.policy
import re
import shlex
import socketserver
import subprocess
import threading

import pytest
import yaml

from backend_programs import OPERATIONS, binary, wait_until

PAGE = (OPERATIONS.parent / "docs" / "alertmanager.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| ([\w-]+) \|", re.MULTILINE)


def block(mark: str) -> str:
    """The fenced block of the page behind a comment."""
    (found,) = re.findall(rf"^<!-- {mark} -->\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return found


def test_the_page_names_the_secrets_of_the_receivers():
    """Each file that a receiver reads stands in the table with the receiver's name."""
    receivers = yaml.safe_load((OPERATIONS / "alertmanager" / "alertmanager.yml").read_text())["receivers"]
    wanted = {
        value.removeprefix("secrets/"): receiver["name"]
        for receiver in receivers
        for kind in set(receiver) - {"name"}
        for target in receiver[kind]
        for name, value in target.items()
        if name.endswith("_file")
    }
    assert {file: name.lower() for file, name in ROW.findall(PAGE)} == wanted


class Mailbox(socketserver.ThreadingTCPServer):
    """As much of a mail server as takes a message."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.received: list[email.message.EmailMessage] = []


class Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 ready")
        for line in self.rfile:
            command = line.decode().split()[0].upper()
            if command == "DATA":
                self.say("354 go on")
                self.server.received.append(self.message())
            self.say("221 bye" if command == "QUIT" else "250 done")
            if command == "QUIT":
                return

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def message(self) -> email.message.EmailMessage:
        lines = iter(self.rfile.readline, b".\r\n")
        return email.message_from_bytes(b"".join(lines), policy=email.policy.default)


@pytest.fixture
def mailbox():
    """A mail server on the loopback address."""
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.backends
def test_mail_is_sent_as_the_page_sets_it_up(folder, start, mailbox):
    """The two blocks of the page, put where it says, give a readable mail, and a second one when it is over."""
    file = folder / "alertmanager.yml"
    text = file.read_text().replace("  routes:\n", "  routes:\n" + block("route"), 1) + block("receiver")
    file.write_text(text)
    check = [str(binary("amtool")), "check-config", str(file)]
    subprocess.run(check, capture_output=True, check=True)
    port = mailbox.server_address[1]
    receiver = f"smarthost: 127.0.0.1:{port}\n        require_tls: false"
    file.write_text(text.replace("smarthost: smtp.example.com:587", receiver))
    (folder / "secrets" / "smtp_password").write_text("mail-secret")
    running = start()
    alert = {"alertname": "HighErrorRate", "severity": "critical", "job": "shop"}
    alert["annotations"] = {"summary": "Agents fail", "description": "5 % of all", "runbook_url": "http://127.0.0.1/r"}
    running.fire(alert)
    wait_until(lambda: mailbox.received, "a mail has arrived")
    mail = mailbox.received[0]
    assert mail["Subject"] == "[FIRING:1] HighErrorRate · shop (critical)"
    lines = mail.get_body(("plain",)).get_content().splitlines()
    assert lines[:2] == ["Agents fail", "5 % of all"]
    assert lines[3:] == ["job: shop", "Runbook: http://127.0.0.1/r"]
    assert mail.get_body(("html",)) is None
    running.fire(alert, ended=True)
    wait_until(lambda: len(mailbox.received) > 1, "the end has arrived")
    assert mailbox.received[1]["Subject"] == "[RESOLVED] HighErrorRate · shop (critical)"


@pytest.mark.backends
def test_the_alert_by_hand_reaches_pager_and_slack(alertmanager, outside):
    """The command of the page, with this Alertmanager's address, does what the page says."""
    words = shlex.split(block("try").replace("\\\n", " "))
    assert words[:4] == ["docker", "compose", "exec", "alertmanager"]
    command = [str(binary("amtool")), f"--alertmanager.url={alertmanager.url}", *words[6:]]
    subprocess.run(command, check=True)
    assert outside.wait_for("pagerduty")[0]["payload"]["summary"].endswith(": Only a test")
    assert "*Only a test*\nSent by hand.\n" in outside.wait_for("slack")[0]["attachments"][0]["text"]


@pytest.mark.backends
def test_a_silence_by_hand_mutes_the_alert(alertmanager, outside):
    """The silence of the page holds for its alert and for no other."""
    (text,) = re.findall(r"^    (silence add .*)$", PAGE, re.MULTILINE)
    command = [str(binary("amtool")), f"--alertmanager.url={alertmanager.url}", *shlex.split(text)]
    subprocess.run(command, check=True, capture_output=True)
    alertmanager.fire(
        {"alertname": "HighErrorRate", "job": "shop", "severity": "critical"},
        {"alertname": "HighErrorRate", "job": "bank", "severity": "critical"},
    )
    titles = [message["attachments"][0]["title"] for message in outside.wait_for("slack")]
    states = {each["labels"]["job"]: each["status"]["state"] for each in alertmanager.alerts()}
    assert titles == ["[FIRING:1] HighErrorRate · bank (critical)"]
    assert states == {"shop": "suppressed", "bank": "active"}
