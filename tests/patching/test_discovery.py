"""The user's own classes and functions are found and patched, and whoever named something wrong is told."""

import importlib
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from agentotel.adapters import own_classes
from agentotel.patching import observation, targets
from agentotel.patching.discovery import Discovery

PROGRAMS = Path(__file__).parent / "programs"


class Recording:
    def __init__(self, operation):
        self.operation = operation

    def activate(self): ...

    def suspend(self, token): ...

    def chunk(self): ...

    def stop(self): ...

    def fail(self, error): ...


class Observer:
    def __init__(self):
        self.operations = []

    def start(self, operation):
        self.operations.append(operation)
        return Recording(operation)

    def current(self):
        return None


@pytest.fixture
def run(tmp_path):
    """A function that runs a program bare and under discovery, and returns both outcomes and what was seen."""

    def run_twice(program, target_text="", switch="on"):
        report, program = tmp_path / "report.json", str(PROGRAMS / program)
        runner = [str(PROGRAMS / "run_discovered.py"), str(report), target_text, switch]
        bare, ours = (
            subprocess.run(
                [sys.executable, "-W", "ignore", *before, program], capture_output=True, text=True, timeout=100
            )
            for before in ([], runner)
        )
        return bare, ours, json.loads(report.read_text())

    return run_twice


@pytest.fixture
def discover(tmp_path, monkeypatch):
    """A function that installs discovery over modules given as sources, and tells what it does."""
    installed, modules, messages = [], [], []
    observer = Observer()
    monkeypatch.setattr(observation, "_observer", observer)
    monkeypatch.syspath_prepend(tmp_path)

    def start(target_text="", *, enabled=True, **sources):
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
            modules.append(name)
        wanted, problems = targets.parse(target_text)
        assert problems == []
        discovery = Discovery(wanted, enabled=enabled, make_call=own_classes.call, report=messages.append)
        discovery.messages, discovery.observer = messages, observer
        discovery.install()
        installed.append(discovery)
        importlib.invalidate_caches()
        return discovery

    yield start
    for discovery in installed:
        discovery.uninstall()
    for name in modules:
        sys.modules.pop(name, None)


def names(discovery):
    """The kinds and names of the operations that were seen."""
    return [(type(op).__name__, op.name) for op in discovery.observer.operations]


def test_every_shape_of_class_works_as_before_and_is_seen(run):
    """A program in ``__main__`` with all shapes of classes prints the same to the byte, and its calls are recorded."""
    bare, ours, report = run("all_shapes.py")
    assert (bare.returncode, bare.stderr) == (0, "")
    assert (ours.stdout, ours.stderr) == (bare.stdout, "")
    seen = [(entry["kind"], entry["name"], entry["end"], entry["usage"]) for entry in report["operations"]]
    assert ("AgentRun", "PlainAgent", "stopped", [5, 2]) in seen  # coroutine, its usage read from the result
    assert ("ToolCall", "search", "failed", None) in seen  # {"success": False}
    assert ("ToolCall", "BrokenTool", "LookupError", None) in seen
    assert ("ToolCall", "search", "TypeError", None) in seen  # wrong arguments
    assert [entry["chunks"] for entry in report["operations"] if entry["name"] == "t"] == [2]  # generator
    assert {entry["name"] for entry in report["operations"]} >= {
        "p", "c", "d", "s", "t", "PartialAgent", "GenericAgent", "MetaAgent", "LocalAgent", "ConditionalAgent",
    }  # fmt: skip
    assert report["errors"] == {}
    assert report["pools"] == [["ShopPool", 0, 8]]


def test_pydantic_models_are_agents_and_stay_models(run):
    """Forward references to local classes, validation, schemas and signatures are what they were."""
    bare, ours, report = run("pydantic_agents.py")
    assert (bare.returncode, bare.stderr) == (0, "")
    assert (ours.stdout, ours.stderr) == (bare.stdout, "")
    assert {entry["name"] for entry in report["operations"]} == {"a", "b", "c", "d", "HolderAgent", "LocalAgent"}
    created = [name for event, name, *_ in report["instances"] if event == "created"]
    assert created.count("LocalAgent") == 2
    assert created.count("RecordAgent") == 1


