"""Connects to the library: watches its spans and traces, and takes out the exporter that sends them to its vendor."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from agentotel._base.failopen import attempt
from agentotel.adapters.openai_agents.tracking import UNSEEN, WATCHED, Tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentotel.model.contract import Observer

_START: Final = "openai-agents.start"
_FINISH: Final = "openai-agents.finish"
_ERROR: Final = "openai-agents.error"
_NAME: Final = "openai-agents.name"
_DONE: Final = "_agentotel_replaces"
_NAMES: Final = "_agentotel_names"


def install(module: Any, observer: Observer) -> None:
    """Watch the library's spans and traces, and send none of them to its vendor.

    Args:
        module: The package ``agents``.
        observer: Records what they stand for.
    """
    tracing = module.tracing
    tracker = Tracker(observer)
    for spans in (tracing.spans.SpanImpl, tracing.spans.NoOpSpan):
        _replace(spans, "start", functools.partial(_starting_span, tracker))
        _replace(spans, "finish", functools.partial(_finishing, tracker))
        _replace(spans, "set_error", functools.partial(_failing, tracker))
    for traces in (tracing.traces.TraceImpl, tracing.traces.NoOpTrace):
        _replace(traces, "start", functools.partial(_starting_trace, tracker))
        _replace(traces, "finish", functools.partial(_finishing, tracker))
    _replace(tracing.provider.DefaultTraceProvider, "create_trace", _naming)
    _take_out_exporter(tracing)


def _replace(owner: type, name: str, around: Callable[[Any], Any]) -> None:
    original = owner.__dict__[name]
    if not hasattr(original, _DONE):
        replacement = functools.wraps(original)(around(original))
        setattr(replacement, _DONE, True)
        setattr(owner, name, replacement)


def _starting_span(tracker: Tracker, original: Any) -> Any:
    def start(self: Any, mark_as_current: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - theirs
        result = original(self, mark_as_current, **kwargs)
        if WATCHED not in vars(self) and self.span_data.type not in UNSEEN:
            attempt(_START, tracker.span_started, self, mark_as_current)
        return result

    return start


def _starting_trace(tracker: Tracker, original: Any) -> Any:
    def start(self: Any, mark_as_current: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - theirs
        result = original(self, mark_as_current, **kwargs)
        if WATCHED not in vars(self):
            given = vars(self).get(_NAMES) or (self.name, getattr(self, "group_id", None))
            attempt(_START, tracker.trace_started, self, mark_as_current, *given)
        return result

    return start


def _finishing(tracker: Tracker, original: Any) -> Any:
    def finish(self: Any, *args: Any, **kwargs: Any) -> Any:
        watched = vars(self).get(WATCHED)
        if watched is not None and not watched.is_ended:
            attempt(_FINISH, tracker.finished, watched, getattr(self, "span_data", None))
        return original(self, *args, **kwargs)

    return finish


def _failing(tracker: Tracker, original: Any) -> Any:
    def set_error(self: Any, error: Any) -> Any:
        watched = vars(self).get(WATCHED)
        if watched is not None:
            attempt(_ERROR, tracker.failed, watched, error)
        return original(self, error)

    return set_error


def _naming(original: Any) -> Any:
    """Let traces that the library does not record keep the name that they were to have."""

    def create_trace(self: Any, *args: Any, **kwargs: Any) -> Any:
        trace = original(self, *args, **kwargs)
        attempt(_NAME, _keep_names, trace, args, kwargs)
        return trace

    return create_trace


def _keep_names(trace: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if type(trace).__name__ == "NoOpTrace":
        vars(trace)[_NAMES] = (kwargs.get("name", args[0] if args else None), kwargs.get("group_id"))


def _take_out_exporter(tracing: Any) -> None:
    """Leave the processors as they are, but for the library's own one."""
    if tracing.setup.GLOBAL_TRACE_PROVIDER is None:
        # Made here, since the one that the library makes at first use comes with the exporter.
        tracing.set_trace_provider(tracing.provider.DefaultTraceProvider())
        return
    provider = tracing.get_trace_provider()
    own = tracing.processors.default_processor()
    kept = [processor for processor in provider._multi_processor._processors if processor is not own]  # noqa: SLF001
    provider.set_processors(kept)
