"""What the model calls inside an operation have used."""

from __future__ import annotations

import sys

import pytest

from agentotel.model.operations import Usage
from agentotel.telemetry.totals import Totals
from telemetry.bare_recordings import in_threads


@pytest.fixture
def _impatient():
    """Let threads take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_impatient")
def test_totals_are_exact_under_threads():
    """Tools run in threads: no token and no cent is lost when their model calls end together."""
    totals = Totals()

    def work():
        for _ in range(500):
            totals.add(Usage(input_tokens=3, output_tokens=1, reasoning_tokens=1), ("USD", 0.25))

    in_threads(8, work)
    assert totals.calls == 4_000
    assert totals.usage == Usage(input_tokens=12_000, output_tokens=4_000, reasoning_tokens=4_000)
    assert totals.cost == {"USD": 1_000.0}


def test_what_nobody_has_said_stays_unknown():
    """A kind of token that no call reports is None, not 0; currencies are kept apart."""
    totals = Totals()
    totals.add(Usage(input_tokens=0), None)
    totals.add(Usage(cache_read_tokens=2), ("EUR", 1.0))
    totals.add(Usage(), ("USD", 2.0))
    assert totals.usage == Usage(input_tokens=0, cache_read_tokens=2)
    assert totals.cost == {"EUR": 1.0, "USD": 2.0}
    assert totals.calls == 3
