"""``agentotel traces``."""

from __future__ import annotations

import json

import pytest

from agentotel.cli.traces import command


def test_a_line_has_what_the_design_says(call, filled_store):
    """All keys, with hexadecimal ids, RFC 3339 times and seconds."""
    (trace,) = json.loads(call(command, "--db", filled_store, "--json").stdout)
    assert trace.pop("start").endswith("Z")
    assert trace == {
        "trace_id": "ab" * 16,
        "name": "invoke_agent support",
        "agent": "support [bold]",
        "duration_s": 1.5,
        "error": True,
        "input_tokens": 50,
        "output_tokens": 12,
        "cost": 0.001234,
        "currency": "USD",
        "spans": 3,
    }


def test_a_line_for_people(call, filled_store):
    """Id, agent (its brackets are no markup), duration, tokens and cost."""
    line = call(command, "--db", filled_store).stdout.splitlines()[1]
    assert line.split() == [
        "ab" * 16,
        "invoke_agent",
        "support",
        "support",
        "[bold]",
        line.split()[5],
        "1.50",
        "s",
        "50",
        "12",
        "0.001234",
        "USD",
        "3",
        "error",
    ]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--user", "u1", "--tool", "search", "--error", "--since", "1h"], 1),
        (["--user", "u2"], 0),
        (["--where", "user.id=u1", "--where", "error.type=TimeoutError"], 1),
        (["--where", "a=b", "--where", "user.id=u1"], 0),
    ],
)
def test_filters_are_passed_on(call, filled_store, filters, found):
    """All that is given must hold."""
    assert len(json.loads(call(command, "--db", filled_store, "--json", *filters).stdout)) == found
