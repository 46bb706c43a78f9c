"""The examples in the documentation are executed: what a page says works, works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapter_contract.weather import WeatherModel, say
from agentotel.cli import COMMANDS
from agentotel.config import load
from agentotel.config.variables import VARIABLES
from agentotel.cost import load_price_file
from agentotel.demo.run import environment
from agentotel.local.server import LocalBackend
from agentotel.patching.targets import parse

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)
ASSIGNMENT = re.compile(r"\b((?:OTEL|AGENTOTEL)_[A-Z0-9_]+)=(\"[^\"]*\"|'[^']*'|\S*)")
MENTION = re.compile(r"\b(?:OTEL|AGENTOTEL)_[A-Z0-9_]+[A-Z0-9]\b")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
READ_BY_THE_LAUNCHER = {"OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR"}
READ_BY_COMPOSE = set(re.findall(r"\$\{(AGENTOTEL_\w+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
NEEDS_FRAMEWORKS = {"frameworks.md"}
"""Pages whose programs need the agent frameworks in the versions of `scripts/environment test`."""
TIMEOUT_S = 60


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the comment before it and where it stands."""

    page: Path
    line: int
    language: str
    mark: str
    body: str

    @property
    def place(self) -> str:
        """Return where it stands, for messages."""
        return f"{self.page.name}:{self.line}"

    @property
    def file(self) -> str:
        """Return the name of the file that the block is saved as."""
        named = re.fullmatch(r"file: ([\w.]+)", self.mark)
        return named[1] if named else f"example_{self.line}.py"


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match["language"], match["mark"] or "", match["body"])
        for match in BLOCK.finditer(text)
    ]


def marks(page: Path) -> list:
    """Return the marks of a test that runs what stands on a page."""
    return [pytest.mark.newest] if page.name in NEEDS_FRAMEWORKS else []


def of_language(language: str) -> list:
    """Return all blocks of one language as parameters of a test."""
    found = [block for page in PAGES for block in blocks(page) if block.language == language]
    return [pytest.param(block, id=block.place, marks=marks(block.page)) for block in found]


def commands(block: Block) -> list[tuple[str, list[str]]]:
    """Return what a console block runs, each command with the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in block.body.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line:
            found[-1][1].append(line)
    return found


def prints(output: str, line: str) -> bool:
    """Whether one line of `output` has all parts of `line` in order; ``...`` stands for anything between them."""
    pattern = ".*".join(re.escape(part.rstrip()) for part in line.split("..."))
    return re.search(pattern, output) is not None


PAGES_WITH_COMMANDS = [
    pytest.param(page, id=page.name, marks=marks(page))
    for page in PAGES
    if any(block.mark == "run" for block in blocks(page))
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Start a backend and a scripted model; yield the environment in which a reader of the documentation would be."""
    store = tmp_path_factory.mktemp("store") / "telemetry.db"
    with (
        LocalBackend(store, otlp_http_port=0, otlp_grpc_port=0, port=0) as backend,
        WeatherModel(lambda question: None if question.city else say(question, "Light clothes.")) as model,
    ):
        reader = {
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "none",
            "ANTHROPIC_BASE_URL": model.url.removesuffix("/v1"),
            "ANTHROPIC_API_KEY": "none",
            "AGENTOTEL_DB": str(store),
        }
        yield environment(backend.addresses.otlp_http, "documentation", reader)


