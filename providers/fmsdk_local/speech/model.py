"""One transcription: recording, engine, account. By `transcribe`, or by `generate`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from time import perf_counter
from typing import Any, cast

from fmsdk.content import Audio, Text
from fmsdk.errors import BadRequestError, UnsupportedContent, UnsupportedSetting
from fmsdk.request import Request
from fmsdk.response import Event, Finished, TextDelta
from fmsdk.usage import Timings
from fmsdk_local.engine.engine import Job
from fmsdk_local.models.loader import Loaded
from fmsdk_local.options import LocalOptions, options_of
from fmsdk_local.speech import SpeechPiece, SpeechResult, TranscribeTask, to_usage
from fmsdk_local.speech.audio import decode

__all__ = ["hear_request", "hear_whole"]


async def hear_whole(
    loaded: Loaded, audio: Audio, *, loading: float, language: str | None, prompt: str | None
) -> tuple[SpeechResult, Timings]:
    """A whole transcription. `loading` is how many seconds loading the model took for it.

    Raises:
        InvalidMedia: no recording, or a broken one.
        FmsdkError: what `Engine.submit` and the runner raise.
    """
    async with aclosing(_hear(loaded, audio, loading, language, prompt)) as items:
        found = [item async for item in items if not isinstance(item, SpeechPiece)]
    return found[0]


async def hear_request(
    loaded: Loaded,
    request: Request,
    *,
    loading: float,
    on_job: Callable[[Job], None] | None = None,
) -> AsyncGenerator[Event]:
    """The events of a request to a speech model: its one recording as text.

    Raises:
        UnsupportedContent: anything but a recording.
        BadRequestError: several recordings.
    """
    audio = _recording(request)
    async with aclosing(_hear(loaded, audio, loading, on_job=on_job)) as items:
        async for item in items:
            if isinstance(item, SpeechPiece):
                yield TextDelta(item.delta)
            else:
                result, timings = item
                yield Finished(
                    finishes=(("stop", None),),
                    usage=to_usage(result),
                    served_model=loaded.name,
                    timings=timings,
                    warnings=result.warnings,
                )


async def _hear(
    loaded: Loaded,
    audio: Audio,
    loading: float,
    language: str | None = None,
    prompt: str | None = None,
    on_job: Callable[[Job], None] | None = None,
) -> AsyncGenerator[SpeechPiece | tuple[SpeechResult, Timings]]:
    """The pieces as they are recognised, then the result."""
    samples = await asyncio.to_thread(decode, audio)
    submitted = perf_counter()
    task = TranscribeTask(samples, language, prompt)
    async with aclosing(cast("Any", loaded.engine.submit(task, on_job))) as items:
        async for item in items:
            if isinstance(item, SpeechPiece):
                yield item
            elif isinstance(item, SpeechResult):
                passed = perf_counter() - submitted
                yield item, _timings(loaded, item, passed, loading)


def _recording(request: Request) -> Audio:
    if options_of(request) != LocalOptions():
        raise UnsupportedSetting(
            f"{request.name} transcribes speech: LocalOptions are for models that generate text",
            setting="options",
        )
    found: list[Audio] = []
    for part in request.parts():
        if isinstance(part, Audio):
            found.append(part)
        elif not isinstance(part, Text) or part.text.strip():
            kind = getattr(part, "kind", type(part).__name__.lower())
            raise UnsupportedContent(
                f"{request.name} takes audio alone, not {kind}; `transcribe` takes a prompt and "
                "a language beside it",
                part=kind,
            )
    if len(found) != 1:
        raise BadRequestError(f"{request.name} takes one recording at a time, not {len(found)}")
    return found[0]


def _timings(loaded: Loaded, result: SpeechResult, passed: float, loading: float) -> Timings:
    return Timings(
        queue=max(0.0, passed - result.seconds),
        load=loading or None,
        device_seconds=result.seconds,
        device=loaded.device,
    )
