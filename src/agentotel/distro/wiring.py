"""Joins the parts of one process: providers, recorder, adapters, discovery, the program's logs, the end."""

from __future__ import annotations

import atexit
import logging
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry import _logs, metrics, propagate, trace
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider

from agentotel import __version__, identity, patching, privacy
from agentotel._base.failopen import attempt
from agentotel.adapters import own_classes
from agentotel.adapters.registry import ADAPTERS
from agentotel.cost import Budgets, Prices, load_price_file
from agentotel.distro import forks, lifetime, native_spans, pipeline, program_logs, program_providers
from agentotel.distro.cell_meter import cell_meter
from agentotel.distro.created_agents import CreatedAgents
from agentotel.distro.late_work import late_work, settle_before_export
from agentotel.distro.light_tracer import light_tracer
from agentotel.distro.losses import Losses
from agentotel.distro.own_counts import OwnCounts
from agentotel.identity import threads
from agentotel.model import names
from agentotel.model.conventions import CONVENTIONS
from agentotel.patching import targets
from agentotel.patching.discovery import Discovery
from agentotel.patching.instances import Instances
from agentotel.telemetry import gauges
from agentotel.telemetry.active_users import ActiveUsers
from agentotel.telemetry.cardinality import CardinalityGuard
from agentotel.telemetry.content import ContentCapture
from agentotel.telemetry.events import Events
from agentotel.telemetry.metrics import Metrics
from agentotel.telemetry.recorder import Recorder, Sinks

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from agentotel.config.settings import Settings
    from agentotel.model.contract import Adapter, Native

_logger = logging.getLogger("agentotel")


class Parts(NamedTuple):
    """The three providers that telemetry goes to."""

    tracers: TracerProvider
    meters: MeterProvider
    loggers: LoggerProvider


class Recording(NamedTuple):
    """A recorder and what has to be joined with it."""

    recorder: Recorder
    metrics: Metrics
    guard: CardinalityGuard
    users: ActiveUsers
    budgets: Budgets | None


def start(settings: Settings, version: str | None) -> None:
    """Start agentotel in this process: called once, by the configurator.

    Args:
        settings: What the user asked for.
        version: Of the launcher, for the resource.
    """
    counts = OwnCounts()
    content = _content_capture(settings, counts)
    parts = _parts(settings, content, counts, version)
    recording = record_into(settings, parts, counts, content)
    lifetime.begin_anew_in_children(recording.users, *parts, recording)
    if recording.budgets is not None:
        forks.in_child("forks.budgets", recording.budgets.begin_anew)
    patching.observe(recording.recorder)
    _connect(settings, recording, parts)
    if isinstance(parts.tracers, SdkTracerProvider):
        joined = partial(_make_spans_with, settings, recording, parts)
        attempt("providers.allow", program_providers.allow, parts.tracers, joined)


def _parts(settings: Settings, content: ContentCapture, counts: OwnCounts, version: str | None) -> Parts:
    if settings.config_file is not None and _configured_by_file(settings, content):
        parts = Parts(trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider())
        lifetime.begin(lifetime.flush_steps(parts), settings.exit_timeout_s, Losses(counts).gave_up, *parts)
        return parts
    losses = Losses(counts)
    built = pipeline.Pipeline(settings, content, losses.dropped, version)
    built.make_global()
    parts = Parts(built.tracers, built.meters, built.loggers)
    lifetime.begin(built.shutdown_steps(), settings.exit_timeout_s, losses.gave_up, *parts)
    return parts


def _make_spans_with(settings: Settings, recording: Recording, parts: Parts, tracers: TracerProvider) -> None:
    """Let the recorder, and the libraries with spans of their own, use the tracer provider that the program has set."""
    recording.recorder.make_spans_with(light_tracer(tracers, names.SCOPE, __version__))
    native_spans.adopt(tracers, parts.meters, _natives(settings), recording.recorder)


def record_into(
    settings: Settings, parts: Parts, counts: OwnCounts | None = None, content: ContentCapture | None = None
) -> Recording:
    """Make the recorder that writes into these providers."""
    counts = counts or OwnCounts()
    meter = cell_meter(parts.meters, names.SCOPE, __version__)
    guard = CardinalityGuard(settings.cardinality_limit, counts.folded)
    own = Metrics(meter, settings.metric_families, guard)
    counts.count_into(own)
    users = ActiveUsers()
    budgets = Budgets(settings.budgets) if settings.budgets else None
    later = late_work(parts.meters)
    attempt("logs.late", settle_before_export, parts.loggers, later)
    sinks = Sinks(
        tracer=light_tracer(parts.tracers, names.SCOPE, __version__, later),
        metrics=own,
        events=Events(parts.loggers.get_logger(names.SCOPE, __version__)),
        content=content or _content_capture(settings, counts),
        prices=_prices(settings),
        users=users,
        convention=CONVENTIONS[settings.conventions],
        token_limit=settings.token_limit,
        loop_limit=settings.loop_limit,
        budgets=budgets,
        later=later,
    )
    return Recording(Recorder(sinks), own, guard, users, budgets)


