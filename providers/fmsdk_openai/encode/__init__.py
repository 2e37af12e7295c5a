"""From a `Request` to the body of one of OpenAI's two APIs. Pure: no I/O but reading media.

One encoder per API serves plain and streamed answers. What a wire cannot carry raises
`UnsupportedContent` or `UnsupportedSetting`, or leaves a warning; nothing is dropped in silence.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from fmsdk.content import Audio
from fmsdk.errors import BadRequestError
from fmsdk.request import Request
from fmsdk.response import Warning
from fmsdk_openai.encode.chat import chat_body
from fmsdk_openai.encode.draft import Draft
from fmsdk_openai.encode.responses import MIN_OUTPUT_TOKENS, responses_body
from fmsdk_openai.options import Api

__all__ = ["Encoded", "encode", "route"]

_ENCODER = msgspec.json.Encoder(enc_hook=dict)
"""Tool parameters may be any Mapping; all else a body is made of is plain."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A request as it goes out. `body` is JSON; `audio_mime` what a spoken answer would be."""

    api: Api
    body: bytes
    warnings: tuple[Warning, ...]
    audio_mime: str


def encode(request: Request, *, official: bool, api: Api | None, stream: bool) -> Encoded:
    """The body for `request`.

    Args:
        official: whether the server is OpenAI's own, whose dialect differs in places.
        api: the API the user pinned; None routes by what the request holds.

    Raises:
        BadRequestError: something that no JSON can carry, or another provider's options.
        UnsupportedContent, UnsupportedSetting: what the API cannot carry.
    """
    draft = Draft(request, official=official, stream=stream)
    chosen = route(request, official=official, api=api)
    body = (chat_body if chosen == "chat" else responses_body)(draft)
    for name, value in draft.options.extra_body.items():
        if value is None:
            body.pop(name, None)
        else:
            body[name] = value
    try:
        return Encoded(chosen, _ENCODER.encode(body), draft.warnings(), draft.audio_mime)
    except (TypeError, ValueError) as error:
        raise BadRequestError(f"the request cannot be written as JSON: {error}") from error


def route(request: Request, *, official: bool, api: Api | None) -> Api:
    """Which API takes this request: the pinned one; for other servers than OpenAI's Chat
    Completions; else Responses, unless the request holds what that API lacks."""
    if api is not None:
        return api
    settings = request.settings
    only_chat = (
        not official
        or settings.stop
        or settings.seed is not None
        or settings.choices > 1
        or "audio" in settings.modalities
        or (settings.max_output_tokens or MIN_OUTPUT_TOKENS) < MIN_OUTPUT_TOKENS
        or any(isinstance(part, Audio) for part in request.media())
    )
    return "chat" if only_chat else "responses"
