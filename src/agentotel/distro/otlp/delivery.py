"""Sends one request by HTTP: as often as it takes and OTLP allows, as long as the timeout and no longer."""

from __future__ import annotations

import gzip
import random
import zlib
from datetime import timezone
from email.utils import parsedate_to_datetime
from math import inf, isfinite
from threading import Event
from time import monotonic, time
from typing import TYPE_CHECKING, Final, NamedTuple

from agentotel._base.errors import printable
from agentotel.distro.otlp.posting import Poster

if TYPE_CHECKING:
    from requests import Response

    from agentotel.distro.otlp.destination import Destination

_SUCCESS: Final = 2
_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_ATTEMPTS: Final = 6
_JITTER: Final = 0.2
_PATIENCE_S: Final = 1.25
_BODY_BYTES: Final = 65_536
_LEAST_TIMEOUT_S: Final = 0.001
_WORDS: Final = 200


class Outcome(NamedTuple):
    """What has become of a request.

    Attributes:
        delivered: Whether the receiver has it.
        rejected: How many of its items the receiver did not want all the same.
        reason: Why it was not delivered, or why they were not wanted.
    """

    delivered: bool
    rejected: int = 0
    reason: str = ""


class _Answer(NamedTuple):
    """What one attempt has come to.

    Attributes:
        outcome: If it is the last one.
        is_final: Whether another attempt would come to the same.
        wait_s: Seconds that the receiver asks to wait, None where it does not say.
    """

    outcome: Outcome
    is_final: bool
    wait_s: float | None = None


class Sender:
    """Sends requests to one destination.

    Args:
        destination: Where to.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._poster = Poster(destination.url, destination.session, destination.headers)
        self._ending = Event()
        self._closed = Event()
        self._end_by = inf

    def send(self, body: bytes) -> Outcome:
        """Send one request; never raises.

        Args:
            body: Not yet compressed.
        """
        data = _compressed(body, self._destination.compression)
        deadline = monotonic() + self._destination.timeout_s
        for attempt in range(_ATTEMPTS):
            answer = self._attempt(data, deadline)
            if answer.is_final:
                break
            wait_s = _backoff(attempt) if answer.wait_s is None else answer.wait_s
            if monotonic() + wait_s >= deadline or not self._may_go_on_after(wait_s):
                break
        return answer.outcome

    def end(self, patience_s: float = _PATIENCE_S) -> None:
        """Note that the program ends: from now on a receiver that is away is given so many seconds in all."""
        self._end_by = monotonic() + patience_s
        self._ending.set()

    def close(self) -> None:
        """Wait for nothing from now on."""
        self._closed.set()
        self.end(0.0)
        self._destination.session.close()

    def _may_go_on_after(self, wait_s: float) -> bool:
        """Wait, and tell whether that was worth it: not if the end has come in the meantime."""
        until = monotonic() + wait_s
        self._ending.wait(wait_s)
        left_s = until - monotonic()
        return left_s <= 0 or (until < self._end_by and not self._closed.wait(left_s))

    def _attempt(self, data: bytes, deadline: float) -> _Answer:
        # Here and not at the top: requests takes 100 ms to import, and not every process sends by HTTP.
        from requests.exceptions import ConnectionError as NoConnection  # noqa: PLC0415

        timeout_s = max(_LEAST_TIMEOUT_S, deadline - monotonic())
        # At the end urllib3 has closed what it had kept, once and for all: a connection kept now would stay open until
        # the interpreter finds it and warns.
        is_last = self._ending.is_set()
        try:
            with self._poster.post(data, timeout_s, is_last=is_last) as response:
                return _answer(response, deadline)
        except NoConnection as error:
            return _Answer(Outcome(delivered=False, reason=str(error)), is_final=False)
        except Exception as error:  # noqa: BLE001 - an exporter has nobody to raise to
            return _Answer(Outcome(delivered=False, reason=f"{type(error).__name__}: {error}"), is_final=True)


def _answer(response: Response, deadline: float) -> _Answer:
    body = _body(response, deadline)
    if response.status_code // 100 == _SUCCESS:
        return _Answer(_accepted(body), is_final=True)
    reason = f"{response.status_code} {response.reason}"
    return _Answer(
        Outcome(delivered=False, reason=reason),
        is_final=response.status_code not in _RETRYABLE,
        wait_s=_seconds(response.headers.get("Retry-After")),
    )


def _body(response: Response, deadline: float) -> bytes:
    """Return the body as far as it comes in time: a receiver that answers byte by byte has answered already."""
    read = getattr(response.raw, "read1", response.raw.read)  # the latter waits for all of it: urllib3 1
    body = b""
    while len(body) < _BODY_BYTES and monotonic() < deadline:
        piece = read(_BODY_BYTES, decode_content=True)
        if not piece:
            break
        body += piece
    return body


def _accepted(body: bytes) -> Outcome:
    """Return what an answer of success says; the three signals' answers have one form."""
    if not body:
        return Outcome(delivered=True)
    # Here and not at the top: most answers are empty.
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse  # noqa: PLC0415

    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except Exception:  # noqa: BLE001 - JSON, or the page of a proxy: the status says that it was taken
        return Outcome(delivered=True)
    reason = printable(partial.error_message, _WORDS) or "the receiver gave no reason"
    return Outcome(delivered=True, rejected=partial.rejected_spans, reason=f"rejected: {reason}")


def _seconds(retry_after: str | None) -> float | None:
    """Return what a header says: seconds, or a date."""
    try:
        seconds = float(retry_after or "")
        return max(0.0, seconds) if isfinite(seconds) else None
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(retry_after or "")
    except (TypeError, ValueError):
        return None
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() - time())


def _backoff(attempt: int) -> float:
    """Return the seconds to wait after an attempt: none after the first, which may have met a connection gone stale."""
    spread = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - so that not all clients come back at once
    return 2.0 ** (attempt - 1) * spread if attempt else 0.0


def _compressed(body: bytes, compression: str) -> bytes:
    # Level 1 costs an eighth of the usual level, for requests that are a fifth larger.
    if compression == "gzip":
        return gzip.compress(body, 1, mtime=0)
    return zlib.compress(body, 1) if compression == "deflate" else body