def _configured_by_file(settings: Settings, content: ContentCapture) -> bool:
    """Let the providers be made from a declarative file; tell whether they could."""
    try:
        # Optional, and only there for those who have such a file: opentelemetry-sdk[file-configuration].
        from opentelemetry.configuration import configure_sdk, load_config_file  # noqa: PLC0415

        configure_sdk(load_config_file(str(settings.config_file)))
    except Exception as error:  # noqa: BLE001 - a mistake in the file must not stop the program or its telemetry
        message = "agentotel: OTEL_CONFIG_FILE=%s cannot be used, the environment is used instead: %s"
        _logger.error(message, settings.config_file, error)  # noqa: TRY400 - one line
        return False
    pipeline.join_existing(content)
    return True


def _connect(settings: Settings, recording: Recording, parts: Parts) -> None:
    attempt("natives.adopt", native_spans.adopt, parts.tracers, parts.meters, _natives(settings), recording.recorder)
    for adapter in _adapters(settings):
        attempt(f"{adapter.name}.patch", patching.patch_adapter, adapter)
    instances = Instances(CreatedAgents(recording.metrics))
    attempt("discovery.install", _discover, settings, instances)
    meter = parts.meters.get_meter(names.SCOPE, __version__)
    pools, budgets = instances.pool_readings, recording.budgets
    readings = (settings.metric_families, recording.guard, recording.users, pools, budgets)
    attempt("gauges.register", gauges.register, meter, *readings)
    attempt("baggage.install", _guard_baggage, settings)
    if not settings.is_disabled("threading"):
        attempt("threads.install", threads.install)
    if settings.program_logs:
        attempt("logs.install", _collect_logs)


def _adapters(settings: Settings) -> list[Adapter]:
    return [adapter for adapter in ADAPTERS if not settings.is_disabled(adapter.name)]


def _natives(settings: Settings) -> list[Native]:
    return [native for adapter in _adapters(settings) for native in adapter.natives]


def _discover(settings: Settings, instances: Instances) -> None:
    wanted, problems = targets.parse(settings.targets)
    for problem in problems:
        _logger.warning("agentotel: %s", problem)
    report = partial(_logger.warning, "agentotel: %s")
    make_call = own_classes.call
    discovery = Discovery(wanted, enabled=settings.discover, make_call=make_call, report=report, instances=instances)
    discovery.install()
    if wanted:
        atexit.register(attempt, "discovery.unmatched", _tell_unmatched, discovery)


def _tell_unmatched(discovery: Discovery) -> None:
    """Say at the end which targets have matched nothing: at INFO, as a program need not use all its parts each time."""
    for target, reason in discovery.unmatched():
        _logger.info("agentotel: the target %s has matched nothing: %s", target, reason)


def _guard_baggage(settings: Settings) -> None:
    propagate.set_global_textmap(identity.AllowListedBaggage(propagate.get_global_textmap(), settings.baggage))


def _collect_logs() -> None:
    # Here and not at the top: a program that switches it off does not pay for the import.
    from opentelemetry.instrumentation.logging.handler import LoggingHandler  # noqa: PLC0415

    class Translator(LoggingHandler):
        def flush(self) -> None:
            """Do nothing: `logging` calls it at exit, where the original starts a thread to flush the provider."""

    program_logs.install(Translator().emit)


def _content_capture(settings: Settings, counts: OwnCounts) -> ContentCapture:
    return ContentCapture(
        privacy.ContentPolicy.parse(settings.content),
        privacy.Redactor({f"user_{number}": expression for number, expression in enumerate(settings.redact, 1)}),
        privacy.ByteBudget(settings.attribute_bytes, settings.span_bytes),
        counts.count,
    )


def _prices(settings: Settings) -> Prices:
    if settings.prices is None:
        return Prices()
    table, problems = load_price_file(settings.prices)
    for entry in problems:
        _logger.warning("agentotel: %s", entry)
    return Prices(table)
