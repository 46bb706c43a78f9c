"""What all tests share: nothing of the machine's own settings, and no silent skips where a run has to be complete."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from agentotel._base import failopen

pytest_plugins = ["backend_programs.fixtures"]

# Time is no property of the code under test: a busy machine must not make an example fail.
settings.register_profile("agentotel", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("agentotel")


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside():
    """Settings of the machine that runs the tests must not decide them."""
    for name in list(os.environ):
        if name.startswith(("OTEL_", "AGENTOTEL_")):
            del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _signals_as_on_a_terminal():
    """Programs under test inherit what is ignored: a run in the background ignores Ctrl-C, one under nohup SIGHUP."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _strictness_stays():
    """A test that has errors of ours raised leaves that to no other one."""
    before = failopen.is_strict()
    yield
    failopen.configure(strict=before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI a test of the real programs that is skipped has failed: it would claim to have tested what it did not."""
    report = yield
    needs_all = item.get_closest_marker("e2e") or item.get_closest_marker("backends")
    if report.skipped and needs_all and os.environ.get("REQUIRE_ALL_TESTS"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report