def test_every_agent_is_created_and_closed_once(run):
    """Of each class as many agents are closed as were created, if their end can be seen at all."""
    _, _, report = run("all_shapes.py")
    created = [name for event, name, *tracked in report["instances"] if event == "created" and tracked == [True]]
    closed = [name for event, name, *_ in report["instances"] if event == "closed"]
    assert sorted(created) == sorted(closed)
    assert created.count("DataAgent") == 2
    assert ["created", "SlottedDataAgent", False] in report["instances"]


def test_what_is_not_patched_is_listed_with_the_reason(run):
    """Properties and abstract methods are found, left alone and explained."""
    _, _, report = run("all_shapes.py")
    reasons = {f"{found['qualname']}.{found['method']}": found["reason"] for found in report["found"]}
    assert "property" in reasons["PlainAgent.chat"]
    assert "abstract" in reasons["BaseAgent.chat"]
    assert reasons["Concierge.chat"] == ""
    place = next(found for found in report["found"] if found["qualname"] == "PoliteAgent")
    source = (PROGRAMS / "all_shapes.py").read_text().splitlines()
    assert source[place["line"] - 1].strip() == "def chat(self, message):"


def test_targets_in_main_and_in_modules_are_patched(run):
    """Targets reach classes of ``__main__`` by its file name, overrides elsewhere, and functions of all kinds."""
    wanted = (
        "agent=shop.bots:*Bot.answer[name=self.title,usage=result.meta.tokens]; tool=shop.tools:search_*;"
        "tool=shop.t*:refund,outcome=result.ok; model=shop.llm:Client.complete; step=by_targets:*.handle"
    )
    bare, ours, report = run("by_targets.py", wanted, "off")
    assert (ours.stdout, ours.stderr) == (bare.stdout, "")
    assert [(entry["kind"], entry["name"], entry["end"], entry["usage"]) for entry in report["operations"]] == [
        ("AgentRun", "Help desk", "stopped", [7, 3]),
        ("AgentRun", "Quiet", "stopped", [7, 3]),
        ("AgentRun", "Quiet", "stopped", [7, 3]),
        ("ToolCall", "search_orders", "stopped", None),
        ("ToolCall", "search_users", "stopped", None),
        ("ToolCall", "search_fast", "stopped", None),
        ("ToolCall", "refund", "failed", None),
        ("ModelCall", None, "stopped", [50, 12]),
        ("Step", "Bouncer", "stopped", None),
    ]
    assert report["messages"] == []
    assert report["unmatched"] == {}


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("agent=shop.bots:SupprtBot.answer", "shop.bots has no class SupprtBot; did you mean SupportBot?"),
        ("agent=shop.bots:SupportBot.anser", "SupportBot has no method anser; did you mean answer?"),
        ("agent=shop.bots:Zzz.answer", "no class Zzz; its classes are LoudBot, SupportBot"),
        ("agent=shop.bots:LoudBot.answer", "inherits answer from shop.bots:SupportBot; name that class instead"),
        ("tool=shop.tools:serch_orders", "no function or class serch_orders; did you mean search_orders?"),
        ("tool=shop.never:find", "the module shop.never was never imported"),
        ("tool=nothing.*:find", "no module that was imported matches nothing.*"),
        ("tool=by_targets:helper", "decorate it with @agentotel.tool"),
        ("model=by_targets:helper", "decorate it with @agentotel.model_call"),
    ],
)
def test_a_target_that_matches_nothing_is_explained(run, target, reason):
    """The program runs on, and the reason names what there is instead."""
    bare, ours, report = run("by_targets.py", target, "off")
    assert (ours.returncode, ours.stdout) == (0, bare.stdout)
    assert reason in report["unmatched"][target]
    assert report["operations"] == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("agent=shop.bots:SupportBot.status", "is a property"),
        ("tool=shop.tools:LIMIT", "is not callable (int)"),
        ("tool=decimal:Decimal.sqrt", "written in C"),
    ],
)
def test_a_target_that_cannot_be_wrapped_is_reported_once(run, target, reason):
    """Properties, constants and types written in C are named with the reason, in one message."""
    _, ours, report = run("by_targets.py", target, "off")
    assert ours.returncode == 0
    (message,) = report["messages"]
    assert message.startswith(f"AGENTOTEL_TARGETS: the target {target}: ")
    assert reason in message
    assert [found["status"] for found in report["found"]] == ["failed"]


