"""What is worked out after an operation has ended is still delivered when the program ends right away."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.e2e

AGENT = """
    import openai

    class LookTool:
        name = "look"
        def execute(self, query):
            return query

    class ShopAgent:
        name, tenant_id = "shop", "acme"
        def chat(self, message):
            for _ in range(10):
                LookTool().execute(message)
            client = openai.OpenAI()
            client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])
            return message

    print(ShopAgent().chat("same"))
"""


def test_loops_and_budgets_are_told_at_the_end(world):
    """Log records, counters and the mark on the span, of a program that lives for a moment."""
    done = world.launch(AGENT, AGENTOTEL_BUDGET="day=0.000001; tenant:acme/day=100")
    assert (done.status, done.output, done.messages) == (0, "same\n", "")
    (loop,) = [record for record in world.logs() if record.body == "agent loop detected"]
    (budget,) = [record for record in world.logs() if record.body == "budget used"]
    assert loop.attributes["agent.loop.kind"] == "repeated_call"
    assert budget.attributes["agent.budget.scope"] == "day"
    assert {loop.attributes["tenant.id"], budget.attributes["tenant.id"]} == {"acme"}
    (run,) = [span for span in world.spans() if span.name == "invoke_agent shop"]
    assert run.attributes["agentotel.loop.detected"] is True
    assert loop.trace_id == budget.trace_id == run.trace_id
    (counted,) = world.metrics("agent.loop.detected")
    assert dict(counted) == {"agent_name": "shop", "tool_name": "look", "kind": "repeated_call"}
    assert len(world.metrics("agent.budget.spent")) == 2


def test_a_bad_budget_is_named_and_stops_nothing(world):
    """With the setting, its value and what was expected."""
    done = world.launch(AGENT, AGENTOTEL_BUDGET="day=much", AGENTOTEL_LOOP_LIMIT="often")
    assert (done.status, done.output) == (0, "same\n")
    assert "AGENTOTEL_BUDGET=day=much (environment): expected" in done.messages
    assert "AGENTOTEL_LOOP_LIMIT=often (environment): expected a whole number" in done.messages
    assert world.metrics("agent.budget.spent") == {}
