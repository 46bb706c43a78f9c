"""What OpenTelemetry's launcher loads: the distro and its configurator, which wire the parts once per process."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.instrumentation.distro import BaseDistro
from opentelemetry.sdk._configuration import _OTelSDKConfigurator

from agentotel._base import failopen
from agentotel._base.failopen import attempt
from agentotel.config.load import load
from agentotel.distro import defaults, instrumentors, quiet, wiring

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from agentotel.config.load import Loaded

_logger = logging.getLogger("agentotel")


class _Process:
    """What is known about this process: read once, by whichever of the two classes below comes first.

    The SDK makes the distro and the configurator separately, so what they share stands here.
    """

    loaded: Loaded | None = None
    left_out: str | None = None

    @classmethod
    def load(cls) -> Loaded:
        if cls.loaded is None:
            defaults.apply()
            is_child = defaults.is_child_process()
            cls.loaded = load()
            settings = cls.loaded.settings
            failopen.configure(strict=settings.strict)
            _logger.setLevel(settings.log_level)
            if settings.sdk_disabled:
                cls.left_out = "OTEL_SDK_DISABLED is set"
            elif is_child and not settings.child_processes:
                cls.left_out = "AGENTOTEL_CHILD_PROCESSES is off and this is a child process"
            else:
                for problem in cls.loaded.problems:
                    _logger.warning("agentotel: %s", problem)
        return cls.loaded


class AgentotelDistro(BaseDistro):
    """The distro: defaults first, then one instrumentor at a time, none of which can stop the others."""

    def _configure(self, **_kwargs: Any) -> None:
        attempt("distro.quiet", quiet.install)
        _Process.load()

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Load one installed instrumentor, unless an adapter of ours stands for it.

        The launcher stops at the first one that raises; here its failure is logged, counted, and the next one loaded.
        """
        if _Process.left_out is None:
            instrumentors.load(entry_point, kwargs)


class AgentotelConfigurator(_OTelSDKConfigurator):
    """The configurator: builds the providers and connects adapters, discovery and logs to them."""

    def _configure(self, **kwargs: Any) -> None:
        loaded = _Process.load()
        if _Process.left_out is not None:
            _logger.debug("agentotel: nothing is recorded: %s", _Process.left_out)
            return
        wiring.start(loaded.settings, kwargs.get("auto_instrumentation_version"))


__all__: Final = ["AgentotelConfigurator", "AgentotelDistro"]
