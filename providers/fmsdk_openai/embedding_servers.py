"""How the servers of OpenAI's wire embed texts: one row each, by the provider's name.

What is not known of a server is not in its row. docs/decisions/0014-embeddings.md has the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fmsdk.embedding import EmbedLimits
from fmsdk.errors import BadRequestError, FmsdkError, InvalidResponse

__all__ = ["EmbeddingServer", "embedding_server", "final_error"]


_USUAL_LIMITS = EmbedLimits(items=2048)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingServer:
    """How one server embeds texts.

    limits: how much one request holds.
    encoding: what the numbers are asked for in; None sends no such field. Whatever comes back is
        read by what it is.
    dimensions: the name of the field; None: the server has none.
    native_path: the path of the server's own API, seen from the root of the server, which has
        what its OpenAI-compatible one lacks.
    fields: sent with every request.
    errors: by a pattern of their message, errors that the server sends as HTTP 500 although the
        same request fails every time.
    """

    limits: EmbedLimits = _USUAL_LIMITS
    encoding: Literal["base64", "float"] | None = "float"
    dimensions: str | None = "dimensions"
    native_path: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    errors: tuple[tuple[re.Pattern[str], type[FmsdkError]], ...] = ()


# OpenAI's API reference, "Create embeddings": 2048 inputs, 300,000 tokens of all of them.
_OPENAI = EmbeddingServer(limits=EmbedLimits(items=2048, tokens=300_000), encoding="base64")
# Vectors with NaN cannot be written as JSON by Ollama (seen with bge-m3 on GPUs).
_LOCAL_ERRORS = ((re.compile(r"unsupported value: NaN"), InvalidResponse),)

_SERVERS: dict[str, EmbeddingServer | None] = {
    "openai": _OPENAI,
    "azure": _OPENAI,
    "mistral": EmbeddingServer(
        # Mistral's error 3210 names 512 inputs; "Too many tokens in batch" comes from 16,384 on.
        limits=EmbedLimits(items=512, tokens=16_000),
        dimensions="output_dimension",
    ),
    # Together's own client sends nothing else than model and input. No limit is documented.
    "together": EmbeddingServer(limits=EmbedLimits(items=128), encoding=None, dimensions=None),
    # Fireworks' schema forbids unknown fields; its vectors are of unit length on request alone.
    # No limit is documented.
    "fireworks": EmbeddingServer(
        limits=EmbedLimits(items=256), encoding=None, fields={"normalize": True}
    ),
    "vllm": EmbeddingServer(encoding="base64"),
    "sglang": EmbeddingServer(encoding="base64"),
    "llamacpp": EmbeddingServer(encoding="base64", errors=_LOCAL_ERRORS),
    # Ollama's OpenAI-compatible path cuts off long texts in silence; its own can be told not to.
    "ollama": EmbeddingServer(
        encoding=None,
        native_path="/api/embed",
        fields={"truncate": False},
        errors=_LOCAL_ERRORS,
    ),
    "lmstudio": EmbeddingServer(errors=_LOCAL_ERRORS),
    "groq": None,
    "deepseek": None,
    "xai": None,
}


def embedding_server(name: str | None) -> EmbeddingServer:
    """The row of a server, by the name of its row in `servers`; what is usual where it has none,
    and for a server of unknown kind (None).

    Raises:
        BadRequestError: the server embeds no texts.
    """
    row = _SERVERS.get(name or "", EmbeddingServer())
    if row is None:
        raise BadRequestError(f"{name} has no embeddings; openai, google, mistral and ollama have")
    return row


def final_error(error: FmsdkError, server: EmbeddingServer) -> FmsdkError:
    """The error as what it is, where the server sends it as a failure of its own."""
    for pattern, kind in server.errors:
        if pattern.search(error.message):
            return kind(
                error.message,
                provider=error.provider,
                status=error.status,
                request_id=error.request_id,
                retryable=False,
            )
    return error
