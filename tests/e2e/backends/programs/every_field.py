"""A program with an agent, a tool that fails, and a span of its own with everything that a span can have."""

import json
import logging

from opentelemetry import trace


class BrokenTool:
    name = "broken"

    def execute(self):
        """Fail."""
        raise LookupError("there is no such order")


class FieldAgent:
    name = "field"
    id = "field-1"
    user_id = "dave"
    tenant_id = "hooli"

    def chat(self, message):
        """Use the tool, and say so."""
        logging.getLogger("field").error("about to break", extra={"attempt": 3})
        return BrokenTool().execute()


def main():
    """Print the ids of what was recorded."""
    tracer = trace.get_tracer("fields", "1.2.3", attributes={"scope.kind": "test"})
    with tracer.start_as_current_span("linked to") as first:
        pass
    link = trace.Link(first.get_span_context(), {"link.reason": "retry of"})
    values = {
        "text": "wörd ✓",
        "whole": -(2**53) - 1,
        "real": 0.1,
        "yes": True,
        "texts": ["a", ""],
        "wholes": [1, 2],
        "reals": [1.5],
        "flags": [True, False],
    }
    with tracer.start_as_current_span(
        "everything", kind=trace.SpanKind.PRODUCER, attributes=values, links=[link]
    ) as span:
        span.add_event("half way", {"percent": 50})
        try:
            FieldAgent().chat("hello")
        except LookupError:
            span.set_status(trace.StatusCode.ERROR, "QuotaExceeded")
    contexts = first.get_span_context(), span.get_span_context()
    print(json.dumps([[format(it.trace_id, "032x"), format(it.span_id, "016x")] for it in contexts]))


if __name__ == "__main__":
    main()
