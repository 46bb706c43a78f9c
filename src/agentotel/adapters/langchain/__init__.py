"""LangChain, LangGraph and deepagents: agents, graphs, chains, model calls, tools and retrievers.

Life of an agent run: ``create_agent`` and ``create_deep_agent`` compile a graph. ``invoke`` pulls its ``stream``, and
``ainvoke`` its ``astream``: these two generators of `Pregel` are patched, so that a run is one operation however it is
started. Its nodes run in threads or tasks with a copy of the context. The node ``model`` calls a chat model, whose
``generate`` comes to ``_generate_with_cache`` once per list of messages (``stream`` goes its own way), which calls the
SDK. The node ``tools`` calls ``run`` or ``arun`` of each tool; a sub-agent is a graph that a tool or a node invokes.

All this is patched, and not read from callbacks, because: the callbacks at the end of an async run are called in
another task (they are shielded), which cannot put the context back; a tool, a retriever or a chat model that is
cancelled tells no callback; and a handler would be one more in each of the many callback managers that LangChain makes
for a run. So there is none: the program's own handlers see what they see without us, and models stream only where the
program asks for it.

A graph is an agent when ``create_agent`` made it, or when it has a ``ToolNode``: a model decides there which tool is
run. Other graphs are workflows, and so are chains that the program calls itself; a chain inside of anything else is
plumbing. A model with only a parser behind it (``with_structured_output``) is no chain. Middleware of the program's own
is a step. The ``AgentExecutor`` of langchain-classic is an agent too.

An answer from LangChain's cache is a model call that used no tokens. Retries (``with_retry``) and fallbacks are calls
of their own. ``batch`` is one workflow for a chain, which LangChain runs step by step, and one run per input otherwise.
A hand-off to another agent and a pause for a human are exceptions in LangGraph, and no failures.
"""

from __future__ import annotations

from typing import Any, Final

from agentotel.adapters.langchain import graphs, models, tools
from agentotel.model.contract import Adapter, Call, Note

_CHAT: Final = "langchain_core.language_models.chat_models:BaseChatModel."
_COMPLETION: Final = "langchain_core.language_models.llms:BaseLLM."
_RUNNABLES: Final = "langchain_core.runnables"
_MANAGERS: Final = "langchain_core.callbacks.manager"


def _both(owner: str, method: str, async_method: str, **functions: Any) -> tuple[Call, Call]:
    """Return the calls of a method and of its async twin; `owner` is what stands before their names."""
    steering = {"error": graphs.steers, **functions}
    return Call(owner + method, **steering), Call(owner + async_method, **steering)


def _chain(owner: str, *, streams: bool = True, batches: bool = False) -> tuple[Call, ...]:
    """Return the calls of a kind of chain."""
    found = [*_both(owner, "invoke", "ainvoke", request=graphs.chain_request)]
    if streams:
        found += _both(owner, "stream", "astream", request=graphs.chain_request)
    if batches:
        found += _both(owner, "batch", "abatch", request=graphs.batch_request, response=graphs.batch_response)
    return tuple(found)


_ANSWER: Final = {"request": models.chat_request, "response": models.chat_response}
_PIECES: Final = {"request": models.chat_stream_request, "chunk": models.chat_chunk}
_EVENTS: Final = {"request": models.chat_events_request, "chunk": models.chat_event, "optional": True}
_COMPLETED: Final = {"request": models.completion_request, "response": models.completion_response}
_COMPLETED_PIECES: Final = {"request": models.completion_stream_request, "chunk": models.completion_chunk}
_TOOL: Final = {"request": tools.tool_request, "response": tools.tool_response}
_RETRIEVER: Final = {"request": tools.retrieval_request, "response": tools.retrieval_response}
_LEGACY: Final = {"request": graphs.legacy_request, "optional": True}
_NODE: Final = {"request": graphs.node_request, "optional": True}

ADAPTER: Final = Adapter(
    name="langchain",
    distribution="langchain-core",
    supports=">=1.0,<2",
    trigger="langchain_core",
    choice="patch: callbacks are not told of cancellations, and those of async runs end in another task",
    calls=(
        *_both("langgraph.pregel.main:Pregel.", "stream", "astream", request=graphs.graph_request),
        *_both("langgraph._internal._runnable:RunnableSeq.", "invoke", "ainvoke", **_NODE),
        *_both("langgraph._internal._runnable:RunnableSeq.", "stream", "astream", **_NODE),
        *_both(_CHAT, "_generate_with_cache", "_agenerate_with_cache", **_ANSWER),
        *_both(_CHAT, "stream", "astream", **_PIECES),
        *_both(_CHAT, "_iter_v2_events", "_aiter_v2_events", **_EVENTS),
        *_both(_COMPLETION, "_generate_helper", "_agenerate_helper", **_COMPLETED),
        *_both(_COMPLETION, "stream", "astream", **_COMPLETED_PIECES),
        *_both("langchain_core.tools.base:BaseTool.", "run", "arun", **_TOOL),
        *_both("langchain_core.retrievers:BaseRetriever.", "invoke", "ainvoke", **_RETRIEVER),
        *_chain(f"{_RUNNABLES}.base:RunnableSequence.", batches=True),
        *_chain(f"{_RUNNABLES}.base:RunnableParallel."),
        *_chain(f"{_RUNNABLES}.base:RunnableLambda."),
        *_chain(f"{_RUNNABLES}.retry:RunnableRetry.", streams=False, batches=True),
        *_chain(f"{_RUNNABLES}.fallbacks:RunnableWithFallbacks.", batches=True),
        *_both("langchain_classic.chains.base:Chain.", "invoke", "ainvoke", **_LEGACY),
        *_both("langchain_classic.agents.agent:AgentExecutor.", "stream", "astream", **_LEGACY),
    ),
    notes=(
        Note(f"{_MANAGERS}:CallbackManagerForChainRun.on_chain_end", graphs.note_output, of_content=True),
        Note(f"{_MANAGERS}:AsyncCallbackManagerForChainRun.on_chain_end", graphs.note_output, of_content=True),
    ),
    replaces=(
        "opentelemetry-instrumentation-genai-langchain:langchain",
        "opentelemetry-instrumentation-langchain:langchain",
        "openinference-instrumentation-langchain:langchain",
    ),
)
