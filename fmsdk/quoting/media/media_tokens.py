"""The tokens of a request's media, by the rules of the vendor that made the model: `media_tokens`.

The vendor is known by the provider's name, or on a server with models of many vendors by the
model's. Nothing is fetched, and no picture is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress

from fmsdk.content import Image, MediaPart, ToolResult
from fmsdk.errors import InvalidMedia
from fmsdk.image_size import limits_for
from fmsdk.provider import ImageLimits, Platform
from fmsdk.quoting.media import anthropic, google, open_models, openai
from fmsdk.quoting.media.count import MediaTokens, Question
from fmsdk.quoting.vendor import vendor_of
from fmsdk.request import Request

__all__ = ["media_tokens"]

Rule = Callable[[Question], MediaTokens]

_OPENAI: Mapping[str, Rule] = {
    "image": openai.image_tokens,
    "audio": openai.audio_tokens,
    "document": openai.document_tokens,
}
_ANTHROPIC: Mapping[str, Rule] = {
    "image": anthropic.image_tokens,
    "document": anthropic.document_tokens,
}
_GOOGLE: Mapping[str, Rule] = {
    "image": google.with_aliases(google.image_tokens),
    "audio": google.with_aliases(google.audio_tokens),
    "video": google.with_aliases(google.video_tokens),
    "document": google.with_aliases(google.document_tokens),
}
_BY_VENDOR = {"openai": _OPENAI, "anthropic": _ANTHROPIC, "google": _GOOGLE}
# Open weights of these vendors, which are no hosted models of theirs.
_OPEN_WEIGHTS = re.compile("gemma|gpt-oss")


def media_tokens(
    request: Request, platform: Platform | None, limits: ImageLimits | None = None
) -> list[MediaTokens]:
    """The tokens of each medium, in the order of `request.media()`.

    Args:
        platform: the vendor's API that is called, whose bills differ; None: another server.
        limits: of pictures, to which the pipeline makes them smaller before they are sent.

    Raises:
        QuoteUnavailable: the size of a medium is unknown, or how its model counts; it names the
            medium and the way out.
    """
    media: list[tuple[MediaPart, bool]] = []
    left_in_result = pages = 0
    for part in request.parts():
        if isinstance(part, MediaPart):
            media.append((part, left_in_result > 0))
            with suppress(InvalidMedia):  # the rule says what is wrong with it
                pages += part.kind == "document" and part.mime == "application/pdf"
        # The parts of a result follow it.
        left_in_result = len(part.content) if isinstance(part, ToolResult) else left_in_result - 1
    images = sum(isinstance(part, Image) for part, _ in media)
    model = request.model.lower()
    vendor = "" if _OPEN_WEIGHTS.search(model) else vendor_of(request.provider, model)
    rules = _BY_VENDOR.get(vendor, open_models.RULES)
    counts: list[MediaTokens] = []
    for part, in_result in media:
        question = Question(
            part=part,
            provider=request.provider,
            model=model,
            platform=platform,
            alone=images + pages == 1,
            in_result=in_result,
            options=request.options,
            limits=None if limits is None else limits_for(limits, images),
        )
        rule = rules.get(part.kind)
        if rule is None:
            question.refuse(f"is {part.kind}, and nobody says how {request.name} counts that")
        counts.append(rule(question))
    return counts
