"""What a decoder needs besides the bytes."""

from __future__ import annotations

from dataclasses import dataclass

from fmsdk.hosted.decoding import DecodeContext
from fmsdk_openai.server_dialect import Api, Charge

__all__ = ["OpenAIDecodeContext"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIDecodeContext(DecodeContext):
    """What is known before the body comes.

    api: the API that answers. audio_mime: the media type of a spoken answer. charge: the field of
    the usage in which the server says what it charged.
    """

    api: Api
    audio_mime: str = "audio/wav"
    charge: Charge | None = None
