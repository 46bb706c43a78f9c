"""The configurator that OpenTelemetry's launcher loads second: it starts the recording.

Importing it imports the SDK, which reads the environment: `agentotel.distro.process` has cleaned it by then.
"""

from __future__ import annotations

import logging
from typing import Any

from agentotel._base.failopen import attempt
from agentotel.distro import process

_logger = logging.getLogger("agentotel")


class AgentotelConfigurator:
    """Builds the providers and connects adapters, discovery and logs to them."""

    def configure(self, auto_instrumentation_version: str | None = None, **_kwargs: Any) -> None:
        """Start agentotel in this process.

        Args:
            auto_instrumentation_version: Of the launcher, for the resource.
        """
        here = process.current()
        if here.left_out is not None:
            _logger.debug("agentotel: nothing is recorded: %s", here.left_out)
            return
        # Here and not at the top: a process that is left out does not pay for the SDK.
        from agentotel.distro import wiring  # noqa: PLC0415

        attempt("distro.start", wiring.start, here.settings, auto_instrumentation_version)
