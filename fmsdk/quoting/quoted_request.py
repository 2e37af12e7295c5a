"""The request that a quote is for: what `generate`, `embed` or `transcribe` would send."""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

from fmsdk.content import Audio
from fmsdk.embedding import build_embed_request
from fmsdk.errors import BadRequestError
from fmsdk.request import Request, build, convert_request
from fmsdk.transcription import TranscribeRequest

__all__ = ["QuotedVerb", "build_quoted_request"]

QuotedVerb = Literal["generate", "embed", "transcribe"]
_COMMON = frozenset({"timeout", "tags", "max_cost", "lenient", "allow_retired", "options"})


def build_quoted_request(verb: QuotedVerb, model: str, prompt: Any, **settings: Any) -> Request:
    """The request of that verb, with the arguments of `Client.quote`.

    Raises:
        BadRequestError: an argument that the verb does not take.
    """
    if verb == "generate":
        return build(model, prompt, **settings)
    if verb not in get_args(QuotedVerb):
        names = ", ".join(get_args(QuotedVerb))
        raise BadRequestError(f"verb is one of {names}, not {verb!r}")
    settings = {name: value for name, value in settings.items() if value is not None}
    if others := sorted(settings.keys() - _COMMON):
        raise BadRequestError(f"{verb} takes no {', '.join(others)}")
    if verb == "embed":
        return build_embed_request(model, prompt, **settings)
    items = cast("list[Any]", prompt) if isinstance(prompt, list | tuple) else [prompt]
    if len(items) != 1:
        raise BadRequestError(f"transcribe takes one recording, not {len(items)} parts")
    part = items[0] if isinstance(items[0], Audio) else Audio(items[0])
    return convert_request(build(model, part, **settings), TranscribeRequest)
