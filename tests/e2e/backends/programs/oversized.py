"""Three spans in one batch, the middle one larger than any receiver takes in one piece."""

import sys

from opentelemetry import trace


def main():
    """Record them one after the other."""
    tracer = trace.get_tracer("oversized")
    for name, size in (("before", 10), ("oversized", int(sys.argv[1])), ("after", 10)):
        with tracer.start_as_current_span(name, attributes={"notes": "x" * size, "kept": name}):
            pass


if __name__ == "__main__":
    main()
