"""The OpenAI Agents SDK: agents, tools, model calls, hand-offs, guardrails, and workflows that the user has named.

Life of a run: ``Runner.run``, ``run_sync`` and ``run_streamed`` open a trace, in it a span per agent, and in that one
spans for model calls (``response``, ``generation``), tools (``function``), ``handoff`` and ``guardrail``. All of them
are objects of four classes, started and finished in the task that does the work: their ``start`` and ``finish`` are
watched. That sees everything, whatever the user has set: where tracing is disabled the library makes the same objects
in a version that records nothing, and processors that are set later replace nothing of ours.

What becomes of them: an agent is one run of it, and the agent that it hands over to runs inside of it, since the first
run is over only when the second one is. A trace is a workflow where the user has given it a name (``with trace("x")``,
``RunConfig(workflow_name="x")``); else the agent's run is the root. A custom span, speech and transcription are steps.
Turns, the task and the listing of MCP tools are not shown: they have no time of their own. A model that makes no span
(a `Model` of the user's) is counted by the usage that the run adds up.

The library's own settings keep their meaning. Processors of the user get what they got before. With
``trace_include_sensitive_data=False`` nothing of what tools and models said is taken from its spans.

The library sends its traces, prompts and answers included, to its vendor as soon as there is an API key: that
exporter is taken out. A program that wants it says so in its code, after importing ``agents``::

    from agents.tracing.processors import default_processor

    agents.add_trace_processor(default_processor())

Not seen: spans of a `TraceProvider` of the user's that makes objects of classes of its own; the local shell, computer
and patch tools of a run whose tracing is disabled, for which the library makes no spans at all.
"""

from __future__ import annotations

from typing import Final

from agentotel.adapters.openai_agents import library, runs
from agentotel.model.contract import Adapter, Call, Note

ADAPTER: Final = Adapter(
    name="openai-agents",
    distribution="openai-agents",
    supports=">=0.4,<1",
    trigger="agents",
    choice="events: the start and end of the library's own spans, also of those that it does not record itself",
    calls=(
        # Not `Runner.run`: programs make several coroutines of it in one context and gather them. This one is called
        # when the run really starts, in the task that does so; `run_sync` comes to it as well.
        Call("agents.run:AgentRunner.run", runs.begin),
        Call("agents.run:Runner.run_streamed", runs.begin),
    ),
    notes=(
        Note("agents.agent:Agent.get_system_prompt", runs.note_agent, optional=True),
        Note("agents.tool_context:ToolContext.from_agent_context", runs.note_tool_call, optional=True),
        Note("agents.usage:Usage.add", runs.note_usage, optional=True),
        Note("agents.models.openai_responses:OpenAIResponsesModel._fetch_response", runs.note_model, optional=True),
    ),
    install=library.install,
    replaces=(
        "opentelemetry-instrumentation-genai-openai-agents:openai_agents",
        "opentelemetry-instrumentation-openai-agents-v2:openai_agents",
        "opentelemetry-instrumentation-openai-agents:openai_agents",
        "openinference-instrumentation-openai-agents:openai_agents",
    ),
)
