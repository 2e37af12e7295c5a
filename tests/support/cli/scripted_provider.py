"""A provider that behaves as its model is called; installed as a plug-in by `conftest.plugin`."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from fmsdk.content import Text
from fmsdk.errors import ModelNotFound, OutOfMemory, ServerError
from fmsdk.provider import Progress, ProviderConfig, UsableModel
from fmsdk.request import Request
from fmsdk.response import Choice, Event, Finished, Response, TextDelta, Warning
from fmsdk.testing import FakeProvider
from fmsdk.transcription import Segment, TranscribeRequest, Transcription
from fmsdk.usage import Device, InputUsage, OutputUsage, Timings, Usage

LONG = " ".join(f"word{n}" for n in range(200))
CPU = Device(kind="cpu", name="Test", count=1, hourly_price=Decimal("3.60"))
ANSWERS = {
    "slow": LONG,
    "json": '{"city": "Paris"}',
    "prose": "It is Paris.",
    "foreign": "Größe 你好 \U0001f600",
    "markdown": "one\ntwo\n",
}


class Scripted(FakeProvider):
    """echo: says what it was told. slow: 200 words, 50 ms each, tallied in the file BEGUN names.
    heavy: leaves work for the end. stuck: a word, then a thread that works on. breaks: two words,
    then an error. defect: a bug. oom: no memory. hostile: an error that says what it was told.
    lines: an error message of two lines. device, warns, length: an answer with device time, with a
    warning, cut off. The others: see ANSWERS."""

    def __init__(self, config: ProviderConfig) -> None:
        super().__init__(name=config.name, price_id="openai")

    @staticmethod
    def usable_models() -> list[UsableModel]:
        return [
            UsableModel("scripted:echo", True, "says what it is told"),
            UsableModel("scripted:ear", True, input=frozenset({"text", "audio"})),
            UsableModel("scripted:big", False, "needs a bigger machine"),
        ]

    @staticmethod
    def fetch_model(name: str, progress: Progress) -> str:
        if name == "nothing":
            raise ModelNotFound(f"there is no model {name!r} to fetch")
        progress("downloading", 0, 100)
        progress("downloading", 100, 100)
        progress("checking", None, None)
        return f"/models/{name}"

    async def generate(self, request: Request) -> Response[Any]:
        events = [event async for event in self.events(request)]
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        end = events[-1]
        assert isinstance(end, Finished)
        return Response(
            provider=request.provider,
            model=request.model,
            choices=(Choice((Text(text),), *end.finishes[0]),),
            usage=end.usage,
            timings=end.timings,
            warnings=end.warnings,
            output_type=request.output,
        )

    async def events(self, request: Request) -> AsyncGenerator[Event, None]:
        model = request.model
        if model == "defect":
            raise RuntimeError("a bug")
        if model == "oom":
            raise OutOfMemory("the device has no room for this")
        if model == "hostile":
            raise ServerError(f"no {request.messages[-1].text}", retryable=False)
        if model == "lines":
            raise ServerError("first line\nsecond line", retryable=False)
        if model == "breaks":
            yield TextDelta("half an ")
            yield TextDelta("answer")
            raise ServerError("the vendor failed", status=500, request_id="r-1")
        if model == "heavy":
            _leave_work(os.environ["KEPT"])
        if model == "stuck":
            yield TextDelta("word ")
            await asyncio.to_thread(time.sleep, 600)
        text = ANSWERS.get(model, request.messages[-1].text)
        for word in text.split(" "):
            if model == "slow":
                await _slowly()
            yield TextDelta(word if text.endswith(word) else f"{word} ")
        yield self._end(model, text)

    async def transcribe(self, request: TranscribeRequest) -> Transcription:
        model = request.model
        if model == "oom":
            raise OutOfMemory("the device has no room for this")
        segments = (Segment(0.0, 1.25, " Hello"), Segment(61.0, 62.5, " world."))
        return Transcription(
            provider=self.name,
            model=model,
            text=" Hello world.",
            segments=segments if model == "timed" else (),
            language=request.language,
            usage=Usage(input=InputUsage(audio_seconds=request.audio.duration), source="measured"),
        )

    def _end(self, model: str, text: str) -> Finished:
        usage = Usage(
            input=InputUsage(total=8),
            output=OutputUsage(total=len(text.split())),
            source="measured",
        )
        end = Finished(usage=usage, served_model=model)
        if model == "device":
            end = replace(end, timings=Timings(device_seconds=0.5, device=CPU, load=0.25))
        if model == "warns":
            end = replace(end, warnings=(Warning("model_unknown", "something is odd"),))
        if model == "length":
            end = replace(end, finishes=(("length", "length"),))
        return end


async def _slowly() -> None:
    await asyncio.sleep(0.05)
    _tally()


class _Heavy:
    """As torch: the interpreter's own way out takes long."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __del__(self) -> None:
        with open(self._path, "a", encoding="ascii") as file:
            file.write("torn down ")


HEAVY: list[_Heavy] = []


def _leave_work(path: str) -> None:
    """What others have to finish at the end: a thread that writes, and a function of `atexit`."""

    def write(text: str) -> None:
        time.sleep(0.2)
        with open(path, "a", encoding="ascii") as file:
            file.write(text)

    HEAVY.append(_Heavy(path))
    threading.Thread(target=write, args=("by a thread ",)).start()
    atexit.register(write, "at exit ")


def _tally() -> None:
    if path := os.environ.get("BEGUN"):
        with open(path, "a", encoding="ascii") as file:
            file.write(".")
