"""The channels of gpt-oss: OpenAI's Harmony format (https://github.com/openai/harmony). Pure.

An answer is a sequence of messages, `<|channel|>NAME<|message|>TEXT<|end|>`, with
`<|start|>assistant` between them. "analysis" is reasoning, "final" and "commentary" are text for
the user; a message to a recipient, `to=functions.NAME`, is a tool call.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from fmsdk_local.decode.calls import read_arguments
from fmsdk_local.decode.events import Delta, EventWriter

__all__ = ["HARMONY_TAGS", "HarmonyDecoder"]

_CHANNEL, _MESSAGE = "<|channel|>", "<|message|>"
_ENDS = ("<|end|>", "<|call|>", "<|return|>", "<|start|>", _CHANNEL)
# Control tokens within an answer, whose text must be decoded nevertheless.
HARMONY_TAGS = (_CHANNEL, _MESSAGE, "<|end|>", "<|start|>", "<|constrain|>")
# A header begins with one of these; the prompt has `<|start|>assistant` of the first one.
_HEADER_STARTS = (*HARMONY_TAGS, "to=", "assistant")


class HarmonyDecoder(EventWriter):
    """Decodes an answer in channels, piece by piece, into events.

    Args:
        tools: names of the tools that the model may call.
    """

    def __init__(self, tools: Collection[str] = ()) -> None:
        super().__init__(tools)
        self._header: str | None = ""  # None: within a message
        self._channel = ""
        self._recipient = ""

    def _decode_buffer(self, *, is_end: bool) -> Iterator[Delta]:
        while self._decode_header(is_end):
            places = [(self._buffer.find(tag), tag) for tag in _ENDS if tag in self._buffer]
            if places:
                place, tag = min(places)
                text, rest = self._buffer[:place], self._buffer[place:]
                self._header = ""
                self._buffer = rest if tag == _CHANNEL else rest.removeprefix(tag)
            elif self._recipient and not is_end:
                return
            else:
                text = self._take_text_before(_ENDS, is_end)
            yield from self._message_deltas(text)
            if not places:
                return

    def _decode_header(self, is_end: bool) -> bool:
        """Read the header of the next message; returns whether its text has begun."""
        if self._header is None:
            return True
        header, tag, rest = self._buffer.partition(_MESSAGE)
        if not tag:
            text = header.lstrip()
            # A model that was taught otherwise may write text without a header.
            starts = (text.startswith(start) or start.startswith(text) for start in _HEADER_STARTS)
            if is_end and _CHANNEL not in text:
                self._buffer = re.sub(r"^assistant$|^<\|start\|>assistant|<\|\w+\|>", "", text)
            elif not text or any(starts):
                return False
            header, rest = "", self._buffer
        self._header = None
        self._buffer = rest
        self._kind = None  # each message is a part of its own
        channel = re.search(r"<\|channel\|>\s*(\w+)", header)
        recipient = re.search(r"\bto=([^\s<]+)", header)
        self._channel = channel[1] if channel else "final"
        self._recipient = recipient[1] if recipient else ""
        return True

    def _message_deltas(self, text: str) -> Iterator[Delta]:
        if self._recipient:
            name = self._recipient.removeprefix("functions.")
            arguments = read_arguments(text)
            if arguments is not None and name in self._tools:
                yield from self._call_deltas([(name, arguments)])
                return
            self._warn_of_unreadable_call()
        if not text:
            return
        if self._channel == "analysis" and not self._recipient:
            yield self._reasoning_delta(text)
        else:
            yield self._text_delta(text)
