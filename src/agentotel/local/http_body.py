"""Reading a request body in bounded memory: limits as sent, inflated, and for all requests together."""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agentotel.local.errors import MalformedError, StoreFullError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterator

MAX_BODY_BYTES: Final = 16 << 20
"""Largest body, as sent and inflated. One argument of 10 MB fits."""

MAX_BYTES_IN_FLIGHT: Final = 64 << 20
"""Bytes of all bodies that are held at one time, from their arrival until they are stored."""

_PIECE_BYTES: Final = 1 << 16
_GZIP: Final = 31  # zlib's wbits: a gzip header, the largest window


class UnsupportedEncodingError(ValueError):
    """A Content-Encoding other than gzip and identity."""


@dataclass(slots=True)
class MemoryBudget:
    """How many bytes of bodies may be held at one time. Used by one event loop only, so it needs no lock."""

    limit: int = MAX_BYTES_IN_FLIGHT
    used: int = 0

    @contextmanager
    def account(self) -> Iterator[Callable[[int], None]]:
        """Give a function that reserves bytes; all of them are released at the end of the block."""
        reserved = 0

        def reserve(count: int) -> None:
            nonlocal reserved
            if self.used + count > self.limit:
                raise StoreFullError(f"{self.limit} bytes of requests are waiting to be written")
            self.used += count
            reserved += count

        try:
            yield reserve
        finally:
            self.used -= reserved


class BodyReader:
    """Collects one body from its chunks.

    Args:
        encoding: The Content-Encoding: ``gzip``, ``identity`` or nothing.
        reserve: Called with the size of all that is kept.
        limit: Largest size as sent and inflated, bytes.

    Raises:
        UnsupportedEncodingError: The encoding is another one.
    """

    def __init__(self, encoding: str, reserve: Callable[[int], None], limit: int = MAX_BODY_BYTES) -> None:
        self._inflater = _inflater(encoding)
        self._reserve = reserve
        self._limit = limit
        self._sent = 0
        self._size = 0
        self._parts: list[bytes] = []

    async def read(self, chunks: AsyncIterable[bytes]) -> bytes:
        """Return the body, inflated.

        Raises:
            TooLargeError: It is too large; nothing of what is too much was kept.
            MalformedError: It is not gzip, or ends too early.
            StoreFullError: The memory for bodies is used up at present.
        """
        try:
            async for chunk in chunks:
                self._add(chunk)
            if self._inflater is not None and not self._inflater.eof:
                raise MalformedError("the gzip body ends too early")
            return b"".join(self._parts)
        finally:
            self._parts.clear()  # a failure's traceback may live on for a while, and must not hold megabytes

    def _add(self, chunk: bytes) -> None:
        self._sent += len(chunk)
        if self._sent > self._limit:
            raise TooLargeError(f"a body of more than {self._limit} bytes; send smaller batches")
        if self._inflater is None:
            self._keep(chunk)
        elif chunk:
            self._inflate(self._inflater, chunk)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise TooLargeError(f"a body of more than {self._limit} bytes when inflated; send smaller batches")
        self._reserve(len(part))
        self._parts.append(part)

    def _inflate(self, inflater: zlib._Decompress, chunk: bytes) -> None:
        try:
            # In small pieces: a chunk may inflate to a thousand times its size, of which little may be wanted.
            while chunk and not inflater.eof:
                self._keep(inflater.decompress(chunk, _PIECE_BYTES))
                chunk = inflater.unconsumed_tail
        except zlib.error as error:
            raise MalformedError(f"not gzip: {error}") from error
        if chunk or inflater.unused_data:
            raise MalformedError("data after the end of the gzip body")


def _inflater(encoding: str) -> zlib._Decompress | None:
    if encoding in {"", "identity"}:
        return None
    if encoding == "gzip":
        return zlib.decompressobj(_GZIP)
    raise UnsupportedEncodingError("Content-Encoding must be gzip or identity")
