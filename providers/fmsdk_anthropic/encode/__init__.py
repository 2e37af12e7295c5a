"""From a `Request` to the body of Anthropic's Messages API. Pure: no I/O but reading media.

One encoder serves plain and streamed answers. What the wire cannot carry raises
`UnsupportedContent` or `UnsupportedSetting`, or leaves a warning; nothing is dropped in silence.
"""

from __future__ import annotations

from typing import Any

from fmsdk.hosted.provider import Encoded
from fmsdk.request import Request
from fmsdk_anthropic.encode.messages import conversation, system_prompt
from fmsdk_anthropic.encode.request_builder import AnthropicRequestBuilder
from fmsdk_anthropic.encode.settings import (
    sampling,
    settings_fields,
    thinking_fields,
    tool_fields,
)
from fmsdk_anthropic.options import AnthropicOptions

__all__ = ["BETA_HEADER", "encode"]

BETA_HEADER = "anthropic-beta"
_PATH = "/v1/messages"
_BETA_PATH = "/v1/messages?beta=true"
VERSION_WITH_SAMPLING = "2023-06-01"
"""The version of the API that has temperature, top_p and top_k; the SDK's own, 2026-10-21,
refuses them for every model."""


def encode(request: Request, *, stream: bool, default_betas: str = "") -> Encoded:
    """The body for `request`, and its headers.

    Args:
        default_betas: the betas of every request, which those of this one would replace.

    Raises:
        BadRequestError: something that no JSON can carry, or another provider's options.
        UnsupportedContent, UnsupportedSetting: what the API cannot carry.
    """
    builder = AnthropicRequestBuilder(request, stream=stream)
    options, sampled = builder.options, sampling(builder)
    body: dict[str, Any] = {
        "model": request.model,
        **settings_fields(builder),
        **sampled,
        **thinking_fields(builder),
        **tool_fields(builder),
        **system_prompt(builder),
        "messages": conversation(builder),
        **builder.mark(options.cache),
    }
    headers = {"anthropic-version": VERSION_WITH_SAMPLING} if sampled else {}
    return Encoded(
        path=_BETA_PATH if options.betas else _PATH,
        body=builder.body(body),
        warnings=builder.warnings(),
        headers={**headers, **_with_betas(options, default_betas)},
    )


def _with_betas(options: AnthropicOptions, default: str) -> dict[str, str]:
    """The caller's headers, with the betas of all places in one: a second would replace a first."""
    headers = dict(options.extra_headers)
    betas = list(options.betas)
    betas += [headers.pop(name) for name in options.extra_headers if name.lower() == BETA_HEADER]
    if betas:
        named = [beta.strip() for beta in ",".join([default, *betas]).split(",")]
        headers[BETA_HEADER] = ",".join(dict.fromkeys(filter(None, named)))
    return headers
