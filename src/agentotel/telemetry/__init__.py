"""What an operation means as telemetry: spans, metrics and log records, written once for all adapters.

It speaks the OpenTelemetry API only, so it works with any provider; `agentotel.distro` gives it ours.
"""
