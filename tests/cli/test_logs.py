"""``agentotel logs``."""

from __future__ import annotations

import json

from agentotel.cli.logs import command


def test_a_line_has_time_level_text_and_trace(call, filled_store):
    """One line per record."""
    (line,) = call(command, "--db", filled_store).stdout.splitlines()
    assert line.split()[1:4] == ["ERROR", "tool", "failed"]
    assert line.endswith(f"({'ab' * 16})")


def test_a_record_is_found_by_the_tool_of_its_trace(call, filled_store):
    """Though it does not name the tool itself."""
    (record,) = json.loads(call(command, "--db", filled_store, "--tool", "search", "--error", "--json").stdout)
    assert (record["trace_id"], record["severity"]) == ("ab" * 16, "ERROR")
