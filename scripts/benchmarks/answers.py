"""The model in the benchmarks: answers made beforehand, given by a transport inside the process."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any, Final

import openai

if TYPE_CHECKING:
    from collections.abc import Iterable

MODEL: Final = "gpt-4o-mini"
BASE_URL: Final = "http://model.invalid/v1"
CHUNKS: Final = 200
"""Pieces of the streamed answer, the last one, with the usage, included."""

_TOOL_RESULT: Final = b'"role":"tool"'
_STREAMED: Final = b'"stream":true'


def client() -> openai.OpenAI:
    """Return a client of the real SDK whose requests never leave the process."""
    return openai.OpenAI(
        api_key="unused",
        base_url=BASE_URL,
        http_client=openai.DefaultHttpxClient(transport=transport()),
    )


def transport() -> Any:
    """Return what an HTTP client, sync or async, asks instead of the network."""
    http = _http_library()
    return http.MockTransport(_Answers(http.Response))


def _http_library() -> Any:
    """Return the HTTP library that the installed openai is built on: httpx2 since 3.0, httpx before."""
    base = next(base for base in openai.DefaultHttpxClient.__mro__ if base.__name__ == "Client")
    return importlib.import_module(base.__module__.partition(".")[0])


class _Answers:
    """Answers with a text; asks for a tool first where tools are offered; streams where that is asked for."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._text = json.dumps(_completion("It is on its way.", None)).encode()
        self._tool_call = json.dumps(_completion(None, '{"query": "order 7"}')).encode()
        self._stream = b"".join(_events(_stream()))

    def __call__(self, request: Any) -> Any:
        body = request.content
        if _STREAMED in body:
            return self._response(200, headers={"content-type": "text/event-stream"}, content=self._stream)
        asks_for_tool = b'"tools"' in body and _TOOL_RESULT not in body
        answer = self._tool_call if asks_for_tool else self._text
        return self._response(200, headers={"content-type": "application/json"}, content=answer)


def _completion(text: str | None, tool_arguments: str | None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if tool_arguments is not None:
        function = {"name": "search", "arguments": tool_arguments}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    reason = "stop" if tool_arguments is None else "tool_calls"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": f"{MODEL}-2024-07-18",
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": _USAGE,
        "system_fingerprint": "fp_1",
    }


_USAGE: Final = {
    "prompt_tokens": 50,
    "completion_tokens": 12,
    "total_tokens": 62,
    "prompt_tokens_details": {"cached_tokens": 10, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}


def _stream() -> Iterable[dict[str, Any]]:
    for number in range(CHUNKS - 2):
        yield _chunk([{"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}], None)
    yield _chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}], None)
    yield _chunk([], _USAGE)


def _chunk(choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": f"{MODEL}-2024-07-18",
        "choices": choices,
        "usage": usage,
    }


def _events(chunks: Iterable[dict[str, Any]]) -> Iterable[bytes]:
    for chunk in chunks:
        yield b"data: " + json.dumps(chunk).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"
