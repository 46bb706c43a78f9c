"""Where telemetry would go."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from agentotel.config.load import load
from agentotel.diagnostics import destinations


@pytest.fixture
def listening():
    """A port of the loopback interface on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def refused():
    """A port of the loopback interface on which nobody listens: it is taken, so that nobody else starts to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def found(tmp_path):
    """Return the findings for an environment, by their subject."""

    def look(**environment):
        environment.setdefault("AGENTOTEL_DB", str(tmp_path / "telemetry.db"))
        return {finding.subject: finding for finding in destinations.findings(load(environment, tmp_path))}

    return look


def test_an_endpoint_on_which_somebody_listens_is_fine(found, listening):
    """Each signal is told with its endpoint and protocol."""
    findings = found(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{listening}")
    for signal in ("traces", "metrics", "logs"):
        assert findings[signal].status == "ok"
        assert findings[signal].detail == f"http://127.0.0.1:{listening} (http/protobuf) accepts connections"


def test_an_endpoint_on_which_nobody_listens_is_a_warning(found, refused):
    """With the reason and what to do: a Collector may come later, so it is no error."""
    findings = found(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{refused}")
    for signal in ("traces", "metrics", "logs"):
        assert findings[signal].status == "warning"
        assert "refused" in findings[signal].detail
        assert "agentotel local" in findings[signal].detail
        assert "OTEL_EXPORTER_OTLP_ENDPOINT" in findings[signal].detail


def test_each_signal_may_have_an_endpoint_of_its_own(found, listening, refused):
    """It goes before the one for all."""
    findings = found(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{listening}",
        OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"http://127.0.0.1:{refused}/v1/logs",
    )
    assert [findings[signal].status for signal in ("traces", "metrics", "logs")] == ["ok", "ok", "warning"]


def test_the_protocol_is_told(found, listening):
    """Whoever has mixed up the ports sees with which protocol each is meant to be talked to."""
    findings = found(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{listening}", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert findings["traces"].status == "ok"
    assert "(grpc)" in findings["traces"].detail


def test_an_address_without_a_scheme_can_be_looked_at(listening):
    """``host:port`` is what gRPC takes as well."""
    assert destinations._why_unreachable(f"127.0.0.1:{listening}") is None


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [(None, "http://localhost:4318"), ("http/protobuf", "http://localhost:4318"), ("grpc", "http://localhost:4317")],
)
def test_the_default_endpoint_is_that_of_the_protocol(monkeypatch, found, protocol, endpoint):
    """Without an endpoint the exporters go to different ports: the one that is used is looked at."""
    asked = []
    monkeypatch.setattr(destinations, "_why_unreachable", lambda url: asked.append(url) or None)
    environment = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol} if protocol else {}
    assert endpoint in found(**environment)["traces"].detail
    assert asked == [endpoint]


def test_signals_that_do_not_go_out_by_otlp_are_told(found):
    """Nothing is connected to for them."""
    findings = found(OTEL_TRACES_EXPORTER="console", OTEL_METRICS_EXPORTER="prometheus", OTEL_LOGS_EXPORTER="none")
    details = [findings[signal].detail for signal in ("traces", "metrics", "logs")]
    assert details == ["exported by: console", "exported by: prometheus", "exported by: nothing"]
    assert {findings[signal].status for signal in ("traces", "metrics", "logs")} == {"info"}


def test_passwords_in_an_endpoint_are_not_shown(found, refused):
    """A diagnosis is pasted into issues."""
    findings = found(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://user:canary@127.0.0.1:{refused}")
    assert "canary" not in str(findings)
    assert "refused" in findings["traces"].detail


@pytest.mark.parametrize("endpoint", ["http://[::1", "http://127.0.0.1:99999", "http://[fe80::1%25zz]:1"])
def test_an_endpoint_that_is_none_is_a_reason_and_no_crash(endpoint):
    """Whatever stands there, the answer is a phrase."""
    assert destinations._why_unreachable(endpoint)


# --- the store ---


def test_a_store_that_can_be_written_is_fine(found, tmp_path):
    """It need not exist, nor the folders above it, and looking creates nothing."""
    path = tmp_path / "new" / "deeper" / "telemetry.db"
    finding = found(AGENTOTEL_DB=str(path))["local store"]
    assert (finding.status, finding.detail) == ("ok", f"{path} can be written")
    assert not path.parent.parent.exists()
    (tmp_path / "old.db").touch()
    assert found(AGENTOTEL_DB=str(tmp_path / "old.db"))["local store"].status == "ok"


def test_a_folder_is_no_store(found, tmp_path):
    """A file is expected there."""
    finding = found(AGENTOTEL_DB=str(tmp_path))["local store"]
    assert finding.status == "error"
    assert finding.detail == f"AGENTOTEL_DB={tmp_path}: is a folder, expected a file"


def test_a_file_is_no_folder(found, tmp_path):
    """A store cannot lie below a file."""
    (tmp_path / "file").touch()
    finding = found(AGENTOTEL_DB=str(tmp_path / "file" / "telemetry.db"))["local store"]
    assert finding.status == "error"
    assert f"{tmp_path / 'file'} is a file, expected a folder" in finding.detail


@pytest.fixture
def _no_superuser(monkeypatch):
    """Answer as for a user whom permissions concern: the superuser may write everywhere."""
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "access", lambda path, mode: bool(Path(path).stat().st_mode & stat.S_IWUSR))


@pytest.mark.usefixtures("_no_superuser")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_store_that_cannot_be_written_is_an_error(found, tmp_path, what):
    """The folder, or the store itself if it is there, is named."""
    folder = tmp_path / "mine"
    folder.mkdir()
    path = folder / "telemetry.db"
    if what == "file":
        path.touch(mode=0o444)
    folder.chmod(0o555)
    finding = found(AGENTOTEL_DB=str(path))["local store"]
    folder.chmod(0o755)
    assert finding.status == "error"
    assert f"{path if what == 'file' else folder} cannot be written" in finding.detail


def test_a_folder_that_may_not_be_looked_into_is_no_crash(found, monkeypatch, tmp_path):
    """What the operating system refuses to tell is not there."""
    path = tmp_path / "locked" / "telemetry.db"
    real = os.stat

    def refuse(name, *arguments, **keywords):
        if "locked" in os.fspath(name):
            raise PermissionError(13, "Permission denied", name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(os, "stat", refuse)
    assert found(AGENTOTEL_DB=str(path))["local store"].status == "ok"
