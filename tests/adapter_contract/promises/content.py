"""Content: nowhere while it is off, complete and in the conventions' shape when it is on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adapter_contract.promises.base import Promises, about
from adapter_contract.recipe import BROKEN

if TYPE_CHECKING:
    from adapter_contract.observed import Observed

_CANARY = "canary"


class HandlesContent(Promises):
    """Prompts, answers, tool arguments and results, and the words of exceptions."""

    def test_no_content_is_recorded_while_it_is_off(self, way: str) -> None:
        """Not one word of questions, answers, tools or exceptions is in any signal, whatever the run comes to."""
        with self.observed() as seen:
            self.play(way).again()
            self.play(way, self.scene(tool_fails=True))
            self.play(way, self.scene(city=BROKEN))
            recorded = seen.everything()
        place = recorded.find(_CANARY)
        assert place < 0, f"content has leaked: ...{recorded[max(0, place - 300) : place + 100]}..."

    def test_model_calls_carry_their_messages_when_content_is_on(self, way: str) -> None:
        """Each model call has its input and output as JSON; the question and the answer are among them."""
        seen = self.record(way, content=True)
        inputs = [message for span in seen.spans("model") for message in _messages(span, "gen_ai.input.messages")]
        outputs = [message for span in seen.spans("model") for message in _messages(span, "gen_ai.output.messages")]
        assert self.scene().question in _texts(inputs), inputs
        assert self.scene().answer in _texts(outputs), outputs
        assert all("finish_reason" in message for message in outputs), outputs

    def test_model_calls_carry_their_messages_on_log_records_when_content_is_on(self, way: str) -> None:
        """Each model call has one log record with its messages."""
        seen = self.record(way, content=True)
        name = "gen_ai.client.inference.operation.details"
        records = [record for record in seen.telemetry.logs() if record.event_name == name]
        assert len(records) == self.recipe.model_calls
        words = str([record.attributes for record in records])
        assert self.scene().question in words
        assert self.scene().answer in words

    @about(kind="agent")
    def test_agents_carry_question_and_answer_when_content_is_on(self, way: str) -> None:
        """The outermost agent has what it was asked and what it answered, as messages."""
        span = self.record(way, content=True).spans("agent")[0]
        assert self.scene().question in _texts(_messages(span, "gen_ai.input.messages"))
        assert self.scene().answer in _texts(_messages(span, "gen_ai.output.messages"))

    @about(kind="tool")
    def test_tools_carry_arguments_and_result_when_content_is_on(self, way: str) -> None:
        """The tool has its arguments as a JSON object, and what it returned."""
        (span,) = self.record(way, content=True).spans("tool")
        assert json.loads(span.attributes["gen_ai.tool.call.arguments"]) == {"city": self.scene().city}
        assert f"canary-result-{self.scene().city}" in span.attributes["gen_ai.tool.call.result"]

    @about(kind="tool")
    def test_the_words_of_an_exception_are_there_when_content_is_on(self, way: str) -> None:
        """With content on the exception of a tool can be read where it is shown."""
        with self.observed(content=True) as seen:
            self.play(way, self.scene(tool_fails=True))
        words = f"canary-exception-{self.scene().city}"
        assert words in seen.everything()
        for span in seen.spans("tool"):
            for event in span.events:
                assert words in event.attributes["exception.message"], dict(event.attributes)

    def test_the_words_of_a_refusal_are_there_when_content_is_on(self, way: str) -> None:
        """With content on the message of the model's error stands on the span of the call."""
        with self.observed(content=True) as seen:
            self.play(way, self.scene(city=BROKEN))
        assert _refusals(seen) == 1


def _refusals(seen: Observed) -> int:
    events = [event for span in seen.spans("model") for event in span.events if event.name == "exception"]
    return sum(f"canary-refusal-{BROKEN}" in event.attributes["exception.message"] for event in events)


def _messages(span: Any, attribute: str) -> list[dict[str, Any]]:
    """Return messages of a span, which have to be in the shape of the conventions."""
    assert attribute in span.attributes, f"{span.name} has no {attribute}"
    messages = json.loads(span.attributes[attribute])
    assert isinstance(messages, list), messages
    for message in messages:
        assert isinstance(message["role"], str), message
        for part in message["parts"]:
            assert isinstance(part["type"], str), message
            if part["type"] == "text":
                assert isinstance(part["content"], str), message
            elif part["type"] == "tool_call":
                assert isinstance(part["name"], str), message
                assert not isinstance(part.get("arguments"), str), f"arguments are JSON in a string: {message}"
            elif part["type"] == "tool_call_response":
                assert "response" in part, message
    return messages


def _texts(messages: list[dict[str, Any]]) -> str:
    parts = [part for message in messages for part in message["parts"]]
    return "\n".join(part["content"] for part in parts if part["type"] == "text")
