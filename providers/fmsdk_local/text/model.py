"""One answer of a language model: prompt, engine, parser, account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from time import perf_counter
from typing import Any, cast

from fmsdk.errors import ContextTooLong
from fmsdk.request import Request
from fmsdk.response import Event, Finished
from fmsdk.usage import InputUsage, OutputUsage, Timings, Usage
from fmsdk_local.decode import AnswerParser, finish_of
from fmsdk_local.encode.prompt import Prompt, PromptEncoder
from fmsdk_local.engine.device import require_cache_room
from fmsdk_local.engine.engine import Job
from fmsdk_local.engine.generation import End, GenerationTask, Piece
from fmsdk_local.errors import translate
from fmsdk_local.models.loader import Loaded
from fmsdk_local.options import options_of

__all__ = ["answer"]

# Where neither the caller nor the checkpoint sets a limit: small models can ramble for ever.
_MAX_OUTPUT_TOKENS = 4096


async def answer(
    loaded: Loaded,
    encoder: PromptEncoder,
    request: Request,
    *,
    loading: float,
    streamed: bool,
    on_job: Callable[[Job], None] | None = None,
) -> AsyncGenerator[Event]:
    """The events of one answer, the last one `Finished`. `loading` is how many seconds loading
    the model took for this request; `streamed` sends each token on as it comes; `on_job` is the
    engine's.

    Raises:
        ContextTooLong, OutOfMemory: the request does not fit.
        FmsdkError: what `PromptEncoder.encode` and `Engine.submit` raise.
    """
    asked = perf_counter()
    try:
        prompt = await asyncio.to_thread(encoder.encode, request)
    except Exception as error:
        raise translate(error, request.name) from error.__cause__
    task = _task(loaded, request, prompt, streamed=streamed)
    parser = AnswerParser(prompt.tools, reasoning=prompt.reasoning)
    async with aclosing(cast("Any", loaded.engine.submit(task, on_job))) as items:
        async for item in items:
            if isinstance(item, Piece):
                for event in parser.feed(item.text, item.logprobs):
                    yield event
            elif isinstance(item, End):
                for event in parser.finish():
                    yield event
                yield _finished(loaded, prompt, item, asked, loading, called=parser.called)


def _task(loaded: Loaded, request: Request, prompt: Prompt, *, streamed: bool) -> GenerationTask:
    settings = request.settings
    limit = _limit(loaded, request, prompt)
    if loaded.kv_bytes is not None:
        tokens = prompt.tokens + (settings.max_output_tokens or 0)
        require_cache_room(tokens * loaded.kv_bytes, loaded.torch_device, request.name)
    return GenerationTask(
        inputs=prompt.inputs,
        limit=limit,
        sampling=_sampling(request),
        seed=settings.seed,
        stop=settings.stop,
        logprobs=settings.logprobs,
        streamed=streamed,
    )


def _limit(loaded: Loaded, request: Request, prompt: Prompt) -> int:
    """New tokens at most: as asked, else as the checkpoint says, within the context."""
    asked = request.settings.max_output_tokens
    default = loaded.max_new_tokens or _MAX_OUTPUT_TOKENS
    if loaded.context is None:
        return asked or default
    room = loaded.context - prompt.tokens
    if room < (asked or 1):
        wanted = f" and {asked} are asked for the answer" if asked else ""
        prompt_room = loaded.context - (asked or 1)
        fits = [f"{prompt_room} tokens of prompt fit"] if prompt_room > 0 else []
        fits += [f"{room} tokens of answer fit"] if room > 0 else []
        raise ContextTooLong(
            f"the prompt has {prompt.tokens} tokens{wanted}; {request.name} holds "
            f"{loaded.context} in all, so {' or '.join(fits)}",
            tokens=prompt.tokens + (asked or 1),
            limit=loaded.context,
        )
    return asked or min(default, room)


def _sampling(request: Request) -> dict[str, Any]:
    """`GenerationConfig` fields for the request; what is not here is the checkpoint's."""
    settings, options = request.settings, options_of(request)
    always = {
        "repetition_penalty": options.repetition_penalty,
        "no_repeat_ngram_size": options.no_repeat_ngram_size,
    }
    chosen = {name: value for name, value in always.items() if value is not None}
    if settings.temperature == 0:
        return {**chosen, "do_sample": False}
    drawn = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": options.top_k,
        "min_p": options.min_p,
    }
    drawn = {name: value for name, value in drawn.items() if value is not None}
    return {**chosen, **drawn, "do_sample": True} if drawn else chosen


def _finished(
    loaded: Loaded, prompt: Prompt, end: End, asked: float, loading: float, *, called: bool
) -> Finished:
    media = (prompt.image_tokens or 0) + (prompt.audio_tokens or 0)
    return Finished(
        finishes=((finish_of(end.ended_by, called=called), end.ended_by),),
        usage=Usage(
            input=InputUsage(
                total=prompt.tokens,
                text=prompt.tokens - media,
                image=prompt.image_tokens,
                audio=prompt.audio_tokens,
            ),
            output=OutputUsage(total=end.tokens, text=end.tokens),
            source="measured",
        ),
        served_model=loaded.name,
        timings=Timings(
            queue=end.queued,
            load=loading or None,
            prefill=end.prefill,
            decode=end.decode,
            time_to_first_token=None if end.first is None else end.first - asked + loading,
            device_seconds=end.prefill + end.decode,
            device=loaded.device,
        ),
        warnings=prompt.warnings,
    )
