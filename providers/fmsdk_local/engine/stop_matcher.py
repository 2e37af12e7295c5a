"""Stop strings in a text that arrives in pieces. Pure: knows no tokens and no models."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["StopMatcher", "overlap"]


def overlap(text: str, needles: Iterable[str]) -> int:
    """How many characters at the end of `text` could be the beginning of one of `needles`.

    The whole of a needle does not count: 0 ≤ result < max(len(needle)).
    """
    longest = 0
    for needle in needles:
        for size in range(min(len(needle) - 1, len(text)), longest, -1):
            if text.endswith(needle[:size]):
                longest = size
                break
    return longest


class StopMatcher:
    """Passes text through up to the stop string that is complete first, which is not passed on.

    What could be the beginning of a stop string is held back until that is decided, so the
    result does not depend on how the text is cut into pieces. `found` is the stop string met,
    or None; nothing is passed on after it.
    """

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.found: str | None = None

    def feed(self, piece: str) -> str:
        """Take a piece of text in; returns what may be shown now."""
        if self.found is not None:
            return ""
        text = self._held + piece
        places = ((text.find(stop), stop) for stop in self._stops)
        hits = [(place + len(stop), place, stop) for place, stop in places if place >= 0]
        if hits:
            _, place, self.found = min(hits)
            self._held = ""
            return text[:place]
        shown = len(text) - overlap(text, self._stops)
        self._held = text[shown:]
        return text[:shown]

    def flush(self) -> str:
        """The text held back; nothing more will come."""
        held, self._held = self._held, ""
        return held
