"""Tests of the cost of a call as the recorder asks for it."""

import subprocess
import sys
import threading
from decimal import Decimal

import pytest

from agentotel._base import failopen
from agentotel.cost import Cost, Prices, PriceTable, Rates
from agentotel.cost.rates import tier
from agentotel.model.operations import Usage

ONE = Rates((tier(-1, input=Decimal(1), output=Decimal(2)),))
USAGE = Usage(1_000_000, 500_000)


class Table:
    """Stands in for the bundled table and notes what it was asked."""

    version = "table 1"

    def __init__(self, rates=ONE):
        self.rates = rates
        self.asked = []
        self.forgotten = 0

    def find(self, provider, model):
        self.asked.append((provider, model))
        return self.rates if "unknown" not in model else None

    def forget(self):
        self.forgotten += 1


@pytest.fixture(autouse=True)
def no_errors():
    """Start without counted errors."""
    failopen.reset()


def test_cost_of_a_known_model():
    """The amount comes with its currency and with the table that it is from."""
    assert Prices(loader=Table).cost("openai", "m", USAGE) == Cost(2.0, "USD", "table 1")


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("unknown", USAGE),
        (None, USAGE),
        ("", USAGE),
        ("m", None),
        ("m", Usage()),
        ("m", Usage(None, 5)),
        ("m", Usage(5, None)),
    ],
)
def test_unknown_is_none(model, usage):
    """No price or no tokens give None, never zero."""
    assert Prices(loader=Table).cost("openai", model, usage) is None
    assert failopen.errors() == {}


def test_contradicting_counts_are_reported():
    """Counts that cannot be true are unknown cost and a counted error."""
    prices = Prices(loader=Table)
    assert prices.cost("openai", "m", Usage(1, 1, 5)) is None
    assert prices.cost("openai", "m", Usage(1, 1, 5)) is None
    assert failopen.errors() == {"cost.usage": 2}


def test_models_are_looked_up_once():
    """Known and unknown models are remembered, per provider."""
    table = Table()
    prices = Prices(loader=lambda: table)
    for _ in range(3):
        prices.cost("openai", "m", USAGE)
        prices.cost("azure", "m", USAGE)
        prices.cost("openai", "unknown", USAGE)
    assert table.asked == [("openai", "m"), ("azure", "m"), ("openai", "unknown")]


def test_the_memory_of_models_is_bounded():
    """Models with invented names grow neither our memory nor the library's."""
    table = Table()
    prices = Prices(loader=lambda: table)
    for number in range(3_000):
        assert prices.cost("openai", f"m{number}", USAGE) is not None
    assert len(prices._plans) <= 1_024
    assert table.forgotten == 2


def test_own_prices_go_first():
    """The user's price wins over the bundled one, with its own currency and version; others fall through."""
    own = PriceTable({(None, "m*"): Rates((tier(-1, input=Decimal(5), output=Decimal(0)),))}, "EUR", "mine 7")
    prices = Prices(own, Table)
    assert prices.cost("openai", "m1", USAGE) == Cost(5.0, "EUR", "mine 7")
    assert prices.cost("openai", "other", USAGE) == Cost(2.0, "USD", "table 1")


def test_own_prices_do_not_load_the_library():
    """Where the user's prices cover a model nothing is imported."""

    def loader():
        raise AssertionError("loaded")

    prices = Prices(PriceTable({(None, "m"): ONE}), loader)
    assert prices.cost("openai", "m", USAGE).amount == 2.0


def test_a_library_that_does_not_load():
    """A broken library costs the costs, once reported, and nothing else."""

    def loader():
        raise ImportError("no prices")

    prices = Prices(PriceTable({(None, "own"): ONE}), loader)
    assert prices.cost("openai", "m", USAGE) is None
    assert prices.cost("openai", "n", USAGE) is None
    assert prices.cost("openai", "own", USAGE).amount == 2.0
    assert failopen.errors() == {"cost.load": 1}


def test_a_lookup_that_fails_is_unknown():
    """An error inside the library is reported and the model unknown from then on."""
    table = Table()
    table.find = None
    assert Prices(loader=lambda: table).cost("openai", "m", USAGE) is None
    assert failopen.errors() == {"cost.prices": 1}


def test_preload_loads_once_in_the_background():
    """Many preloads and calls at once load one time, away from the callers of preload."""
    loads = []
    release = threading.Event()

    def loader():
        loads.append(threading.current_thread())
        release.wait(10)
        return Table()

    prices = Prices(loader=loader)
    for _ in range(3):
        prices.preload()
    results = []
    threads = [threading.Thread(target=lambda: results.append(prices.cost("openai", "m", USAGE))) for _ in range(4)]
    for thread in threads:
        thread.start()
    release.set()
    for thread in threads:
        thread.join()
    assert results == [Cost(2.0, "USD", "table 1")] * 4
    assert len(loads) == 1
    assert loads[0].daemon or loads[0] in threads


def run(program):
    """Run a program in a process of its own and return what it printed."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_costs_nothing():
    """Neither importing the package nor making the prices imports the library."""
    program = "import sys, agentotel.cost; agentotel.cost.Prices(); print('genai_prices' in sys.modules)"
    assert run(program) == "False\n"


def test_no_network_is_used():
    """Loading and asking opens no socket and starts no updating thread."""
    program = """
import socket, sys, threading
def refuse(*args, **kwargs):
    raise SystemExit("a socket was used")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from agentotel.cost import Prices
from agentotel.model.operations import Usage
prices = Prices()
prices.preload()
print(prices.cost("openai", "gpt-4o", Usage(1000, 100, 500)).amount)
print(prices.cost("openai", "unknown", Usage(1000, 100)))
names = {thread.name for thread in threading.enumerate()}
print(sorted(names - {"MainThread", "agentotel-prices"}))
"""
    assert run(program) == "0.002875\nNone\n[]\n"


def test_forking_while_loading():
    """A child that is forked while another thread loads the prices can compute costs."""
    program = """
import os, signal, warnings
warnings.simplefilter("ignore")
from agentotel.cost import Prices
from agentotel.model.operations import Usage
prices = Prices()
prices.preload()
child = os.fork()
if not child:
    signal.alarm(20)
    os._exit(0 if prices.cost("openai", "gpt-4o", Usage(1000, 100)).amount == 0.0035 else 1)
print(os.waitpid(child, 0)[1])
"""
    assert run(program) == "0\n"
