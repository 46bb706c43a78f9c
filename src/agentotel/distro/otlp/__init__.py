"""Our own way to OTLP over HTTP: an encoder that remembers what repeats, and a sender that never waits for long.

What is encoded decodes to exactly what OpenTelemetry's own exporters send. Where these are set up by the environment
(endpoint, headers, certificates, credentials, compression, timeout), ours are: `agentotel.distro.otlp.destination`.
"""
