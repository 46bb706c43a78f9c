"""The shape of dashboards: what Grafana would not show."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.ops import dashboards
from agentotel.ops.folder import read
from agentotel.ops.results import perform

SOURCES = frozenset({"prometheus", "loki"})
GOOD = {
    "uid": "agents",
    "title": "Agents",
    "schemaVersion": 39,
    "templating": {"list": [{"name": "metrics", "type": "datasource"}]},
    "annotations": {"list": [{"datasource": {"type": "grafana", "uid": "-- Grafana --"}}]},
    "panels": [
        {"id": 1, "type": "stat", "datasource": {"uid": "prometheus"}, "targets": [{"refId": "A"}, {"refId": "B"}]},
        {
            "id": 2,
            "type": "row",
            "panels": [{"id": 3, "type": "logs", "title": "Logs", "datasource": {"uid": "${metrics}"}}],
        },
    ],
}


def test_a_good_dashboard_has_no_problems():
    """Data sources by uid, by variable, and Grafana's own."""
    assert list(dashboards.problems(GOOD, SOURCES)) == []


BREAKS = {
    "it has no title": lambda board: board.update(title=" "),
    "expected a uid": lambda board: board.update(uid="a b"),
    "it has no schemaVersion": lambda board: board.pop("schemaVersion"),
    "it has no panels": lambda board: board.update(panels=[]),
    "2 panels have the id 1": lambda board: board["panels"][1]["panels"][0].update(id=1),
    "panel 1: it has no type": lambda board: board["panels"][0].pop("type"),
    "panel 'Logs': Grafana has no panels of type graph": lambda board: board["panels"][1]["panels"][0].update(
        type="graph"
    ),
    "panel 1: expected a refId": lambda board: board["panels"][0]["targets"][1].update(refId="A"),
    "there is no data source tempo: provisioned are loki, prometheus": lambda board: board["panels"][0].update(
        datasource={"uid": "tempo"}
    ),
    "it has no variable metrics": lambda board: board.update(templating={"list": []}),
}


@pytest.mark.parametrize(("said", "break_it"), BREAKS.items(), ids=BREAKS)
def test_each_break_is_found(said, break_it):
    """One problem for one break, in words that name the place."""
    board = copy.deepcopy(GOOD)
    break_it(board)
    (problem,) = dashboards.problems(board, SOURCES)
    assert problem.startswith(said)


def test_an_envelope_is_explained():
    """It is the commonest mistake: Grafana ignores such a file without a word."""
    (problem,) = dashboards.problems({"dashboard": GOOD}, SOURCES)
    assert "HTTP API" in problem


KEYS = st.sampled_from([*GOOD, "id", "type", "list", "targets", "refId", "datasource", "x"])
ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)
)


@given(ANYTHING)
def test_anything_else_has_problems_and_never_breaks(document):
    """Whatever JSON a user's file holds."""
    found = list(dashboards.problems(document, SOURCES))
    assert found
    assert all(isinstance(problem, str) for problem in found)


def results(path):
    """Return the result of each dashboard."""
    return {result.file: result for result in map(perform, dashboards.checks(read(path)))}


def test_data_sources_are_those_that_are_provisioned(written):
    """Their uids are read from Grafana's own files."""
    found = results(written(**{
        "provisioning/sources.yaml": "apiVersion: 1\ndatasources:\n  - name: P\n    uid: prom\n  - uid: 'loki'\n",
        "dashboards/a.json": json.dumps(GOOD),
    }))  # fmt: skip
    assert found["dashboards/a.json"].message == "there is no data source prometheus: provisioned are loki, prom"


def test_a_uid_belongs_to_one_dashboard(written):
    """Otherwise the one would take the place of the other."""
    good = json.dumps(GOOD)
    found = results(written(**{"dashboards/a.json": good, "dashboards/b.json": good, "dashboards/c.json": "{"}))
    assert found["dashboards/a.json"].message == "uid agents is also that of dashboards/b.json"
    assert found["dashboards/c.json"].status == "failed"
