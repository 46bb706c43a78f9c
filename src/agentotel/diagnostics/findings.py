"""What a diagnosis consists of: one finding per thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        section: The part of the diagnosis that it belongs to.
        subject: What was looked at.
        status: ``error`` means that something which was asked for does not work.
        detail: What was found, and what to do about it where something is wrong.
    """

    section: str
    subject: str
    status: Status
    detail: str
