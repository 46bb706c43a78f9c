"""The user's targets are read from text and tables; what is wrong is named and loses nothing else."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel._base.errors import TargetError
from agentotel.patching.targets import KINDS, Target, parse

NAMES = st.text(string.ascii_letters + "_*?", min_size=1, max_size=8)
DOTTED = st.lists(NAMES, min_size=1, max_size=3).map(".".join)


def test_text_form_separates_by_semicolons_and_line_ends():
    """Several targets stand in one text, with any white space around them."""
    targets, problems = parse(
        "agent=shop.bots:*Bot.answer; tool=shop.tools:search_* ;\n model = shop.llm:Client.complete;"
    )
    assert [str(target) for target in targets] == [
        "agent=shop.bots:*Bot.answer",
        "tool=shop.tools:search_*",
        "model=shop.llm:Client.complete",
    ]
    assert problems == []


@pytest.mark.parametrize(
    "text",
    [
        "agent=a.b:C.d[usage=result.meta.tokens,name=self.title]",
        "agent=a.b:C.d[ usage = result.meta.tokens , name = self.title ]",
        "agent=a.b:C.d,usage=result.meta.tokens,name=self.title",
    ],
)
def test_options_stand_in_brackets_or_after_commas(text):
    """Both ways to write options give the same target."""
    assert parse(text)[0] == [Target("agent", "a.b", "C.d", name_path="self.title", usage_path="result.meta.tokens")]


def test_table_form_mixes_texts_and_tables():
    """A configuration file may hold both forms in one list."""
    table = {
        "kind": "tool",
        "target": "shop.tools:search_*",
        "name": "self.title",
        "id": "self.key",
        "outcome": "result.ok",
    }
    targets, problems = parse(["agent=shop.bots:*Bot.answer", table], "agentotel.toml")
    assert problems == []
    assert targets[1].paths == {"name": "self.title", "id": "self.key", "outcome": "result.ok"}
    assert {target.source for target in targets} == {"agentotel.toml"}


def test_character_classes_are_globs_and_no_options():
    """Square brackets without an equals sign belong to the glob."""
    (target,), problems = parse("tool=shop.tools:get_[ab]")
    assert problems == []
    assert target.names_class("get_a")
    assert not target.names_class("get_c")


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("nonsense", "does not say what it is"),
        ("robot=a:b", "unknown kind 'robot'"),
        ("agent=a.b", "does not name a module"),
        ("agent=a:", "does not name a module"),
        ("agent=:b", "does not name a module"),
        ("agent=a b:c", "does not name a module"),
        ("agent=a:b[colour=self.x]", "unknown option 'colour'"),
        ("agent=a:b[name=title]", "is no path"),
        ("agent=a:b[name=result.title]", "from self or arguments"),
        ("agent=a:b,usage", "without a value"),
        ({"kind": "agent"}, "lacks `kind` or `target`"),
        ({"kind": "agent", "target": "a:b", "name": 3}, "is no path"),
        (7, "neither a text nor a table"),
    ],
)
def test_a_wrong_target_is_named_and_the_others_stay(entry, complaint):
    """The message holds the setting, the target, what is wrong and what was expected; good targets are kept."""
    targets, (problem,) = parse(["agent=good.one:Bot.run", entry, "tool=good.two:find"], "AGENTOTEL_TARGETS")
    assert [target.module for target in targets] == ["good.one", "good.two"]
    assert isinstance(problem, TargetError)
    assert str(problem).startswith("AGENTOTEL_TARGETS: the target ")
    assert complaint in str(problem)
    assert "expected" in str(problem)


def test_control_characters_do_not_reach_the_message():
    """A message stays one line whatever the setting holds."""
    _, (problem,) = parse([{"kind": "agent", "target": "\x1b[31m\nevil:b c"}])
    assert str(problem).isprintable()


def test_globs_mind_upper_and_lower_case():
    """Patterns match like names in Python: exactly as written."""
    (target,), _ = parse("agent=shop.*:*Bot.ans*")
    assert target.matches_module(["shop.bots"])
    assert not target.matches_module(["Shop.bots"])
    assert target.names_method_of("Outer.SupportBot")
    assert not target.names_method_of("Supportbot")


def test_the_same_target_twice_is_one():
    """Repeating a target does no harm."""
    assert len(parse("agent=a:B.c; agent=a:B.c")[0]) == 1


@given(kind=st.sampled_from(KINDS), module=DOTTED, qualified=DOTTED)
def test_what_is_written_is_read_back(kind, module, qualified):
    """Every well-formed target parses to what its text says."""
    targets, problems = parse(f"{kind}={module}:{qualified}")
    assert problems == []
    assert [str(target) for target in targets] == [f"{kind}={module}:{qualified}"]


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=6,
    )
)
def test_nothing_makes_parsing_raise(value):
    """Whatever a configuration file holds, the answer is targets and problems."""
    targets, problems = parse(value)
    assert all(isinstance(problem, TargetError) for problem in problems)
    assert all(isinstance(target, Target) for target in targets)
