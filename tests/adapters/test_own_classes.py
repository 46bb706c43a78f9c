"""The user's own classes become operations by duck typing, and nothing they do breaks the reading."""

import asyncio
import dataclasses
import types
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.adapters import own_classes
from agentotel.model.contract import Intercepted
from agentotel.model.operations import AgentRun, ModelCall, Step, ToolCall, Usage, Workflow


def made(call, function, instance=None, args=(), kwargs=None):
    """The operation of one call."""
    return call.request(Intercepted(call.target, function, instance, args, kwargs or {}))


class Agent:
    id = 17
    name = "Concierge"
    template_id = "hotel"
    tenant_id = uuid.UUID(int=1)
    user_id = "of the agent"
    token_limit = 1000
    description = "Helps"
    model = "tiny"

    def __init__(self):
        self.messages = ["a", "b"]

    def token_usage(self):
        return 900

    def chat(self, message, user_id=None, **rest):
        return message


def test_an_agent_is_read_by_duck_typing():
    """Ids, template, limits, counts and lengths come from the object and the call."""
    op = made(
        own_classes.agent_call("m:Agent.chat"), Agent.chat, Agent(), ("hello", "of the call"), {"session_id": "s"}
    )
    assert isinstance(op, AgentRun)
    assert (op.name, op.agent_id, op.template_id, op.description) == ("Concierge", "17", "hotel", "Helps")
    assert (op.user_id, op.tenant_id, op.session_id) == ("of the call", str(uuid.UUID(int=1)), "s")
    assert (op.message_length, op.message_count, op.token_limit, op.tokens_used) == (5, 2, 1000, 900)
    assert op.request_model == "tiny"
    assert op.input_messages() == [{"role": "user", "parts": [{"type": "text", "content": "hello"}]}]


def test_an_agent_without_anything_is_its_class():
    """No attribute is needed; what is not known stays None."""
    plain = type("ShopAgent", (), {"chat": lambda self, text: text})
    op = made(own_classes.agent_call("m:ShopAgent.chat"), plain.chat, plain(), ("hi",))
    assert (op.name, op.agent_id, op.user_id, op.token_limit, op.message_count) == ("ShopAgent", None, None, None, None)
    assert op.message_length == 2


@pytest.mark.parametrize("option", ["message", "prompt", "input", "query"])
def test_the_message_is_found_by_its_name(option):
    """A named argument goes before the first text."""
    function = lambda self, mode, **kwargs: None  # noqa: E731
    op = made(own_classes.agent_call("m:A.chat"), function, Agent(), ("fast",), {option: "question"})
    assert op.message_length == len("question")


@pytest.mark.parametrize(
    ("result", "usage"),
    [
        ({"usage": {"input_tokens": 5, "output_tokens": 2}}, Usage(5, 2)),
        (types.SimpleNamespace(usage=types.SimpleNamespace(prompt_tokens=50, completion_tokens=12)), Usage(50, 12)),
        ({"input_tokens": 7, "output_tokens": 0}, Usage(7, 0)),
        ({"prompt_tokens": 7.0}, Usage(7)),
        (
            {
                "usage": {
                    "prompt_tokens": 80,
                    "completion_tokens": 9,
                    "prompt_tokens_details": {"cached_tokens": 64},
                    "completion_tokens_details": {"reasoning_tokens": 4},
                }
            },
            Usage(80, 9, cache_read_tokens=64, reasoning_tokens=4),
        ),
        (  # Anthropic counts the cached tokens apart
            {"usage": {"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 90,
                       "cache_creation_input_tokens": 5}},
            Usage(105, 3, cache_read_tokens=90, cache_write_tokens=5),
        ),
        (  # Google counts the thoughts apart
            {"usage_metadata": {"prompt_token_count": 10, "candidates_token_count": 3, "thoughts_token_count": 8}},
            Usage(10, 11, reasoning_tokens=8),
        ),
        ({"usage": {"input_tokens": "many", "output_tokens": -1}}, None),
        ({"usage": {"input_tokens": True}}, None),
        ("text", None),
        (None, None),
        (12, None),
        ({}, None),
    ],
)  # fmt: skip
def test_usage_is_read_under_all_common_names(result, usage):
    """Dict or object, nested or flat; numbers of the wrong type are ignored; parts counted apart are added up."""
    call = own_classes.agent_call("m:A.chat")
    op = AgentRun()
    call.response(op, result)
    assert op.usage == usage


@pytest.mark.parametrize(
    ("result", "reasons"),
    [
        ({"stop_reason": "end_turn"}, ("end_turn",)),
        (types.SimpleNamespace(finish_reason="stop"), ("stop",)),
        ({"choices": [{"finish_reason": "stop"}, {"finish_reason": "length"}]}, ("stop", "length")),
        ({"stop_reason": 3}, ()),
    ],
)
def test_the_stop_reason_is_read(result, reasons):
    """Under the names of both conventions, also from choices."""
    op = ModelCall()
    own_classes.model_call("m:C.complete").response(op, result)
    assert op.finish_reasons == reasons


