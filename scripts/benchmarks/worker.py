"""The process that is measured: does operations of one variant when it is told to, one line per command.

    python -m benchmarks.worker bare|floor|ours    -> {"ready": "ours", "workloads": ["W1", ...]}
    run W1 200      -> {"cpu_s": ..., "caller_s": ...}             CPU of the process with a flush, and of this thread
    do W1 100       -> {"resident": ...}                           bytes of memory
    count W1 5      -> {"calls": ..., "bytecodes": ..., "functions": [[place, bytecodes], ...]}

Each answer has "errors" as well: what agentotel itself has failed at, by site. It ends when its standard input does.
"""

from __future__ import annotations

import importlib
import json
import random
import resource
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.counting import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType


def main(variant: str) -> None:
    """Serve commands until the input ends."""
    flush = _install(variant)
    # Imported only now: agentotel has to see the import, as it does in a user's program.
    makers: dict[str, Callable[[], Callable[[], None]]] = importlib.import_module("benchmarks.program").workloads()
    operations: dict[str, Callable[[], None]] = {}
    _answer({"ready": variant, "workloads": sorted(makers)})
    for line in sys.stdin:
        command, workload, number = line.split()
        if workload not in operations:
            operations[workload] = makers[workload]()
        _answer(_COMMANDS[command](operations[workload], int(number), flush) | {"errors": _errors()})


def _install(variant: str) -> Callable[[], None]:
    if variant == "bare":
        return lambda: None
    flush: Callable[[], None] = importlib.import_module(f"benchmarks.{variant}").install()
    return flush


def _errors() -> dict[str, int]:
    """Return the errors of agentotel's own: where something was skipped the figures would be too low."""
    guard = sys.modules.get("agentotel._base.failopen")
    return {} if guard is None else dict(guard.errors())


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _run(operation: Callable[[], None], number: int, flush: Callable[[], None]) -> dict[str, Any]:
    process, thread = time.process_time(), time.thread_time()
    for _ in range(number):
        operation()
    thread_after = time.thread_time()
    flush()
    return {"cpu_s": time.process_time() - process, "caller_s": thread_after - thread}


def _do(operation: Callable[[], None], number: int, _flush: Callable[[], None]) -> dict[str, Any]:
    for _ in range(number):
        operation()
    return {"resident": _resident()}


def _resident() -> int:
    """Return the bytes of memory that the process has."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _count(operation: Callable[[], None], number: int, flush: Callable[[], None]) -> dict[str, Any]:
    for _ in range(30):  # lazy imports and caches
        operation()
    flush()
    random.seed(0)  # ids and the choice of exemplars
    counts = [count(operation) for _ in range(number)]
    functions: Counter[str] = Counter()
    for code, bytecodes in counts[-1].bytecodes.items():
        functions[_place(code)] += bytecodes
    return {
        "calls": statistics.median_low([counted.calls for counted in counts]),
        "bytecodes": statistics.median_low([counted.bytecodes.total() for counted in counts]),
        "functions": functions.most_common(),
    }


def _place(code: CodeType) -> str:
    file = Path(code.co_filename)
    return f"{file.parent.name}/{file.name}:{code.co_firstlineno} {code.co_name}"


_COMMANDS = {"run": _run, "do": _do, "count": _count}

if __name__ == "__main__":
    main(sys.argv[1])
