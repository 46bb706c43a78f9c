"""From the start of a process to its end, whatever way that comes: joins what this needs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from agentotel._base import failopen
from agentotel._base.failopen import attempt
from agentotel.distro import child_processes, forks
from agentotel.distro.forked_threads import end_with_thread
from agentotel.distro.shutdown import End, run_all
from agentotel.distro.termination import Termination
from agentotel.patching import hooks
from agentotel.telemetry import open_recordings, recording

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentotel.distro.shutdown import Step
    from agentotel.telemetry.active_users import ActiveUsers


def begin(end_steps: Sequence[Step], deadline_s: float, on_late: Callable[[float], None], *providers: object) -> None:
    """Let everything be delivered before this process ends, and every process that is forked from it.

    Args:
        end_steps: What delivers the rest at the end, see `End`.
        deadline_s: Seconds that it may take.
        on_late: See `End`.
        providers: The three of OpenTelemetry.
    """
    end = End(end_steps, deadline_s, on_late)
    end.at_exit()
    flush = partial(run_all, flush_steps(providers), deadline_s)
    termination = Termination(end, flush)
    attempt("termination.install", termination.install)
    attempt("child_processes.install", child_processes.install)
    forks.in_child("forks.end", end.begin_anew)
    forks.in_child("forks.termination", termination.begin_anew)
    forks.in_child("forks.thread", partial(end_with_thread, end.run))


def flush_steps(providers: Sequence[object]) -> list[Step]:
    """Return what delivers what has been recorded so far, of providers that can do so."""
    found = [(type(provider).__name__, getattr(provider, "force_flush", None)) for provider in providers]
    return [(f"flush.{name}", flush) for name, flush in found if flush is not None]


def begin_anew_in_children(users: ActiveUsers, *parts: object) -> None:
    """Let forked processes record from zero on, and deliver nothing of what this one has recorded.

    Args:
        users: Whose open runs are those of this process.
        parts: What holds locks and connections, from which everything else is found.
    """
    forks.in_child("forks.recordings", open_recordings.disown_all)
    forks.in_child("forks.users", users.begin_anew)
    forks.in_child("forks.locks", partial(forks.begin_anew, (failopen, hooks, recording, *parts)))
    forks.in_child("forks.identity", partial(forks.identify, parts))
