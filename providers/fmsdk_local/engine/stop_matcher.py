"""Stop strings in a text that arrives in pieces. Pure: knows no tokens and no models."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["StopMatcher", "overlap"]


def overlap(text: str, needles: Iterable[str]) -> int:
    """How many characters at the end of `text` could be the beginning of one of `needles`.

    A complete needle does not count: 0 ≤ result < max(len(needle)).
    """
    longest = 0
    for needle in needles:
        for size in range(min(len(needle) - 1, len(text)), longest, -1):
            if text.endswith(needle[:size]):
                longest = size
                break
    return longest


class StopMatcher:
    """Passes text through, up to the stop string that is complete first.

    It holds back what could be the beginning of a stop string until that is decided, so the
    result does not depend on how the text is cut into pieces. `match` is the stop string that
    was met, or None. Neither it nor any text after it is passed on.

    Hidden text (of control tokens) takes part in the match and is never passed on.
    """

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._pending = ""
        self._is_hidden: list[bool] = []  # for each character of `_pending`
        self.match: str | None = None

    def add_text(self, piece: str, *, hidden: bool = False) -> str:
        """Add a piece of text; returns the text that can be passed on."""
        if self.match is not None:
            return ""
        self._pending += piece
        self._is_hidden += [hidden] * len(piece)
        places = ((self._pending.find(stop), stop) for stop in self._stops)
        matches = [(place + len(stop), place, stop) for place, stop in places if place >= 0]
        if matches:
            _, place, self.match = min(matches)
            text = self._take_visible(place)
            self._pending, self._is_hidden = "", []
            return text
        return self._take_visible(len(self._pending) - overlap(self._pending, self._stops))

    def flush(self) -> str:
        """The text that was held back; call it at the end."""
        return self._take_visible(len(self._pending))

    def _take_visible(self, size: int) -> str:
        characters = zip(self._pending[:size], self._is_hidden, strict=False)
        text = "".join(character for character, is_hidden in characters if not is_hidden)
        self._pending, self._is_hidden = self._pending[size:], self._is_hidden[size:]
        return text
