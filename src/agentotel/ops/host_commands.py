"""The command lines of all programs where they run on one host without Docker, with what the user has chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agentotel.ops.choices import Choices

HOST_COMMANDS: Final = "start.txt"

_TEXT: Final = """\
# The command line of each program, written by `agentotel ops export --layout host`. Run them in this folder, each kept
# alive by what keeps programs alive on this host, such as a unit of systemd with Restart=always and this folder as its
# WorkingDirectory. The folders below /var/lib have to be there, and belong to the user who runs the program.

OTELCOL_STORAGE=/var/lib/otelcol otelcol-contrib --config collector/otelcol/local.yaml

JAEGER_DIRECTORY=/var/lib/jaeger JAEGER_RETENTION={trace_retention} jaeger --config collector/jaeger/jaeger.yaml

LOKI_DIRECTORY=/var/lib/loki AGENTOTEL_LOG_RETENTION={log_retention} \\
    loki -config.file=collector/loki/loki.yaml -config.expand-env=true

collector/alertmanager/start.sh --storage.path=/var/lib/alertmanager --cluster.listen-address= \\
    --web.listen-address=127.0.0.1:9093 --web.external-url={alertmanager_url}

prometheus --config.file=collector/prometheus/prometheus.yml --storage.tsdb.path=/var/lib/prometheus \\
    --storage.tsdb.retention.time={retention} --web.enable-otlp-receiver --enable-feature=exemplar-storage \\
    --web.user-assets=collector/prometheus/assets \\
    --web.listen-address=127.0.0.1:9090 --web.external-url={prometheus_url}

# Grafana takes collector/grafana/provisioning as GF_PATHS_PROVISIONING, and looks for the dashboards in the folder that
# collector/grafana/provisioning/dashboards/agentotel.yaml names.
"""
_DEFAULTS: Final = {
    "retention": "31d",
    "log_retention": "168h",
    "trace_retention": "168h",
    "prometheus_url": "http://127.0.0.1:9090",
    "alertmanager_url": "http://127.0.0.1:9093",
}


def host_commands(choices: Choices) -> str:
    """Return the command lines; what was not chosen is as in the compose file."""
    return _TEXT.format(**{**_DEFAULTS, **choices.made()})
