"""THE table of settings: every variable that agentotel reads or checks, stated once.

The loader, ``agentotel config``, ``agentotel doctor`` and the documentation are all driven by it.
"""

from __future__ import annotations

from typing import Final

from agentotel.config import casting
from agentotel.config.budget import BUDGETS
from agentotel.config.standard import STANDARD
from agentotel.config.variable import Variable

_OBSERVED: Final = "What is observed"
_RECORDED: Final = "What is recorded"
_PRIVACY: Final = "Privacy and limits"
_LOCAL: Final = "The embedded backend"
_BEHAVIOUR: Final = "How agentotel behaves"

_CONTENT: Final = casting.one_of(
    "NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT",
    also={"true": "SPAN_AND_EVENT", "1": "SPAN_AND_EVENT", "false": "NO_CONTENT", "0": "NO_CONTENT"},
)  # fmt: skip

_OWN: Final = (
    Variable(
        "AGENTOTEL_DISCOVER", "discover", casting.BOOLEAN, "on",
        "Whether classes of the program whose names end in `Agent` or `Tool` are observed without being"
        " named.",
        "off", _OBSERVED,
    ),
    Variable(
        "AGENTOTEL_TARGETS", "targets", casting.TARGETS, "",
        "Further functions of the program to observe, as `agent=`, `tool=` or `model=` and a pattern. Targets"
        " from the environment and from both files are taken together.",
        "agent=shop.bots:*Bot.answer; tool=shop.tools:search_*", _OBSERVED, merged=True,
    ),
    Variable(
        "AGENTOTEL_CHILD_PROCESSES", "child_processes", casting.BOOLEAN, "on",
        "Whether Python processes that the program starts are observed as well.",
        "off", _OBSERVED,
    ),
    Variable(
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "disabled_instrumentations", casting.NAMES, "",
        "Adapters and other instrumentations that are not loaded; `*` stands for all.",
        "openai,requests", _OBSERVED,
    ),
    Variable(
        "AGENTOTEL_METRICS", "metric_families", casting.some_of("agent", "gen_ai"), "agent,gen_ai",
        "Which families of metrics are recorded.",
        "agent", _RECORDED,
    ),
    Variable(
        "AGENTOTEL_CONVENTIONS", "conventions", casting.one_of("genai", "guide"), "genai",
        "Names of spans and attributes: those of the OpenTelemetry GenAI conventions, or those of the"
        " operations guide.",
        "guide", _RECORDED,
    ),
    Variable(
        "AGENTOTEL_CARDINALITY_LIMIT", "cardinality_limit", casting.whole_number(1, 100_000), "100",
        "How many values of one metric attribute are kept apart before the rest becomes `other`.",
        "500", _RECORDED,
    ),
    Variable(
        "AGENTOTEL_PRICES", "prices", casting.PATH, "",
        "A file of prices that goes before the bundled ones. In a settings file, a relative path starts at"
        " that file.",
        "prices.toml", _RECORDED,
    ),
    Variable(
        "AGENTOTEL_TOKEN_LIMIT", "token_limit", casting.whole_number(1, 10**12), "",
        "Tokens that an agent may use in its life, where the agent itself does not say; above 80 % a warning"
        " is logged.",
        "200000", _RECORDED,
    ),
    Variable(
        "AGENTOTEL_LOOP_LIMIT", "loop_limit", casting.whole_number(2, 10**6, "off", "0"), "10",
        "How often a tool may be called in the same way, or fail, in a row inside of one run before that is a sign of"
        " a loop. Ten times as many model calls in one run are one, too.",
        "20", _RECORDED,
    ),
    Variable(
        "AGENTOTEL_BUDGET", "budgets", BUDGETS, "",
        "What may be spent in a period (UTC), in the currency of the prices: by all, or by one tenant. Above 80 % and"
        " at 100 % a warning is logged.",
        "day=50; month=1000; tenant:acme/day=5", _RECORDED,
    ),
    Variable(
        "AGENTOTEL_LOGS", "program_logs", casting.BOOLEAN, "on",
        "Whether the log records of the program are exported, with the ids of trace and span.",
        "off", _RECORDED,
    ),
    Variable(
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "content", _CONTENT, "NO_CONTENT",
        "Where prompts, answers, tool arguments and results may go. `true` means `SPAN_AND_EVENT`, `false`"
        " means `NO_CONTENT`.",
        "SPAN_ONLY", _PRIVACY,
    ),
    Variable(
        "AGENTOTEL_REDACT", "redact", casting.PATTERNS, "",
        "Regular expressions; what they match is removed from content, besides the secrets that are always"
        " removed. In a file, a list with one item per expression.",
        "CUST-[0-9]{6}; (?i)project falcon", _PRIVACY,
    ),
    Variable(
        "AGENTOTEL_BAGGAGE", "baggage", casting.BAGGAGE_KEYS, "",
        "Keys of baggage that may leave the process with requests to others.",
        "request.id,tenant.id", _PRIVACY,
    ),
    Variable(
        "AGENTOTEL_ATTRIBUTE_BYTES", "attribute_bytes", casting.size("64", "64MiB"), "16384",
        "Bytes that one attribute may have before it is cut.",
        "4KiB", _PRIVACY,
    ),
    Variable(
        "AGENTOTEL_SPAN_BYTES", "span_bytes", casting.size("1KiB", "256MiB"), "262144",
        "Bytes that all attributes of one span may have together.",
        "64KiB", _PRIVACY,
    ),
    Variable(
        "AGENTOTEL_DB", "db", casting.PATH, "~/.local/state/agentotel/telemetry.db",
        "The store of the embedded backend. The default lies in the user's state folder: below"
        " `XDG_STATE_HOME` where that is set, below `LOCALAPPDATA` on Windows, below"
        " `~/Library/Application Support` on macOS.",
        "/var/lib/agentotel/telemetry.db", _LOCAL,
    ),
    Variable(
        "AGENTOTEL_RETENTION_AGE", "retention_age_s", casting.duration("1s", "3660d"), "7d",
        "After what time the embedded backend forgets telemetry.",
        "30d", _LOCAL,
    ),
    Variable(
        "AGENTOTEL_RETENTION_SIZE", "retention_bytes", casting.size("100KB", "1000TB"), "1GB",
        "What the store of the embedded backend may grow to; the oldest telemetry goes first.",
        "250MB", _LOCAL,
    ),
    Variable(
        "AGENTOTEL_STRICT", "strict", casting.BOOLEAN, "off",
        "Whether errors of agentotel are raised instead of logged. On by default under pytest.",
        "on", _BEHAVIOUR,
    ),
    Variable(
        "AGENTOTEL_EXIT_TIMEOUT", "exit_timeout_s", casting.duration("0s", "5m"), "2.5s",
        "How long the end of the program may wait for telemetry to be delivered.",
        "500ms", _BEHAVIOUR,
    ),
    Variable(
        "AGENTOTEL_LOG_LEVEL", "log_level",
        casting.one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "warning",
        "The level from which agentotel's own messages appear on stderr.",
        "debug", _BEHAVIOUR,
    ),
)  # fmt: skip

VARIABLES: Final[tuple[Variable, ...]] = (*_OWN, *STANDARD)
"""All settings, in the order of the documentation."""
