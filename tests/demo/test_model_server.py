"""The scripted model server, tried with the real SDK and, for what the SDK hides, with plain HTTP."""

from __future__ import annotations

import http.client
import json
import threading

import openai
import pytest

from agentotel.demo.model_server import (
    FunctionCall,
    ModelServer,
    Reply,
    completion,
    completion_stream,
    embeddings,
    failure,
    rate_limited,
    response,
    response_stream,
    scripted,
)

USAGE = {"input_tokens": 50, "output_tokens": 12, "cached_tokens": 30, "reasoning_tokens": 7}
CHAT = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
CALL = FunctionCall("weather", {"city": "Bern"}, "call_7")


def client_of(server):
    """Return a client of the real SDK that talks to `server`."""
    return openai.OpenAI(base_url=server.url, api_key="k")


def post(server, body, path="/v1/chat/completions"):
    """Post raw bytes on a connection of its own; return the status and the decoded body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_chat_completion_is_what_the_sdk_expects():
    """The SDK reads text, tool calls, finish reason and all token counts of a completion."""
    with ModelServer(scripted(completion("Bern", tool_calls=[CALL], **USAGE))) as server, client_of(server) as client:
        answer = client.chat.completions.create(**CHAT)
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Bern", "tool_calls")
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Bern"}
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (50, 12, 62)
    assert answer.usage.prompt_tokens_details.cached_tokens == 30
    assert answer.usage.completion_tokens_details.reasoning_tokens == 7


@pytest.mark.parametrize("include_usage", [True, False])
def test_streamed_completion_gives_the_same_as_a_whole_one(include_usage):
    """The SDK's own accumulation of the stream gives text, tool call and finish reason; usage only if included."""
    reply = completion_stream(["Be", "rn"], tool_calls=[CALL], **USAGE, include_usage=include_usage)
    with (
        ModelServer(scripted(reply)) as server,
        client_of(server) as client,
        client.chat.completions.stream(**CHAT) as stream,
    ):
        answer = stream.get_final_completion()
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Bern", "tool_calls")
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Bern"}
    assert (answer.usage is not None) is include_usage


def test_response_is_what_the_sdk_expects():
    """The SDK reads text, tool calls and all token counts of a response."""
    with ModelServer(scripted(response("Bern", tool_calls=[CALL], **USAGE))) as server, client_of(server) as client:
        answer = client.responses.create(model="m", input="?")
    assert (answer.output_text, answer.status) == ("Bern", "completed")
    assert answer.output[1].call_id == "call_7"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (50, 12)
    assert answer.usage.input_tokens_details.cached_tokens == 30
    assert answer.usage.output_tokens_details.reasoning_tokens == 7


