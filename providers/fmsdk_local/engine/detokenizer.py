"""From token ids to text while they arrive, one at a time.

A token may be a part of a character, and how it reads depends on its neighbours (leading
spaces), so a short window is decoded with and without the new token, and the difference is
the new text; vLLM and text-generation-inference do the same. Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

__all__ = ["Detokenizer"]

_BROKEN = "\ufffd"


class Detokenizer:
    """Turns ids into text piece by piece; the pieces joined are the text of all ids.

    Args:
        decode: the text of a list of ids, special tokens included.
        hidden: ids that have no text (special tokens).
    """

    def __init__(self, decode: Callable[[list[int]], str], hidden: Collection[int] = ()) -> None:
        self._decode = decode
        self._hidden = hidden
        self._ids: list[int] = []
        self._shown = 0  # ids whose text went out
        self._start = 0  # first id of the window

    def add(self, token: int) -> str:
        """Take an id in; returns the text that is complete now, often empty."""
        if token in self._hidden:
            return ""
        self._ids.append(token)
        before = self._decode(self._ids[self._start : self._shown])
        text = self._decode(self._ids[self._start :])
        # A character cut in the middle decodes to U+FFFD at the end: wait for its other bytes.
        if len(text) <= len(before) or text.endswith(_BROKEN):
            return ""
        self._start, self._shown = self._shown, len(self._ids)
        return text[len(before) :]

    def flush(self) -> str:
        """The text held back, broken characters included; nothing more will come."""
        before = self._decode(self._ids[self._start : self._shown])
        text = self._decode(self._ids[self._start :])
        self._start = self._shown = len(self._ids)
        return text[len(before) :]
