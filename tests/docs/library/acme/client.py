"""The clients; they send their requests with the openai SDK, which is not observed here."""

from __future__ import annotations

from dataclasses import dataclass

import openai


@dataclass
class Usage:
    prompt: int
    completion: int


@dataclass
class Part:
    """An answer, or a piece of one."""

    model: str
    text: str
    finish_reason: str | None
    usage: Usage | None


def _request(model, prompt, stream):
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return {"model": model, "messages": [{"role": "user", "content": prompt}], **more}


def _part(answer):
    choice = next(iter(answer.choices), None)
    said = getattr(choice, "message", None) or getattr(choice, "delta", None)
    usage = answer.usage and Usage(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    return Part(answer.model, (said and said.content) or "", choice and choice.finish_reason, usage)


class Client:
    def __init__(self, url):
        self._openai = openai.OpenAI(base_url=url, api_key="none")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._openai.close()

    def complete(self, model, prompt, *, stream=False):
        answer = self._openai.chat.completions.create(**_request(model, prompt, stream))
        return map(_part, answer) if stream else _part(answer)


class AsyncClient:
    def __init__(self, url):
        self._openai = openai.AsyncOpenAI(base_url=url, api_key="none")

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        await self._openai.close()

    async def complete(self, model, prompt, *, stream=False):
        answer = await self._openai.chat.completions.create(**_request(model, prompt, stream))
        return _pieces(answer) if stream else _part(answer)


async def _pieces(answer):
    async with answer:
        async for chunk in answer:
            yield _part(chunk)
