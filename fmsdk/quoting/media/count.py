"""What a rule is asked and what it answers: `Question` and `MediaTokens`; and what all rules share,
such as the size of a picture as the vendor sees it.

Every vendor's rule for pictures is symmetric in width and height. So a count does not depend on the
EXIF orientation, and it does not matter who turns the picture.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn

from fmsdk.content import Audio, Document, Image, MediaPart, Video
from fmsdk.errors import InvalidMedia, QuoteUnavailable
from fmsdk.image_size import Size, size_within
from fmsdk.media.header import Header
from fmsdk.media.source import BytesSource, PathSource
from fmsdk.provider import ImageLimits
from fmsdk.usage import Range

__all__ = ["MediaTokens", "Question"]

MediaModality = Literal["image", "audio", "video", "document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaTokens:
    """The input tokens of one media part.

    tokens: without those of `text`. ceiling: a bound that no bill exceeds; None: there is none.
    basis: "rule" (the vendor's, documented or seen on every bill), "ratio" (a guess by size) or
        "processor" (counted by the code of a local model).
    text: what the vendor reads out of the medium and bills as text: the text of a PDF's pages, the
        content of a text file.
    """

    modality: MediaModality
    tokens: Range[int]
    ceiling: int | None
    basis: Literal["rule", "ratio", "processor"] = "rule"
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A part and what a rule needs to know of its request.

    model: the plain name, in lower case: "gpt-4o" also of "openai/gpt-4o". alone: the request has
    no other picture and no other page. in_result: the part is inside a tool result. options: the
    request's. limits: of pictures, to which the pipeline makes them smaller.
    """

    part: MediaPart
    provider: str
    model: str
    platform: str | None
    alone: bool = True
    in_result: bool = False
    options: Any = None
    limits: ImageLimits | None = None

    def answer(
        self,
        expected: int,
        *,
        also: Iterable[int] = (),
        ceiling: int | None,
        basis: Literal["rule", "ratio"] = "rule",
        text: str = "",
    ) -> MediaTokens:
        """The count; `also` are others that are possible. The ceiling is at least the largest."""
        counts = (expected, *also)
        high = max(counts)
        return MediaTokens(
            modality=self.part.kind,
            tokens=Range(min(counts), expected, high),
            ceiling=None if ceiling is None else max(ceiling, high),
            basis=basis,
            text=text,
        )

    def header(self) -> Header:
        """The part's header. Raises QuoteUnavailable: its bytes are elsewhere, or broken."""
        try:
            header = self.part.header
        except InvalidMedia as error:
            self.refuse(f"cannot be read ({error.message})")
        if header is None:
            self.refuse("is elsewhere, so that its size is unknown: pass the file or its bytes")
        return header

    def picture_size(self) -> Size:
        """(width, height) in pixels as sent: after the pipeline made it small enough.

        Raises:
            QuoteUnavailable: the size is unknown.
        """
        header = self.header()
        if header.width is None or header.height is None:
            self.refuse("does not tell its size in pixels: send it as JPEG or PNG")
        size = (header.width, header.height)
        limits = self.limits or ImageLimits()
        if isinstance(self.part, Image) and self.part.max_side is not None:
            side = min(self.part.max_side, limits.max_side or self.part.max_side)
            limits = replace(limits, max_side=side)
        return size_within(size, limits)

    def is_recoded(self) -> bool:
        """Whether the picture's file is too large for the vendor, so that the pipeline makes it
        smaller until it fits, to a size that nobody knows before."""
        source: object = self.part.source
        most = self.limits and self.limits.max_bytes
        if not most or not isinstance(source, PathSource | BytesSource):
            return False
        with source.open() as file:
            return file.seek(0, os.SEEK_END) > most

    def seconds(self) -> float:
        """The length of a recording or film. Raises QuoteUnavailable: it is unknown."""
        seconds = self.header().seconds
        if seconds is None:
            kind = self.part.kind
            better_format = "WAV, MP3 or M4A" if kind == "audio" else "MP4"
            self.refuse(f"does not tell its length: send the {kind} as {better_format}")
        return seconds

    def refuse(self, why: str) -> NoReturn:
        """Raise QuoteUnavailable, which names the part."""
        part: Image | Audio | Video | Document = self.part
        raise QuoteUnavailable(
            f"the tokens of this {part.kind} are unknown before it is sent: {part.describe()} "
            f"{why}; or leave it out of the quote",
            provider=self.provider,
            model=self.model,
        )
