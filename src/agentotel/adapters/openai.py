"""The openai SDK: chat completions, responses and embeddings, of OpenAI and of whoever speaks its protocol.

Life of a call: ``create`` and ``parse`` of the sync and async resources send one request through
``_base_client``, which tries again by itself after a 429, a 5xx or a lost connection (``_sleep_for_retry``).
So the method of the resource is patched: one logical call, whatever the number of tries. ``stream()`` calls
``create`` and reads its events from the stream that ``create`` returned: it needs no patch of its own.
``with_raw_response`` and ``with_streaming_response`` call the same methods with one more header, and get an
object that is parsed later.

A streamed chat completion carries token counts only if the program asked for them
(``stream_options={"include_usage": True}``); requests are never changed, so else there are none. Fetching
a response that was made in the background (``responses.retrieve``) is no model call and counts no tokens.
"""

from __future__ import annotations

from typing import Any, Final

from agentotel.adapters import stainless
from agentotel.adapters.openai_protocol import answers, requests
from agentotel.model.contract import Adapter, Call


def _both(module: str, resource: str, method: str, **functions: Any) -> tuple[Call, Call]:
    """Return the calls of a method of a resource and of its async twin."""
    target = f"openai.resources.{module}:"
    return (
        Call(f"{target}{resource}.{method}", deferred=stainless.deferred, **functions),
        Call(f"{target}Async{resource}.{method}", deferred=stainless.deferred, **functions),
    )


_CHAT: Final = {
    "request": requests.chat_request,
    "response": answers.chat_response,
    "chunk": answers.chat_chunk,
}
_RESPONSES: Final = {
    "request": requests.responses_request,
    "response": answers.responses_response,
    "chunk": answers.responses_chunk,
}
_EMBEDDINGS: Final = {"request": requests.embeddings_request, "response": answers.embeddings_response}

ADAPTER: Final = Adapter(
    name="openai",
    distribution="openai",
    supports=">=2,<4",
    trigger="openai",
    choice="patch: the SDK has no telemetry and no hook that sees requests, tries and streams alike",
    calls=(
        *_both("chat.completions.completions", "Completions", "create", **_CHAT),
        *_both("chat.completions.completions", "Completions", "parse", **_CHAT),
        *_both("responses.responses", "Responses", "create", **_RESPONSES),
        *_both("responses.responses", "Responses", "parse", **_RESPONSES),
        *_both("beta.responses.responses", "Responses", "create", **_RESPONSES, optional=True),
        *_both("embeddings", "Embeddings", "create", **_EMBEDDINGS),
    ),
    notes=stainless.notes("openai"),
    replaces=(
        "opentelemetry-instrumentation-genai-openai:openai",
        "opentelemetry-instrumentation-openai-v2:openai",
        "opentelemetry-instrumentation-openai:openai",
        "openinference-instrumentation-openai:openai",
    ),
)
