"""The contract between adapters, patching and telemetry: what an adapter states, and who calls it when.

An adapter is a frozen `Adapter` value plus pure functions. Patching intercepts what `Call.target` names and asks the
functions for an operation; the `Observer` (telemetry) starts, measures and ends it. All functions of an adapter run
inside the fail-open guard, so they may be written for the good case.

There are three ways into a library, and one adapter may use several of them: ``calls`` (its functions are
intercepted), ``install`` (it has callbacks, processors or an event bus), ``natives`` (it makes OpenTelemetry spans of
its own, which become operations like all others).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from agentotel.model.operations import AttributeValue, Operation


class Intercepted(NamedTuple):
    """One intercepted call, before the user's function runs.

    Attributes:
        target: The target as the adapter or the user wrote it.
        function: The original function (unbound).
        instance: What it was called on: the object, the class for a class method, None for a plain function.
        args: Positional arguments, without `instance`.
        kwargs: Keyword arguments. Never change them.
    """

    target: str
    function: Callable[..., Any]
    instance: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def argument(self, name: str, position: int | None = None, default: Any = None) -> Any:
        """Return the argument called `name`, or the one at `position`, or `default`."""
        if name in self.kwargs:
            return self.kwargs[name]
        if position is not None and position < len(self.args):
            return self.args[position]
        return default


@dataclass(frozen=True, slots=True)
class Deferred:
    """Says that a returned object is not the result yet, but will give it.

    Patching returns a proxy of the object (``isinstance`` and attributes stay) and watches these methods.

    Attributes:
        value_methods: Methods whose return value is the result (or a stream of it), such as ``parse``.
            Sync and async are told apart by what they return.
        end_methods: Methods after which no result can come any more, such as ``close``.
        ready: The result is already there and calling ``value_methods[0]`` costs nothing and changes nothing:
            patching calls it at once, inside the guard, and returns the very object that the user expects.
    """

    value_methods: tuple[str, ...] = ()
    end_methods: tuple[str, ...] = ("close", "aclose")
    ready: bool = False


Inject = Callable[[Intercepted, Mapping[str, str]], tuple[tuple[Any, ...], Mapping[str, Any]]]
"""Puts headers (``traceparent`` and so on) into a call: returns its new positional and named arguments."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a library that is one operation.

    Whether the function is sync, async, a generator or an async generator, and whether it returns a stream, is found
    out by patching from the object that it returns.

    Attributes:
        target: ``package.module:Class.method`` or ``package.module:function``.
        request: Makes the operation from the call. None: this call is no operation (it goes through untouched).
        response: Completes the operation from the final result.
        chunk: Folds one chunk of a stream into the operation. Called in order, from time to time for those that have
            arrived since and after the end for the rest, so that streaming itself costs next to nothing.
        deferred: Tells whether a returned object only stands for the result (raw responses, context managers).
        supports: A version specifier, where this one target exists in some supported versions only.
        optional: Not an error if the target does not exist (a class that was renamed between versions).
        inject: Puts headers into the call, so that the process that serves it continues the trace: gets the call and
            the headers, returns the arguments (positional, by name) to call with instead. Never change the user's
            own objects: copy what has to be different.
        error: Told of the exception that ended it. True says that the exception is how the library steers itself (a
            hand-off, a pause for a human) and no failure: the operation ends as its own fields say.
    """

    target: str
    request: Callable[[Intercepted], Operation | None]
    response: Callable[[Any, Any], None] | None = None
    chunk: Callable[[Any, Any], None] | None = None
    deferred: Callable[[Any], Deferred | None] | None = None
    inject: Inject | None = None
    error: Callable[[Any, BaseException], bool] | None = None
    supports: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A function of a library that tells something about the operation that is open around it (a retry, a 429).

    Attributes:
        target: As in `Call`.
        note: Called with the innermost open operation and the call, before the function runs.
        optional: As in `Call`.
        of_content: It tells nothing but content, and need not be called where content goes nowhere.
    """

    target: str
    note: Callable[[Operation, Intercepted], None]
    optional: bool = False
    of_content: bool = False


class Suppressed:
    """The type of `SUPPRESSED`."""


SUPPRESSED: Final = Suppressed()
"""What `Native.start` returns for a span that is not to be recorded at all: what is inside it belongs to what is
around it."""


