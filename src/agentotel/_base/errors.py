"""The exceptions that agentotel raises to whoever uses its own interface (never to an instrumented program)."""

from __future__ import annotations


class AgentotelError(Exception):
    """Base of every exception that agentotel raises on purpose."""


class SettingError(AgentotelError):
    """A setting whose value cannot be used.

    Args:
        setting: The name by which the user knows it, such as ``AGENTOTEL_CARDINALITY_LIMIT``.
        value: What was found, as text.
        expected: What would have been accepted, as a phrase ("a whole number from 1 to 100000").
    """

    def __init__(self, setting: str, value: str, expected: str) -> None:
        super().__init__(f"{setting}={printable(value)}: expected {expected}")
        self.setting = setting
        self.value = value
        self.expected = expected


class TargetError(AgentotelError):
    """A target of instrumentation (module, class or method) that cannot be resolved; the message says why."""


def printable(value: object, limit: int = 200) -> str:
    """Return `value` as one line that is safe in a log: control characters escaped, at most `limit` characters.

    Use it wherever text that agentotel did not write enters one of its own messages.
    """
    text = value if isinstance(value, str) else str(value)
    shown = (
        text[:limit].encode("unicode_escape", "backslashreplace").decode("ascii")
        if not text[:limit].isprintable()
        else text[:limit]
    )
    return f"{shown}... ({len(text)} characters)" if len(text) > limit else shown
