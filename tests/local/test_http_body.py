"""Bodies arrive whole in whatever pieces they come, and never larger than allowed."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.local.errors import StoreFullError, TooLargeError
from agentotel.local.http_body import BodyReader, MemoryBudget, UnsupportedEncodingError

BODIES = st.binary(max_size=300) | st.builds(
    lambda unit, times: unit * times, st.binary(max_size=9), st.integers(0, 60_000)
)


def read(body, encoding="", sizes=(), limit=1 << 20, budget=None):
    """Read a body that arrives in chunks of the given sizes; return it and what was reserved for it."""

    async def chunks():
        rest = body
        for size in sizes:
            yield rest[:size]
            rest = rest[size:]
        yield rest

    budget = budget or MemoryBudget()
    with budget.account() as reserve:
        result = asyncio.run(BodyReader(encoding, reserve, limit).read(chunks()))
        return result, budget.used


@given(BODIES, st.sampled_from(["", "identity", "gzip"]), st.lists(st.integers(0, 200), max_size=6))
def test_a_body_is_what_was_sent_however_it_is_cut(body, encoding, sizes):
    """Chunks of any size, with gzip and without; its size is accounted for."""
    sent = gzip.compress(body) if encoding == "gzip" else body
    assert read(sent, encoding, sizes) == (body, len(body))


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False), (5_000_000, False)])
def test_the_limit_is_exact(encoding, size, fits):
    """As sent and inflated: the limit itself is allowed, one byte more is not."""
    sent = gzip.compress(bytes(size)) if encoding else bytes(size)
    limit = 1000 if size <= 1001 else 100_000
    if fits:
        assert len(read(sent, encoding, limit=limit)[0]) == size
    else:
        with pytest.raises(TooLargeError, match=f"more than {limit} bytes"):
            read(sent, encoding, limit=limit)


def test_reserved_memory_is_given_back():
    """After success and after failure."""
    budget = MemoryBudget(limit=100)
    read(bytes(100), budget=budget)
    assert budget.used == 0
    with pytest.raises(StoreFullError, match="100 bytes"):
        read(bytes(101), budget=budget, sizes=[50])
    assert budget.used == 0


def test_another_encoding_is_refused():
    """Before anything is read."""
    with pytest.raises(UnsupportedEncodingError, match="gzip or identity"):
        BodyReader("br", lambda _: None)
