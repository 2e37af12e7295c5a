"""`LocalProvider`: loads the model of a request, and hands the request to it.

torch takes seconds to import, which count as loading time. The thread that loads the first model
imports it, so that neither the event loop nor `fmsdk models` waits for it.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from fmsdk.content import Modality
from fmsdk.errors import BadRequestError, QuoteUnavailable, UnsupportedContent
from fmsdk.provider import (
    Capabilities,
    Estimate,
    EventStream,
    Progress,
    Provider,
    ProviderConfig,
    UsableModel,
)
from fmsdk.quoting.estimate import estimate_request
from fmsdk.request import Request
from fmsdk.response import Event, Response, ResponseAccumulator
from fmsdk.threads import hold_exit, run_in_thread
from fmsdk.token_count import TokenCount
from fmsdk.transcription import TranscribeRequest, Transcription
from fmsdk.usage import Device, Range, Timings
from fmsdk_local.models import fetch_model, list_usable_models, locate_model
from fmsdk_local.models.capabilities import capabilities_of
from fmsdk_local.models.extra import find_missing_module
from fmsdk_local.options import LocalConfig, LocalOptions

if TYPE_CHECKING:
    from fmsdk_local.encode import PromptEncoder
    from fmsdk_local.engine import Job
    from fmsdk_local.models.loaded_model import LoadedModel

__all__ = ["LocalProvider", "unload"]


def unload(model: str | None = None) -> int:
    """Unload the model `model`, or every model; returns how many were loaded."""
    from fmsdk_local.models import loader

    return loader.unload_models(None if model is None else locate_model(model))


class LocalProvider(Provider):
    """Models in this process. See `fmsdk_local.options.LocalConfig` for its options.

    Loaded models belong to the process, not to a provider: they stay loaded when the provider is
    closed, and every provider with the same device and dtype shares them.

    Settings that a request leaves open are the checkpoint's (`generation_config.json`), as with
    transformers; a temperature of 0 is greedy. Without `max_output_tokens` a response has at most
    as many tokens as the checkpoint allows, else 4096, within the context. Stop strings apply to
    all text of the model, its reasoning included. Logprobs are of the model's own distribution,
    before temperature.

    Raises:
        BadRequestError: an option is unknown, or its value is invalid.
        ModuleNotFoundError: the extra "local" is not installed.
    """

    options_class = LocalOptions

    contract_version: ClassVar[int] = 2
    is_local: ClassVar[bool] = True

    def __init__(self, config: ProviderConfig) -> None:
        if (module := find_missing_module()) is not None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        self.name = config.name
        self._config = LocalConfig.read_options(config.options)
        self._capabilities: dict[Path, Capabilities] = {}
        self._prompt_encoders: dict[Path, PromptEncoder] = {}

    @staticmethod
    def usable_models() -> list[UsableModel]:
        """Every local model, and how to make usable those that are not."""
        return list_usable_models()

    @staticmethod
    def fetch_model(name: str, progress: Progress) -> str:
        """Fetch `name` to this machine: see `fmsdk.provider.Provider.fetch_model`."""
        return str(fetch_model(name, progress))

    def capabilities(self, model: str) -> Capabilities:
        """The capabilities of the model, by its files.

        Raises:
            ModelNotFound: it is not on this machine.
            CheckpointError: it is broken.
        """
        path = locate_model(model)
        loaded_model = self._find_loaded(path)
        if loaded_model is not None:
            return loaded_model.capabilities  # those of a GGUF file are known once it is converted
        if path not in self._capabilities:
            self._capabilities[path] = capabilities_of(path)
        return self._capabilities[path]

    async def load(self, model: str) -> float:
        """Load the model if it is not loaded; returns how many seconds that took."""
        _, seconds = await self._ensure_loaded(model)
        return seconds

    async def generate(self, request: Request) -> Response[Any]:
        """The complete response."""
        accumulator = ResponseAccumulator()
        async for event in self.events(request, stream=False):
            accumulator.add(event)
        return accumulator.response(request.provider, request.model, output_type=request.output)

    def stream(self, request: Request) -> LocalStream:
        """The events of the response, token by token."""
        return LocalStream(self, request)

    async def transcribe(self, request: TranscribeRequest) -> Transcription:
        """Speech to text, by a Whisper.

        Raises:
            UnsupportedContent: the model does not transcribe speech.
        """
        from fmsdk_local.speech.model import SpeechModel

        model, load_seconds = await self._ensure_loaded(request.model)
        if not isinstance(model, SpeechModel):
            raise UnsupportedContent(
                f"{request.name} does not transcribe speech; local:demo-audio does", part="audio"
            )
        return await model.transcribe(request, provider=self.name, load_seconds=load_seconds)

    async def count_tokens(self, request: Request) -> TokenCount:
        """The input tokens, by the model's own tokenizer and processor. Raises BadRequestError for
        a model that takes no prompt."""
        estimate = await run_in_thread(self.estimate, request)
        if not estimate.exact:
            raise BadRequestError(
                f"{request.name} takes no prompt whose tokens could be counted",
                provider=self.name,
                model=request.model,
            )
        counts: dict[Modality, int] = {
            kind: tokens.expected for kind, tokens in estimate.by_modality.items()
        }
        return TokenCount(
            provider=self.name,
            model=request.model,
            tokens=estimate.input.expected,
            by_modality=counts,
        )

    def estimate(self, request: Request) -> Estimate:
        """The tokens of a request: counted by tokenizer and processor if the model is loaded, or if
        there are media. For these the processor of a model that is not loaded is read, without its
        weights: seconds for the first one, for the imports. Other text is estimated.

        Raises:
            QuoteUnavailable: a medium is elsewhere, or the model generates no text from it.
            FmsdkError: what `generate` would raise before the model runs.
        """
        path = locate_model(request.model)
        capabilities = self.capabilities(request.model)
        writes_text = bool(capabilities.settings)  # a Whisper's answers have none
        for part in request.media():
            why = None
            if part.header is None:
                why = "pass the file or its bytes"
            elif part.kind not in capabilities.input or not writes_text:
                why = f"{request.name} writes no text about it"
            if why is not None:
                raise QuoteUnavailable(
                    f"the tokens of this {part.kind} ({part.describe()}) are unknown: {why}",
                    provider=request.provider,
                    model=request.model,
                )
        model = self._find_loaded(path)
        usage = None if model is None else model.count_input(request)
        if usage is None and (any(request.media()) or path in self._prompt_encoders):
            if path not in self._prompt_encoders:
                encoder = _load_prompt_encoder(request.name, path, self._config)
                self._prompt_encoders[path] = encoder
            usage = self._prompt_encoders[path].encode(request).usage
        if usage is None or usage.total is None:
            return estimate_request(request)
        counts: dict[Modality, int] = {"text": usage.text or 0}
        counts |= {"image": usage.image} if usage.image else {}
        counts |= {"audio": usage.audio} if usage.audio else {}
        return Estimate(
            input=Range(usage.total, usage.total, usage.total),
            exact=True,
            by_modality={kind: Range(count, count, count) for kind, count in counts.items()},
            ceilings=counts,
            basis={kind: "tokenizer" if kind == "text" else "processor" for kind in counts},
        )

    def device(self, model: str) -> Device | None:
        """The device of a loaded model, with its price where the user has set one."""
        loaded_model = self._find_loaded(locate_model(model))
        return None if loaded_model is None else loaded_model.device

    async def aclose(self) -> None:
        """Nothing to close: models stay loaded until `fmsdk_local.unload`."""

    def _find_loaded(self, path: Path) -> LoadedModel | None:
        if "fmsdk_local.models.loader" not in sys.modules:
            return None  # nothing is loaded yet, and the loader would import torch
        from fmsdk_local.models import loader

        model = loader.find_loaded(path, self._config)
        # Each provider has its own price for the device of a shared model.
        return None if model is None else model.with_hourly_price(self._config.price_per_hour)

    async def _ensure_loaded(self, name: str) -> tuple[LoadedModel, float]:
        """The model, and the seconds that loading it took."""
        path = locate_model(name)
        model = self._find_loaded(path)
        if model is not None:
            return model, 0.0
        start = perf_counter()
        model = await run_in_thread(hold_exit, self._load_model, name, path)
        return model, perf_counter() - start

    def _load_model(self, name: str, path: Path) -> LoadedModel:
        from fmsdk_local.models import loader

        model = loader.load_model(name, path, self._config)
        return model.with_hourly_price(self._config.price_per_hour)

    async def events(
        self,
        request: Request,
        *,
        stream: bool,
        on_job: Callable[[LoadedModel, Job], None] | None = None,
    ) -> AsyncGenerator[Event]:
        """The events of a response. `on_job` is called with the model and its engine's job."""
        model, load_seconds = await self._ensure_loaded(request.model)
        events = model.generate_events(
            request,
            load_seconds=load_seconds,
            stream=stream,
            on_job=None if on_job is None else partial(on_job, model),
        )
        async with aclosing(events):
            async for event in events:
                yield event


