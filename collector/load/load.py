# ruff: noqa: INP001 - a program that stands beside its package, as a user would have it

"""Puts load on a small company of agents, so that every panel and every rule has something to show.

    opentelemetry-instrument python load.py --duration 60
    opentelemetry-instrument python load.py --runs 200 --rate 0 --latency 0      # as fast as possible, exact counts

The agents talk to a scripted model in this process: no key, no network, no cost. What happens in which run is decided
by the seed alone; how often things go wrong is set by shares. At the end (also after SIGTERM and Ctrl-C) it prints as
one JSON object what the agents have done, counted by themselves: telemetry has to say the same.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from workload import mcp_tools
from workload.company import Company
from workload.model import responder
from workload.plan import Plan, Shares
from workload.tally import Tally

from agentotel.demo.model_server import ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORGET_EVERY = 100

logger = logging.getLogger("company")


def main() -> int:
    """Serve requests until there are enough of them, and print what was done."""
    options = _options()
    logging.basicConfig(level=logging.INFO, handlers=[logging.NullHandler()])
    logging.getLogger("httpx").setLevel(logging.WARNING)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    summary = put_load(options, over)
    print(json.dumps(summary, indent=2 if sys.stdout.isatty() else None))  # noqa: T201 - the result
    return 0


def put_load(options: argparse.Namespace, over: threading.Event) -> dict[str, Any]:
    """Serve requests until `over` is set or the options have had enough; return the counts."""
    plan = Plan(options.seed, options.shares, options.users, options.tenants, options.slow_seconds)
    tally = Tally()
    with (
        ModelServer(responder(plan, tally, options.latency)) as model,
        Company(tally, model.url, options.workers, with_mcp=options.mcp) as company,
        ThreadPoolExecutor(options.workers) as desks,
    ):
        print("serving requests", file=sys.stderr, flush=True)  # noqa: T201 - so that one sees that it lives
        free = threading.Semaphore(options.workers)
        for number in _due(options, over):
            free.acquire()
            served = desks.submit(_serve, company, plan, number)
            served.add_done_callback(lambda _: free.release())
            if number % _FORGET_EVERY == 0:
                model.requests.clear()
    return {"seed": options.seed, "mcp": options.mcp, **tally.summary()}


def _due(options: argparse.Namespace, over: threading.Event) -> Iterator[int]:
    """Yield the numbers of the runs, each when it is due, until there are enough of them."""
    start, number = time.monotonic(), 0
    while options.runs is None or number < options.runs:
        due = start + (number / options.rate if options.rate else 0.0)
        if options.duration is not None and max(due, time.monotonic()) - start >= options.duration:
            return
        if over.wait(max(0.0, due - time.monotonic())):
            return
        yield number
        number += 1


def _serve(company: Company, plan: Plan, number: int) -> None:
    scenario = plan.scenario(number)
    try:
        company.serve(scenario)
    except CancelledError:
        logger.warning("request cancelled", extra={"scenario": number})
    except Exception as error:  # the next request has to be served nevertheless
        logger.exception("request failed", extra={"scenario": number, "reason": type(error).__name__})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    how_much = parser.add_argument_group("how much (without --runs and --duration: until it is stopped)")
    how_much.add_argument("--runs", type=_whole, metavar="N", help="so many requests")
    how_much.add_argument("--duration", type=_number, metavar="S", help="start requests for so many seconds")
    how_much.add_argument("--rate", type=_number, default=2.0, metavar="R", help="requests per second; 0: no pause")
    how_much.add_argument("--workers", type=_whole, default=8, metavar="N", help="requests served at the same time")
    trouble = parser.add_argument_group("how much trouble: shares of the requests, from 0 to 1")
    for name, what in {
        "errors": "the agent's run fails",
        "slow": "the model takes --slow-seconds for each turn",
        "rate_limits": "the model answers 429 at first",
        "tool_errors": "tools fail, the run goes on",
        "loops": "the agent asks for the same tool again and again",
        "cancelled": "the user goes away",
    }.items():
        flag = f"--{name.replace('_', '-')}"
        trouble.add_argument(flag, type=_number, default=getattr(Shares, name), metavar="SHARE", help=what)
    who = parser.add_argument_group("who and what")
    who.add_argument("--users", type=_whole, default=50, metavar="N", help="different users")
    who.add_argument("--tenants", type=_whole, default=5, metavar="N", help="tenants that they belong to")
    who.add_argument("--seed", type=int, default=1, metavar="N", help="decides what happens in which run")
    who.add_argument("--slow-seconds", type=_number, default=6.0, metavar="S", help="what slow means")
    who.add_argument("--latency", type=_number, default=1.0, metavar="X", help="scales how long the model takes")
    who.add_argument(
        "--mcp", action=argparse.BooleanOptionalAction, default=mcp_tools.is_installed(), help="use an MCP server"
    )
    options = parser.parse_args()
    if options.mcp and not mcp_tools.is_installed():
        parser.error("--mcp needs the package mcp, 2.0 or newer")
    try:
        options.shares = Shares(**{field.name: getattr(options, field.name) for field in fields(Shares)})
    except ValueError as error:
        parser.error(str(error))
    return options


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 on")
    return number


def _number(text: str) -> float:
    number = float(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a number that is not negative")
    return number


if __name__ == "__main__":
    sys.exit(main())
