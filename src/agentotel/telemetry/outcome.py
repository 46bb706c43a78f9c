"""How an operation ended, as the recorder measured it: well, with an error that counts once, or told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentotel.telemetry import attributes

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from agentotel.telemetry.recording import ActiveRecording, Mark

SUCCESS: Final = "success"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"

CANCELLING: Final = frozenset({"CancelledError", "Cancelled", "KeyboardInterrupt", "SystemExit", "GeneratorExit"})
"""Names of exceptions that say "stop" rather than "broken"; the rules for Prometheus leave them out as well."""


class Outcome:
    """How an operation ended, as the recorder measured it.

    Attributes:
        seconds: Duration.
        status: ``success``, ``failed`` or ``cancelled``.
        error_type: The ``error.type``, None for a success.
        passed_on: The same exception has ended an inner operation already, which has counted it.
        context: The operation's context, for exemplars.
        agent_id: Of the enclosing agent (or the agent itself).
        agent_name: The same.
        time_to_first_chunk: Seconds until the first piece of a stream; None if it was none.
        time_per_chunk: Mean seconds between the pieces after the first; None with fewer than two.
    """

    status = SUCCESS
    error_type: str | None = None
    passed_on = False
    agent_id: str | None = None
    agent_name: str | None = None
    time_to_first_chunk: float | None = None
    time_per_chunk: float | None = None

    def __init__(self, seconds: float, context: Context) -> None:
        self.seconds = seconds
        self.context = context


def outcome_of(recording: ActiveRecording, error: BaseException | None) -> Outcome:
    """Return how a recording has ended: with `error`, or as its operation says of itself."""
    operation = recording.operation
    outcome = Outcome(recording.watch.elapsed_s(), recording.context)
    outcome.time_to_first_chunk = recording.time_to_first_chunk()
    outcome.time_per_chunk = recording.time_per_chunk()
    run = recording.enclosing_run()
    if run is not None:
        outcome.agent_id, outcome.agent_name = run.agent_id, run.name
    if error is not None:
        outcome.error_type = type(error).__qualname__
        outcome.status = CANCELLED if is_cancellation(error) else FAILED
        outcome.passed_on = outcome.status == CANCELLED or recording.failure in _marks(error)
        for around in recording.around():
            around.failure = _mark(error)
    elif operation.failure is not None:
        outcome.error_type, outcome.status = attributes.text(operation.failure), FAILED
    elif operation.cancelled:
        outcome.status = CANCELLED
    return outcome


def cause_of(recording: ActiveRecording, error: BaseException | None) -> BaseException | None:
    """Return what has ended it: a library may cancel its own task because the call inside has failed."""
    broken_by, recording.broken_by = recording.broken_by, None
    return broken_by if broken_by is not None and error is not None and is_cancellation(error) else error


def is_cancellation(error: BaseException) -> bool:
    """Tell whether an exception says "stop" rather than "broken"; by name, to import neither asyncio nor trio."""
    return any(base.__name__ in CANCELLING for base in type(error).__mro__)


def _marks(error: BaseException) -> set[Mark]:
    """Return the marks of an exception and of those that it was raised from."""
    found: set[Mark] = set()
    current: BaseException | None = error
    while current is not None and (mark := _mark(current)) not in found:
        found.add(mark)
        current = current.__cause__ or current.__context__
    return found


def _mark(error: BaseException) -> Mark:
    """Return what tells an exception from others: its identity and where it was raised.

    The exception itself cannot be kept, which would keep the program's frames alive; and its identity alone may be
    that of a later one, made when it was gone.
    """
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    if innermost is None:
        return id(error), None, 0
    return id(error), innermost.tb_frame.f_code, innermost.tb_lasti
