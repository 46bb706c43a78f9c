"""Tests of turning content into bounded JSON."""

import builtins
import dataclasses
import enum
import importlib
import json
import sys
import tracemalloc
from collections import Counter, OrderedDict, UserDict, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.privacy import Redactor, capture, content, redact_value, serialise

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=5)
    | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=10), inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


@pytest.fixture(params=["orjson", "json"], autouse=True)
def json_library(request, monkeypatch):
    """Run every test with and without orjson."""
    if request.param == "json":
        monkeypatch.setattr(content, "_fast_dumps", None)
    else:
        assert content._fast_dumps is not None, "orjson is part of the test environment"
    return request.param


def test_messages_become_json():
    """Messages in the shape of the conventions come out as they are, umlauts readable."""
    messages = [{"role": "user", "parts": [{"type": "text", "content": 'Zoë says "hi"\n'}]}]
    assert json.loads(serialise(messages)) == messages
    assert "Zoë" in serialise(messages)
    assert ": " not in serialise({"a": 1})


@given(JSON)
def test_json_survives(value):
    """Whatever JSON can say and fits the budget is unchanged."""
    assert json.loads(serialise(value)) == value


@given(JSON, st.integers(min_value=0, max_value=300))
def test_the_budget_holds(value, max_bytes):
    """For every value and budget the text fits, and is complete unless it says that it is cut."""
    captured = capture(value, max_bytes)
    assert len(captured.text.encode()) <= max_bytes
    if not captured.cut:
        assert json.loads(captured.text) == value


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Point:
    x: int
    label: object


class Odd:
    def __str__(self):
        raise ZeroDivisionError

    __repr__ = __str__


class OddMapping(UserDict):
    def __iter__(self):
        raise RuntimeError("changed size")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (2**64, str(2**64)),
        pytest.param(10**5000, "<integer of 16610 bits>", id="huge"),
        (b"\x00\x01", "<2 bytes>"),
        (bytearray(5), "<5 bytes>"),
        ((1, 2), [1, 2]),
        ({7}, [7]),
        (deque([1]), [1]),
        (OrderedDict(a=1), {"a": 1}),
        ({1: "int", None: "none", (1, 2): "tuple"}, {"1": "int", "None": "none", "(1, 2)": "tuple"}),
        ({1: "a", "1": "b"}, {"1": "a", "1#2": "b"}),
        (Colour.RED, "Colour.RED"),
        (Point(1, Point(2, "p")), {"x": 1, "label": {"x": 2, "label": "p"}}),
        (Point, "<class "),
        (Odd(), "<Odd: ZeroDivisionError while reading>"),
        ([Odd(), 1], ["<Odd: ZeroDivisionError while reading>", 1]),
        (OddMapping(a=1), "<OddMapping: RuntimeError while reading>"),
        (iter([1]), "<list_iterator object at"),
        (ValueError("bad"), "bad"),
    ],
)
def test_odd_values_never_raise(value, expected):
    """Values that JSON does not know become something readable."""
    result = json.loads(serialise(value))
    assert result == expected or (isinstance(expected, str) and str(result).startswith(expected))


def test_lone_surrogates_do_not_raise():
    """Text that is no UTF-8 is escaped, and the result can be encoded."""
    text = serialise({"a": "x\ud800y"})
    assert json.loads(text.encode()) == {"a": "x\ud800y"}


def test_generators_are_not_consumed():
    """Recording never takes from the user's iterator."""
    generator = (number for number in range(3))
    serialise([generator])
    assert list(generator) == [0, 1, 2]


def test_cycles_and_depth():
    """A value that contains itself, or is very deep, ends."""
    cycle = {"name": "a"}
    cycle["self"] = [cycle]
    assert json.loads(serialise(cycle)) == {"name": "a", "self": ["…[cycle]"]}
    shared = [1]
    assert json.loads(serialise([shared, shared])) == [[1], [1]]
    deep = []
    for _ in range(10_000):
        deep = [deep]
    captured = capture(deep, 10_000)
    assert captured.cut
    assert "…[too deep]" in captured.text


def test_pydantic_models_are_read_by_their_fields():
    """A Pydantic model is read field by field, not dumped."""
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        name: str
        tags: tuple[str, ...] = ()

        def model_dump(self, **kwargs):
            raise AssertionError("expensive")

    assert json.loads(serialise(Model(name="n", tags=("a",)))) == {"name": "n", "tags": ["a"]}


