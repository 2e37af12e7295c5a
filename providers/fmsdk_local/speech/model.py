"""`SpeechModel`: a Whisper, from a recording to a transcription or to the events of a response."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any, Self, cast

from fmsdk.content import Audio, Text
from fmsdk.errors import BadRequestError, UnsupportedContent, UnsupportedSetting
from fmsdk.provider import Capabilities
from fmsdk.request import Request
from fmsdk.response import Event, Finished, TextDelta
from fmsdk.threads import hold_exit, run_in_thread
from fmsdk.transcription import TranscribeRequest, Transcription
from fmsdk.usage import Device, Timings
from fmsdk_local.engine import Engine, Job
from fmsdk_local.options import LocalOptions, options_of
from fmsdk_local.speech.audio import decode_audio
from fmsdk_local.speech.task import SpeechChunk, SpeechResult, TranscribeTask

__all__ = ["SpeechModel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechModel:
    """A loaded model that transcribes speech: a `fmsdk_local.models.loaded_model.LoadedModel`."""

    name: str
    path: Path
    engine: Engine
    device: Device
    capabilities: Capabilities

    def with_hourly_price(self, price: Decimal | None) -> Self:
        """The same model with a device that costs `price` dollars an hour."""
        return replace(self, device=replace(self.device, hourly_price=price))

    def count_input(self, request: Request) -> None:
        """None: a recording has seconds, not tokens."""

    def unload(self) -> None:
        """Stop the inference thread after its current window; waiting requests fail."""
        self.engine.close()

    async def transcribe(
        self, request: TranscribeRequest, *, provider: str, load_seconds: float
    ) -> Transcription:
        """The transcription of a recording, under the provider's name `provider`.

        Raises:
            InvalidMedia: the recording is broken, or no recording.
            FmsdkError: what `Engine.submit` and the runner raise.
        """
        items = self._submit(
            request.audio, load_seconds, language=request.language, prompt=request.prompt
        )
        async with aclosing(items):
            results = [item async for item in items if not isinstance(item, SpeechChunk)]
        result, timings = results[0]
        return result.transcription(provider=provider, model=request.model, timings=timings)

    async def generate_events(
        self,
        request: Request,
        *,
        load_seconds: float,
        stream: bool,
        on_job: Callable[[Job], None] | None = None,
    ) -> AsyncGenerator[Event]:
        """The request's one recording as text: see `LoadedModel.generate_events`. Segments are
        sent as they come, `stream` or not.

        Raises:
            UnsupportedContent: the request has content other than a recording.
            BadRequestError: the request has several recordings, or none.
        """
        audio = _recording(request)
        async with aclosing(self._submit(audio, load_seconds, on_job=on_job)) as items:
            async for item in items:
                if isinstance(item, SpeechChunk):
                    yield TextDelta(item.delta)
                else:
                    result, timings = item
                    yield Finished(
                        finishes=(("stop", None),),
                        usage=result.usage,
                        served_model=self.name,
                        timings=timings,
                        warnings=result.warnings,
                    )

    async def _submit(
        self,
        audio: Audio,
        load_seconds: float,
        *,
        language: str | None = None,
        prompt: str | None = None,
        on_job: Callable[[Job], None] | None = None,
    ) -> AsyncGenerator[SpeechChunk | tuple[SpeechResult, Timings]]:
        """The chunks as they are recognised, then the result."""
        samples = await run_in_thread(hold_exit, decode_audio, audio)
        start = perf_counter()
        task = TranscribeTask(samples, language, prompt)
        async with aclosing(cast("Any", self.engine.submit(task, on_job))) as items:
            async for item in items:
                if isinstance(item, SpeechChunk):
                    yield item
                elif isinstance(item, SpeechResult):
                    timings = Timings(
                        queue=max(0.0, perf_counter() - start - item.device_seconds),
                        load=load_seconds or None,
                        device_seconds=item.device_seconds,
                        device=self.device,
                    )
                    yield item, timings


def _recording(request: Request) -> Audio:
    if options_of(request) != LocalOptions():
        raise UnsupportedSetting(
            f"{request.name} transcribes speech: LocalOptions are for models that generate text",
            setting="options",
        )
    recordings: list[Audio] = []
    for part in request.parts():
        if isinstance(part, Audio):
            recordings.append(part)
        elif not isinstance(part, Text) or part.text.strip():
            kind = getattr(part, "kind", type(part).__name__.lower())
            raise UnsupportedContent(
                f"{request.name} takes audio alone, not {kind}; `transcribe` takes a prompt and "
                "a language beside it",
                part=kind,
            )
    if len(recordings) != 1:
        raise BadRequestError(
            f"{request.name} takes one recording at a time, not {len(recordings)}"
        )
    return recordings[0]
