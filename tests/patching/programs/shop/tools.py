"""Tools that are plain functions."""

# ruff: noqa: D103, F401 - written as users write their programs

from functools import partial
from json import dumps

LIMIT = 3


def search_orders(text):
    return [text]


async def search_users(text):
    return [text]


def _search_secretly(text):
    return [text]


def refund(order, *, amount):
    return {"ok": amount < LIMIT}


search_fast = partial(search_orders, "fast")
