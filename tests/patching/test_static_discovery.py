"""What would be patched is told from sources alone."""

import textwrap

import pytest

from agentotel.patching.static_discovery import discover_path
from agentotel.patching.targets import parse


@pytest.fixture
def write(tmp_path):
    """A function that writes sources under a folder and returns it."""

    def write_files(files):
        for name, source in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(textwrap.dedent(source))
        return tmp_path

    return write_files


def summary(findings):
    """What matters of findings: name, kind and status."""
    return [(f"{found.qualname}.{found.method}", found.kind, found.status) for found in findings]


def test_nothing_is_run(write):
    """A file that would do something when imported does nothing."""
    folder = write({"app.py": "open('trace', 'w')\nraise SystemExit\nclass MyAgent:\n    def chat(self): ...\n"})
    (found,) = discover_path(folder)
    assert (found.qualname, found.method, found.line, found.status) == ("MyAgent", "chat", 4, "patched")
    assert found.why == "name ends in Agent and it has chat"
    assert sorted(path.name for path in folder.iterdir()) == ["app.py"]


def test_bases_are_followed_through_imports(write):
    """An override in another module, under another name, is found through relative, aliased and package imports."""
    folder = write(
        {
            "shop/__init__.py": "from .base import BaseAgent\n",
            "shop/base.py": "class BaseAgent:\n    def chat(self): ...\n",
            "shop/deep/__init__.py": "",
            "shop/deep/one.py": "from ..base import BaseAgent as Root\nclass One(Root):\n    def chat(self): ...\n",
            "two.py": "import shop\nclass Two(shop.BaseAgent):\n    def run(self): ...\n",
            "three.py": "from shop import BaseAgent\nclass Three(BaseAgent): ...\n",
        }
    )
    assert summary(discover_path(folder)) == [
        ("BaseAgent.chat", "agent", "patched"),
        ("One.chat", "agent", "patched"),
        ("Two.run", "agent", "patched"),
    ]


def test_near_misses_are_told_with_the_reason(write):
    """Missing methods, properties, abstract methods and Protocols are listed as not patched."""
    folder = write(
        {
            "app.py": """
                import abc, typing
                class TravelAgent:
                    def book(self): ...
                class PropertyAgent:
                    @property
                    def chat(self): ...
                class AbstractTool(abc.ABC):
                    @abc.abstractmethod
                    def execute(self): ...
                class SpokenAgent(typing.Protocol):
                    def chat(self): ...
                """
        }
    )
    reasons = {found.qualname: (found.status, found.reason) for found in discover_path(folder)}
    assert reasons["TravelAgent"][1].startswith("has none of the methods chat, ")
    assert "property" in reasons["PropertyAgent"][1]
    assert "abstract" in reasons["AbstractTool"][1]
    assert "Protocol" in reasons["SpokenAgent"][1]
    assert {status for status, _ in reasons.values()} == {"skipped"}


def test_nested_and_conditional_classes_pools_and_partials_are_found(write):
    """Everything that text shows is found, wherever it stands."""
    folder = write(
        {
            "app.py": """
                import functools
                class Outer:
                    class InnerAgent:
                        run = functools.partial(print)
                        chat: bool = True
                def make():
                    class LocalTool:
                        def execute(self): ...
                if True:
                    class SometimesAgent:
                        def stream(self): ...
                class ThingPool:
                    def __init__(self):
                        self.max_size = 3
                        self.size = 0
                class SwimmingPool:
                    depth = 2
                """
        }
    )
    assert summary(discover_path(folder)) == [
        ("Outer.InnerAgent.run", "agent", "patched"),
        ("make.<locals>.LocalTool.execute", "tool", "patched"),
        ("SometimesAgent.stream", "agent", "patched"),
        ("ThingPool.", "pool", "tracked"),
    ]


def test_targets_are_resolved_and_wrong_ones_named(write):
    """Targets reach functions, methods and overrides; one that matches nothing is listed as failed."""
    folder = write(
        {
            "src/shop/__init__.py": "",
            "src/shop/bots.py": "class Bot:\n    def answer(self): ...\nclass Sub(Bot):\n    def answer(self): ...\n",
            "src/shop/tools.py": "def search_a(): ...\nasync def search_b(): ...\ndef _search_c(): ...\n",
        }
    )
    text = "agent=shop.bots:Bot.answer; tool=shop.tools:search_*; agent=shop.bots:Bot.anser; tool=gone:x"
    findings = discover_path(folder, parse(text)[0])
    assert summary(findings) == [
        ("Bot.answer", "agent", "patched"),
        ("Sub.answer", "agent", "patched"),
        (".search_a", "tool", "patched"),
        (".search_b", "tool", "patched"),
        (".", "agent", "failed"),
        (".", "tool", "failed"),
    ]
    assert "matches nothing in" in findings[-2].reason
    assert "not under this path" in findings[-1].reason
    assert "shop.bots" in findings[-1].reason


def test_a_file_that_cannot_be_read_is_named_and_the_others_stay(write):
    """Syntax errors, null bytes and wrong encodings are findings, with the line where there is one."""
    folder = write({"bad.py": "def f(:\n", "good.py": "class MyTool:\n    def run(self): ...\n", "null.py": "a\0b"})
    (folder / "latin.py").write_bytes(b"a = '\xff'\n")
    findings = {found.file.rpartition("/")[2]: found for found in discover_path(folder)}
    assert findings["good.py"].status == "patched"
    assert findings["bad.py"].line == 1
    assert "SyntaxError" in findings["bad.py"].reason
    assert {findings[name].status for name in ("bad.py", "null.py", "latin.py")} == {"failed"}


def test_environments_and_hidden_folders_are_left_out(write):
    """What belongs to libraries is not the user's own code."""
    source = "class LibAgent:\n    def chat(self): ...\n"
    folder = write(
        {
            ".venv/lib/a.py": source,
            "env/pyvenv.cfg": "",
            "env/b.py": source,
            "x/site-packages/c.py": source,
            "mine.py": source,
        }
    )
    assert [found.file for found in discover_path(folder)] == [str(folder / "mine.py")]


def test_one_file_may_be_given(write):
    """A single file is looked at by itself; its module name is that of its package."""
    folder = write({"pkg/__init__.py": "", "pkg/app.py": "def find(): ...\n"})
    (found,) = discover_path(folder / "pkg" / "app.py", parse("tool=pkg.app:find")[0])
    assert (found.method, found.status) == ("find", "patched")


def test_switched_off_only_targets_count(write):
    """Without discovery by name nothing is listed."""
    assert discover_path(write({"a.py": "class MyAgent:\n    def chat(self): ...\n"}), enabled=False) == []


def test_a_path_that_does_not_exist_is_an_error(tmp_path):
    """The message names the path."""
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        discover_path(tmp_path / "nowhere")


def test_classes_that_derive_in_a_circle_end(write):
    """Text that could never run does not hang the search."""
    folder = write({"a.py": "class A(B): ...\nclass B(A):\n    def chat(self): ...\n"})
    assert discover_path(folder) == []
