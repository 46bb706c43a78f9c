"""A program whose classes only targets name."""

# ruff: noqa: D103 - written as users write their programs

import asyncio

from shop import bots, llm, tools
from shop.tools import refund, search_orders


class QuietBot(bots.SupportBot):  # overrides elsewhere what a target names
    def answer(self, text):
        return super().answer(text.lower())


class Bouncer:
    def handle(self, request):
        return request


def helper(text):
    return text


print(bots.SupportBot("Help desk").answer("a"), bots.LoudBot("Loud").shout("b"), QuietBot("Quiet").answer("C"))
print(search_orders("d"), asyncio.run(tools.search_users("e")), tools._search_secretly("f"), tools.search_fast())
print(refund("g", amount=5), llm.Client().complete([{"role": "user", "content": "h"}], temperature=0.5))
print(Bouncer().handle("i"), helper("j"), tools.dumps({}), bots.SupportBot("x").status)
