"""Tokens of media before they are sent, by the vendors' rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fmsdk.errors import QuoteUnavailable
from fmsdk.provider import Platform
from fmsdk.request import Request
from fmsdk.usage import Range

__all__ = ["MediaTokens", "media_tokens"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaTokens:
    """What one medium is billed as.

    tokens: its own, without `text`. ceiling: a hard bound on them; None: there is none. basis: how
    they are known. text: what the vendor reads out of the medium and bills as text (a PDF's text
    layer, a text file's content).
    """

    modality: Literal["image", "audio", "video", "document"]
    tokens: Range[int]
    ceiling: int | None
    basis: Literal["rule", "ratio", "processor"]
    text: str = ""


def media_tokens(request: Request, platform: Platform | None) -> list[MediaTokens]:
    """The tokens of each medium, in the order of `request.media()`.

    Raises:
        QuoteUnavailable: the size of a medium is unknown before it is sent.
    """
    for part in request.media():
        raise QuoteUnavailable(
            f"the tokens of this {part.kind} ({part.describe()}) are unknown before "
            "it is sent: quotes for media are not in this version; send it, or leave it out",
            provider=request.provider,
            model=request.model,
        )
    return []
