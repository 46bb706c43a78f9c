"""A trace as a tree in the terminal: durations, tokens, cost and errors, with its log lines under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from agentotel.cli.output import cell, escaped
from agentotel.local.facets import MODEL_CALLS
from agentotel.local.records import SEVERITY_ERROR, LogRecord, Span, rfc3339
from agentotel.local.trace import Cost, Tokens, Trace, own_cost
from agentotel.local.values import shown
from agentotel.model import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

_DEEPEST: Final = 30
_SEVERITY_WARN: Final = 13
_GUIDES: Final[tuple[str, ...]] = ("├─ ", "└─ ", "│  ", "   ", "✗", "…")
_ASCII_GUIDES: Final[tuple[str, ...]] = ("|- ", "`- ", "|  ", "   ", "x", "~")


def render_trace(trace: Trace, console: Console) -> None:
    """Print `trace` on `console`: one line of totals, the tree of its spans, the log lines that belong to it."""
    for line in (_heading(trace), *_tree(trace, console.options.ascii_only), *_log_lines(trace)):
        console.print(line, soft_wrap=True)


def duration(seconds: float) -> str:
    """Return a duration in the unit that reads best."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"  # noqa: PLR2004
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def money(amount: float | None, currency: str | None) -> str:
    """Return an amount with its currency, with enough digits for what a single call costs; empty where unknown."""
    if amount is None:
        return escaped(currency or "")
    digits = 2 if abs(amount) >= 1 or not amount else 6
    return f"{amount:.{digits}f} {escaped(currency or '')}".rstrip()


def _heading(trace: Trace) -> Text:
    summary = trace.summary()
    line = Text.assemble(
        ("trace ", "dim"), (trace.trace_id, "bold"), ("  " + rfc3339(summary.start_ns)[:23] + "Z", "dim")
    )
    parts = [duration(summary.duration_s), f"{summary.spans} spans"]
    if summary.input_tokens or summary.output_tokens:
        parts.append(_tokens(Tokens(summary.input_tokens, summary.output_tokens)))
    if price := money(summary.cost, summary.currency):
        parts.append(price)
    return line.append("  " + "  ".join(parts))


def _tree(trace: Trace, ascii_only: bool) -> Iterator[Text]:  # noqa: FBT001 - private, passed on from one place
    tee, corner, bar, blank, cross, deeper = _ASCII_GUIDES if ascii_only else _GUIDES
    totals = trace.tokens()
    # A list of what is still to print, not recursion: a trace may be deeper than Python's stack.
    pending = [(span, 0, "", span is trace.roots[-1]) for span in reversed(trace.roots)]
    while pending:
        span, depth, prefix, last = pending.pop()
        guide = (corner if last else tee) if depth <= _DEEPEST else deeper + " "
        yield Text(prefix + guide, "dim").append_text(_span_line(span, totals[span.span_id], cross))
        below = prefix + (blank if last else bar) if depth < _DEEPEST else prefix
        children = trace.children.get(span.span_id, [])
        pending.extend((child, depth + 1, below, child is children[-1]) for child in reversed(children))


def _span_line(span: Span, tokens: Tokens, cross: str) -> Text:
    line = cell(span.name, "bold red" if span.error else "bold").append(f"  {duration(span.duration_s)}", "cyan")
    if tokens.input or tokens.output:
        line.append(f"  {_tokens(tokens)}", "magenta")
    cost = own_cost(span) if span.operation in MODEL_CALLS else Cost()
    if cost.amount is not None:
        line.append(f"  {money(cost.amount, cost.currency)}", "green")
    for note in _notes(span):
        line.append(f"  {note}", "yellow")
    if span.error:
        line.append(f"  {cross} {_reason(span)}", "red")
    return line


def _notes(span: Span) -> Iterator[str]:
    """Yield what else is worth seeing of a model call: how long its stream made one wait, and its retries."""
    first = span.attributes.get(names.RESPONSE_TIME_TO_FIRST_CHUNK)
    if isinstance(first, float):
        yield f"first chunk after {duration(first)}"
    for name, what in ((names.RETRIES, "retries"), (names.RATE_LIMITS, "rate limits")):
        if count := span.attributes.get(name):
            yield f"{what}: {shown(count)}"


def _tokens(tokens: Tokens) -> str:
    return f"{tokens.input} in, {tokens.output} out"


def _reason(span: Span) -> str:
    kind = span.attributes.get(names.ERROR_TYPE)
    # The status often only repeats the kind of error, because its words may be content.
    parts = dict.fromkeys([shown(kind) if kind is not None else "", span.status_message or ""])
    return escaped(": ".join(part for part in parts if part) or "error")


def _log_lines(trace: Trace) -> Iterator[Text]:
    span_names = {span.span_id: span.name for span in trace.spans}
    if trace.logs:
        yield Text("logs", "dim")
    for record in trace.logs:
        yield Text("  ").append_text(log_line(record, span_names.get(record.span_id or "")))


def log_line(record: LogRecord, place: str | None = None) -> Text:
    """Return one line for a log record: time, level, text and `place`, the name of its span."""
    style = "red" if record.severity >= SEVERITY_ERROR else "yellow" if record.severity >= _SEVERITY_WARN else ""
    line = Text(rfc3339(record.shown_ns)[:23] + "Z ", "dim").append_text(cell(f"{record.level:<7}", style))
    text = record.event_name if record.body is None else shown(record.body)
    line.append_text(cell(f" {text or ''}", style))
    return line.append_text(cell(f"  ({place})", "dim")) if place else line
