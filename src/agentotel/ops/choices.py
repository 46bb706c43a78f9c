"""What the user chooses of the operations pack, and the form that each choice must have."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from agentotel._base.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DURATION: Final = re.compile(r"(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?")
_HOURS: Final = {"y": 8760.0, "w": 168.0, "d": 24.0, "h": 1.0, "m": 1 / 60, "s": 1 / 3600}
_SHORTEST_LOG_RETENTION_H: Final = 24.0
# The files that these are written to are read by shells, by Docker and by systemd, which quote in different ways.
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@%+,-]{0,199}")
_LOOPBACK_NAMES: Final = frozenset({"localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the user has chosen; None leaves what the pack has.

    Attributes:
        layout: Where the programs run: in ``compose``, where they know one another by names, or all on this ``host``.
        service_name: What the programs are called in all telemetry.
        endpoint: Where programs reach the Collector, with its scheme.
        protocol: How OTLP travels: ``http/protobuf`` or ``grpc``.
        bind: The address of this host on which compose publishes its ports.
        retention: How long Prometheus keeps metrics, such as ``15d``.
        log_retention: How long Loki keeps logs, such as ``168h``.
        trace_retention: How long Jaeger keeps traces, in hours, such as ``168h``.
        grafana_url: Where people reach Grafana: links in alerts and dashboards begin with it.
        jaeger_url: The same for Jaeger.
        prometheus_url: The same for Prometheus.
        alertmanager_url: The same for Alertmanager.
    """

    layout: str | None = None
    service_name: str | None = None
    endpoint: str | None = None
    protocol: str | None = None
    bind: str | None = None
    retention: str | None = None
    log_retention: str | None = None
    trace_retention: str | None = None
    grafana_url: str | None = None
    jaeger_url: str | None = None
    prometheus_url: str | None = None
    alertmanager_url: str | None = None

    def or_else(self, other: Choices) -> Choices:
        """Return these choices, and those of `other` where there is none."""
        return replace(other, **self.made())

    def made(self) -> dict[str, str]:
        """Return the choices that were made."""
        return {name: value for name, value in asdict(self).items() if value is not None}


NAMES: Final = tuple(field.name for field in fields(Choices))


def from_document(document: object) -> Choices:
    """Return the choices that a manifest holds; what is no valid choice is left out."""
    made: dict[str, str] = {}
    for name in NAMES:
        value = document.get(name) if isinstance(document, dict) else None
        if isinstance(value, str) and _is_valid(name, value):
            made[name] = value
    return Choices(**made)


def validated(raw: Mapping[str, Any]) -> Choices:
    """Return choices from what the user wrote.

    Args:
        raw: Texts by the names of `Choices`; None and an empty text are no choice.

    Raises:
        SettingError: A text cannot be used; the message has its option and what is expected.
    """
    return Choices(**{name: checked(name, text) for name, text in raw.items() if text})


def checked(name: str, text: str) -> str:
    """Return the text of one choice in the form that the pack uses.

    Raises:
        SettingError: It cannot be used.
    """
    expected, cast = _KINDS[name]
    value = cast(text.strip())
    if value is None:
        raise SettingError(f"--{name.replace('_', '-')}", _without_credentials(text), expected)
    return value


def is_loopback(host: str) -> bool:
    """Whether only programs of the same machine reach `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES


def _is_valid(name: str, value: str) -> bool:
    return _KINDS[name][1](value) == value


def _plain(text: str) -> str | None:
    return text if _PLAIN.fullmatch(text) else None


def _layout(text: str) -> str | None:
    return text if text in {"compose", "host"} else None


def _protocol(text: str) -> str | None:
    return text if text in {"http/protobuf", "grpc"} else None


def _address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - the number is a name here


def _url(text: str) -> str | None:
    url = text.rstrip("/")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    # Credentials do not belong into files that everybody may read; the rest would be taken for syntax somewhere.
    return url if usable and not re.search(r"[\s\"'`$#@?{}\\<>]", url) and url.isprintable() else None


def _root_url(text: str) -> str | None:
    url = _url(text)
    return url if url and not urlsplit(url).path else None


def _without_credentials(text: str) -> str:
    return re.sub(r"//[^/]*@", "//***@", text)


def _duration(text: str) -> str | None:
    return text if _hours(text) else None


def _log_retention(text: str) -> str | None:
    return text if _hours(text) >= _SHORTEST_LOG_RETENTION_H else None


def _trace_retention(text: str) -> str | None:
    """Return it in hours: Jaeger knows no days."""
    return f"{_hours(text):.0f}h" if _hours(text) >= 1 else None


def _hours(text: str) -> float:
    if not _DURATION.fullmatch(text):
        return 0.0
    return sum(int(number) * _HOURS[unit] for number, unit in re.findall(r"(\d{1,9})([ywdhms])", text))


_URL: Final = ("an address without credentials or query, such as https://grafana.example", _url)
# They would serve everything below the path, also what other programs of the pack ask them for.
_ROOT_URL: Final = ("an address without a path, such as https://prometheus.example", _root_url)
_KINDS: Final[Mapping[str, tuple[str, Callable[[str], str | None]]]] = {
    "layout": ("compose or host", _layout),
    "service_name": ("letters, digits and ._/:@%+,-", _plain),
    "endpoint": ("an address with its scheme and without credentials, such as http://collector.example:4318", _url),
    "protocol": ("http/protobuf or grpc", _protocol),
    "bind": ("an IP address, such as 127.0.0.1 or 0.0.0.0", _address),
    "retention": ("a duration such as 15d", _duration),
    "trace_retention": ("a duration of at least 1h, such as 168h or 7d", _trace_retention),
    "log_retention": ("a duration of at least 24h, such as 168h", _log_retention),
    "grafana_url": _URL,
    "jaeger_url": _URL,
    "prometheus_url": _ROOT_URL,
    "alertmanager_url": _ROOT_URL,
}
