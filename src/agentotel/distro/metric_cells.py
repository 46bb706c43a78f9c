"""Counters and histograms whose label sets can be bound: a record through a bound one costs a tenth of the SDK's.

The SDK goes on aggregating, collecting and exporting: a cell only remembers where the SDK aggregates its label set, and
adds there directly. So readers, views, temporality, exemplars and resources are the SDK's own, and a cell that does
not find what it expects calls the SDK as everybody does.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from weakref import ref

from opentelemetry.metrics import Counter, Histogram, Meter, UpDownCounter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from agentotel._base.failopen import attempt
from agentotel.distro.cell_aggregations import begin_anew_in_child
from agentotel.distro.cell_exemplars import chooser
from agentotel.distro.cell_recording import Cells, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import CallbackT, ObservableCounter, ObservableGauge, ObservableUpDownCounter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.util.types import Attributes

    from agentotel.distro.cell_recording import Cell


class _Bindable:
    """What the three instruments have in common."""

    _cells: Cells

    def bind(self, attributes: Mapping[str, Any]) -> Cell:
        """Return what records amounts for one label set, see `Cells.bind`."""
        return self._cells.bind(attributes)

    def _record(self, amount: float, attributes: Attributes, context: Context | None) -> None:
        self._cells.bind(attributes or {}).record(amount, context)


class CellCounter(_Bindable, Counter):
    """A counter with cells; made by `CellMeter`."""

    def __init__(self, target: Target) -> None:
        self._cells = Cells(target)

    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Add to one label set; prefer `bind` where the same label set comes again."""
        self._record(amount, attributes, context)


class CellUpDownCounter(_Bindable, UpDownCounter):
    """A counter that also goes down, with cells; made by `CellMeter`."""

    def __init__(self, target: Target) -> None:
        self._cells = Cells(target)

    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Add to one label set; prefer `bind` where the same label set comes again."""
        self._record(amount, attributes, context)


class CellHistogram(_Bindable, Histogram):
    """A histogram with cells; made by `CellMeter`."""

    def __init__(self, target: Target) -> None:
        self._cells = Cells(target)

    def record(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Record for one label set; prefer `bind` where the same label set comes again."""
        self._record(amount, attributes, context)


class CellMeter(Meter):
    """A meter whose synchronous counters and histograms have cells; everything else is the SDK's.

    Get one from `agentotel.distro.cell_meter.cell_meter`, which knows when the SDK's own is the better choice.

    Args:
        meter_provider: The SDK's provider.
        scope_name: Under which the instruments are exported.
        scope_version: Its version.
    """

    def __init__(self, meter_provider: MeterProvider, scope_name: str, scope_version: str | None = None) -> None:
        super().__init__(scope_name, scope_version)
        self._meter = meter_provider.get_meter(scope_name, scope_version)
        self._choose = chooser(meter_provider._sdk_config.exemplar_filter)  # noqa: SLF001 - resolved nowhere else
        _begin_anew_after_fork(meter_provider, InstrumentationScope(scope_name, scope_version))

    def create_counter(self, name: str, unit: str = "", description: str = "") -> CellCounter:
        """Create a counter with cells."""
        made = self._meter.create_counter(name, unit, description)
        return CellCounter(Target(made, made.add, "Counter", only_increases=True, choose=self._choose))

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> CellUpDownCounter:
        """Create an up-down counter with cells."""
        made = self._meter.create_up_down_counter(name, unit, description)
        return CellUpDownCounter(Target(made, made.add, "UpDownCounter", only_increases=False, choose=self._choose))

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> CellHistogram:
        """Create a histogram with cells; the SDK records it if a view or a reader makes it an exponential one."""
        made = self._meter.create_histogram(
            name, unit, description, explicit_bucket_boundaries_advisory=explicit_bucket_boundaries_advisory
        )
        return CellHistogram(Target(made, made.record, "Histogram", only_increases=True, choose=self._choose))

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Any:
        """Create a gauge of the SDK."""
        return self._meter.create_gauge(name, unit, description)

    def create_observable_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> ObservableCounter:
        """Create an observable counter of the SDK."""
        return self._meter.create_observable_counter(name, callbacks, unit, description)

    def create_observable_up_down_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> ObservableUpDownCounter:
        """Create an observable up-down counter of the SDK."""
        return self._meter.create_observable_up_down_counter(name, callbacks, unit, description)

    def create_observable_gauge(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> ObservableGauge:
        """Create an observable gauge of the SDK."""
        return self._meter.create_observable_gauge(name, callbacks, unit, description)


def _begin_anew_after_fork(provider: MeterProvider, scope: InstrumentationScope) -> None:
    alive = ref(provider)

    def in_child() -> None:
        still = alive()
        if still is not None:
            attempt("metric_cells.fork", begin_anew_in_child, still, scope)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=in_child)
