"""CPU that `opentelemetry-instrument python -c pass` costs more than `python -c pass`, and what it has imported."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import sysconfig
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benchmarks import children

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT_S: Final = 0.6
"""Where the yardstick needs `YARDSTICK_S`. The same start needs up to half as much again when others are busy on the
machine: a slower one is given as much more as the yardstick needs more there."""
YARDSTICK_S: Final = 0.102
"""Seconds of CPU over bare Python: the launcher's 0.446 s of that time, by the ratio of the two, which is 4.4."""
_TIMES: Final = 7
_PRINT_MODULES: Final = "import json, sys; print(json.dumps(sorted(sys.modules)))"
_YARDSTICK: Final = (
    "import argparse, asyncio, concurrent.futures, ctypes, decimal, email.message, http.client, http.server, "
    "importlib.metadata, json, logging.config, multiprocessing.pool, sqlite3, ssl, statistics, unittest.mock, "
    "urllib.request, uuid, xml.dom.minidom, zipfile"
)
"""A start that is like ours, imports above all, and that no change of ours makes slower."""
_LAUNCHER: Final = "opentelemetry-instrument"

# fmt: off
FRAMEWORKS: Final = frozenset({
    "a2a", "ag2", "agents", "agentscope", "agno", "aiohttp", "anthropic", "autogen", "autogen_core", "boto3",
    "botocore", "claude_agent_sdk", "cohere", "crewai", "dspy", "fastapi", "fastmcp", "google.adk",
    "google.genai", "groq", "haystack", "httpx", "httpx2", "langchain", "langchain_core", "langgraph",
    "litellm", "llama_index", "mcp", "mistralai", "ollama", "openai", "pydantic_ai", "semantic_kernel",
    "smolagents", "starlette", "strands", "torch", "transformers", "uvicorn",
})
# fmt: on
"""Libraries that only the program may import."""


def measure() -> dict[str, Any]:
    """Return seconds of CPU (medians) of bare Python, the yardstick and the launcher, and what that has imported."""
    _compile()
    with children.sink() as url:
        plain, launched = [sys.executable, "-c", "pass"], [_LAUNCHER, sys.executable, "-c", "pass"]
        _cpu_s(launched, url)  # what is written once (bytecode) and what the disk has to read
        yardstick = [sys.executable, "-c", _YARDSTICK]
        rounds = [[_cpu_s(command, url) for command in (plain, yardstick, launched)] for _ in range(_TIMES)]
        imported = _imported(url)
    bare, yard, ours = map(median, zip(*rounds, strict=True))
    measured = {"bare_s": bare, "ours_s": ours, "added_s": ours - bare, "yardstick_s": yard - bare}
    return measured | {"imported": frameworks_in(imported)}


def limit_s(measured: Mapping[str, Any]) -> float:
    """Return what the launcher may add here and now, in seconds of CPU."""
    return LIMIT_S * max(1.0, float(measured["yardstick_s"]) / YARDSTICK_S)


def _compile() -> None:
    """Write the bytecode of the environment and of the checkout, whatever has been said about writing it before."""
    places = [sysconfig.get_paths()["purelib"], str(children.SCRIPTS.parent / "src")]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *places], stdout=subprocess.DEVNULL, check=False)


def _cpu_s(command: list[str], url: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=children.environment(url), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _imported(url: str) -> list[str]:
    command = [_LAUNCHER, sys.executable, "-c", _PRINT_MODULES]
    done = subprocess.run(command, env=children.environment(url), check=True, capture_output=True, text=True)
    modules: list[str] = json.loads(done.stdout)
    if "agentotel.distro" not in modules:
        raise children.MeasurementError(
            f"agentotel was not started by {_LAUNCHER}: {done.stderr.strip() or 'it said nothing'}"
        )
    return modules


def frameworks_in(modules: list[str]) -> list[str]:
    """Return those of `modules` that are frameworks or SDKs, or parts of one."""
    return [name for name in modules if any(name == known or name.startswith(f"{known}.") for known in FRAMEWORKS)]


def problems(measured: dict[str, Any]) -> list[str]:
    """Return what is wrong with the figures, one line each."""
    found = []
    limit = limit_s(measured)
    if measured["added_s"] > limit:
        found.append(f"the launcher adds {measured['added_s']:.2f} s of CPU to bare Python; at most {limit:.2f} s")
    if measured["imported"]:
        found.append(f"imported before the program has asked for it: {', '.join(measured['imported'])}")
    return found


def table(measured: dict[str, Any]) -> list[str]:
    """Return the figures as the lines of a Markdown table."""
    return [
        "| | CPU, s |",
        "|---|---|",
        f"| `python -c pass` | {measured['bare_s']:.3f} |",
        f"| `{_LAUNCHER} python -c pass` | {measured['ours_s']:.3f} |",
        f"| added | {measured['added_s']:.3f} |",
        f"| imports of the standard library, added | {measured['yardstick_s']:.3f} |",
        f"| what may be added on a machine that needs so much for these | {limit_s(measured):.3f} |",
    ]
