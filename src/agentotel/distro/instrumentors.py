"""Loads the other instrumentors that are installed: web frameworks, HTTP clients, databases."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from agentotel.adapters.registry import ADAPTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import EntryPoint

    from agentotel.model.contract import Adapter

_logger = logging.getLogger("agentotel")

skipped: Final[dict[str, str]] = {}
"""Why an instrumentor was not loaded, by its entry point: state of this module, read by the doctor."""


def load(entry_point: EntryPoint, arguments: Mapping[str, Any]) -> None:
    """Load and start one instrumentor; a failure is logged with its reason and stops nothing else."""
    adapter = replaced_by(entry_point, ADAPTERS)
    if adapter is not None:
        skipped[_label(entry_point)] = f"the adapter {adapter.name} records the same calls"
        return
    try:
        entry_point.load()().instrument(**arguments)
    except ImportError as error:
        skipped[_label(entry_point)] = f"its library cannot be imported: {error}"
        _logger.debug("agentotel: instrumentor %s: %s", entry_point.name, error)
    except Exception as error:  # noqa: BLE001 - one failing instrumentor never stops the others
        skipped[_label(entry_point)] = f"it failed: {type(error).__name__}: {error}"
        _logger.warning(
            "agentotel: the instrumentor %s failed and is left out: %s: %s",
            _label(entry_point), type(error).__name__, error,
        )  # fmt: skip


def replaced_by(entry_point: EntryPoint, adapters: Iterable[Adapter]) -> Adapter | None:
    """Return the adapter that records what this instrumentor would record, so that nothing is counted twice."""
    label = _label(entry_point)
    return next((adapter for adapter in adapters if label in adapter.replaces), None)


def _label(entry_point: EntryPoint) -> str:
    distribution = getattr(entry_point, "dist", None)
    return f"{distribution.name}:{entry_point.name}" if distribution is not None else entry_point.name
