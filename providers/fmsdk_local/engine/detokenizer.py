"""From token ids to text while they arrive, one at a time. Knows no model.

A token may be a part of a character, and its text depends on its neighbours (leading spaces). So
a short window is decoded with and without the new token, and the difference is the new text;
vLLM and text-generation-inference do the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

__all__ = ["Detokenizer"]

_INCOMPLETE_CHARACTER = "\ufffd"


class Detokenizer:
    """Turns ids into text piece by piece; the pieces joined are the text of all ids.

    Args:
        decode: the text of a list of ids, special tokens included.
        skipped_ids: ids that have no text (special tokens).
    """

    def __init__(
        self, decode: Callable[[list[int]], str], skipped_ids: Collection[int] = ()
    ) -> None:
        self._decode = decode
        self._skipped_ids = skipped_ids
        self._ids: list[int] = []
        self._emitted_ids = 0  # ids whose text was returned
        self._window = 0  # first id of the window

    def add_token(self, token: int) -> str:
        """Add an id; returns the text that is complete with it, often empty."""
        if token in self._skipped_ids:
            return ""
        self._ids.append(token)
        before = self._decode(self._ids[self._window : self._emitted_ids])
        text = self._decode(self._ids[self._window :])
        # A character cut in the middle decodes to U+FFFD at the end: wait for its other bytes.
        if len(text) <= len(before) or text.endswith(_INCOMPLETE_CHARACTER):
            return ""
        self._window, self._emitted_ids = self._emitted_ids, len(self._ids)
        return text[len(before) :]

    def flush(self) -> str:
        """The rest of the text, incomplete characters included; call it at the end."""
        before = self._decode(self._ids[self._window : self._emitted_ids])
        text = self._decode(self._ids[self._window :])
        self._window = self._emitted_ids = len(self._ids)
        return text[len(before) :]
