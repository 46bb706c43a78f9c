"""The warning when an agent comes near its token limit."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from opentelemetry.context import Context

from agentotel.model.operations import AgentRun, Usage
from agentotel.telemetry import token_limits
from agentotel.telemetry.token_limits import TokenLimits
from agentotel.telemetry.totals import Totals


class Warnings:
    """Stands for the events: keeps (used, limit) of each warning."""

    def __init__(self):
        self.said = []

    def token_limit_near(self, used, limit, agent, context):
        self.said.append((used, limit))


@pytest.fixture
def warnings():
    """The warnings so far."""
    return Warnings()


def recording(input_tokens=0, output_tokens=0):
    """Return what a recording shows of a run that has used so much."""
    totals = Totals()
    totals.add(Usage(input_tokens=input_tokens, output_tokens=output_tokens), None)
    return SimpleNamespace(totals=totals, limit_said=False, agent={}, context=Context())


@pytest.mark.parametrize(("used", "said"), [(79, []), (80, []), (81, [(81, 100)]), (150, [(150, 100)])])
def test_the_warning_comes_above_80_percent(warnings, used, said):
    """80 % is not above 80 %."""
    TokenLimits(warnings, None).check_start(AgentRun(token_limit=100, tokens_used=used), recording())
    assert warnings.said == said


def test_without_a_limit_nothing_is_said_or_kept(warnings):
    """An agent without a limit is not watched."""
    limits = TokenLimits(warnings, None)
    limits.check_start(AgentRun(tokens_used=10**9), recording())
    limits.check_end(AgentRun(name="shop"), recording(10**9))
    assert warnings.said == []
    assert not limits._used


def test_the_agents_own_account_counts_first(warnings):
    """What the agent had used before the run and what the run has used are added up."""
    limits = TokenLimits(warnings, None)
    run = AgentRun(name="shop", token_limit=100, tokens_used=60)
    limits.check_end(run, recording(15, 10))
    assert warnings.said == [(85, 100)]
    assert not limits._used


def test_one_run_warns_once(warnings):
    """A warning at the start is not repeated at the end of the same run."""
    limits = TokenLimits(warnings, None)
    run, state = AgentRun(token_limit=100, tokens_used=85), recording(10)
    limits.check_start(run, state)
    limits.check_end(run, state)
    assert warnings.said == [(85, 100)]


def test_the_agents_limit_goes_before_the_default(warnings):
    """The default is for agents that have none."""
    limits = TokenLimits(warnings, 1_000)
    limits.check_end(AgentRun(name="own", token_limit=10), recording(9))
    limits.check_end(AgentRun(name="none"), recording(801))
    assert warnings.said == [(9, 10), (801, 1_000)]


def test_runs_of_one_agent_are_added_up_by_its_id(warnings):
    """Two agents of one name are two; without an id the name stands for the agent."""
    limits = TokenLimits(warnings, 100)
    limits.check_end(AgentRun(name="shop", agent_id="a"), recording(50))
    limits.check_end(AgentRun(name="shop", agent_id="b"), recording(50))
    limits.check_end(AgentRun(name="shop"), recording(50))
    assert warnings.said == []
    limits.check_end(AgentRun(name="renamed", agent_id="a"), recording(20, 15))
    assert warnings.said == [(85, 100)]


def test_an_agent_that_nobody_can_name_is_judged_by_its_run(warnings):
    """Runs of unknown agents are not mixed."""
    limits = TokenLimits(warnings, 100)
    limits.check_end(AgentRun(), recording(50))
    limits.check_end(AgentRun(), recording(50))
    assert warnings.said == []
    limits.check_end(AgentRun(), recording(90))
    assert warnings.said == [(90, 100)]


def test_the_number_of_agents_that_are_remembered_is_bounded(warnings, monkeypatch):
    """The agent that has not run for longest is forgotten first."""
    monkeypatch.setattr(token_limits, "_AGENTS", 2)
    limits = TokenLimits(warnings, 100)
    for name in ("a", "b", "a", "c"):
        limits.check_end(AgentRun(name=name), recording(30))
    assert dict(limits._used) == {"a": 60, "c": 30}