@dataclass(slots=True)
class NativeSpan:
    """A span that a library makes by itself, as far as it has told about it. Everything here is read-only.

    Attributes:
        name: Its name.
        kind: ``internal``, ``client``, ``server``, ``producer`` or ``consumer``.
        attributes: What the library has set until now.
        events: Name and attributes of the span events until now.
    """

    name: str
    kind: str
    attributes: Mapping[str, AttributeValue]
    events: Sequence[tuple[str, Mapping[str, AttributeValue]]] = ()


@dataclass(frozen=True, slots=True)
class Native:
    """The spans that a library makes by itself under one scope, and what they are.

    Each becomes an operation like all others when it starts, and its span is the operation's span: named, completed,
    counted and scrubbed as everywhere. What the library sets on it goes nowhere else than into `end`.

    Attributes:
        scope: Name of the instrumentation scope, as given to ``get_tracer``.
        start: Makes the operation of a span that starts. None leaves the span as it is, a plain one of the library;
            `SUPPRESSED` leaves it out.
        end: Completes the operation when the span ends, successfully or not. An exception that the library has
            recorded on the span is seen by the recorder itself. True says that `failure` is decided: an error status
            that the library has set does not make it one.
        meters: Names of meters of the library whose instruments measure what we measure too: they record nothing.
    """

    scope: str
    start: Callable[[NativeSpan], Operation | Suppressed | None]
    end: Callable[[Any, NativeSpan], bool | None] | None = None
    meters: Sequence[str] = ()


class Recording(Protocol):
    """An operation that has started and not ended. Ending it more than once is allowed: the first end counts."""

    operation: Operation

    def activate(self) -> object:
        """Make it the current operation and span; return a token for `suspend`, which is never None."""

    def suspend(self, token: object) -> None:
        """Put back what was current before `activate`; safe in any task or thread."""

    def chunk(self) -> None:
        """Note that a piece of the stream has arrived now."""

    def headers(self) -> dict[str, str]:
        """Return what to send along with a request, so that whoever serves it continues the trace."""

    def expire(self) -> None:
        """Note that it is over now, although it can be ended only later: called from finalisers, takes no lock."""

    def stop(self) -> None:
        """End it; `Operation.failure` decides whether it counts as failed."""

    def fail(self, error: BaseException) -> None:
        """End it with an exception (cancellation included)."""


class Observer(Protocol):
    """Whoever records operations: `agentotel.telemetry`, or a fake in a test."""

    @property
    def wants_content(self) -> bool:
        """Whether content may be recorded at all: for libraries that have to be told before they collect any."""

    def start(self, operation: Operation, within: Recording | None = None) -> Recording | None:
        """Start recording; None when this operation is already being recorded by an outer call.

        Args:
            operation: What starts.
            within: A recording that is known to be around it, for callbacks that may be called in a context that
                does not show it. Where the current context shows a more exact place inside `within`, that counts.
        """

    def current(self) -> Operation | None:
        """Return the innermost open operation of this context."""


Install = Callable[[Any, Observer], None]
"""Connects a library that has callbacks of its own, or switches its own telemetry on: ``install(module, observer)``.

Called once, inside the guard, when the adapter's trigger has been imported. What it registers is called by the library,
outside of any guard of ours: let each callback do its work through `agentotel._base.failopen.attempt`. The recordings
that this observer gives never raise."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one library is mapped to operations.

    Attributes:
        name: Short name, also the one to put into ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS``.
        distribution: The library's name on the package index.
        supports: Version specifier of what is tested, such as ``>=2,<4``.
        trigger: The module whose import is the moment to patch.
        choice: Which of adopt, enable, patch, suppress, and why: one sentence for the documentation.
        calls: Functions that are operations.
        notes: Functions that tell about an operation.
        install: For frameworks with callbacks, or with telemetry of their own that has to be switched on.
        natives: Spans that the library makes by itself.
        replaces: Names of entry points of official or third-party instrumentations for the same library that are
            not loaded beside this adapter, so that nothing is counted twice.
    """

    name: str
    distribution: str
    supports: str
    trigger: str
    choice: str
    calls: Sequence[Call] = ()
    notes: Sequence[Note] = ()
    install: Install | None = None
    natives: Sequence[Native] = ()
    replaces: Sequence[str] = ()
