"""The tree of a trace in the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from agentotel.cli.rendering import duration, money, render_trace
from agentotel.local import query
from agentotel.local.signals import SIGNALS
from agentotel.local.store import Store


@pytest.fixture
def rendered():
    """Give a function that renders the last trace of a store as on a pipe, or on a terminal with colours."""

    def render(path, encoding="utf-8", **options):
        buffer = io.BytesIO()
        stream = io.TextIOWrapper(buffer, encoding=encoding)
        render_trace(query.trace(path), Console(file=stream, width=100, **options))
        stream.flush()
        return buffer.getvalue().decode(encoding)

    return render


def test_the_tree_shows_durations_tokens_cost_and_errors(rendered, filled_store):
    """Each span on one line under its parent; the log line after the tree, with the name of its span."""
    lines = rendered(filled_store).splitlines()
    assert lines[0].startswith(f"trace {'ab' * 16}")
    assert lines[0].endswith("1.50 s  3 spans  50 in, 12 out  0.001234 USD")
    assert lines[1:5] == [
        "└─ invoke_agent support  1.50 s  50 in, 12 out",
        "   ├─ chat gpt-4o  250 ms  50 in, 12 out  0.001234 USD  first chunk after 120 ms  retries: 1",
        r"   └─ evil\x1b[31m\n[link=x]\u202e  3 ms  ✗ TimeoutError",
        "logs",
    ]
    assert "ERROR" in lines[5]
    assert lines[5].endswith(r"(evil\x1b[31m\n[link=x]\u202e)")
    assert len(lines) == 6


def test_colours_are_for_terminals(rendered, filled_store):
    """Escape sequences only where somebody sees them."""
    assert "\x1b[" in rendered(filled_store, force_terminal=True, color_system="standard")
    assert "\x1b[" not in rendered(filled_store)


def test_a_terminal_without_unicode(rendered, filled_store):
    """The tree is drawn with what the encoding has."""
    assert "`- evil" in rendered(filled_store, encoding="ascii")


def test_a_very_deep_trace_stays_readable(rendered, tmp_path):
    """Two thousand levels are no recursion, and the indentation ends somewhere."""
    request = SIGNALS[0].request()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in range(1, 2001):
        parent = (number - 1).to_bytes(8, "big")
        spans.add(trace_id=b"t" * 16, span_id=number.to_bytes(8, "big"), parent_span_id=parent, name="deep")
    store = Store(tmp_path / "a.db")
    store.submit(SIGNALS[0].read(request.SerializeToString())).result()
    store.close()
    lines = rendered(tmp_path / "a.db").splitlines()
    assert len(lines) == 2001
    assert max(map(len, lines)) < 150


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0000123, "0.0123 ms"),
        (0.0123, "12.3 ms"),
        (0.25, "250 ms"),
        (1.5, "1.50 s"),
        (125, "2 min 05 s"),
    ],
)
def test_durations_read_well(seconds, text):
    """Each in the unit that suits it."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (None, None, ""),
        (None, "EUR+USD", "EUR+USD"),
        (0.00012, "USD", "0.000120 USD"),
        (12.5, "EUR", "12.50 EUR"),
        (0, None, "0.00"),
    ],
)
def test_money_reads_well(amount, currency, text):
    """Small amounts keep their digits."""
    assert money(amount, currency) == text
