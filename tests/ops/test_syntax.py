"""YAML and JSON that can, and cannot, be parsed."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.ops import syntax
from agentotel.ops.folder import read
from agentotel.ops.results import perform

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", exclude_categories=["Cc"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
)


@given(DOCUMENTS)
def test_json_is_accepted_as_json_and_as_yaml(document):
    """Whatever stands in it."""
    pytest.importorskip("yaml")
    text = json.dumps(document)
    assert syntax.json_outcome(text).status == "ok"
    assert syntax.yaml_outcome(text).status == "ok"


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "no JSON"), ('{"a": 1, "a": 2}', "stands there twice: a"), ("[" * 100_000, "no JSON")],
)
def test_json_that_is_wrong_is_explained(text, said):
    """With the reason of the parser, or with the key that stands there twice."""
    outcome = syntax.json_outcome(text)
    assert outcome.status == "failed"
    assert said in outcome.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1\nb: 2\n", "line 2"),
        ("a:\n\tb: 1\n", "line 2"),
        ("a: 1\nb:\n  - c: 1\n    c: 2\n", "line 4: c stands there twice"),
        ("a: 1\n---\na: 1\na: 2\n", "line 4: a stands there twice"),
    ],
)
def test_yaml_that_is_wrong_is_explained(text, said):
    """With the line."""
    pytest.importorskip("yaml")
    outcome = syntax.yaml_outcome(text)
    assert outcome.status == "failed"
    assert said in outcome.message


@pytest.mark.parametrize(
    "text",
    ["", "a: &x {b: 1}\nc: {<<: *x, d: 2}\n", "a: &x [*x]\n", "a: 1\n---\na: 2\n", "? [1, 2]\n: x\n", "!Tag x\n"],
)
def test_unusual_yaml_is_accepted(text):
    """Anchors, merges, several documents, tags: a program may want them."""
    pytest.importorskip("yaml")
    assert syntax.yaml_outcome(text) == ("ok", "")


def test_without_a_parser_nothing_is_known(monkeypatch):
    """It is an extra, and its name is said."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.setattr(syntax, "find_spec", lambda name: None)
    outcome = syntax.yaml_outcome("a: [")
    assert outcome.status == "not_checked"
    assert "agentotel[ops]" in outcome.message


def test_every_file_has_its_check(written):
    """Also the one that cannot be read."""
    path = written(**{"a.yml": "x: 1\n", "b.json": "{}"})
    (path / "c.yaml").write_bytes(b"\xff")
    results = {(result.file, result.tool): result for result in map(perform, syntax.checks(read(path)))}
    assert set(results) == {("a.yml", "yaml"), ("b.json", "json"), ("c.yaml", "syntax")}
    assert results["b.json", "json"].status == "ok"
    assert results["c.yaml", "syntax"].status == "failed"
