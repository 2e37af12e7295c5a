"""The parts of one choice as events, in their order.

Google signs parts (`thoughtSignature`) and wants each signature back in the part it came with,
and signed parts not merged with others. So a signed part is a part of its own here, too. A call
carries its signature as `ToolCall.opaque`; text and media have no such field, so that an empty
`Reasoning` right behind them does. Whatever the caller need not understand (code that Google ran,
its tools' calls and results) is a `Reasoning` that holds the whole part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from fmsdk.hosted.decoding import DecodeContext, base64_bytes, call_id, kept, opaque_of, read
from fmsdk.response import Event, MediaDelta, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta
from fmsdk_google.decode.shapes import PART, Blob, Call, Logprobs, Part

__all__ = ["CandidateState", "token_logprobs"]

_THOUGHT = opaque_of({"thought": True})
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SAMPLES = re.compile(r"audio/(l16|pcm)", re.IGNORECASE)


class CandidateState:
    """One choice in the making: its parts so far, and how it ended."""

    __slots__ = (
        "_choice",
        "_context",
        "_goes_on",
        "_index",
        "_open",
        "calls",
        "finish_message",
        "finish_reason",
    )

    def __init__(self, context: DecodeContext, choice: int) -> None:
        self.calls = 0
        self.finish_reason: str | None = None
        self.finish_message: str | None = None
        self._context = context
        self._choice = choice
        self._index = -1
        self._open: str | None = None
        self._goes_on = False

    def events(
        self, raw: msgspec.Raw, response_id: str | None, *, is_first: bool
    ) -> Iterator[Event]:
        """The events of one part; `is_first`: it begins a chunk. Raises InvalidResponse."""
        part = read(PART, raw, self._context.error_mapper)
        self._goes_on = is_first and self._open == "thought"
        signature = part.thought_signature
        if part.function_call is not None:
            yield self._called(part.function_call, signature, response_id)
        elif part.inline_data is not None and not part.thought and _kind(part.inline_data):
            yield self._media(part.inline_data, signature)
            if signature is not None:
                yield self._signature({"thoughtSignature": signature})
        elif part.text is not None or (signature is not None and self._is_bare(raw)):
            yield from self._said(part, signature)
        elif bytes(raw).strip() not in (b"{}", b"null"):
            yield self._reasoning("", kept(raw, self._context.error_mapper))

    @property
    def is_empty(self) -> bool:
        """Whether there was no part."""
        return self._index < 0

    def text_index(self) -> int:
        """The index of the text that further text would go to."""
        return self._joined("text")

    def _said(self, part: Part, signature: str | None) -> Iterator[Event]:
        text = part.text or ""
        if part.thought and signature is not None:
            # Of a thought that comes in pieces the last is signed, for all of it.
            index = self._joined("thought") if self._goes_on else self._apart()
            self._open = None
            opaque = opaque_of({"thought": True, "thoughtSignature": signature})
            yield ReasoningDelta(text, index, self._choice, self._context.request.provider, opaque)
        elif part.thought:
            opaque = None if self._open == "thought" else _THOUGHT
            index, provider = self._joined("thought"), self._context.request.provider
            yield ReasoningDelta(text, index, self._choice, provider, opaque)
        elif signature is None:
            if text:
                yield TextDelta(text, self._joined("text"), self._choice)
        elif text:
            yield TextDelta(text, self._apart(), self._choice)
            yield self._signature({"thoughtSignature": signature})
        else:
            yield self._signature({"text": "", "thoughtSignature": signature})

    def _called(self, call: Call, signature: str | None, response_id: str | None) -> Event:
        if call.partial_args is not None:
            what = "a function call in pieces; leave streamFunctionCallArguments off"
            raise self._context.error_mapper.invalid(what)
        id = call_id(call.id, self.calls, response_id)  # AI Studio's older models send none
        self.calls += 1
        arguments = kept(call.args, self._context.error_mapper)
        return ToolCallDelta(
            self._apart(),
            id,
            call.name or "",
            "" if arguments == "null" else arguments,
            self._choice,
            None if signature is None else self._context.request.provider,
            None if signature is None else opaque_of({"thoughtSignature": signature}),
        )

    def _media(self, blob: Blob, signature: str | None) -> Event:
        data = base64_bytes(blob.data, self._context.error_mapper)
        # Samples without a header, as speech is streamed, are one recording; files are not.
        joins = signature is None and _SAMPLES.match(blob.mime_type) is not None
        index = self._joined(blob.mime_type) if joins else self._apart()
        is_audio = blob.mime_type.startswith("audio/")
        return MediaDelta(
            "audio" if is_audio else "image", data, blob.mime_type, index, self._choice
        )

    def _is_bare(self, raw: msgspec.Raw) -> bool:
        """Whether a part holds a signature and no more."""
        names = read(_FIELDS, raw, self._context.error_mapper).keys()
        return names <= {"thoughtSignature", "thought"}

    def _signature(self, fields: dict[str, str]) -> Event:
        return self._reasoning("", opaque_of(fields))

    def _reasoning(self, text: str, opaque: str) -> Event:
        return ReasoningDelta(
            text, self._apart(), self._choice, self._context.request.provider, opaque
        )

    def _joined(self, kind: str) -> int:
        """The index of the part that goes on; a new one where the last was of another kind."""
        if self._open != kind:
            self._index += 1
            self._open = kind
        return self._index

    def _apart(self) -> int:
        """The index of a part that nothing is added to."""
        self._index += 1
        self._open = None
        return self._index


def token_logprobs(told: object) -> tuple[TokenLogprob, ...]:
    """The wire's token probabilities as fmsdk's. None of those of another shape, which are no
    reason to refuse an answer."""
    try:
        found = msgspec.convert(told, Logprobs)
    except msgspec.ValidationError:
        return ()
    if not found.chosen_candidates:
        return ()
    chosen = found.chosen_candidates
    tops = [top.candidates or () for top in found.top_candidates or ()]
    tops += [()] * (len(chosen) - len(tops))
    return tuple(
        TokenLogprob(
            one.token, one.log_probability, tuple((t.token, t.log_probability) for t in top)
        )
        for one, top in zip(chosen, tops, strict=False)
    )


def _kind(blob: Blob) -> bool:
    """Whether it is media of a kind that an answer of fmsdk's has."""
    return blob.mime_type.startswith(("image/", "audio/"))
