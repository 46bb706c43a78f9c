"""A log record that is too old for Loki: refused for good, so that the Collector has something to lose."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend_programs import Collector

_TEN_YEARS_S = 10 * 365 * 86400


def send_old_log_record(collector: Collector) -> None:
    """Send one by OTLP; the Collector takes it, and Loki will not."""
    record = {"timeUnixNano": str(int((time.time() - _TEN_YEARS_S) * 1e9)), "body": {"stringValue": "long ago"}}
    service = {"key": "service.name", "value": {"stringValue": "museum"}}
    body = {"resourceLogs": [{"resource": {"attributes": [service]}, "scopeLogs": [{"logRecords": [record]}]}]}
    request = urllib.request.Request(
        f"{collector.otlp_http}/v1/logs", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
