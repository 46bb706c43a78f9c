"""What the SDKs have in common that the Stainless generator makes (openai, anthropic, groq and others).

They send every request through ``_base_client``, which tries again by itself after a 429, a 5xx or a lost connection,
and return raw and streamed responses as the same kinds of objects.
"""

from __future__ import annotations

from typing import Any, Final

from agentotel.model.contract import Deferred, Intercepted, Note
from agentotel.model.operations import ModelCall, Operation

_TOO_MANY_REQUESTS: Final = 429


def deferred(result: Any) -> Deferred | None:
    """Recognise raw responses; a ``LegacyAPIResponse`` has its body already and keeps what it has parsed.

    A stream also ends when its response is closed: that is what the helpers do that ``.stream()`` of openai returns.
    """
    kind = type(result).__name__
    if kind == "LegacyAPIResponse":
        return Deferred(("parse",), (), ready=not result._stream)  # noqa: SLF001 - it tells it nowhere else
    if kind in {"APIResponse", "AsyncAPIResponse"}:
        return Deferred(("parse", "json", "text", "read"), ("close",))
    if kind in {"Stream", "AsyncStream"}:
        return Deferred((), ("close", "aclose", "response.close", "response.aclose"))
    return None


def notes(package: str) -> tuple[Note, ...]:
    """Return the notes about retries and rate limits of the SDK `package`."""
    base = f"{package}._base_client"
    return (
        Note(f"{base}:SyncAPIClient._sleep_for_retry", note_retry, optional=True),
        Note(f"{base}:AsyncAPIClient._sleep_for_retry", note_retry, optional=True),
        Note(f"{base}:BaseClient._make_status_error_from_response", note_final_status, optional=True),
    )


def note_retry(operation: Operation, call: Intercepted) -> None:
    """Count a try that failed and will be repeated."""
    if isinstance(operation, ModelCall):
        operation.retries += 1
        _count_rate_limit(operation, call.argument("response"))


def note_final_status(operation: Operation, call: Intercepted) -> None:
    """Count a 429 after which there is no other try."""
    if isinstance(operation, ModelCall):
        _count_rate_limit(operation, call.argument("response", 0))


def _count_rate_limit(operation: ModelCall, response: Any) -> None:
    if getattr(response, "status_code", None) == _TOO_MANY_REQUESTS:
        operation.rate_limits += 1