def test_off_finds_nothing_by_name(run):
    """With discovery off and no targets, nothing is patched."""
    _, _, report = run("all_shapes.py", switch="off")
    assert report["found"] == []
    assert report["operations"] == []


def test_classes_and_instances_that_exist_before_are_patched(discover):
    """A module that was imported before the installation is found, and its living objects are seen from then on."""
    early = discover(enabled=False, early="class EarlyAgent:\n    def chat(self, m): return m\n")
    agent = importlib.import_module("early").EarlyAgent()
    late = discover()
    assert agent.chat("x") == "x"
    assert names(late) == [("AgentRun", "EarlyAgent")]
    assert early.found == ()


def test_a_class_and_its_override_in_another_module_are_both_patched(discover):
    """An override without the suffix, in a module that knows the base only by import, is an agent."""
    found = discover(
        base_module="class BaseAgent:\n    def chat(self, m): return m\n",
        other="from base_module import BaseAgent\nclass Mine(BaseAgent):\n    def chat(self, m): return m + m\n",
    )
    assert importlib.import_module("other").Mine().chat("a") == "aa"
    assert names(found) == [("AgentRun", "Mine")]


def test_decorated_and_discovered_is_patched_once(discover):
    """What a decorator of ours marks is left alone by discovery, also below another decorator."""
    found = discover(
        marked="""
            import functools, agentotel.api

            def plain(function):
                @functools.wraps(function)
                def inner(*args): return function(*args)
                return inner

            class MarkedAgent:
                @plain
                @agentotel.api.agent(name="by hand")
                def chat(self, m): return m
            """
    )
    assert importlib.import_module("marked").MarkedAgent().chat("x") == "x"
    assert names(found) == [("AgentRun", "by hand")]


def test_a_target_goes_before_the_name(discover):
    """A class that both say something about is patched once, with the options of the target."""
    found = discover(
        "agent=both:ShopAgent.chat[name=self.title]",
        both="class ShopAgent:\n    title = 'The shop'\n    def chat(self, m): return m\n",
    )
    importlib.import_module("both").ShopAgent().chat("x")
    assert names(found) == [("AgentRun", "The shop")]


def test_a_target_may_name_a_class_that_is_exported_elsewhere(discover):
    """The module that users import from is enough, even if the class is defined in another one."""
    found = discover(
        "agent=front:Bot.answer",
        enabled=False,
        back="class Bot:\n    def answer(self, m): return m\n",
        front="from back import Bot\n",
    )
    importlib.import_module("front").Bot().answer("x")
    assert names(found) == [("AgentRun", "Bot")]


def test_a_target_may_name_a_class_alone(discover):
    """Without a method all methods of the kind are meant."""
    found = discover(
        "tool=alone:Finder",
        enabled=False,
        alone="class Finder:\n    def execute(self, m): return m\n    def other(self): return 1\n",
    )
    finder = importlib.import_module("alone").Finder()
    assert (finder.execute("x"), finder.other()) == ("x", 1)
    assert names(found) == [("ToolCall", "Finder")]


def test_near_misses_are_listed(discover):
    """A class that only sounds like an agent is listed with what it lacks; constants are no methods."""
    found = discover(near="class TravelAgent:\n    run = True\n    def book(self): ...\n")
    importlib.import_module("near")
    listed = {(entry.qualname, entry.method): entry for entry in found.found}
    assert "is not callable (bool)" in listed["TravelAgent", "run"].reason
    other = discover(near2="class EstateAgent:\n    def sell(self): ...\n")
    importlib.import_module("near2")
    (entry,) = [entry for entry in other.found if entry.qualname == "EstateAgent"]
    assert entry.status == "skipped"
    assert entry.reason.startswith("has none of the methods chat, ")
    assert str(entry).startswith("near2:EstateAgent has none of")


def test_classes_made_without_end_do_not_grow_the_record(discover):
    """A function that makes a class per call is one entry."""
    found = discover(
        maker="def make():\n    class LocalAgent:\n        def chat(self, m): return m\n    return LocalAgent()\n"
    )
    make = importlib.import_module("maker").make
    for _ in range(50):
        make().chat("x")
    assert len([entry for entry in found.found if entry.module == "maker"]) == 1
    assert len(found.observer.operations) == 50
