"""The part of the table that OpenTelemetry defines: what agentotel applies, and what the SDK reads by itself.

The latter is only checked for its form, so that a value on which the SDK would fail is named beforehand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentotel.config import casting, standard_casting
from agentotel.config.variable import Variable

if TYPE_CHECKING:
    from agentotel.config.casting import Kind

_APPLIED: Final = "OpenTelemetry: what agentotel applies"
_BY_THE_SDK: Final = "OpenTelemetry: what the SDK applies"

_SIGNALS: Final = ("TRACES", "METRICS", "LOGS")
_OTLP_EXPORTERS: Final = ("otlp", "otlp_proto_http", "otlp_proto_grpc", "console")
_PROTOCOL: Final = casting.one_of("http/protobuf", "grpc")
_SECONDS: Final = casting.number(0, 3600, "a number of seconds")
_MILLISECONDS: Final = casting.whole_number(0, 86_400_000)
_COUNT: Final = casting.whole_number(1, 10_000_000)
_LIMIT: Final = casting.whole_number(0, 10**12, "unset")
_COMPRESSION: Final = casting.one_of("none", "gzip", "deflate")
_TEMPORALITY: Final = casting.one_of("cumulative", "delta", "lowmemory")
_HISTOGRAM: Final = casting.one_of("explicit_bucket_histogram", "base2_exponential_bucket_histogram")
_EXEMPLARS: Final = casting.one_of("always_on", "always_off", "trace_based")
_PROPAGATORS: Final = standard_casting.extensions("opentelemetry_propagator", "tracecontext", "baggage")

SAMPLERS: Final = (
    "always_on", "always_off", "traceidratio",
    "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
)  # fmt: skip
"""The samplers whose argument is known: a share, or nothing."""


def _exporter(signal: str, *known: str) -> Variable:
    kind = standard_casting.extensions(f"opentelemetry_{signal.lower()}_exporter", *known)
    return Variable(
        f"OTEL_{signal}_EXPORTER", f"{signal.lower()}_exporters", kind, "otlp",
        f"Where {signal.lower()} go, separated by commas; `none` for nowhere.",
        "otlp,console", _APPLIED,
    )  # fmt: skip


def _protocol(signal: str) -> Variable:
    return Variable(
        f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", f"{signal.lower()}_protocol", _PROTOCOL, "http/protobuf",
        f"How OTLP travels for {signal.lower()}.",
        "grpc", _APPLIED, fallback="OTEL_EXPORTER_OTLP_PROTOCOL",
    )  # fmt: skip


def _sdk(name: str, kind: Kind, default: str, example: str, description: str) -> Variable:
    secret = kind.mask is not None
    return Variable(name, None, kind, default, description, example, _BY_THE_SDK, secret=secret)


def _otlp(signal: str = "") -> tuple[Variable, ...]:
    """Return the variables of the OTLP exporters: of all signals, or of one of them."""
    start = f"OTEL_EXPORTER_OTLP_{signal}_" if signal else "OTEL_EXPORTER_OTLP_"
    suffix = f" for {signal.lower()}" if signal else ""
    endpoint, timeout, compression = ("", "", "") if signal else ("http://localhost:4318", "3", "none")
    return (
        _sdk(f"{start}ENDPOINT", standard_casting.ENDPOINT, endpoint, "https://collector.example:4318",
             f"Where the Collector{suffix} listens; for gRPC, the usual port is 4317."),
        _sdk(f"{start}HEADERS", standard_casting.HEADERS, "", "api-key=secret",
             f"Headers of every request{suffix}."),
        _sdk(f"{start}TIMEOUT", _SECONDS, timeout, "5",
             f"Seconds that one export{suffix} may take, retries included."),
        _sdk(f"{start}COMPRESSION", _COMPRESSION, compression, "gzip",
             f"How requests{suffix} are compressed."),
        _sdk(f"{start}CERTIFICATE", casting.PATH, "", "ca.pem",
             f"Certificates that the Collector{suffix} is checked with."),
    )  # fmt: skip


def _batches(processor: str, what: str, delay: str) -> tuple[Variable, ...]:
    start = f"OTEL_{processor}_"
    return (
        _sdk(f"{start}SCHEDULE_DELAY", _MILLISECONDS, delay, "2000",
             f"Milliseconds between two exports of {what}."),
        _sdk(f"{start}EXPORT_TIMEOUT", _MILLISECONDS, "30000", "10000",
             f"Milliseconds that an export of {what} may take."),
        _sdk(f"{start}MAX_QUEUE_SIZE", _COUNT, "2048", "8192", f"How many {what} may wait for export."),
        _sdk(f"{start}MAX_EXPORT_BATCH_SIZE", _COUNT, "512", "1024",
             f"How many {what} one request carries; not more than may wait."),
    )  # fmt: skip


def _attribute_limits(model: str, owner: str) -> tuple[Variable, ...]:
    return (
        _sdk(f"OTEL_{model}ATTRIBUTE_COUNT_LIMIT", _LIMIT, "", "256", f"Attributes that {owner} may have."),
        _sdk(f"OTEL_{model}ATTRIBUTE_VALUE_LENGTH_LIMIT", _LIMIT, "", "4096",
             f"Characters that an attribute of {owner} may have."),
    )  # fmt: skip


STANDARD: Final = (
    Variable(
        "OTEL_SDK_DISABLED", "sdk_disabled", standard_casting.STANDARD_BOOLEAN, "false",
        "Switches everything off: the program runs as if agentotel were not installed.", "true", _APPLIED,
    ),
    Variable(
        "OTEL_CONFIG_FILE", "config_file", casting.PATH, "",
        "A declarative configuration file of OpenTelemetry; it replaces the other `OTEL_*` settings.",
        "otel.yaml", _APPLIED,
    ),
    _exporter("TRACES", *_OTLP_EXPORTERS),
    _exporter("METRICS", *_OTLP_EXPORTERS, "prometheus"),
    _exporter("LOGS", *_OTLP_EXPORTERS),
    Variable(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "otlp_protocol", _PROTOCOL, "http/protobuf",
        "How OTLP travels.", "grpc", _APPLIED,
    ),
    *map(_protocol, _SIGNALS),
    Variable(
        "OTEL_EXPORTER_PROMETHEUS_HOST", "prometheus_host", casting.TEXT, "localhost",
        "Where the `prometheus` exporter listens.", "127.0.0.1", _APPLIED,
    ),
    Variable(
        "OTEL_EXPORTER_PROMETHEUS_PORT", "prometheus_port", casting.whole_number(0, 65535), "9464",
        "The port on which the `prometheus` exporter listens.", "9465", _APPLIED,
    ),
    _sdk("OTEL_SERVICE_NAME", casting.TEXT, "", "shop-agent",
         "The name of the program in every backend. Made from the program's file where not set."),
    _sdk("OTEL_RESOURCE_ATTRIBUTES", standard_casting.ATTRIBUTES, "", "team=blue",
         "Attributes of everything that this process sends."),
    _sdk("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", casting.NAMES, "", "process,host",
         "Detectors of further such attributes."),
    _sdk("OTEL_PYTHON_DISTRO", standard_casting.extension("opentelemetry_distro", "agentotel", "distro"),
         "agentotel", "distro",
         "Which distro the launcher uses."),
    _sdk("OTEL_PYTHON_CONFIGURATOR",
         standard_casting.extension("opentelemetry_configurator", "agentotel", "configurator"),
         "agentotel", "configurator",
         "Which configurator the launcher uses."),
    _sdk("OTEL_PROPAGATORS", _PROPAGATORS, "tracecontext,baggage", "tracecontext",
         "How the trace is carried to other services. A name that does not exist stops OpenTelemetry's launcher, "
         "before the program starts: `agentotel doctor` names it."),
    _sdk("OTEL_TRACES_SAMPLER", standard_casting.extension("opentelemetry_traces_sampler", *SAMPLERS),
         "parentbased_always_on", "parentbased_traceidratio",
         "Which traces are kept. Metrics count all of them."),
    _sdk("OTEL_TRACES_SAMPLER_ARG", casting.number(0, 1), "", "0.1",
         "The share of traces that a ratio sampler keeps."),
    *_otlp(),
    *(variable for signal in _SIGNALS for variable in _otlp(signal)),
    _sdk("OTEL_EXPORTER_OTLP_INSECURE", standard_casting.STANDARD_BOOLEAN, "false", "true",
         "Whether gRPC goes without TLS where the endpoint has no scheme."),
    *_batches("BSP", "spans", "5000"),
    *_batches("BLRP", "log records", "1000"),
    _sdk("OTEL_METRIC_EXPORT_INTERVAL", _MILLISECONDS, "60000", "10000",
         "Milliseconds between two exports of metrics."),
    _sdk("OTEL_METRIC_EXPORT_TIMEOUT", _MILLISECONDS, "30000", "10000",
         "Milliseconds that an export of metrics may take."),
    _sdk("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", _TEMPORALITY, "cumulative", "delta",
         "Whether counters are sent as totals or as differences."),
    _sdk("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", _HISTOGRAM,
         "explicit_bucket_histogram", "base2_exponential_bucket_histogram", "The form of histograms."),
    _sdk("OTEL_METRICS_EXEMPLAR_FILTER", _EXEMPLARS, "trace_based", "always_off",
         "Which measurements may point to their trace."),
    _sdk("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", standard_casting.STANDARD_BOOLEAN, "true", "false",
         "Whether the SDK reports its own queues and losses. Switched on by agentotel."),
    *_attribute_limits("", "anything"),
    *_attribute_limits("SPAN_", "a span"),
    *_attribute_limits("LOGRECORD_", "a log record"),
    _sdk("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", _LIMIT, "", "64",
         "Attributes that an event of a span may have."),
    _sdk("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", _LIMIT, "", "64", "Attributes that a link of a span may have."),
    _sdk("OTEL_SPAN_EVENT_COUNT_LIMIT", _LIMIT, "128", "64", "Events that a span may have."),
    _sdk("OTEL_SPAN_LINK_COUNT_LIMIT", _LIMIT, "128", "64", "Links that a span may have."),
)  # fmt: skip
"""All of them, in the order of the documentation."""
