"""The parts of one choice as events, in their order.

Google signs parts (`thoughtSignature`). It wants each signature back in the part it came with,
and signed parts must not be merged with others. So a signed part is a part of its own here, too. A
call holds its signature as `ToolCall.opaque`; text and media have no such field, so that an empty
`Reasoning` right behind them holds it. Parts that the caller need not understand (code that
Google ran, its tools' calls and results) become a `Reasoning` that holds the whole part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from fmsdk.hosted.decoding import (
    DecodeContext,
    compact_json,
    decode_base64,
    decode_json,
    encode_opaque,
    tool_call_id,
)
from fmsdk.response import Event, MediaDelta, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta
from fmsdk_google.decode.response_types import PART, Blob, FunctionCall, Logprobs, Part

__all__ = ["CandidateState", "decode_logprobs"]

_THOUGHT = encode_opaque({"thought": True})
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SAMPLES = re.compile(r"audio/(l16|pcm)", re.IGNORECASE)


class CandidateState:
    """One choice that is still coming: its parts so far, and how it ended."""

    __slots__ = (
        "_choice",
        "_context",
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

    def decode_part(
        self, raw: msgspec.Raw, response_id: str | None, *, is_first: bool
    ) -> Iterator[Event]:
        """The events of one part; `is_first`: of its chunk. Raises InvalidResponse."""
        part = decode_json(PART, raw, self._context.error_mapper)
        signature = part.thought_signature
        if part.function_call is not None:
            yield self.decode_tool_call(part.function_call, signature, response_id)
        elif (
            part.inline_data is not None
            and not part.thought
            and part.inline_data.mime_type.startswith(("image/", "audio/"))
        ):
            yield self.decode_media(part.inline_data, signature)
            if signature is not None:
                yield self._opaque_reasoning(encode_opaque({"thoughtSignature": signature}))
        elif part.text is not None or (
            signature is not None  # and nothing but it
            and decode_json(_FIELDS, raw, self._context.error_mapper).keys()
            <= {"thoughtSignature", "thought"}
        ):
            yield from self.decode_text(part, signature, is_first=is_first)
        elif bytes(raw).strip() not in (b"{}", b"null"):
            yield self._opaque_reasoning(compact_json(raw, self._context.error_mapper))

    def decode_text(self, part: Part, signature: str | None, *, is_first: bool) -> Iterator[Event]:
        text = part.text or ""
        if part.thought:
            yield self.decode_reasoning(text, signature, is_first=is_first)
        elif signature is None:
            if text:
                yield TextDelta(text, self.open_index("text"), self._choice)
        elif text:
            yield TextDelta(text, self._closed_index(), self._choice)
            yield self._opaque_reasoning(encode_opaque({"thoughtSignature": signature}))
        else:
            yield self._opaque_reasoning(encode_opaque({"text": "", "thoughtSignature": signature}))

    def decode_reasoning(self, text: str, signature: str | None, *, is_first: bool) -> Event:
        provider = self._context.request.provider
        is_open = self._open == "thought"
        if signature is None:
            opaque = None if is_open else _THOUGHT
            index = self.open_index("thought")
            return ReasoningDelta(text, index, self._choice, provider, opaque)
        # Google signs the last of the pieces of a thought that come in several chunks.
        index = self._index if is_open and is_first else self._closed_index()
        self._open = None
        opaque = encode_opaque({"thought": True, "thoughtSignature": signature})
        return ReasoningDelta(text, index, self._choice, provider, opaque)

    def decode_tool_call(
        self, call: FunctionCall, signature: str | None, response_id: str | None
    ) -> Event:
        error_mapper = self._context.error_mapper
        if call.partial_args is not None:
            what = "a function call in pieces; leave streamFunctionCallArguments off"
            raise error_mapper.invalid(what)
        # AI Studio's older models send no id.
        id = tool_call_id(call.id, self.calls, response_id)
        self.calls += 1
        arguments = compact_json(call.args, error_mapper)
        return ToolCallDelta(
            self._closed_index(),
            id,
            call.name or "",
            "" if arguments == "null" else arguments,
            self._choice,
            None if signature is None else self._context.request.provider,
            None if signature is None else encode_opaque({"thoughtSignature": signature}),
        )

    def decode_media(self, blob: Blob, signature: str | None) -> Event:
        data = decode_base64(blob.data, self._context.error_mapper)
        # Samples without a header, as speech is streamed, are one recording; files are not.
        is_piece = signature is None and _SAMPLES.match(blob.mime_type) is not None
        index = self.open_index(blob.mime_type) if is_piece else self._closed_index()
        is_audio = blob.mime_type.startswith("audio/")
        return MediaDelta(
            "audio" if is_audio else "image", data, blob.mime_type, index, self._choice
        )

    def _opaque_reasoning(self, opaque: str) -> Event:
        provider = self._context.request.provider
        return ReasoningDelta("", self._closed_index(), self._choice, provider, opaque)

    def open_index(self, kind: str) -> int:
        """The index of the open part of this kind; a new one where the last part is another."""
        if self._open != kind:
            self._index += 1
            self._open = kind
        return self._index

    def _closed_index(self) -> int:
        """The index of a new part to which nothing is added."""
        self._index += 1
        self._open = None
        return self._index


def decode_logprobs(raw: object) -> tuple[TokenLogprob, ...]:
    """The token probabilities of a chunk. None of those of another shape, which are no reason to
    refuse an answer."""
    try:
        logprobs = msgspec.convert(raw, Logprobs)
    except msgspec.ValidationError:
        return ()
    if not logprobs.chosen_candidates:
        return ()
    tokens = logprobs.chosen_candidates
    tops = [top.candidates or () for top in logprobs.top_candidates or ()]
    tops += [()] * (len(tokens) - len(tops))
    return tuple(
        TokenLogprob(
            one.token, one.log_probability, tuple((t.token, t.log_probability) for t in top)
        )
        for one, top in zip(tokens, tops, strict=False)
    )
