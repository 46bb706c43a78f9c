"""The JSON interface answers the questions of the command line."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def ask(backend, post, traces_request):
    """Give a function that asks a backend that holds one failed trace of agent `support`."""
    request = traces_request(
        {"trace_id": b"t" * 16, "name": "run", "status": 2, "attributes": {"gen_ai.agent.name": "support", "a b": 1}}
    )
    post(backend.addresses.otlp_http, "/v1/traces", request.SerializeToString())

    def get(path):
        answer = post(backend.addresses.query, path, None, None, "GET")
        return answer.status, json.loads(answer.body)

    return get


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ("", 1), ("?agent=support&limit=5", 1), ("?agent=sales", 0), ("?error=true", 1), ("?error=false", 1),
        ("?where=a+b%3D1", 1), ("?where=a+b%3D2", 0), ("?since=36500d", 1),
    ],
)  # fmt: skip
def test_traces_are_filtered(ask, parameters, found):
    """The filters of the command line are parameters."""
    status, traces = ask(f"/api/traces{parameters}")
    assert (status, len(traces)) == (200, found)


def test_one_trace(ask):
    """By id and as the last one; 404 where there is none."""
    assert ask("/api/traces/last")[1]["spans"][0]["name"] == "run"
    assert ask(f"/api/traces/{(b't' * 16).hex()}")[1]["error"] is True
    assert ask("/api/traces/ffff")[0] == 404


@pytest.mark.parametrize("path", ["/api/logs", "/api/metrics"])
def test_lists_without_anything_in_them(ask, path):
    """An empty list, not an error."""
    assert ask(path) == (200, [])


@pytest.mark.parametrize(
    "parameters", ["agnet=x", "since=soon", "limit=0", "limit=99999", "limit=x", "error=maybe", "where=x", "where=%3Dx"]
)
def test_a_wrong_parameter_is_400(ask, parameters):
    """The message names the parameter and what was expected."""
    status, answer = ask(f"/api/traces?{parameters}")
    assert status == 400
    assert "expected" in answer["message"]


def test_health(ask):
    """It answers as long as it runs."""
    assert ask("/health") == (200, {"status": "ok"})


def test_a_store_that_went_away_is_503(ask, db, backend):
    """A damaged store gives a message, not a traceback."""
    db.rename(db.with_name("elsewhere.db"))
    status, answer = ask("/api/traces")
    assert status == 503
    assert "no telemetry store" in answer["message"]
