"""Token probabilities, which both of OpenAI's APIs send in the same shape."""

from __future__ import annotations

import msgspec

from fmsdk.response import TokenLogprob

__all__ = ["decode_logprobs"]


class _Logprob(msgspec.Struct):
    token: str
    logprob: float
    top_logprobs: list[_Logprob] | None = None


def decode_logprobs(raw: object) -> tuple[TokenLogprob, ...]:
    """The token probabilities. None of those of another shape (Together's bare numbers), which are
    no reason to refuse an answer."""
    try:
        logprobs = msgspec.convert(raw, list[_Logprob]) if raw else ()
    except msgspec.ValidationError:
        return ()
    return tuple(
        TokenLogprob(
            one.token, one.logprob, tuple((t.token, t.logprob) for t in one.top_logprobs or ())
        )
        for one in logprobs
    )