def run(command: list[str] | str, folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`; a text goes through the shell, as a reader would type it."""
    shell = isinstance(command, str)
    return subprocess.run(
        command, cwd=folder, env=environ, shell=shell, capture_output=True, text=True, timeout=TIMEOUT_S
    )


def save_examples(page: Path, folder: Path) -> None:
    """Save the blocks of a page that have a name of their own."""
    for block in blocks(page):
        if block.mark.startswith("file: "):
            (folder / block.file).write_text(block.body, encoding="utf-8")


def test_there_are_examples_of_every_kind():
    """The checks below have something to look at."""
    languages = {block.language for page in PAGES for block in blocks(page)}
    assert {"python", "console", "toml", "sh"} <= languages


def test_every_block_is_found():
    """No fence is overlooked because of its form: each one that opens is closed and has a language."""
    for page in PAGES:
        fences = [line for line in page.read_text(encoding="utf-8").splitlines() if line.lstrip().startswith("```")]
        assert len(fences) == 2 * len(blocks(page)), page.name


@pytest.mark.e2e
@pytest.mark.parametrize("block", of_language("python"))
def test_a_program_runs_under_the_launcher(block, world, tmp_path):
    """A Python example ends with status 0 and says nothing on stderr that it does not mean to say.

    The page's other files are there: an example may start one of them.
    """
    save_examples(block.page, tmp_path)
    (tmp_path / block.file).write_text(block.body, encoding="utf-8")
    launcher = Path(sysconfig.get_path("scripts"), "opentelemetry-instrument")
    ended = run([str(launcher), sys.executable, block.file], tmp_path, world)
    assert ended.returncode == 0, f"{block.place}\n{ended.stderr}"
    assert "agentotel:" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_commands_work_in_the_order_of_the_page(page, world, tmp_path):
    """Each marked command of a page ends with status 0, after those before it and next to the page's files."""
    save_examples(page, tmp_path)
    # A page may look at what has run before it: give it something to look at.
    shutil.copy(save_agent(tmp_path), tmp_path / "before.py")
    assert run("opentelemetry-instrument python before.py", tmp_path, world).returncode == 0
    for block in blocks(page):
        for command, shown in commands(block) if block.mark == "run" else ():
            ended = run(command, tmp_path, world)
            assert ended.returncode == 0, f"{block.place}: {command}\n{ended.stdout}\n{ended.stderr}"
            assert "Traceback" not in ended.stderr
            missing = [line for line in shown if not prints(ended.stdout, line)]
            assert not missing, f"{block.place}: {command}\n{ended.stdout}\n{ended.stderr}"


def save_agent(folder: Path) -> Path:
    """Save an agent without a model, so that there is a trace."""
    file = folder / "first_agent.py"
    file.write_text("class FirstAgent:\n    def chat(self): return 'hello'\n\nFirstAgent().chat()\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("block", of_language("console"))
def test_a_command_that_is_shown_exists(block):
    """Every script of the checkout and every command of ours that a console block shows is there."""
    for command, _ in commands(block):
        words = command.partition("#")[0].split()
        if words[0].startswith("./scripts/"):
            assert (ROOT / words[0]).is_file(), f"{block.place}: {command}"
        elif words[0] == "agentotel":
            assert words[1] in COMMANDS, f"{block.place}: {command}"


@pytest.mark.parametrize("block", of_language("toml"))
def test_a_settings_file_is_understood(block, tmp_path):
    """A TOML example loads without a complaint: as a price file where it is called so, else as ``agentotel.toml``."""
    if block.file == "prices.toml":
        (tmp_path / block.file).write_text(block.body, encoding="utf-8")
        assert not load_price_file(tmp_path / block.file)[1]
        return
    (tmp_path / "agentotel.toml").write_text(block.body, encoding="utf-8")
    loaded = load({}, tmp_path)
    assert not loaded.problems, block.place
    _, problems = parse(loaded.settings.targets)
    assert not problems, block.place


@pytest.mark.parametrize("block", of_language("sh"))
def test_a_variable_has_a_valid_value(block, tmp_path):
    """Every setting in a shell example exists and has a value that is accepted."""
    assigned = {name: value.strip("\"'") for name, value in ASSIGNMENT.findall(block.body)}
    assert assigned, block.place
    loaded = load(assigned, tmp_path)
    assert not [str(problem) for problem in loaded.problems], block.place
    assert set(assigned) <= {variable.name for variable in VARIABLES}, block.place


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_variable_that_is_named_exists(page):
    """No page names a setting that there is not."""
    known = {variable.name for variable in VARIABLES} | READ_BY_THE_LAUNCHER | READ_BY_COMPOSE
    assert set(MENTION.findall(page.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page):
    """Every relative link of a page points to a file of the checkout."""
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
