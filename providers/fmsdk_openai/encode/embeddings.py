"""From an `EmbedRequest` to a body of `/embeddings`, or of a server's own API. Pure."""

from __future__ import annotations

from typing import Any

from fmsdk.embedding import EmbedRequest
from fmsdk.hosted.embedding import drop_other_options
from fmsdk.hosted.provider import Encoded
from fmsdk.hosted.request_builder import RequestBuilder
from fmsdk_openai.embedding_servers import EmbeddingServer
from fmsdk_openai.options import options_of

__all__ = ["encode_embeddings"]

_OPTIONS = frozenset({"user", "extra_body", "extra_headers"})


def encode_embeddings(request: EmbedRequest, server: EmbeddingServer, path: str) -> Encoded:
    """The body for `request`, and the path it goes to.

    Raises:
        BadRequestError: another provider's options.
        UnsupportedSetting: options that embeddings do not have, or dimensions at a server that
            lets nobody choose.
    """
    builder = RequestBuilder(request, options_of(request), stream=False)
    drop_other_options(builder, _OPTIONS)
    body: dict[str, Any] = {"model": request.model, "input": list(request.inputs)}
    if server.encoding is not None:
        body["encoding_format"] = server.encoding
    if request.dimensions is not None:
        if server.dimensions is None:
            builder.unsupported_settings.drop("dimensions", "this server has no such field")
        else:
            body[server.dimensions] = request.dimensions
    if builder.options.user is not None:
        body["user"] = builder.options.user
    return Encoded(
        path=path,
        body=builder.merge_extra_body({**body, **server.fields}),
        warnings=builder.warnings(),
        headers=builder.options.extra_headers,
    )
