"""Where a figure of the tables comes from, and how much it is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

__all__ = ["Confidence", "Group", "Origin"]

Confidence = Literal["D", "S", "?"]
_DOUBTS: dict[Confidence, str] = {"D": "", "S": "second-hand", "?": "unverified"}


@dataclass(frozen=True, slots=True)
class Origin:
    """A source, the day it was looked at, and a letter: D the vendor's own documentation,
    S second-hand, ? unverified."""

    source: str
    checked: date
    confidence: Confidence = "D"

    @property
    def doubt(self) -> str:
        """Why not to rely on it ("second-hand", "unverified"); nothing where the vendor says so
        itself."""
        return _DOUBTS[self.confidence]


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the rows of a table that stand together have in common."""

    source: str
    checked: date
    confidence: Confidence

    @property
    def origin(self) -> Origin:
        """The origin of each of its rows."""
        return Origin(self.source, self.checked, self.confidence)
