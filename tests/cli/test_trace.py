"""``agentotel trace``."""

from __future__ import annotations

import json

from agentotel.cli.trace import command


def test_json_has_the_spans_and_the_logs(call, filled_store):
    """An object whose spans have attributes and events, and the log records of the trace."""
    trace = json.loads(call(command, "last", "--db", filled_store, "--json").stdout)
    assert [span["name"] for span in trace["spans"]][:2] == ["invoke_agent support", "chat gpt-4o"]
    assert trace["spans"][1]["attributes"]["gen_ai.usage.input_tokens"] == 50
    assert trace["spans"][1]["parent_span_id"] == trace["spans"][0]["span_id"]
    assert trace["spans"][0]["events"] == []
    assert len(trace["logs"]) == 1


def test_an_unknown_trace_is_status_1(call, filled_store):
    """With a message, which does not obey the id either."""
    result = call(command, "ffff\x1b[31m", "--db", filled_store)
    assert (result.exit_code, result.stdout) == (1, "")
    assert r"no trace ffff\x1b" in result.stderr


def test_without_an_id_it_is_wrong_use(call):
    """Status 2."""
    assert call(command).exit_code == 2
