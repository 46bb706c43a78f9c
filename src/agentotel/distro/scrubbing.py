"""What is left of a span or a log record when the content that must not leave has been taken off.

`agentotel.distro.net` says where that is done, `agentotel.privacy.scrub` which attributes hold content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import copy
from operator import is_
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link, Status

from agentotel.distro.otlp.attributes import of_span, plain
from agentotel.model import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

Scrub = Callable[[Mapping[str, Any]], dict[str, Any] | None]
"""Gives the attributes that may leave, None where they all may."""

_IS_TYPE: Final = re.compile(r"[A-Za-z_][\w.<>]{0,200}").fullmatch
"""What a type of error looks like, such as ``openai.RateLimitError``: no words of anybody's."""

_GEN_AI: Final = "gen_ai."
_EVENT_NAME: Final = "event.name"
_BODY: Final = "gen_ai.event.content"
"""As what the body of an event of the GenAI conventions is taken: up to 1.36 they put messages there."""

_TELLS_EXCEPTIONS: Final = "asyncio"
"""The logger that writes an exception which nobody has asked for, words included, into its message."""


def scrubbed_span(span: ReadableSpan, scrub: Scrub) -> ReadableSpan:
    """Return `span`, or a copy of it without the content that must not leave."""
    attributes = scrub(of_span(span))
    status = _scrubbed_status(span.status, scrub)
    events, links = span.events, span.links
    clean_events = _each(events, _scrubbed_event, scrub)
    clean_links = _each(links, _scrubbed_link, scrub)
    if attributes is None and status is span.status and clean_events is events and clean_links is links:
        return span
    clean = copy(span)
    clean._events = clean_events  # noqa: SLF001 - a ReadableSpan has no constructor arguments for all of its parts
    clean._links = clean_links  # noqa: SLF001
    clean._status = status  # noqa: SLF001
    if attributes is not None:
        clean._attributes = attributes  # noqa: SLF001
    return clean


def _each(parts: Sequence[Any], scrubbed: Callable[[Any, Scrub], Any], scrub: Scrub) -> Sequence[Any]:
    """Return `parts` themselves where nothing of them has to change."""
    if not parts:
        return parts
    clean = [scrubbed(part, scrub) for part in parts]
    return parts if all(map(is_, clean, parts)) else clean


def _scrubbed_status(status: Status, scrub: Scrub) -> Status:
    """Return a status whose description says no more of an exception than may leave.

    The SDK itself describes a span that an exception ends by the exception's words: ``ValueError: its message``.
    """
    if status.description is None or _IS_TYPE(status.description):
        return status
    scrubbed = scrub({names.EXCEPTION_MESSAGE: status.description})
    if scrubbed is None:
        return status
    kind = status.description.partition(":")[0]
    return Status(status.status_code, scrubbed.get(names.EXCEPTION_MESSAGE, kind if _IS_TYPE(kind) else None))


def _scrubbed_event(event: Event, scrub: Scrub) -> Event:
    attributes = scrub(plain(event.attributes))
    return event if attributes is None else Event(event.name, attributes, event.timestamp)


def _scrubbed_link(link: Link, scrub: Scrub) -> Link:
    attributes = scrub(plain(link.attributes))
    return link if attributes is None else Link(link.context, attributes)


def scrubbed_record(record: ReadableLogRecord, scrub: Scrub) -> ReadableLogRecord:
    """Return `record`, after removing from it the content that must not leave."""
    scrub_record(record.log_record, record.instrumentation_scope, scrub)
    return record


def scrub_record(record: LogRecord, scope: InstrumentationScope | None, scrub: Scrub) -> None:
    """Remove from a log record the content that must not leave: attributes, and bodies that are content by their kind.

    Args:
        record: Of anybody.
        scope: Whose it is: for what a program logs, the name of the logger.
        scrub: What may leave.
    """
    given = plain(record.attributes)
    attributes = scrub(given)
    if attributes is not None:
        record.attributes = attributes
    if record.body is None:
        return
    if _is_gen_ai(record, given):
        _scrub_body(record, _BODY, None, scrub)
    elif names.EXCEPTION_TYPE in given and scope is not None and scope.name == _TELLS_EXCEPTIONS:
        _scrub_body(record, names.EXCEPTION_MESSAGE, str(record.body).partition("\n")[0], scrub)


def _is_gen_ai(record: LogRecord, attributes: Mapping[str, Any]) -> bool:
    name = getattr(record, "event_name", None) or attributes.get(_EVENT_NAME)
    return isinstance(name, str) and name.startswith(_GEN_AI)


def _scrub_body(record: LogRecord, content: str, harmless: str | None, scrub: Scrub) -> None:
    """Treat a body as if it were the attribute `content`; `harmless` is what stays of it where that may not leave."""
    scrubbed = scrub({content: record.body})
    if scrubbed is not None:
        record.body = scrubbed.get(content, harmless)
