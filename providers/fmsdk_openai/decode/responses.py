"""Responses bodies: the shapes that are read, and a whole body as a `Response`.

Messages, reasoning and function calls become parts. Whatever else a vendor puts into `output`
(web searches it ran, compactions, …) is kept as an opaque `Reasoning` in its place, so that it
goes back with the next turn; it is never a call of the caller's tools.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from fmsdk.content import Part, Reasoning, Text, ToolCall
from fmsdk.errors import FmsdkError, InvalidResponse
from fmsdk.hosted.decoding import call_id, kept, opaque_of, read, unfinished, with_partial, word
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.response import (
    Choice,
    Finish,
    Response,
    TokenLogprob,
    Warning,
    malformed_call,
    tool_call,
)
from fmsdk_openai.decode.context import OpenAIDecodeContext, json_text, token_logprobs

__all__ = [
    "BODY",
    "Body",
    "Item",
    "charged_apart",
    "failure_of",
    "finish_of",
    "item_of",
    "phase_of",
    "responses_response",
    "skipped",
    "tools_run",
]

_INCOMPLETE: dict[str, Finish] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}


class _Piece(msgspec.Struct):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    logprobs: Any = None


class Item(msgspec.Struct):
    """One element of `output`, as far as it is read: a message, reasoning or function call."""

    type: str = ""
    content: list[_Piece] | None = None
    summary: list[_Piece] | None = None
    call_id: str | int | None = None
    name: str | None = None
    arguments: Any = None
    phase: str | None = None

    @property
    def thoughts(self) -> list[str]:
        """Reasoning in words: its summary, and where a server tells it, the reasoning itself."""
        pieces = [*(self.summary or ()), *(self.content or ())]
        return [piece.text for piece in pieces if piece.text]

    @property
    def texts(self) -> list[tuple[str, bool, Any]]:
        """What a message says: of each piece its text, whether that is a refusal, and the wire's
        token probabilities."""
        return [
            (piece.refusal or piece.text or "", bool(piece.refusal), piece.logprobs)
            for piece in self.content or ()
        ]

    @property
    def id_of_call(self) -> str:
        """A function call's id."""
        return word(self.call_id) or ""

    @property
    def arguments_text(self) -> str:
        """A function call's arguments as JSON text."""
        return json_text(self.arguments)


class _Kind(msgspec.Struct):
    type: str = ""
    action: Any = None


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class Body(msgspec.Struct):
    """A response object; `output` is left as it came, for items go back unchanged."""

    output: list[msgspec.Raw] | None = None
    status: str | None = None
    incomplete_details: _Incomplete | None = None
    error: Any = None
    id: Any = None
    model: Any = None
    usage: Any = None
    service_tier: Any = None


BODY = msgspec.json.Decoder(Body)
_ITEM = msgspec.json.Decoder(Item)
_KIND = msgspec.json.Decoder(_Kind)
_AT_WORK = frozenset({"queued", "in_progress"})
_BROKEN_OFF = frozenset({"cancelled", "failed", *_AT_WORK})
_CHARGED = frozenset({"web_search_call", "file_search_call", "code_interpreter_call"})
_READ = frozenset({"message", "reasoning", "function_call"})


def responses_response(context: OpenAIDecodeContext, body: bytes) -> Response[Any]:
    """The response of a whole body. Raises InvalidResponse, or the error that the body reports."""
    found = read(BODY, body, context.error_mapper)
    failure = failure_of(found, context.error_mapper)
    if failure is not None:
        raise with_partial(failure, lambda: _response(context, found, body))
    return _response(context, found, body)


def _response(context: OpenAIDecodeContext, found: Body, body: bytes) -> Response[Any]:
    if found.output is None:
        raise context.error_mapper.invalid("a response without output")
    parts: list[Part] = []
    logprobs: list[TokenLogprob] = []
    calls: list[ToolCall] = []
    for raw in found.output:
        item = item_of(raw, context.error_mapper)
        parts += _parts(context, item, raw, calls, word(found.id))
        for piece in item.content or ():
            logprobs += token_logprobs(piece.logprobs)
    request, served = context.request, tools_run(found, context.error_mapper)
    finish, finish_raw = finish_of(found, bool(calls))
    warnings = [malformed_call(call) for call in calls if call.raw is not None]
    warnings += skipped(found, context.error_mapper)
    if not found.status:
        warnings.append(unfinished(context.error_mapper, is_empty=not parts))
    return Response(
        provider=request.provider,
        model=request.model,
        choices=(Choice(tuple(parts), finish, finish_raw, tuple(logprobs)),),
        served_model=word(found.model),
        request_id=context.request_id or word(found.id),
        usage=context.usage(found.usage, word(found.service_tier), served),
        warnings=(*context.warnings, *warnings, *charged_apart(served)),
        raw_body=body,
        output_type=request.output,
    )


