"""The distro that OpenTelemetry's launcher loads first: the defaults, and the other instrumentors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]  # the package has no types

from agentotel._base.failopen import attempt
from agentotel.distro import instrumentors, process, quiet

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class AgentotelDistro(BaseDistro):  # type: ignore[misc]  # the same
    """The distro: defaults first, then one instrumentor at a time, none of which can stop the others."""

    def _configure(self, **_kwargs: Any) -> None:
        attempt("distro.quiet", quiet.install)
        process.current()

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Load one installed instrumentor, unless an adapter of ours stands for it.

        The launcher stops at the first one that raises; here its failure is logged, counted, and the next one loaded.
        """
        if process.current().left_out is None:
            instrumentors.load(entry_point, kwargs)
