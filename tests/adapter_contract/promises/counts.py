"""Tokens, cost and calls: exact, and counted once, whatever layers have seen them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter_contract.promises.base import Promises
from adapter_contract.tree import count_of
from agentotel.cost import Prices
from agentotel.model.operations import Usage

if TYPE_CHECKING:
    from adapter_contract.observed import Observed


def _on_spans(seen: Observed, kind: str, attribute: str) -> float:
    return float(sum(span.attributes.get(attribute, 0) for span in seen.spans(kind)))


class CountsOnce(Promises):
    """The numbers of a run."""

    def test_tokens_are_exact_on_the_spans(self, way: str) -> None:
        """The spans of the model calls add up to what the model has counted, and so does the agent's at the root."""
        seen, recipe = self.record(way), self.recipe
        wanted = (recipe.input_tokens, recipe.output_tokens, recipe.cached_tokens)
        names = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cache_read.input_tokens")
        assert tuple(_on_spans(seen, "model", name) for name in names) == wanted, str(seen.root())
        if seen.root().kind == "agent":
            assert tuple(seen.root().span.attributes.get(name, 0) for name in names) == wanted

    def test_tokens_are_exact_in_both_families_of_metrics(self, way: str) -> None:
        """Each token is in ``agent.token.usage`` once, and in ``gen_ai.client.token.usage`` once."""
        seen, recipe = self.record(way), self.recipe
        wanted = {"input": recipe.input_tokens, "output": recipe.output_tokens, "cache_read": recipe.cached_tokens}
        assert {kind: seen.number("agent.token.usage", type=kind) for kind in wanted} == wanted
        standard = {
            kind: seen.number("gen_ai.client.token.usage", **{"gen_ai.token.type": kind})
            for kind in ("input", "output")
        }
        assert standard == {"input": recipe.input_tokens, "output": recipe.output_tokens}
        assert seen.count("agent.token.usage", type="input") == recipe.model_calls
        assert seen.count("gen_ai.client.token.usage", **{"gen_ai.token.type": "input"}) == recipe.model_calls

    def test_cost_is_exact_and_counted_once(self, way: str) -> None:
        """The cost on the spans, on the agent at the root and in the metric is the price of exactly these tokens."""
        seen = self.record(way)
        price = self._price(seen)
        assert price > 0
        assert _close(_on_spans(seen, "model", "agent.cost"), price)
        assert _close(seen.number("agent.cost"), price)
        assert seen.number("agent.cost.unknown") == 0
        if seen.root().kind == "agent":
            assert _close(seen.root().span.attributes["agent.cost"], price)

    def _price(self, seen: Observed) -> float:
        attributes = seen.spans("model")[0].attributes
        recipe = self.recipe
        usage = Usage(recipe.input_tokens, recipe.output_tokens, recipe.cached_tokens)
        cost = Prices().cost(attributes["gen_ai.provider.name"], attributes["gen_ai.response.model"], usage)
        assert cost is not None, attributes
        return cost.amount

    def test_calls_are_counted_once(self, way: str) -> None:
        """Model calls, tool calls and agent runs are each counted once, in both families of metrics."""
        seen, tree = self.record(way), self.tree(way)
        agents, tools = count_of(tree, "agent"), count_of(tree, "tool")
        assert seen.count("gen_ai.client.operation.duration") == self.recipe.model_calls
        assert len(seen.spans("model")) == self.recipe.model_calls
        assert seen.number("agent.tool.calls", status="success") == tools
        assert seen.number("agent.tool.calls") == tools
        assert seen.count("gen_ai.execute_tool.duration") == tools
        assert seen.number("agent.requests", status="success") == agents
        assert seen.number("agent.requests") == agents
        assert seen.count("gen_ai.invoke_agent.duration") == agents
        assert seen.number("agent.errors") == 0


def _close(found: float, wanted: float) -> bool:
    return abs(found - wanted) <= 1e-12
