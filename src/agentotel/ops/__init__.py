"""The operations pack: Collector, Jaeger, Prometheus, Alertmanager, Loki and Grafana, written out and checked."""
