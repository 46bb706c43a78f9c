"""The SDK of the Model Context Protocol: what clients ask of servers, on both sides, as one trace.

Life of a request: a session sends a message with a method (``tools/call``), its parameters, and in their ``_meta`` what
is not for the program. It travels over stdio, HTTP or memory. The other side starts a task for it and calls the
function that the program has registered. Servers may ask clients in the same way (sampling, elicitation, roots).
Each request is one operation on each side: the client's is around the waiting for the answer, the server's around the
function, so that what the function logs and calls is inside of it. The headers of the client's operation (traceparent,
tracestate, baggage; whatever the propagators are) go in ``_meta``, as SEP-414 wants it, and what the server does
belongs to them, whatever was going on when the server was started. Pings and notifications are not recorded.

SDK 1.x knows nothing of telemetry: both sides are patched (`agentotel.adapters.mcp_protocol.sessions`). SDK 2.x makes
spans of its own, which are adopted and completed (`agentotel.adapters.mcp_protocol.dispatchers`).

A server that a client starts over stdio is a process of its own. To be seen it has to be started under
``opentelemetry-instrument``, and it does not inherit the client's ``OTEL_*`` variables: the SDK passes on a few
harmless ones only, so they have to be given in ``StdioServerParameters(env=...)``. Its stdout belongs to the protocol.
"""

from __future__ import annotations

from typing import Final

from agentotel.adapters.mcp_protocol import dispatchers, sessions
from agentotel.model.contract import Adapter

ADAPTER: Final = Adapter(
    name="mcp",
    distribution="mcp",
    supports=">=1.21.1,<3",
    trigger="mcp",
    choice=(
        "patch before 2.0, which has no telemetry; from 2.0 on adopt its spans, and patch the sending, whose span "
        "knows neither the result nor requests inside of one process"
    ),
    calls=(*sessions.CALLS, *dispatchers.CALLS),
    notes=(*sessions.NOTES, *dispatchers.NOTES),
    natives=dispatchers.NATIVES,
    replaces=(
        "opentelemetry-instrumentation-mcp:mcp",
        "openinference-instrumentation-mcp:mcp",
    ),
)
