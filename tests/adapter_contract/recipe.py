"""What a new adapter states about its library, as data: how a program uses it, and the tree that it must give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from adapter_contract.asked import Asked
    from agentotel.demo.model_replies import Reply
    from agentotel.model.contract import Adapter

MODEL = "gpt-5-mini"
"""The model that every OpenAI recipe asks for; an Anthropic one asks for `CLAUDE`."""

CLAUDE = "claude-sonnet-4-6"

HOLD = "Hold"
"""A city: the scripted model holds its answer back before the first byte, until the test lets it go."""

PAUSE = "Pause"
"""A city: the scripted model stops in the middle of a streamed answer, until the test lets it go on."""

BROKEN = "Broken"
"""A city: the scripted model answers with an error (status 400) that no client tries again after."""


def answer_about(city: str) -> str:
    """Return what the scripted model says about the weather in a city."""
    return f"It is sunny in {city}. canary-answer-{city}"


@dataclass(frozen=True)
class Scene:
    """What a recipe's program gets: whom to ask, and what.

    The scripted model answers by what it is asked, never by the order of requests, so scenes may run side by side. A
    question about the weather in `city` makes it call the tool ``get_weather(city)`` (if the request offers tools),
    and when the tool's result is there it says `answer`; without tools it says so at once. A call that ends in a tool
    call uses 50 input tokens (30 of them from the cache) and 12 output tokens, one that ends in the answer 80 and 9.

    Attributes:
        url: Base URL of the scripted model, ``http://127.0.0.1:PORT/v1`` (for Anthropic clients: `origin`).
        city: The city; another one in each of several scenes that run at the same time.
        conversation: An id to give to the library wherever it has a place for one (thread, session, conversation).
        tool_fails: The program's ``get_weather`` has to raise `ToolBroke`: call `weather` in it, which does so.
    """

    url: str
    city: str = "Bern"
    conversation: str = "conversation-1"
    tool_fails: bool = False

    @property
    def origin(self) -> str:
        """The server without a path, for clients that add ``/v1`` by themselves."""
        return self.url.removesuffix("/v1")

    @property
    def question(self) -> str:
        """What the user asks: the text that must appear nowhere while content is off."""
        return f"What is the weather in {self.city}? canary-question-{self.city}"

    @property
    def answer(self) -> str:
        """What the model answers in the end."""
        return answer_about(self.city)

    def weather(self, city: str) -> str:
        """What the program's tool does: let it call this and return what this returns."""
        if self.tool_fails:
            raise ToolBroke(f"no weather: canary-exception-{city}")
        return f"sunny canary-result-{city}"


class ToolBroke(RuntimeError):  # noqa: N818 - it stands for whatever a user's tool raises
    """What a tool raises when the scene wants it to fail."""


@dataclass(frozen=True)
class Node:
    """One operation of the expected tree.

    Attributes:
        kind: ``agent``, ``model``, ``tool``, ``workflow``, ``step``, ``retrieval``, ``mcp``.
        span: The name of its span.
        children: What happens inside, in the order of starting.
        attributes: Attributes that its span must have at least, by their full names.
    """

    kind: str
    span: str
    children: tuple[Node, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """How programs use a library. Each function is a small real program: import the library inside of it.

    Attributes:
        adapter: The adapter under test.
        below: Adapters of libraries underneath that are patched too, such as openai's.
        tree: What `run`, `arun`, `stream` and `astream` must give for the default scene: one root.
        run: Runs the agent (or calls the model) once and returns its answer as text.
        arun: The same with the library's async interface.
        stream: Yields the pieces of the answer as the user gets them, in the library's streaming interface.
        astream: The same, async.
        input_tokens: What the model calls of one run have used together, input. See `Scene` for the figures.
        output_tokens: Output.
        cached_tokens: How many of the input tokens came from the cache.
        model_calls: How many model calls one run makes.
        tool_error_reaches_user: Whether an exception of the tool comes out of `run` (else the library gives it to
            the model as text and the run goes on).
        failed_tool: Whether the library shows the tool's span as failed then (some swallow the exception inside).
        tool_error_type: The ``error.type`` of the tool's span then (some libraries wrap the exception).
        has_conversation: Whether the library has a place for a conversation id.
        stream_tree: What `stream` and `astream` must give, where that differs from `tree`.
        decide: What the scripted model answers where the recipe needs more than the weather; see
            `adapter_contract.weather.WeatherModel`.
        skip: Names of contract tests that cannot hold for this library, each with its reason.
    """

    adapter: Adapter
    tree: Node
    run: Callable[[Scene], str] | None = None
    arun: Callable[[Scene], Awaitable[str]] | None = None
    stream: Callable[[Scene], Iterator[Any]] | None = None
    astream: Callable[[Scene], AsyncIterator[Any]] | None = None
    below: Sequence[Adapter] = ()
    input_tokens: int = 130
    output_tokens: int = 21
    cached_tokens: int = 30
    model_calls: int = 2
    tool_error_reaches_user: bool = False
    failed_tool: bool = True
    tool_error_type: str = "ToolBroke"
    has_conversation: bool = True
    stream_tree: Node | None = None
    decide: Callable[[Asked], Reply | None] | None = None
    skip: dict[str, str] = field(default_factory=dict)