def item_of(raw: msgspec.Raw, error_mapper: ErrorMapper) -> Item:
    """An output item; of kinds that are not read, the type alone."""
    kind = read(_KIND, raw, error_mapper).type
    return read(_ITEM, raw, error_mapper) if kind in _READ else Item(kind)


def tools_run(body: Body, error_mapper: ErrorMapper) -> dict[str, int]:
    """How often OpenAI called those of its own tools that it charges for. Of what a web search
    does, searching is charged for, opening a page is not."""
    ran: Counter[str] = Counter()
    for raw in body.output or ():
        kind = read(_KIND, raw, error_mapper)
        if kind.type in _CHARGED and _searches(kind.action):
            ran[kind.type.removesuffix("_call")] += 1
    return dict(ran)


def _searches(action: object) -> bool:
    if not isinstance(action, dict):
        return True
    return cast("dict[str, Any]", action).get("type", "search") == "search"


def skipped(body: Body, error_mapper: ErrorMapper) -> list[Warning]:
    """Warnings for pieces of messages that hold neither a text nor a refusal."""
    items = [item_of(raw, error_mapper) for raw in body.output or ()]
    kinds = {
        piece.type
        for item in items
        for piece in item.content or ()
        if item.type == "message" and piece.text is None and piece.refusal is None
    }
    message = "a {!r} piece of the answer has no place in fmsdk and was left out; see response.raw"
    return [Warning("content_skipped", message.format(kind), kind) for kind in sorted(kinds)]


def charged_apart(tools: Mapping[str, int]) -> tuple[Warning, ...]:
    """A warning, where a tool ran whose price nothing in the answer tells."""
    if "code_interpreter" not in tools:
        return ()
    message = "the container of code_interpreter is billed by time, which the cost leaves out"
    return (Warning("usage_elsewhere", message, "code_interpreter"),)


def failure_of(body: Body, error_mapper: ErrorMapper) -> FmsdkError | None:
    """What a failed response says went wrong, and the error of one that is not done yet."""
    if body.error or body.status == "failed":
        return error_mapper.from_response(body.error)
    if body.status not in _AT_WORK:
        return None
    what = f"is still {body.status}: ask without background, or fetch {body.id or 'it'} later"
    message = f"the response of {error_mapper.provider} {what}"
    return InvalidResponse(message, provider=error_mapper.provider, retryable=False)


def finish_of(body: Body, has_calls: bool) -> tuple[Finish, str | None]:
    """The normalised finish, and the vendor's: its status, with the reason if incomplete."""
    if body.status == "incomplete":
        reason = (body.incomplete_details and body.incomplete_details.reason) or ""
        return _INCOMPLETE.get(reason, "other"), f"incomplete:{reason}"
    if body.status == "completed":
        return "tool_calls" if has_calls else "stop", body.status
    return "cancelled" if body.status in _BROKEN_OFF else "other", body.status


def phase_of(item: Item) -> str | None:
    """What has to go back with a message besides its text: whether it was a commentary or the
    final answer. None where the vendor did not say."""
    return opaque_of({"type": "message", "phase": item.phase}) if item.phase else None


def _parts(
    context: OpenAIDecodeContext,
    item: Item,
    raw: msgspec.Raw,
    calls: list[ToolCall],
    id: str | None,
) -> Iterator[Part]:
    provider = context.request.provider
    if item.type == "message":
        if phase := phase_of(item):
            yield Reasoning("", provider, phase)
        for piece in item.content or ():
            if piece.type == "refusal":
                yield Text(piece.refusal or "", refusal=True)
            elif piece.text:
                yield Text(piece.text)
    elif item.type == "function_call":
        own_id = call_id(item.call_id, len(calls), id)
        calls.append(tool_call(own_id, item.name or "", item.arguments_text))
        yield calls[-1]
    else:
        yield Reasoning("\n\n".join(item.thoughts), provider, kept(raw, context.error_mapper))
