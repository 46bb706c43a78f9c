"""Counts Python calls and bytecodes of one operation in the calling thread: no clock, so it repeats.

What other threads do (exporting) and what is done in C is not counted.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType


class Count:
    """What one operation did.

    Attributes:
        calls: Frames entered, resumed generators included.
        bytecodes: Bytecodes executed, by the function that executed them.
    """

    def __init__(self) -> None:
        """Start at nothing."""
        self.calls = 0
        self.bytecodes: Counter[CodeType] = Counter()


def count(operation: Callable[[], None]) -> Count:
    """Do `operation` once and count."""
    # Finalisers of whatever was made before must not be counted as part of this operation.
    gc.collect()
    gc.disable()
    try:
        return _count_by_monitoring(operation) if sys.version_info >= (3, 12) else _count_by_tracing(operation)
    finally:
        gc.enable()


def _count_by_tracing(operation: Callable[[], None]) -> Count:
    counted = Count()

    def inside(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "opcode":
            counted.bytecodes[frame.f_code] += 1
        return inside

    def entered(frame: FrameType, _event: str, _argument: Any) -> Any:
        counted.calls += 1
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return inside

    sys.settrace(entered)
    try:
        operation()
    finally:
        sys.settrace(None)
    return counted


def _count_by_monitoring(operation: Callable[[], None]) -> Count:
    counted = Count()
    me = threading.get_ident()
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    events, tool = monitoring.events, monitoring.PROFILER_ID

    def entered(_code: CodeType, _offset: int) -> None:
        if threading.get_ident() == me:
            counted.calls += 1

    def executed(code: CodeType, _offset: int) -> None:
        if threading.get_ident() == me:
            counted.bytecodes[code] += 1

    monitoring.use_tool_id(tool, "agentotel benchmarks")
    try:
        monitoring.register_callback(tool, events.PY_START, entered)
        monitoring.register_callback(tool, events.PY_RESUME, entered)
        monitoring.register_callback(tool, events.INSTRUCTION, executed)
        monitoring.set_events(tool, events.PY_START | events.PY_RESUME | events.INSTRUCTION)
        operation()
        monitoring.set_events(tool, 0)
    finally:
        monitoring.free_tool_id(tool)
    return counted
