"""The shop's orders, in a database in memory."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

_SCHEMA = """
create table orders (
    id integer primary key, customer text, item text, cents integer, status text, delivered_days_ago integer
)
"""
_ORDERS = [
    (1001, "alice", "tea pot", 3900, "shipped", None),
    (1002, "alice", "mug", 1250, "delivered", 3),
    (2001, "bob", "desk lamp", 8900, "delivered", 74),
]


class OrderBook:
    """Finds and changes orders; safe to use from several threads."""

    def __init__(self) -> None:
        """Fill the database."""
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.execute(_SCHEMA)
        self._database.executemany("insert into orders values (?, ?, ?, ?, ?, ?)", _ORDERS)

    def find(self, order_id: int) -> dict[str, Any] | None:
        """Return an order, or None."""
        with self._lock:
            row = self._database.execute("select * from orders where id = ?", (order_id,)).fetchone()
        return dict(row) if row else None

    def set_status(self, order_id: int, status: str) -> None:
        """Change the status of an order."""
        with self._lock, self._database:
            self._database.execute("update orders set status = ? where id = ?", (status, order_id))
