"""The defaults of the distro, set where the user has said nothing: each with its reason.

They are environment variables because that is where the SDK and other instrumentations look. This module is the only
one that writes the environment.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

DEFAULTS: Final = {
    # Something must be exported for a program that configured nothing, and OTLP is what every backend takes.
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    # gRPC, the SDK's default, is not safe across fork (opentelemetry-python#3307) and starts slower.
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    # Ten seconds, the SDK's default, is what makes programs hang at exit when the Collector is away. In seconds.
    "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
    # Without it nobody can see that telemetry was lost (opentelemetry-python#3152).
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true",
    # The handler that it would put on the root logger silences the warnings of programs that configure no logging;
    # `agentotel.distro.program_logs` collects the same records without it.
    "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "false",
}

_PARENT: Final = "_AGENTOTEL_PARENT_PID"


def apply() -> None:
    """Set the defaults; what the user has set stays."""
    for name, value in DEFAULTS.items():
        if not os.environ.get(name):
            os.environ[name] = value


def discard(variables: Iterable[str]) -> None:
    """Take variables that hold what cannot be used out of the environment, and put the defaults in their place.

    The SDK reads them by itself and raises for some, which would cost all telemetry; they have been named by then.
    """
    for name in variables:
        os.environ.pop(name, None)
    apply()


def is_child_process() -> bool:
    """Tell whether this process was started by one that is instrumented, and leave the mark by which children know.

    A program that replaces itself by ``exec`` keeps its process id and is no child.
    """
    parent = os.environ.get(_PARENT)
    mine = str(os.getpid())
    if parent is None:
        os.environ[_PARENT] = mine
    return parent not in {None, mine}


def is_inherited(environment: Container[str]) -> bool:
    """Tell whether an environment comes from that of an instrumented process: it bears the mark."""
    return _PARENT in environment