def test_streamed_response_has_the_proper_sequence_of_events():
    """Events come in the API's order, numbered, and the SDK's own accumulation accepts them."""
    reply = response_stream(["Be", "rn"], tool_calls=[CALL], **USAGE)
    with (
        ModelServer(scripted(reply)) as server,
        client_of(server) as client,
        client.responses.stream(model="m", input="?") as stream,
    ):
        events = list(stream)
        answer = stream.get_final_response()
    assert [event.type.removeprefix("response.") for event in events] == [
        "created", "in_progress",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (answer.output_text, answer.usage.input_tokens) == ("Bern", 50)


def test_embeddings_are_what_the_sdk_expects():
    """One vector per input, with the tokens that it took."""
    reply = embeddings([[0.25], [0.5]], input_tokens=8)
    with ModelServer(scripted(reply)) as server, client_of(server) as client:
        answer = client.embeddings.create(model="e", input=["a", "b"], encoding_format="float")
    assert [item.embedding for item in answer.data] == [[0.25], [0.5]]
    assert answer.usage.prompt_tokens == 8


def test_rate_limit_is_retried_by_the_sdk():
    """A 429 asks for so short a wait that the SDK tries again at once; the requests are numbered."""
    replies = scripted(rate_limited(), completion("Bern", **USAGE))
    with ModelServer(replies) as server, client_of(server) as client:
        client.chat.completions.create(**CHAT)
    assert [(request.number, request.path) for request in server.requests] == [
        (0, "/v1/chat/completions"),
        (1, "/v1/chat/completions"),
    ]
    assert server.requests[0].body == CHAT
    assert server.requests[0].headers["authorization"] == "Bearer k"


def test_failure_has_the_form_that_the_sdk_understands():
    """Status, type and message of an error arrive in the SDK's exception."""
    reply = failure(400, "invalid_request_error", "too long")
    with (
        ModelServer(scripted(reply)) as server,
        client_of(server) as client,
        pytest.raises(openai.BadRequestError, match="too long") as raised,
    ):
        client.chat.completions.create(**CHAT)
    assert raised.value.type == "invalid_request_error"


def test_error_in_a_script_reaches_the_client():
    """A script that raises is a 500 that says why, not a dropped connection."""

    def respond(request):
        raise KeyError("city")

    with ModelServer(respond) as server:
        status, body = post(server, b"{}")
    assert status == 500
    assert body["error"]["message"] == "KeyError: 'city'"


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff", b'"text"'])
def test_body_that_is_no_json_object_is_refused(body):
    """Malformed bodies get a 400 and never reach the script."""
    with ModelServer(scripted(completion("x", **USAGE))) as server:
        status, answer = post(server, body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert server.requests == []


def test_connections_are_kept_alive():
    """Two requests travel over one connection."""
    with ModelServer(scripted(completion("x", **USAGE))) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.connect()
        local_port = connection.sock.getsockname()[1]
        for _ in range(2):
            connection.request("POST", "/v1/chat/completions", b"{}")
            assert connection.getresponse().read()
            assert connection.sock.getsockname()[1] == local_port
        connection.close()
    assert len(server.requests) == 2


@pytest.mark.parametrize("cut_after", [0, 2])
def test_connection_can_be_cut(cut_after):
    """A reply that is cut drops the connection, before the status line or between two chunks."""
    chunks = completion_stream(["a", "b", "c"], **USAGE, include_usage=False).chunks
    with ModelServer(scripted(Reply(chunks=chunks, cut_after=cut_after))) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("POST", "/v1/chat/completions", b"{}")
        if cut_after == 0:
            with pytest.raises(http.client.RemoteDisconnected):
                connection.getresponse()
        else:
            with pytest.raises(http.client.IncompleteRead) as cut:
                connection.getresponse().read()
            assert cut.value.partial.count(b"data:") == cut_after
        connection.close()


def test_reply_can_be_held():
    """A held reply waits for its event, and others are answered meanwhile."""
    hold = threading.Event()
    replies = scripted(Reply(hold=hold, body={"held": True}), Reply(body={"held": False}))
    with ModelServer(replies) as server:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(post(server, b"{}")))
        thread.start()
        server.wait_for_requests(1)
        assert post(server, b"{}") == (200, {"held": False})
        assert answers == []
        hold.set()
        thread.join(10)
    assert answers == [(200, {"held": True})]


def test_waiting_for_requests_that_do_not_come_fails():
    """The wait for requests is bounded, and says how many there were."""
    with ModelServer(scripted(Reply())) as server, pytest.raises(TimeoutError, match="0 of 1"):
        server.wait_for_requests(1, timeout_s=0.01)


def test_stopping_drops_open_connections_and_frees_the_port():
    """A server that was stopped, even twice, lets another one have its port at once."""
    server = ModelServer(scripted(completion("x", **USAGE)))
    server.start()
    port = server.port
    idle = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    idle.request("POST", "/v1/chat/completions", b"{}")
    idle.getresponse().read()
    server.stop()
    server.stop()
    assert idle.sock.recv(1) == b""
    idle.close()
    with ModelServer(scripted(completion("y", **USAGE)), port=port) as again:
        assert again.url == f"http://127.0.0.1:{port}/v1"
        assert post(again, b"{}")[0] == 200
