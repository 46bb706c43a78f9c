"""The kinds of OpenTelemetry's own variables: accepted, refused, and shown without their secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.config import standard_casting as standard


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://localhost:4318",
        "https://collector.example",
        "HTTPS://collector.example/v1/traces",
        "http://[::1]:4318/",
        "https://user:password@collector.example:443/otlp?tenant=1",
    ],
)
def test_accepts_endpoints(endpoint) -> None:
    """An endpoint has a scheme and a host, and may have a port, a path, a query and credentials."""
    assert standard.ENDPOINT.cast(endpoint) == endpoint


@pytest.mark.parametrize(
    "endpoint",
    ["localhost:4318", "collector", "ftp://collector", "http://", "http://host:99999", "http://a b", "http://h:x", 5],
)
def test_refuses_endpoints(endpoint) -> None:
    """An endpoint without a scheme, without a host or with a port that cannot be is refused."""
    with pytest.raises(ValueError):
        standard.ENDPOINT.cast(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ("http://localhost:4318/v1", "http://localhost:4318/v1"),
        ("https://user:pass@host:4318/x", "https://***@host:4318/x"),
        ("https://user:pa/ss@w@host", "https://***@host"),
        ("user:pass@host:4318", "***@host:4318"),
        ("https://host/x?api_key=sesame&b=1", "https://host/x?***"),
        ("https://host/x?mail=a@sesame", "https://***"),
    ],
)
def test_masks_endpoints(endpoint, shown) -> None:
    """Credentials before the host and everything in the query are hidden, well-formed or not."""
    assert standard.ENDPOINT.mask is not None
    assert standard.ENDPOINT.mask(endpoint) == shown


@given(st.text(alphabet="abcXYZ019:/?#@-_%.~!", min_size=4, max_size=40))
def test_a_password_never_shows(password) -> None:
    """Whatever stands between the scheme and the host's at-sign is hidden, odd characters or not."""
    assert standard.ENDPOINT.mask is not None
    assert standard.ENDPOINT.mask(f"https://u:{password}@host") in {"https://***@host", "https://***"}


@pytest.mark.parametrize("headers", ["api-key=secret", "a=1, b=2,", "authorization=Basic dXNlcg==", "a=%20b"])
def test_accepts_headers(headers) -> None:
    """Headers are pairs, separated by commas; values may hold spaces and equals signs."""
    assert len(standard.HEADERS.cast(headers)) == headers.rstrip(",").count(",") + 1


@pytest.mark.parametrize("headers", ["secret", "a=1,secret", "=1", "two words=1", "a=\x07", "a=ü", ","])
def test_refuses_headers(headers) -> None:
    """Text without a name, or with what no header may hold, is refused."""
    with pytest.raises(ValueError):
        standard.HEADERS.cast(headers)


@given(st.text(alphabet="abcdefgh0123456789", min_size=8, max_size=20))
def test_a_header_value_never_shows(secret) -> None:
    """Names of headers stay visible, values do not, and a text that is no header is hidden whole."""
    assert standard.HEADERS.mask is not None
    assert standard.HEADERS.mask(f"api-key={secret},x=1") == "api-key=***,x=***"
    assert standard.HEADERS.mask(secret) == "***"


def test_switches_of_the_sdk_take_true_and_false_only() -> None:
    """The SDK reads ``on`` as false, so that spelling is refused here."""
    assert standard.STANDARD_BOOLEAN.cast("TRUE") is True
    assert standard.STANDARD_BOOLEAN.cast("false") is False
    with pytest.raises(ValueError):
        standard.STANDARD_BOOLEAN.cast("on")


def test_resource_attributes_are_pairs() -> None:
    """Attributes without a value or a key are refused."""
    assert standard.ATTRIBUTES.cast("team=blue, a=b=c") == ("team=blue", "a=b=c")
    for text in ("team", "=blue", "a=1,b"):
        with pytest.raises(ValueError):
            standard.ATTRIBUTES.cast(text)


def test_installed_extensions_are_known() -> None:
    """A name that nobody has built in is accepted where an installed package declares it."""
    kind = standard.extensions("opentelemetry_traces_exporter", "otlp")
    assert kind.cast("otlp,console,otlp") == ("otlp", "console")
    assert kind.cast("None") == ()
    for text in ("otpl", "otlp,none", "../x", "", "n" * 1000):
        with pytest.raises(ValueError):
            kind.cast(text)


def test_one_extension() -> None:
    """A single name is known in any case, or installed."""
    kind = standard.extension("opentelemetry_traces_sampler", "always_on")
    assert kind.cast("ALWAYS_ON") == "always_on"
    assert kind.cast("parentbased_always_off") == "parentbased_always_off"
    with pytest.raises(ValueError):
        kind.cast("sometimes")
