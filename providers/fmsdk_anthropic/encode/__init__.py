"""From a `Request` to the body of Anthropic's Messages API. Pure: no I/O but reading media.

One encoder serves plain and streamed answers. What the API cannot carry raises
`UnsupportedContent` or `UnsupportedSetting`, or leaves a warning; nothing is dropped silently.
"""

from __future__ import annotations

from fmsdk.hosted.provider import Encoded
from fmsdk.request import Request
from fmsdk_anthropic.encode.messages import MessagesEncoder

__all__ = ["BETA_HEADER", "encode"]

BETA_HEADER = "anthropic-beta"
_PATH = "/v1/messages"
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
