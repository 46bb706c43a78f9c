"""What docs/jaeger.md and docs/loki.md tell to search for is found, after real traffic, in the real programs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from backend_programs import get_json, wait_until
from backend_programs.jaeger import attributes

pytestmark = pytest.mark.backends

DOCS = Path(__file__).parents[3] / "docs"
SERVICE = "compose-pages"


def table(page, head):
    """Return the code of the first cells of the table whose first column has that head."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(f"| {head} |")[2].partition("\n\n")[0]
    return [code.replace(r"\|", "|") for code in re.findall(r"^\| `((?:[^`])+)`", text, re.MULTILINE)]


QUERIES = table("loki.md", "query")
TAGS = [tag.partition("=")[0] for tag in table("jaeger.md", "tags")]


@pytest.fixture(scope="module")
def line(chain, load):
    """One log record of an agent under load, with its metadata, once Loki has it."""
    load(chain, SERVICE, "--rate=0", "--runs=60", "--errors=0.2", "--loops=0.1", "--rate-limits=0.1")
    query = f'{{service_name="{SERVICE}"}} | severity_text="ERROR" | gen_ai_agent_id!=""'
    return wait_until(lambda: chain.loki.query(query), "the records are in Loki")[0]["labels"]


def test_the_pages_show_something():
    """The tables are found in the pages."""
    assert len(QUERIES) >= 7
    assert len(TAGS) >= 5


@pytest.mark.parametrize("query", QUERIES)
def test_each_query_of_the_page_finds_log_records(chain, line, query):
    """With the values of a real record in it, each query of the page has an answer."""
    of_the_page = {
        "my-agent": SERVICE,
        "4bf92f35...": line["trace_id"],
        "alice": line["user_id"],
        "agent-1": line["gen_ai_agent_id"],
        "timed out": "request taken",
    }
    for example, real in of_the_page.items():
        query = query.replace(example, real)
    ask = chain.loki.metric_query if query.startswith("sum") else chain.loki.query
    assert wait_until(lambda: ask(query), query)


@pytest.mark.parametrize("tag", TAGS)
def test_each_tag_of_the_page_finds_traces(chain, line, tag):
    """Each tag of the page is on a span of the load, and a search for it finds that trace."""

    def searched():
        found = [span for span in chain.jaeger.spans(SERVICE) if tag in attributes(span)]
        value = _as_text(attributes(found[0])[tag]) if found else "true"
        answer = get_json(
            f"{chain.jaeger.url}/api/traces", service=SERVICE, tags=json.dumps({tag: value}), limit=1000, lookback="1h"
        )
        return answer["data"]

    assert wait_until(searched, f"a trace with {tag}")


def _as_text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)