@pytest.mark.parametrize("text", ["x" * 10_000_000, 'line "quoted"\n' * 700_000, "ü€😀" * 3_000_000])
def test_huge_text_is_cut_before_json_is_built(text):
    """An argument of 10 MB costs little more than what is kept of it, and stays JSON."""
    value = {"role": "tool", "content": text, "after": "kept"}
    tracemalloc.start()
    captured = capture(value, 16_384)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    assert len(captured.text.encode()) <= 16_384
    result = json.loads(captured.text)
    assert result["role"] == "tool"
    assert captured.cut
    head, _, marker = result["content"].rpartition("…[truncated ")
    assert text.startswith(head)
    assert len(head) > 3_000
    assert int(marker.split()[0]) + len(head.encode()) == len(text.encode())


def test_many_elements_are_cut():
    """A list of millions is left at the end of the budget, and says so."""
    captured = capture(range(10**9), 1_000)
    assert captured.cut
    assert json.loads(captured.text)[-1] == "…[truncated]"
    captured = capture({str(number): number for number in range(10_000)}, 1_000)
    assert captured.cut
    assert json.loads(captured.text)["…[truncated]"] is None


def test_secrets_are_redacted_in_structures():
    """Values under telling keys are masked wholly, secrets in other text by their pattern; all are counted."""
    value = {
        "user": "jane@example.org",
        "password": {"old": "a", "new": ["b"]},
        "headers": {"Authorization": "Bearer x", "X-Api-Key": 7, "Accept": "text/html"},
        "token": None,
        "max_tokens": 5,
        "mail bob@example.org": "key",
    }
    result, counts = redact_value(value, Redactor())
    assert result == {
        "user": "[REDACTED:email]",
        "password": "[REDACTED:sensitive_key]",
        "headers": {
            "Authorization": "[REDACTED:sensitive_key]",
            "X-Api-Key": "[REDACTED:sensitive_key]",
            "Accept": "text/html",
        },
        "token": None,
        "max_tokens": 5,
        "mail [REDACTED:email]": "key",
    }
    assert counts == Counter(sensitive_key=3, email=2)


@pytest.mark.parametrize(
    ("number", "shown"),
    [(4111111111111111, "[REDACTED:card_number]"), (4111111111111112, 4111111111111112), (1732300000000000000,) * 2],
)
def test_card_numbers_that_are_no_text_are_found(number, shown):
    """A number with the form and the check digit of a card is replaced, times and ids are not."""
    assert redact_value({"n": number}, Redactor())[0] == {"n": shown}


def test_values_are_not_changed_in_place():
    """The user's own structure stays as it was."""
    value = {"password": "x", "list": ["a@b.org"]}
    redact_value(value, Redactor())
    assert value == {"password": "x", "list": ["a@b.org"]}


@given(
    st.integers(min_value=0, max_value=400),
    st.sampled_from(["AKIAIOSFODNN7EXAMPLE", "4111 1111 1111 1111", "MT84 MALT 0110 0001 2345 MTLC AST0 01S"]),
)
def test_no_half_secret_is_left_at_the_end_of_the_budget(max_bytes, secret):
    """Wherever the budget ends, a secret is there as a marker or not at all."""
    text = capture({"a": f"{'word ' * 30}{secret} and more {secret} here"}, max_bytes, Redactor()).text
    assert "AKIA" not in text
    assert "4111" not in text
    assert "MT84" not in text


@given(JSON, st.integers(min_value=0, max_value=300))
def test_redaction_keeps_the_budget(value, max_bytes):
    """With redaction the budget holds as well."""
    assert len(capture(value, max_bytes, Redactor()).text.encode()) <= max_bytes


def test_orjson_is_optional(monkeypatch, json_library):
    """Without orjson the module imports and works."""
    real_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "orjson":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.delitem(sys.modules, "orjson", raising=False)
    spec = importlib.util.spec_from_file_location("content_without_orjson", content.__file__)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "content_without_orjson", module)
    spec.loader.exec_module(module)
    assert module._fast_dumps is None
    assert module.serialise({"a": "ü"}) == '{"a":"ü"}'
