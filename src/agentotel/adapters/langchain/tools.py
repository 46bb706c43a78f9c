"""Tools and retrievers: what they are given, and what they return."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from agentotel.adapters.langchain import content, runs
from agentotel.adapters.openai_protocol.messages import plain
from agentotel.model.operations import Retrieval, ToolCall

if TYPE_CHECKING:
    from agentotel.model.contract import Intercepted


def tool_request(call: Intercepted) -> ToolCall:
    """Make the operation of ``BaseTool.run``."""
    tool, given = call.instance, call.argument("tool_input", 0)
    return ToolCall(
        name=tool.name,
        call_id=call.kwargs.get("tool_call_id"),
        description=tool.description,
        arguments=partial(_arguments, tool, given),
    )


def tool_response(operation: ToolCall, result: Any) -> None:
    """Complete the operation from what the tool returned; a message with the status ``error`` is a failure."""
    if getattr(result, "status", None) == "error":
        operation.failure = "ToolException"
    operation.result = partial(content.tool_result, result)


def retrieval_request(call: Intercepted) -> Retrieval:
    """Make the operation of ``BaseRetriever.invoke``."""
    retriever, config = call.instance, runs.config_of(call)
    return Retrieval(
        name=config.get("run_name") or retriever.get_name(),
        conversation_id=runs.conversation_id(config),
        data_source_id=_data_source(getattr(retriever, "vectorstore", None)),
        top_k=_top_k(retriever),
        query=partial(plain, call.argument("input", 0)),
    )


def retrieval_response(operation: Retrieval, result: Any) -> None:
    """Complete the operation from the documents found."""
    operation.document_count = len(result)
    operation.documents = partial(content.documents, result)


def _arguments(tool: Any, given: Any) -> Any:
    """Return what the model gave to a tool, without what LangGraph injects: the whole state, the store."""
    if not isinstance(given, dict):
        return plain(given)
    schema = tool.tool_call_schema
    offered = schema.get("properties") if isinstance(schema, dict) else getattr(schema, "model_fields", None)
    return {name: plain(value) for name, value in given.items() if not offered or name in offered}


def _top_k(retriever: Any) -> int | None:
    said = getattr(retriever, "search_kwargs", None) or {}
    found = said.get("k", getattr(retriever, "k", None))
    return found if isinstance(found, int) else None


def _data_source(store: Any) -> str | None:
    for name in ("collection_name", "index_name", "_collection_name", "_index_name"):
        found = getattr(store, name, None)
        if isinstance(found, str) and found:
            return found
    return None
