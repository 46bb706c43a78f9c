"""Tells by its keys what a configuration file is, wherever the user has put it and whatever it is called."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class Kind(Enum):
    """What a file is for."""

    COLLECTOR = "configuration of a Collector"
    COLLECTOR_OVERLAY = "part of a configuration of a Collector"
    COLLECTOR_MANIFEST = "manifest of the Collector Builder"
    JAEGER = "configuration of Jaeger"
    PROMETHEUS = "configuration of Prometheus"
    RULES = "rules of Prometheus"
    RULE_TESTS = "tests of rules"
    ALERTMANAGER = "configuration of Alertmanager"
    LOKI = "configuration of Loki"
    COMPOSE = "Compose file"
    DATASOURCES = "data sources of Grafana"
    KUSTOMIZATION = "kustomization"
    OTHER = "something else"


_TOP_LEVEL_KEY: Final = re.compile(r"^[\"']?([A-Za-z_][\w-]*)[\"']?\s*:", re.MULTILINE)
_JAEGER_STORAGE: Final = re.compile(r"^\s+jaeger_storage(/\S+)?:", re.MULTILINE)
_KUSTOMIZATIONS: Final = frozenset({"kustomization.yaml", "kustomization.yml"})
_COLLECTOR_SECTIONS: Final = frozenset({"receivers", "processors", "exporters", "connectors", "extensions", "service"})

# The first entry of which all keys are there decides.
_BY_KEYS: Final = (
    (frozenset({"dist"}), Kind.COLLECTOR_MANIFEST),
    (frozenset({"rule_files", "tests"}), Kind.RULE_TESTS),
    (frozenset({"scrape_configs"}), Kind.PROMETHEUS),
    (frozenset({"rule_files"}), Kind.PROMETHEUS),
    (frozenset({"groups"}), Kind.RULES),
    (frozenset({"route", "receivers"}), Kind.ALERTMANAGER),
    (frozenset({"schema_config"}), Kind.LOKI),
    (frozenset({"datasources"}), Kind.DATASOURCES),
    (frozenset({"services"}), Kind.COMPOSE),
)


def kind_of(name: str, text: str) -> Kind:
    """Return what a YAML file is for; its keys are found without a parser, which may not be installed.

    Args:
        name: The last part of its path.
        text: What stands in it.
    """
    if name in _KUSTOMIZATIONS:
        return Kind.KUSTOMIZATION
    keys = frozenset(_TOP_LEVEL_KEY.findall(text))
    if {"apiVersion", "kind"} <= keys:
        return Kind.OTHER  # for Kubernetes, where a kustomization takes it up
    for needed, kind in _BY_KEYS:
        if needed <= keys:
            return kind
    if {"receivers", "exporters", "service"} <= keys:
        return Kind.JAEGER if _JAEGER_STORAGE.search(text) else Kind.COLLECTOR
    return Kind.COLLECTOR_OVERLAY if keys and keys <= _COLLECTOR_SECTIONS else Kind.OTHER
