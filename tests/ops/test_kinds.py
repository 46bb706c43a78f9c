"""What a configuration file is for."""

from __future__ import annotations

import pytest

from agentotel.ops.kinds import Kind, kind_of
from agentotel.ops.pack_location import CONFIGURATIONS, files, pack


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("receivers:\nexporters:\nservice:\n", Kind.COLLECTOR),
        ("exporters:\n  kafka:\nservice:\n", Kind.COLLECTOR_OVERLAY),
        ("extensions:\n  jaeger_storage:\nreceivers:\nexporters:\nservice:\n", Kind.JAEGER),
        ("dist:\nexporters:\nreceivers:\n", Kind.COLLECTOR_MANIFEST),
        ("global:\nrule_files:\nscrape_configs:\n", Kind.PROMETHEUS),
        ("rule_files:\nglobal:\n", Kind.PROMETHEUS),
        ("rule_files:\ntests:\n", Kind.RULE_TESTS),
        ("groups:\n", Kind.RULES),
        ("route:\nreceivers:\n", Kind.ALERTMANAGER),
        ("schema_config:\nserver:\n", Kind.LOKI),
        ("name: x\nservices:\n", Kind.COMPOSE),
        ("apiVersion: 1\ndatasources:\n", Kind.DATASOURCES),
        ("apiVersion: v1\nkind: Service\n", Kind.OTHER),
        ("# only a comment\n", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_its_keys_tell(text, kind):
    """Wherever the file is and whatever it is called."""
    assert kind_of("x.yml", text) is kind


def test_a_kustomization_is_known_by_its_name():
    """As Kustomize does it."""
    assert kind_of("kustomization.yaml", "resources: []\n") is Kind.KUSTOMIZATION


@pytest.mark.parametrize(
    ("place", "kinds"),
    [
        ("otelcol/", {Kind.COLLECTOR, Kind.COLLECTOR_OVERLAY, Kind.COLLECTOR_MANIFEST}),
        ("jaeger/", {Kind.JAEGER}),
        ("loki/", {Kind.LOKI}),
        ("prometheus/rules/", {Kind.RULES}),
        ("prometheus/tests/", {Kind.RULE_TESTS}),
        ("alertmanager/", {Kind.ALERTMANAGER}),
    ],
)
def test_the_files_of_the_real_pack_are_told_apart(place, kinds):
    """Each lies where files of its kind lie, so nothing of it goes unchecked."""
    named = {name: path for name, path in files(pack()).items() if name.startswith(f"{CONFIGURATIONS}/{place}")}
    found = {kind_of(path.name, path.read_text()) for path in named.values() if path.suffix in {".yaml", ".yml"}}
    assert found == kinds