def test_paths_go_before_duck_typing():
    """Where the user says that something stands, it is read there and nowhere else."""
    paths = {
        "name": "self.profile.title",
        "id": "arguments.key",
        "usage": "result.meta.0.tokens",
        "outcome": "result.state",
    }
    call = own_classes.agent_call("m:Agent.chat", paths)
    agent = Agent()
    agent.profile = {"title": "From the path"}
    op = made(call, lambda self, key: None, agent, ("k-9",))
    call.response(op, {"meta": [{"tokens": {"input": 3, "output": 4}}], "state": "FAILED", "input_tokens": 99})
    assert (op.name, op.agent_id) == ("From the path", "k-9")
    assert op.usage == Usage(3, 4)
    assert op.failure == own_classes.FAILURE


@pytest.mark.parametrize("bad", ["self.nothing.at.all", "self.messages.9", "self.name.title", "arguments.missing"])
def test_a_path_that_leads_nowhere_falls_back(bad):
    """A wrong path costs its own value only."""
    op = made(own_classes.agent_call("m:Agent.chat", {"name": bad}), Agent.chat, Agent(), ("x",))
    assert op.name == "Concierge"


@pytest.mark.parametrize(
    ("result", "failure"),
    [
        ({"success": False}, "tool_error"),
        ({"ok": False}, "tool_error"),
        ({"is_error": True}, "tool_error"),
        ({"isError": True}, "tool_error"),
        (types.SimpleNamespace(success=False), "tool_error"),
        (types.SimpleNamespace(isError=True), "tool_error"),
        ({"success": True}, None),
        ({"success": None}, None),
        ({"success": 0}, None),
        ({"is_error": False}, None),
        ("success: false", None),
        (False, None),
        (None, None),
        ([], None),
    ],
)
def test_a_tool_result_that_says_so_is_a_failure(result, failure):
    """Only a clear statement in the result counts."""
    op = ToolCall()
    own_classes.tool_call("m:T.execute").response(op, result)
    assert op.failure == failure


def test_a_tool_has_name_call_id_and_content():
    """The arguments are bound to their names, and only when content is asked for."""

    class SearchTool:
        def execute(self, text, limit=3, *more, call_id=None): ...

    op = made(
        own_classes.tool_call("m:SearchTool.execute"),
        SearchTool.execute,
        SearchTool(),
        ("a", 2, "b"),
        {"call_id": "c1"},
    )
    assert (op.name, op.call_id) == ("SearchTool", "c1")
    assert op.arguments() == {"text": "a", "limit": 2, "args": ["b"], "call_id": "c1"}


@pytest.mark.parametrize(
    ("target", "instance", "name"),
    [
        ("m:search_orders", None, "search_orders"),
        ("m:SearchTool.execute", None, "SearchTool"),  # static
        ("m:make.<locals>.search", None, "search"),
        ("m:SearchTool.execute", type("SubTool", (), {}), "SubTool"),  # class method
        ("m:SearchTool.execute", types.SimpleNamespace(name="own"), "own"),
        ("m:SearchTool.execute", types.SimpleNamespace(name=3), "SimpleNamespace"),
    ],
)
def test_names_of_functions_and_methods(target, instance, name):
    """A text in ``name``, else the class, else the function."""
    assert made(own_classes.tool_call(target), lambda *args: None, instance).name == name


@pytest.mark.parametrize(
    ("target", "name"), [("m:Auth.handle", "Auth"), ("m:Auth.check", "Auth.check"), ("m:prepare", "prepare")]
)
def test_steps_are_named_after_class_and_method(target, name):
    """The method is told where it says more than that something is handled."""
    instance = None if target == "m:prepare" else type("Auth", (), {})()
    op = made(own_classes.step_call(target), lambda *args: None, instance)
    assert isinstance(op, Step)
    assert op.name == name


