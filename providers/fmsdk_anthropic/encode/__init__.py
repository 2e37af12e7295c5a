"""From a `Request` to the body of Anthropic's Messages API. Pure: no I/O but reading media.

One encoder serves plain and streamed answers. What the API cannot carry raises
`UnsupportedContent` or `UnsupportedSetting`, or leaves a warning; nothing is dropped silently.
"""

from __future__ import annotations

from dataclasses import replace

from fmsdk.hosted.provider import Encoded
from fmsdk.request import Request
from fmsdk_anthropic.encode.messages import MessagesEncoder

__all__ = ["BETA_HEADER", "encode", "encode_count"]

BETA_HEADER = "anthropic-beta"
_PATH = "/v1/messages"
_COUNT_PATH = "/v1/messages/count_tokens"
# https://platform.claude.com/docs/en/api/messages/count_tokens
_COUNTED_FIELDS = frozenset(
    {
        *("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"),
        "cache_control",
    }
)
_BETA_PATH = "/v1/messages?beta=true"
VERSION_WITH_SAMPLING = "2023-06-01"
"""The version of the API that has temperature, top_p and top_k; the SDK's own, 2026-10-21,
refuses them for every model."""


def encode(
    request: Request, *, stream: bool, default_betas: str = "", is_vendors_model: bool = True
) -> Encoded:
    """The body for `request`, and its headers.

    Args:
        is_vendors_model: whether the model's name means Anthropic's model.
        default_betas: the betas of every request, which this request's header would replace.

    Raises:
        BadRequestError: a value that JSON cannot carry, or another provider's options.
        UnsupportedContent, UnsupportedSetting: what the API cannot carry.
    """
    encoder = MessagesEncoder(request, stream=stream, is_vendors_model=is_vendors_model)
    body = encoder.encode_body()
    options = encoder.options
    headers = {"anthropic-version": VERSION_WITH_SAMPLING} if encoder.sampling else {}
    headers.update(options.extra_headers)
    # The betas of all places go into one header: a second one would replace the first.
    betas = list(options.betas)
    betas += [headers.pop(name) for name in options.extra_headers if name.lower() == BETA_HEADER]
    if betas:
        names = [beta.strip() for beta in ",".join([default_betas, *betas]).split(",")]
        headers[BETA_HEADER] = ",".join(dict.fromkeys(filter(None, names)))
    return Encoded(
        path=_BETA_PATH if options.betas else _PATH,
        body=body,
        warnings=encoder.warnings(),
        headers=headers,
    )


def encode_count(request: Request, *, is_vendors_model: bool = True) -> Encoded:
    """The body for the endpoint that counts tokens. Raises as `encode` does.

    Raises:
        UnsupportedContent: a medium by URL or file id, which this endpoint refuses.
        UnsupportedSetting: tools that Anthropic runs, for the same reason.
    """
    encoder = MessagesEncoder(request, stream=False, is_vendors_model=is_vendors_model)
    for part in request.media():
        if part.url or part.file:
            why = "Anthropic counts no media by URL or file id; give the bytes"
            raise encoder.unsupported_content(part.kind, why)
    if encoder.options.server_tools:
        why = "Anthropic counts no tools that it runs itself"
        encoder.unsupported_settings.drop("options.server_tools", why)
        encoder.options = replace(encoder.options, server_tools=())
    return Encoded(
        path=_COUNT_PATH,
        body=encoder.encode_counted_body(_COUNTED_FIELDS),
        warnings=encoder.warnings(),
        headers=encoder.options.extra_headers,
    )
