"""Web pages neither read nor write telemetry."""

from __future__ import annotations

import pytest

from agentotel.local.http_guard import BrowserGuard, is_loopback


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4318",
        "127.0.0.1.evil.example",
        "192.168.1.5",
        "",
        "[::1",
        "localhost.evil.example",
    ],
)
def test_a_foreign_host_header_is_refused(backend, post, count, db, traces_request, host):
    """DNS rebinding: the page's own name in the Host header, at our address."""
    for address, path in ((backend.addresses.otlp_http, "/v1/traces"), (backend.addresses.query, "/api/traces")):
        method = "POST" if path == "/v1/traces" else "GET"
        answer = post(address, path, traces_request().SerializeToString(), method=method, Host=host)
        assert answer.status in {400, 403}
    assert count(db) == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:9", "localhost:4318", "[::1]:4318", "host.docker.internal:4318"]
)
def test_an_own_host_header_is_fine(backend, post, host):
    """Names and addresses of this machine."""
    assert post(backend.addresses.otlp_http, "/v1/traces", b"", Host=host).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_foreign_page_is_refused(backend, post, headers):
    """Requests that a browser marks as coming from another origin."""
    answer = post(backend.addresses.otlp_http, "/v1/traces", b"", **headers)
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


def test_an_own_page_is_fine(backend, post):
    """A page that this very server has served may ask it."""
    origin = {"Origin": backend.addresses.query, "Sec_Fetch_Site": "same-origin"}
    assert post(backend.addresses.query, "/api/traces", None, None, "GET", **origin).status == 200


@pytest.mark.parametrize(
    ("listening", "name", "admitted"),
    [
        ("127.0.0.1", "10.0.0.1", False),
        ("0.0.0.0", "10.0.0.1", True),
        ("0.0.0.0", "evil.example", False),
        ("telemetry.lan", "telemetry.lan", True),
        ("telemetry.lan", "evil.example", False),
    ],
)
def test_what_is_admitted_depends_on_the_address(listening, name, admitted):
    """Where other machines may connect, any address is fine, but still no foreign name."""
    assert BrowserGuard(None, listening)._admits(name) is admitted


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("example.org", False),
    ],
)
def test_loopback(host, expected):
    """Only addresses that no other machine reaches are loopback."""
    assert is_loopback(host) is expected
