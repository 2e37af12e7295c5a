"""Where a figure of the tables comes from, and how reliable it is."""

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
    """A source, the date when it was checked, and a letter: D for the vendor's own documentation,
    S for second-hand, ? for unverified."""

    source: str
    checked: date
    confidence: Confidence = "D"

    @property
    def doubt(self) -> str:
        """Why not to rely on it ("second-hand", "unverified"); "" where the vendor documents it."""
        return _DOUBTS[self.confidence]


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the rows of one group in a table have in common."""

    source: str
    checked: date
    confidence: Confidence

    @property
    def origin(self) -> Origin:
        """The origin of each of its rows."""
        return Origin(self.source, self.checked, self.confidence)
