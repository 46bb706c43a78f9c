"""The settings of one process as a frozen value, passed as an argument to whoever needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from agentotel.config.budget import Budget

Conventions = Literal["genai", "guide"]
ContentMode = Literal["NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"]
Protocol = Literal["http/protobuf", "grpc"]
Target = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `agentotel.config.load_settings` makes of the environment and the files.

    There are no defaults here: they stand in the table (`agentotel.config.variables`), next to the
    environment variable of each field. For settings of your own in a test use
    ``load_settings({"AGENTOTEL_STRICT": "on"}, folder)`` or `dataclasses.replace`.

    Attributes:
        discover: Whether the program's own ``*Agent`` and ``*Tool`` classes are found by their names.
        targets: Further functions of the program that are operations: ``agent=shop.bots:*Bot.answer`` or the
            same as a table. From the environment and both files together, still unparsed.
        metric_families: Which of the families ``agent`` and ``gen_ai`` are recorded.
        conventions: Whose names spans and attributes have.
        cardinality_limit: How many values of one metric attribute are kept apart before the rest becomes
            ``other``.
        child_processes: Whether Python processes that the program starts are observed as well.
        strict: Whether errors of agentotel are raised instead of logged.
        db: The store of the embedded backend, absolute.
        retention_age_s: Seconds after which the embedded backend forgets telemetry.
        retention_bytes: Bytes that its store may grow to.
        prices: A price file of the user's, absolute.
        baggage: Keys of baggage that may leave the process.
        attribute_bytes: Bytes that one attribute may have.
        span_bytes: Bytes that all attributes of one span may have together.
        redact: Regular expressions of the user's; what they match is removed from content.
        token_limit: Tokens that an agent may use in its life, where the agent itself does not say.
        loop_limit: How often the same call of one run is a sign of a loop; None for never.
        budgets: What may be spent.
        exit_timeout_s: Seconds that the end of the program may wait for the telemetry to be delivered.
        program_logs: Whether the program's own log records are exported.
        log_level: Level of agentotel's own messages on stderr, as `logging.Logger.setLevel` takes it.
        content: Where prompts, answers, tool arguments and results may go.
        disabled_instrumentations: Names of adapters and instrumentors that are not loaded; ``*`` stands for
            all.
        sdk_disabled: Whether everything is off.
        config_file: A declarative configuration file of OpenTelemetry, absolute.
        prometheus_host: Where the Prometheus exporter listens.
        prometheus_port: The same.
        traces_exporters: Names of the exporters of spans, empty for none.
        metrics_exporters: Names of the exporters of metrics, empty for none.
        logs_exporters: Names of the exporters of log records, empty for none.
        otlp_protocol: How OTLP travels where nothing is said for one signal.
        traces_protocol: How OTLP travels for spans.
        metrics_protocol: How OTLP travels for metrics.
        logs_protocol: How OTLP travels for log records.
    """

    discover: bool
    targets: tuple[Target, ...]
    metric_families: frozenset[str]
    conventions: Conventions
    cardinality_limit: int
    child_processes: bool
    strict: bool
    db: Path
    retention_age_s: float
    retention_bytes: int
    prices: Path | None
    baggage: frozenset[str]
    attribute_bytes: int
    span_bytes: int
    redact: tuple[str, ...]
    token_limit: int | None
    loop_limit: int | None
    budgets: tuple[Budget, ...]
    exit_timeout_s: float
    program_logs: bool
    log_level: str
    content: ContentMode
    disabled_instrumentations: frozenset[str]
    sdk_disabled: bool
    config_file: Path | None
    prometheus_host: str
    prometheus_port: int
    traces_exporters: tuple[str, ...]
    metrics_exporters: tuple[str, ...]
    logs_exporters: tuple[str, ...]
    otlp_protocol: Protocol
    traces_protocol: Protocol
    metrics_protocol: Protocol
    logs_protocol: Protocol

    def is_disabled(self, instrumentation: str) -> bool:
        """Tell whether ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` names an adapter or instrumentor, or all of them."""
        return not self.disabled_instrumentations.isdisjoint((instrumentation, "*"))
