"""From a `Request` to a `generateContent` body and its path. Pure: no I/O but reading media.

One encoder serves AI Studio and Vertex, plain and streamed answers. What the wire cannot carry
raises `UnsupportedContent` or `UnsupportedSetting`, or leaves a warning; nothing is dropped in
silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from fmsdk.hosted.provider import Encoded
from fmsdk.request import Request
from fmsdk_google.encode.contents import conversation
from fmsdk_google.encode.request_builder import GoogleRequestBuilder
from fmsdk_google.encode.settings import generation_config, tool_fields

__all__ = ["encode"]


def encode(request: Request, *, vertex: bool, root: str, stream: bool) -> Encoded:
    """The body for `request`, and its path below the server's base URL.

    Args:
        vertex: whether Vertex is asked, whose dialect differs in places.
        root: the path above a model's, as `Connection.root` has it.

    Raises:
        BadRequestError: something that no JSON can carry, or another provider's options.
        UnsupportedContent, UnsupportedSetting: what the API cannot carry.
    """
    builder = GoogleRequestBuilder(request, vertex=vertex, stream=stream)
    body = {
        name: value
        for name, value in {**conversation(builder), **_fields(builder)}.items()
        if value
    }
    for name, value in builder.options.extra_body.items():
        _add(body, name, value)
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return Encoded(
        path=f"{_resource(request.model, vertex, root)}:{verb}",
        body=builder.media.write(body),
        warnings=builder.warnings(),
        headers=builder.options.extra_headers,
    )


def _fields(builder: GoogleRequestBuilder) -> dict[str, Any]:
    options = builder.options
    safety = [
        {"category": category, "threshold": threshold}
        for category, threshold in options.safety_settings.items()
    ]
    return {
        "generationConfig": generation_config(builder),
        "safetySettings": safety,
        **tool_fields(builder),
        "cachedContent": options.cached_content,
        "labels": builder.labels(),
        "serviceTier": options.service_tier,
    }


def _add(body: dict[str, Any], name: str, value: Any) -> None:
    """Set a field of the body; an object is merged into the one that is there, None removes."""
    there = body.get(name)
    if value is None:
        body.pop(name, None)
    elif isinstance(value, Mapping) and isinstance(there, dict):
        body[name] = cast("dict[str, Any]", there) | dict(cast("Mapping[str, Any]", value))
    else:
        body[name] = value


def _resource(model: str, vertex: bool, root: str) -> str:
    """The path of a model, by its bare name or its resource name.

    "gemini-3.8-flash", "models/…", "tunedModels/…"; on Vertex also "publishers/…/models/…",
    "meta/llama-…" for another publisher's, and "projects/…" for an endpoint of one's own.
    """
    path = quote(model, safe="/")
    if vertex and path.startswith("projects/"):
        return f"{root.partition('/projects/')[0]}/{path}"
    if not vertex:
        return f"{root}/{path}" if "/" in path else f"{root}/models/{path}"
    path = path.removeprefix("models/")
    if path.startswith("publishers/"):
        return f"{root}/{path}"
    publisher, slash, name = path.partition("/")
    return f"{root}/publishers/{publisher if slash else 'google'}/models/{name or publisher}"