def test_a_model_call_is_read_from_call_object_and_result():
    """Model, parameters, messages, answer and usage."""

    class Client:
        model_name = "fallback"
        provider = "house"

        def complete(self, messages, model=None, temperature=1.0, stream=False): ...

    call = own_classes.model_call("m:Client.complete")
    sent = [{"role": "system", "content": "be kind"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    op = made(call, Client.complete, Client(), (sent,), {"temperature": 0.5})
    call.response(op, {"id": "r1", "model": "tiny-1b", "text": "hello", "stop_reason": "end", "input_tokens": 1})
    assert (op.request_model, op.provider, op.temperature, op.message_count) == ("fallback", "house", 0.5, 2)
    assert (op.response_model, op.response_id, op.finish_reasons, op.usage) == ("tiny-1b", "r1", ("end",), Usage(1))
    assert op.input_messages()[0] == {"role": "system", "parts": [{"type": "text", "content": "be kind"}]}
    assert op.input_messages()[1] == {"role": "user", "parts": [{"type": "text", "content": "hi"}]}
    assert op.output_messages() == [
        {"role": "assistant", "parts": [{"type": "text", "content": "hello"}], "finish_reason": "end"}
    ]


def test_a_stream_is_folded():
    """Texts become the answer; the last piece with counts gives the usage."""
    call = own_classes.agent_call("m:A.stream")
    op = AgentRun()
    for piece in ("Hel", {"text": "lo"}, {"usage": {"input_tokens": 1, "output_tokens": 1}},
                  {"usage": {"input_tokens": 4, "output_tokens": 2}, "stop_reason": "end_turn"}):  # fmt: skip
        call.chunk(op, piece)
    assert op.usage == Usage(4, 2)
    assert op.finish_reasons == ("end_turn",)
    assert op.output_messages()[0]["parts"] == [{"type": "text", "content": "Hello"}]


def test_a_workflow_has_input_and_output():
    """A function that is a workflow is named after itself."""
    call = own_classes.workflow_call("m:nightly")
    op = made(call, lambda query: query, None, ("go",))
    call.response(op, {"answer": "done"})
    assert isinstance(op, Workflow)
    assert (op.name, op.output_messages()[0]["parts"][0]["content"]) == ("nightly", "done")


def test_a_property_that_raises_hides_only_itself_and_is_read_once():
    """Each attribute is read for itself, and no more than once per call."""
    reads = []

    class Agent:
        id = "a1"

        @property
        def name(self):
            reads.append("name")
            raise RuntimeError("no name today")

        @property
        def template_id(self):
            reads.append("template_id")
            return "t"

    op = made(own_classes.agent_call("m:Agent.chat"), lambda self, m: m, Agent(), ("x",))
    assert (op.name, op.agent_id, op.template_id) == ("Agent", "a1", "t")
    assert sorted(reads) == ["name", "template_id"]


def test_only_plain_getters_are_called():
    """A token count may be a method without arguments; no coroutine or generator is started, no other is called."""
    called = []

    class Agent:
        async def token_limit(self):
            called.append("coroutine")

        def max_tokens_total(self):
            return 50

        def token_usage(self, since):
            called.append("with an argument")

        def tokens_used(self):
            raise RuntimeError

        def message_count(self):
            called.append("count")
            return 4

    op = made(own_classes.agent_call("m:Agent.chat"), lambda self, m: m, Agent(), ("x",))
    assert (op.token_limit, op.tokens_used, op.message_count) == (50, None, 4)
    assert called == ["count"]


def test_decorated_functions_and_partials_bind_by_name():
    """The names come from the function under decorators; what has no names is kept by position."""

    def original(self, question, user_id): ...

    def wrapper(*args): ...

    wrapper.__wrapped__ = original
    op = made(own_classes.agent_call("m:A.chat"), wrapper, Agent(), ("what", "u9"))
    assert op.user_id == "u9"
    op = made(own_classes.tool_call("m:t"), print, None, ("x",))
    assert op.arguments() == {"args": ["x"]}


def test_content_of_unknown_objects_runs_none_of_their_code():
    """Dataclasses, slots, enumerations, cycles and bytes become data; no text method of the user's runs."""

    class Loud:
        __slots__ = ("_hidden", "again", "value")

        def __init__(self):
            self.value = b"abc"
            self.again = self
            self._hidden = 1

        def __repr__(self):
            raise AssertionError

        __str__ = __repr__

    @dataclasses.dataclass
    class Box:
        item: object
        when: uuid.UUID

    op = ToolCall()
    own_classes.tool_call("m:t").response(op, Box([Loud(), asyncio], uuid.UUID(int=2)))
    content = op.result()
    assert content["when"] == str(uuid.UUID(int=2))
    assert content["item"][0] == {"again": f"<{Loud.__qualname__}>", "value": "<3 bytes>"}


def test_every_kind_has_its_map():
    """`call` knows all kinds that are calls, and a given name goes before all others."""
    for kind, operation in {
        "agent": AgentRun,
        "tool": ToolCall,
        "model": ModelCall,
        "step": Step,
        "workflow": Workflow,
    }.items():
        op = made(own_classes.call(kind, "m:f", None, "given"), lambda: None)
        assert type(op) is operation
        assert op.name == "given"


def test_the_identity_of_an_agent_is_that_of_its_runs():
    """What is counted at creation carries the same names as the runs."""
    identity = own_classes.agent_identity(Agent())
    assert (identity.name, identity.agent_id, identity.template_id) == ("Concierge", "17", "hotel")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["usage", "input_tokens", "prompt_tokens_details", "cached_tokens", "choices", "success", "text"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(ANYTHING, ANYTHING)
def test_no_value_makes_a_map_raise(argument, result):
    """Whatever the user's functions take and return, the maps give an operation, and content is data."""
    for kind in ("agent", "tool", "model", "step", "workflow"):
        call = own_classes.call(kind, "m:f")
        op = made(call, lambda x: x, None, (argument,), {"messages": result})
        call.response(op, result)
        if call.chunk is not None:
            call.chunk(op, argument)
        for name in ("input_messages", "output_messages", "arguments", "result"):
            thunk = getattr(op, name, None)
            assert thunk is None or isinstance(thunk(), list | dict | str | int | float | bool | None)
