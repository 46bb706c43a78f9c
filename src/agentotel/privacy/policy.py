"""Whether content is recorded, and on which signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agentotel._base.errors import SettingError

SETTING: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

_MODES: Final = {
    "no_content": (False, False),
    "span_only": (True, False),
    "event_only": (False, True),
    "span_and_event": (True, True),
    # The form that older instrumentations know. Where they put content was their choice: spans are the place
    # where this product shows it.
    "true": (True, False),
    "1": (True, False),
    "false": (False, False),
    "0": (False, False),
    "": (False, False),
}


@dataclass(frozen=True, slots=True)
class ContentPolicy:
    """Where content (prompts, answers, tool arguments and results, exception messages) may be recorded.

    Attributes:
        on_spans: As attributes of spans.
        on_events: As attributes of log records.
    """

    on_spans: bool = False
    on_events: bool = False

    @property
    def records(self) -> bool:
        """Whether content is recorded anywhere."""
        return self.on_spans or self.on_events

    @classmethod
    def parse(cls, value: str) -> ContentPolicy:
        """Return the policy that a value of ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` stands for.

        Raises:
            SettingError: The value is none of the known ones.
        """
        mode = _MODES.get(value.strip().lower())
        if mode is None:
            expected = "one of NO_CONTENT, SPAN_ONLY, EVENT_ONLY, SPAN_AND_EVENT, true, false"
            raise SettingError(SETTING, value, expected)
        return cls(*mode)
