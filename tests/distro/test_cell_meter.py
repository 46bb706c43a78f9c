"""Which meter a provider gives."""

from __future__ import annotations

import logging

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import Meter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agentotel.distro import cell_aggregations, cell_meter
from agentotel.distro.metric_cells import CellMeter


@pytest.fixture(autouse=True)
def _new_trial():
    """The answer of the trial is remembered per process."""
    cell_meter.cells_agree_with_the_sdk.cache_clear()
    yield
    cell_meter.cells_agree_with_the_sdk.cache_clear()


@pytest.fixture
def provider():
    """Return a provider of the SDK with one reader."""
    return MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)


def test_the_sdk_that_is_installed_has_cells(provider):
    """With every version that we support the trial succeeds and cells are used."""
    assert cell_meter.cells_agree_with_the_sdk()
    meter = cell_meter.cell_meter(provider, "scope", "1")
    assert isinstance(meter, CellMeter)
    assert (meter.name, meter.version) == ("scope", "1")


def test_another_provider_keeps_its_meter():
    """A provider that is not the SDK's gives what it gives."""
    meter = cell_meter.cell_meter(NoOpMeterProvider(), "scope")
    assert type(meter) is type(NoOpMeterProvider().get_meter("scope"))


def test_a_provider_that_is_shut_down_keeps_its_meter(provider):
    """Nothing is recorded after the shutdown, as with the SDK."""
    provider.shutdown()
    meter = cell_meter.cell_meter(provider, "scope")
    assert not isinstance(meter, CellMeter)
    meter.create_counter("counter").add(1)


def test_a_consumer_of_somebody_else_is_not_passed_by(provider):
    """Who has put a consumer of their own between the instruments and the readers sees every measurement."""
    consumer = provider._measurement_consumer
    consumer.__class__ = type("Theirs", (type(consumer),), {})
    assert type(cell_meter.cell_meter(provider, "scope")) is Meter


@pytest.mark.parametrize("way", [cell_aggregations._SumWay, cell_aggregations._HistogramWay])
def test_an_sdk_that_means_something_else_gets_no_cells(monkeypatch, provider, way):
    """If cells would not record what the SDK records, the trial notices it and the SDK records everything."""
    monkeypatch.setattr(way, "add", lambda self, amount, offered: None)
    assert type(cell_meter.cell_meter(provider, "scope")) is Meter


def test_an_sdk_without_the_names_that_cells_need_gets_none(monkeypatch, provider, caplog):
    """If a name that is private to the SDK is gone, the SDK records everything, and only a debug line says so."""

    def gone(*_args, **_kwargs):
        raise AttributeError("_reader_storages")

    monkeypatch.setattr(cell_aggregations, "readers_of", gone)
    with caplog.at_level(logging.DEBUG, "agentotel"):
        assert type(cell_meter.cell_meter(provider, "scope")) is Meter
    assert [record.levelname for record in caplog.records if record.name == "agentotel"] == ["DEBUG"]
