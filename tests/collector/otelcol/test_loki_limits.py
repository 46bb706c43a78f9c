"""What Loki refuses is made fit for it, so that one odd record does not cost the batch in which it comes."""

from __future__ import annotations

import pytest

from backend_programs import Loki, wait_until
from collector.otelcol.conftest import collecting
from collector.otelcol.otlp_traffic import attributes_of, logs, send

pytestmark = pytest.mark.backends


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A Collector with a real Loki behind it, which is its attribute ``loki``."""
    folder = tmp_path_factory.mktemp("loki-limits")
    with Loki(folder / "loki") as loki, collecting(folder / "collector", LOKI_OTLP_ENDPOINT=loki.otlp) as collector:
        collector.loki = loki
        yield collector


@pytest.mark.parametrize(
    ("case", "attributes", "resource"),
    [
        ("an attribute without a name", {"": "v"}, {}),
        ("a resource with an attribute without a name", {}, {"": "v"}),
        ("many attributes", {f"a{number}": "x" for number in range(300)}, {}),
        ("a resource with many attributes", {}, {f"r{number}": "x" for number in range(300)}),
        ("many of both", {f"a{it}": "x" for it in range(100)}, {f"r{it}": "x" for it in range(100)}),
        ("odd names", {"a\n": "x", "ü": "y", "日本": "y", "__": "y", "1": "z", "a" * 5000: "w"}, {}),
    ],
)
def test_an_odd_record_and_the_one_beside_it_arrive(chain, case, attributes, resource):
    """Both are in Loki, with whom they were for, and the Collector counts no failure."""
    request = logs(f"{case}: odd", f"{case}: beside", attributes={"user.id": "u1"})
    (block,) = request.resource_logs
    block.resource.attributes.extend(attributes_of(resource))
    block.scope_logs[0].log_records[0].attributes.extend(attributes_of(attributes))
    send(chain, request)

    def arrived():
        found = chain.loki.query('{service_name="shop"} | user_id="u1"')
        return {one["line"] for one in found if one["line"].startswith(f"{case}: ")}

    assert wait_until(lambda: len(arrived()) == 2 and arrived(), "both arrive") == {f"{case}: odd", f"{case}: beside"}
    assert chain.own_metric("otelcol_exporter_send_failed_log_records") == 0
