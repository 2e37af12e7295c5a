"""`TextModel`: a language model or multimodal model, from a request to the events of a response."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self, cast

from fmsdk.errors import ContextTooLong
from fmsdk.provider import Capabilities
from fmsdk.request import Request
from fmsdk.response import Event, Finished, Warning
from fmsdk.threads import hold_exit, run_in_thread
from fmsdk.usage import Device, InputUsage, OutputUsage, Timings, Usage
from fmsdk_local.decode import Dialect, decode_finish
from fmsdk_local.encode import Prompt, PromptEncoder
from fmsdk_local.engine import Engine, Job
from fmsdk_local.engine.device import require_cache_memory
from fmsdk_local.engine.engine import close_device
from fmsdk_local.engine.generation import GenerationEnd, GenerationTask, TextChunk
from fmsdk_local.errors import is_device_broken, map_request_error
from fmsdk_local.options import options_of
from fmsdk_local.text.memory import TokenMemory
from fmsdk_local.text.vocabulary import Embedding

if TYPE_CHECKING:
    import torch

__all__ = ["TextModel"]

# The limit where neither the caller nor the checkpoint sets one: small models can ramble for ever.
_MAX_OUTPUT_TOKENS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModel:
    """A loaded model that generates text: a `fmsdk_local.models.loaded_model.LoadedModel`.

    context: tokens of prompt and response together, or None where the checkpoint has no limit.
    max_new_tokens: the checkpoint's own limit on a response, or None.
    memory: what one token of a request takes.
    warnings: of every response: what of the checkpoint's settings has no effect.
    """

    name: str
    path: Path
    engine: Engine
    device: Device
    torch_device: torch.device
    capabilities: Capabilities
    prompt_encoder: PromptEncoder
    embedding: Embedding
    dialect: Dialect
    memory: TokenMemory
    context: int | None = None
    max_new_tokens: int | None = None
    warnings: tuple[Warning, ...] = ()

    def with_hourly_price(self, price: Decimal | None) -> Self:
        """The same model with a device that costs `price` dollars an hour."""
        return replace(self, device=replace(self.device, hourly_price=price))

    def count_input(self, request: Request) -> InputUsage:
        """The exact input tokens, by tokenizer and processor. Raises what `PromptEncoder.encode`
        does."""
        return self.prompt_encoder.encode(request).usage

    def unload(self) -> None:
        """Stop the inference thread after its current decode step; waiting requests fail."""
        self.engine.close()

    async def generate_events(
        self,
        request: Request,
        *,
        load_seconds: float,
        stream: bool,
        on_job: Callable[[Job], None] | None = None,
    ) -> AsyncGenerator[Event]:
        """The events of one response: see `LoadedModel.generate_events`.

        Raises:
            ContextTooLong, OutOfMemory: the request is too long.
            FmsdkError: what `PromptEncoder.encode` and `Engine.submit` raise.
        """
        start = perf_counter()
        stop_event = threading.Event()
        try:
            prompt = await run_in_thread(hold_exit, self.prompt_encoder.encode, request, stop_event)
            task = self._generation_task(request, prompt, stream=stream)
        except Exception as error:
            if is_device_broken(error):
                close_device(self.engine.device, error)
            raise map_request_error(error, request.name) from error.__cause__
        finally:
            stop_event.set()
        decoder = self.dialect.decoder(prompt.tools, in_reasoning=prompt.opens_reasoning)
        async with aclosing(cast("Any", self.engine.submit(task, on_job))) as items:
            async for item in items:
                if isinstance(item, TextChunk):
                    for event in decoder.decode_text(item.text, item.logprobs):
                        yield event
                elif isinstance(item, GenerationEnd):
                    for event in decoder.decode_end():
                        yield event
                    finish = decode_finish(item.reason, has_calls=decoder.has_calls)
                    first_text = item.first_text
                    timings = Timings(
                        queue=item.queue_seconds,
                        load=load_seconds or None,
                        prefill=item.prefill_seconds,
                        decode=item.decode_seconds,
                        time_to_first_token=first_text and first_text - start + load_seconds,
                        device_seconds=item.prefill_seconds + item.decode_seconds,
                        device=self.device,
                    )
                    yield Finished(
                        finishes=((finish, item.reason),),
                        usage=_usage(prompt, item.tokens),
                        served_model=self.name,
                        timings=timings,
                        warnings=(
                            *prompt.warnings,
                            *self.warnings,
                            *decoder.warnings,
                            *self._warn_of_unknown_tokens(item.unknown_tokens),
                        ),
                    )

    def _generation_task(self, request: Request, prompt: Prompt, *, stream: bool) -> GenerationTask:
        settings = request.settings
        self.embedding.require_ids(prompt.inputs["input_ids"], request.name)
        max_tokens = self._max_tokens(request, prompt)
        tokens = prompt.tokens + (settings.max_output_tokens or 0)
        size = self.memory.request_bytes(prompt.tokens, tokens)
        require_cache_memory(size, self.torch_device, request.name)
        return GenerationTask(
            inputs=prompt.inputs,
            max_tokens=max_tokens,
            sampling=_sampling(request),
            seed=settings.seed,
            stop=settings.stop,
            logprobs=settings.logprobs,
            stream=stream,
        )

    def _warn_of_unknown_tokens(self, count: int) -> tuple[Warning, ...]:
        if not count:
            return ()
        message = f"{self.name} wrote {count} tokens that its tokenizer lacks: they have no text"
        return (Warning("tokens_without_text", message, "tokenizer"),)

    def _max_tokens(self, request: Request, prompt: Prompt) -> int:
        """The caller's limit, else the checkpoint's, within the context."""
        requested_tokens = request.settings.max_output_tokens
        default = self.max_new_tokens or _MAX_OUTPUT_TOKENS
        if self.context is None:
            return requested_tokens or default
        available = self.context - prompt.tokens
        if available < (requested_tokens or 1):
            output = f" and max_output_tokens is {requested_tokens}" if requested_tokens else ""
            prompt_limit = self.context - (requested_tokens or 1)
            limits = [f"{prompt_limit} tokens of prompt fit"] if prompt_limit > 0 else []
            limits += [f"{available} tokens of output fit"] if available > 0 else []
            raise ContextTooLong(
                f"the prompt has {prompt.tokens} tokens{output}; the context of {request.name} is "
                f"{self.context} tokens in all, so {' or '.join(limits)}",
                tokens=prompt.tokens + (requested_tokens or 1),
                limit=self.context,
            )
        return requested_tokens or min(default, available)


def _sampling(request: Request) -> dict[str, Any]:
    """The `GenerationConfig` fields that the request sets; the others are the checkpoint's."""
    settings, options = request.settings, options_of(request)
    penalties = {
        "repetition_penalty": options.repetition_penalty,
        "no_repeat_ngram_size": options.no_repeat_ngram_size,
    }
    fields = {name: value for name, value in penalties.items() if value is not None}
    if settings.temperature == 0:
        return {**fields, "do_sample": False}
    distribution = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": options.top_k,
        "min_p": options.min_p,
    }
    distribution = {name: value for name, value in distribution.items() if value is not None}
    return {**fields, **distribution, "do_sample": True} if distribution else fields


def _usage(prompt: Prompt, output_tokens: int) -> Usage:
    return Usage(
        input=prompt.usage,
        output=OutputUsage(total=output_tokens, text=output_tokens),
        source="measured",
    )
