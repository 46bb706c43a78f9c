"""What may leave of the content of prompts, answers and tool calls: whether, how much, and without secrets."""

from agentotel.privacy.budgets import ByteBudget, SpanBudget, truncate
from agentotel.privacy.content import Captured, capture, redact_value, serialise
from agentotel.privacy.fingerprint import hash_text
from agentotel.privacy.policy import ContentPolicy
from agentotel.privacy.redaction import Redactor
from agentotel.privacy.scrub import Scrubber, is_content, scrub_attributes

__all__ = [
    "ByteBudget",
    "Captured",
    "ContentPolicy",
    "Redactor",
    "Scrubber",
    "SpanBudget",
    "capture",
    "hash_text",
    "is_content",
    "redact_value",
    "scrub_attributes",
    "serialise",
    "truncate",
]