def _load_prompt_encoder(name: str, path: Path, config: LocalConfig) -> PromptEncoder:
    """What counts the prompts of a model that is not loaded: no weights."""
    from fmsdk_local.encode import PromptEncoder
    from fmsdk_local.errors import map_loading_error, typed_panics
    from fmsdk_local.models.chat_template import read_chat_template
    from fmsdk_local.models.checkpoint import kind_of
    from fmsdk_local.models.processor import load_processor

    trust = config.trust_remote_code
    try:
        with typed_panics(name):
            processor = load_processor(path, kind_of(path), trust_remote_code=trust)
            return PromptEncoder(processor, read_chat_template(path))
    except Exception as error:
        raise map_loading_error(error, name) from error.__cause__


class LocalStream(EventStream):
    """The events of a streamed response. `timings` has the seconds of an aborted one, too."""

    def __init__(self, provider: LocalProvider, request: Request) -> None:
        super().__init__(provider.events(request, stream=True, on_job=self._set_job))
        # Not the model: a stream that the caller keeps must not keep its weights.
        self._job: tuple[Device, Job] | None = None

    def _set_job(self, model: LoadedModel, job: Job) -> None:
        self._job = (model.device, job)

    def timings(self) -> Timings | None:
        """Seconds in the queue and on the device so far; None before the engine has the job."""
        if self._job is None:
            return None
        device, job = self._job
        return Timings(queue=job.queue_seconds, device_seconds=job.device_seconds, device=device)
