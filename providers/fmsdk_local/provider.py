"""`LocalProvider`: a request goes through the prompt encoder, the engine and the parser.

torch takes seconds to import, which are loading time: it is imported by the thread that loads
the first model, so that neither the event loop nor `fmsdk models` waits for it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from fmsdk.errors import UnsupportedContent
from fmsdk.provider import (
    Capabilities,
    Estimate,
    EventStream,
    Progress,
    Provider,
    ProviderConfig,
    UsableModel,
)
from fmsdk.quoting.text_tokens import estimate_text
from fmsdk.request import Request
from fmsdk.response import Event, Response, ResponseAccumulator
from fmsdk.transcription import TranscribeRequest, Transcription
from fmsdk.usage import Range, Timings
from fmsdk_local.models import fetch_model, list_usable_models, locate_model
from fmsdk_local.models.capabilities import capabilities_of
from fmsdk_local.options import LocalConfig

if TYPE_CHECKING:
    from fmsdk_local.engine.engine import Job
    from fmsdk_local.models.loader import Loaded

__all__ = ["LocalProvider", "unload"]

_EXTRA = ("torch", "transformers")


def unload(model: str | None = None) -> int:
    """Unload the model called `model`, or every model; returns how many were loaded."""
    from fmsdk_local.models import loader

    return loader.unload_models(None if model is None else locate_model(model))


class LocalProvider(Provider):
    """Models in this process. See `fmsdk_local.options.LocalConfig` for its options.

    Loaded models belong to the process, not to a provider: they stay when it is closed, and
    every provider with the same device and dtype shares them.

    What a request leaves open is the checkpoint's to say (`generation_config.json`), as with
    transformers; a temperature of 0 is greedy. Without `max_output_tokens` an answer has as many
    tokens as the checkpoint allows, else 4096, within the context. Stop strings are looked for
    in all that the model says, its reasoning included. Logprobs are of the model's own
    distribution, before temperature.

    Raises:
        BadRequestError: an unknown option.
        ModuleNotFoundError: the extra "local" is not installed.
    """

    contract_version: ClassVar[int] = 2
    is_local: ClassVar[bool] = True

    def __init__(self, config: ProviderConfig) -> None:
        for needed in _EXTRA:
            if importlib.util.find_spec(needed) is None:
                raise ModuleNotFoundError(f"No module named {needed!r}", name=needed)
        self.name = config.name
        self._config = LocalConfig.of(config.options)
        self._capabilities: dict[Path, Capabilities] = {}

    @staticmethod
    def usable_models() -> list[UsableModel]:
        """Every local model, and what to do about those that are not usable."""
        return list_usable_models()

    @staticmethod
    def fetch_model(name: str, progress: Progress) -> str:
        """Bring `name` to this machine: see `fmsdk.provider.Provider.fetch_model`."""
        return str(fetch_model(name, progress=progress))

    def capabilities(self, model: str) -> Capabilities:
        """What the model takes, by its files.

        Raises:
            ModelNotFound: it is not on this machine.
            CheckpointError: it is broken.
        """
        path = locate_model(model)
        loaded = self._find(path)
        path = loaded.path if loaded else path  # a GGUF file's conversion tells more
        if path not in self._capabilities:
            self._capabilities[path] = capabilities_of(path)
        return self._capabilities[path]

    async def load(self, model: str) -> float:
        """Make the model ready; returns the seconds that took."""
        _, seconds = await self._ready(model)
        return seconds

    async def generate(self, request: Request) -> Response[Any]:
        """The whole answer."""
        fold = ResponseAccumulator()
        async for event in self.events(request, streamed=False):
            fold.add(event)
        return fold.response(request.provider, request.model, output_type=request.output)

    def stream(self, request: Request) -> LocalStream:
        """The answer as it is made, token by token."""
        return LocalStream(self, request)

    async def transcribe(self, request: TranscribeRequest) -> Transcription:
        """Speech to text, by a Whisper.

        Raises:
            UnsupportedContent: the model transcribes no speech.
        """
        from fmsdk_local.speech import to_transcription
        from fmsdk_local.speech.model import hear_whole

        loaded, loading = await self._ready(request.model)
        if loaded.prompts is not None:
            raise UnsupportedContent(
                f"{request.name} transcribes no speech; local:demo-audio does", part="audio"
            )
        result, timings = await hear_whole(
            loaded,
            request.audio,
            loading=loading,
            language=request.language,
            prompt=request.prompt,
        )
        return to_transcription(result, provider=self.name, model=request.model, timings=timings)

    def estimate(self, request: Request) -> Estimate:
        """The tokens of a text request: counted, where the model is loaded, else estimated."""
        loaded = self._find(locate_model(request.model))
        if loaded is None or loaded.prompts is None or any(request.media()):
            return estimate_text(request)
        tokens = loaded.prompts.encode(request).tokens
        return Estimate(input=Range(tokens, tokens, tokens), exact=True)

    async def aclose(self) -> None:
        """Nothing to close: models stay loaded until `fmsdk_local.unload`."""

    def _find(self, path: Path) -> Loaded | None:
        if "fmsdk_local.models.loader" not in sys.modules:
            return None  # nothing was loaded yet, and asking would import torch
        from fmsdk_local.models import loader

        found = loader.find_loaded(path, self._config)
        return None if found is None else self._at_own_price(found)

    async def _ready(self, model: str) -> tuple[Loaded, float]:
        path = locate_model(model)
        found = self._find(path)
        if found is not None:
            return found, 0.0
        began = perf_counter()
        loaded = await asyncio.to_thread(self._load, model, path)
        return loaded, perf_counter() - began

    def _load(self, model: str, path: Path) -> Loaded:
        from fmsdk_local.models import loader

        return self._at_own_price(loader.load_model(model, path, self._config))

    def _at_own_price(self, loaded: Loaded) -> Loaded:
        # The price is this provider's, the model everybody's.
        return replace(
            loaded, device=replace(loaded.device, hourly_price=self._config.price_per_hour)
        )

    async def events(
        self,
        request: Request,
        *,
        streamed: bool,
        on_job: Callable[[Loaded, Job], None] | None = None,
    ) -> AsyncGenerator[Event]:
        """The events of an answer. `on_job` is called with the model and the job in its engine."""
        loaded, loading = await self._ready(request.model)
        take_job = None if on_job is None else partial(on_job, loaded)
        if loaded.prompts is None:
            from fmsdk_local.speech.model import hear_request

            source = hear_request(loaded, request, loading=loading, on_job=take_job)
        else:
            from fmsdk_local.text.model import answer

            source = answer(
                loaded, loaded.prompts, request, loading=loading, streamed=streamed, on_job=take_job
            )
        async with aclosing(source) as events:
            async for event in events:
                yield event


class LocalStream(EventStream):
    """The events of a streamed answer. `timings` tells, of one that was left, how long it waited
    and had the device."""

    def __init__(self, provider: LocalProvider, request: Request) -> None:
        super().__init__(provider.events(request, streamed=True, on_job=self._set_job))
        self._job: tuple[Loaded, Job] | None = None

    def _set_job(self, loaded: Loaded, job: Job) -> None:
        self._job = (loaded, job)

    def timings(self) -> Timings | None:
        """Queue and device seconds so far; None where the engine was not reached."""
        if self._job is None:
            return None
        loaded, job = self._job
        return Timings(queue=job.queued, device_seconds=job.seconds, device=loaded.device)
