"""The configurator that the launcher loads second."""

from __future__ import annotations

import pytest

from agentotel.config.load import load_settings
from agentotel.distro import process, wiring
from agentotel.distro.configurator import AgentotelConfigurator
from agentotel.distro.process import Process


@pytest.fixture
def started(monkeypatch):
    """Remember with what recording was started."""
    calls = []
    monkeypatch.setattr(wiring, "start", lambda *arguments: calls.append(arguments))
    return calls


def test_recording_is_started_with_the_settings_of_the_process(monkeypatch, started):
    """The launcher's version is handed on; arguments that a later launcher may pass do no harm."""
    settings = load_settings({})
    monkeypatch.setattr(process, "_current", Process(settings, None))
    AgentotelConfigurator().configure(auto_instrumentation_version="0.65b0", something_new=True)
    assert started == [(settings, "0.65b0")]


def test_a_process_that_is_left_out_starts_nothing(monkeypatch, started):
    """Nothing is built for it."""
    monkeypatch.setattr(process, "_current", Process(load_settings({}), "OTEL_SDK_DISABLED is set"))
    AgentotelConfigurator().configure()
    assert started == []


def test_a_process_that_is_left_out_does_not_pay_for_the_sdk(run_program):
    """Not even its import."""
    source = """
        import sys
        from agentotel.distro.configurator import AgentotelConfigurator
        AgentotelConfigurator().configure()
        print([name for name in sys.modules if name.startswith("opentelemetry.sdk")])
    """
    assert run_program(source, OTEL_SDK_DISABLED="true").stdout.strip() == "[]"
