"""From a `Request` to a `generateContent` body and its path. Pure: no I/O but reading media.

One encoder serves AI Studio and Vertex, plain and streamed answers. What the API cannot carry
raises `UnsupportedContent` or `UnsupportedSetting`, or leaves a warning; nothing is dropped
silently.
"""

from __future__ import annotations

from fmsdk.hosted.provider import Encoded
from fmsdk.request import Request
from fmsdk_google.encode.generate_content import GenerateContentEncoder
from fmsdk_google.encode.model_path import model_path

__all__ = ["encode", "encode_count"]

_COUNTED_FIELDS = ("contents", "systemInstruction", "tools", "generationConfig")


def encode(
    request: Request, *, vertex: bool, root: str, stream: bool, is_vendors_model: bool = True
) -> Encoded:
    """The body for `request`, and its path below the server's base URL.

    Args:
        vertex: whether the server is Vertex, whose API differs in places.
        is_vendors_model: whether the model's name means Google's model.
        root: the path above a model's, as `Connection.root` has it.

    Raises:
        BadRequestError: a value that JSON cannot carry, or another provider's options.
        UnsupportedContent, UnsupportedSetting: what the API cannot carry.
    """
    encoder = GenerateContentEncoder(
        request, vertex=vertex, stream=stream, is_vendors_model=is_vendors_model
    )
    body = encoder.encode_body()
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return Encoded(
        path=f"{model_path(request.model, vertex=vertex, root=root)}:{method}",
        body=body,
        warnings=encoder.warnings(),
        headers=encoder.options.extra_headers,
    )


def encode_count(request: Request, *, vertex: bool, root: str) -> Encoded:
    """The body for `countTokens`, and its path. Raises as `encode` does."""
    encoder = GenerateContentEncoder(request, vertex=vertex, stream=False)
    path = model_path(request.model, vertex=vertex, root=root)
    if vertex:
        body = encoder.encode_counted_body(_COUNTED_FIELDS)
    else:  # which counts tools and system prompt only within a whole request
        fields = {name: value for name, value in encoder.encode_fields().items() if value}
        generate_request = {"model": path.removeprefix(f"{root}/"), **fields}
        body = encoder.media.write({"generateContentRequest": generate_request})
    return Encoded(
        path=f"{path}:countTokens",
        body=body,
        warnings=encoder.warnings(),
        headers=encoder.options.extra_headers,
    )
