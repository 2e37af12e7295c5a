"""The token loop: from the tensors of a prompt to a stream of text. Knows no messages.

transformers prepares everything (cache, positions, masks, logits processors) and checks it. The
loop over tokens is ours, passed in through `generate`'s `custom_generate`, so that tokens can be
streamed, stopped at a string and cancelled one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

import torch
from transformers.generation.utils import ALL_CACHE_NAMES

from fmsdk.response import TokenLogprob
from fmsdk_local.engine.detokenizer import Detokenizer
from fmsdk_local.engine.job import Job
from fmsdk_local.engine.stop_matcher import StopMatcher

__all__ = ["EndReason", "GenerationEnd", "GenerationTask", "TextChunk", "TextRunner"]

EndReason = Literal["eos", "stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationTask:
    """One prompt to continue.

    inputs: the model's inputs, on the CPU: `input_ids` [1, tokens] and whatever else it takes.
    max_tokens: the most new tokens. sampling: `GenerationConfig` fields that differ from the
    checkpoint's. stop: strings that end the text. logprobs: how many of the likeliest tokens to
    report for each token, or None. stream: emit each chunk as it comes, or all text at the end.
    """

    inputs: Mapping[str, Any]
    max_tokens: int
    sampling: Mapping[str, Any]
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    stream: bool = True


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Text as it comes, and the probabilities of its tokens."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationEnd:
    """Why the text ended, the number of generated tokens (an end token included), and seconds.

    unknown_tokens: those that the tokenizer lacks, and that have no text.
    first_text: `time.perf_counter()` when the first text was ready, or None.
    """

    reason: EndReason
    tokens: int
    unknown_tokens: int
    queue_seconds: float
    prefill_seconds: float
    decode_seconds: float
    first_text: float | None


class TextRunner:
    """Continues prompts with one model, on the engine's thread.

    Args:
        model: a transformers model that generates text.
        tokenizer: for decoding alone, and used by no other thread: tokenizers are not
            thread-safe (huggingface/transformers#47085).
        visible: ids of special tokens that nevertheless have text (tags of reasoning, of tools).
        end_tokens: ids that end a text.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        visible: frozenset[int] = frozenset(),
        end_tokens: frozenset[int] = frozenset(),
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.end_tokens = end_tokens
        # What `decode(skip_special_tokens=True)` skips: `all_special_ids` is not all of it.
        added_tokens: dict[int, Any] = tokenizer.added_tokens_decoder
        special_ids = {id for id, token in added_tokens.items() if token.special}
        self.skipped_ids = frozenset(special_ids | set(tokenizer.all_special_ids)) - visible

    def run(self, job: Job) -> None:
        """Emit `TextChunk`s and, last, a `GenerationEnd`."""
        task: GenerationTask = job.task
        output = _TokenSink(job, self)

        def loop(model: Any, input_ids: torch.Tensor, **state: Any) -> torch.Tensor:
            for token, logits in _generate_tokens(model, input_ids, task.seed, **state):
                if not output.add_token(token, logits):
                    break
            return input_ids  # generate() expects a tensor

        with torch.inference_mode():
            inputs = dict(task.inputs)
            for name, value in inputs.items():
                if isinstance(value, torch.Tensor):
                    dtype = self.model.dtype if value.is_floating_point() else None
                    inputs[name] = value.to(device=self.model.device, dtype=dtype)
            self.model.generate(
                **inputs,
                **task.sampling,
                max_new_tokens=task.max_tokens,
                max_length=None,
                num_beams=1,
                num_return_sequences=1,
                use_cache=True,
                # Processors such as `min_new_tokens` hold these back.
                eos_token_id=sorted(self.end_tokens) or None,
                stop_strings=None,
                custom_generate=loop,
            )
        output.emit_end()


class _TokenSink:
    """The generated tokens of one job: turns them into text, emits it, decides when to stop."""

    def __init__(self, job: Job, runner: TextRunner) -> None:
        task: GenerationTask = job.task
        self._job = job
        self._task = task
        self._tokenizer = runner.tokenizer
        self._end_tokens = runner.end_tokens
        self._skipped_ids = runner.skipped_ids
        self._detokenizer = Detokenizer(runner.tokenizer.decode, runner.skipped_ids)
        stops = runner.model.generation_config.stop_strings or ()
        self._stop_matcher = StopMatcher((*task.stop, *stops))
        self._unknown_tokens = 0
        self._start = perf_counter()
        self._first_token: float | None = None
        self._first_text: float | None = None
        self._tokens = 0
        self._end_reason: EndReason = "length"
        self._text: list[str] = []
        self._logprobs: list[TokenLogprob] = []

    def add_token(self, token: int, logits: torch.Tensor) -> bool:
        """Add the next token and the logits [vocabulary] that it was chosen by. Returns False
        where it was the last."""
        if self._first_token is None:
            self._first_token = perf_counter()
        self._tokens += 1
        if self._job.is_cancelled:
            self._end_reason = "cancelled"
        elif token in self._end_tokens:
            self._end_reason = "eos"
        else:
            if self._task.logprobs is not None:
                self._logprobs.append(self._logprob(token, logits))
            text = self._detokenizer.add_token(token)
            if not text and self._tokenizer.convert_ids_to_tokens(token) is None:
                self._unknown_tokens += 1
            self._add_text(self._stop_matcher.add_text(text))
            if token in self._skipped_ids:
                hidden_text = self._tokenizer.decode([token])
                self._add_text(self._stop_matcher.add_text(hidden_text, hidden=True))
            if self._stop_matcher.match is None:
                return self._tokens < self._task.max_tokens
            self._end_reason = "stop"
        return False

    def emit_end(self) -> None:
        """Emit the rest of the text, and the `GenerationEnd`."""
        end = perf_counter()
        self._add_text(
            self._stop_matcher.add_text(self._detokenizer.flush()) + self._stop_matcher.flush()
        )
        if self._stop_matcher.match is not None:
            self._end_reason = "stop"
        self._emit_text()
        first_token = self._first_token or end
        self._job.emit(
            GenerationEnd(
                reason=self._end_reason,
                tokens=self._tokens,
                unknown_tokens=self._unknown_tokens,
                queue_seconds=self._job.queue_seconds,
                prefill_seconds=first_token - self._start,
                decode_seconds=end - first_token,
                first_text=self._first_text,
            )
        )

    def _add_text(self, text: str) -> None:
        if not text:
            return
        if self._first_text is None:
            self._first_text = perf_counter()
        self._text.append(text)
        if self._task.stream:
            self._emit_text()

    def _emit_text(self) -> None:
        if self._text or self._logprobs:
            self._job.emit(TextChunk("".join(self._text), tuple(self._logprobs)))
            self._text.clear()
            self._logprobs.clear()

    def _logprob(self, token: int, logits: torch.Tensor) -> TokenLogprob:
        # Of the model's own distribution, before temperature and the like, as hosted APIs do.
        logprobs = torch.log_softmax(logits, dim=-1)
        top: Any = logprobs.topk(min(self._task.logprobs or 0, len(logprobs)))
        likeliest = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        return TokenLogprob(
            self._tokenizer.decode([token]),
            float(logprobs[token]),
            tuple((self._tokenizer.decode([id]), logprob) for id, logprob in likeliest),
        )


def _generate_tokens(
    model: Any,
    input_ids: torch.Tensor,
    seed: int | None,
    *,
    logits_processor: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    stopping_criteria: object,
    generation_config: Any,
    **state: Any,
) -> Iterator[tuple[int, torch.Tensor]]:
    """Endlessly, the next token and the logits [vocabulary] that it was chosen by.

    The first forward pass takes the prompt and its media, each later one a single token.
    `state` is what transformers carries from one pass to the next (cache, positions, …).
    """
    choose_token = _token_chooser(generation_config.do_sample, seed, input_ids.device)
    inputs = model.prepare_inputs_for_generation(input_ids, is_first_iteration=True, **state)
    while True:
        outputs = model(**inputs, return_dict=True)
        state = model._update_model_kwargs_for_generation(outputs, state)
        logits = outputs.logits[:, -1].to(torch.float32, copy=True)
        del outputs  # the prompt's logits may be large
        token = choose_token(logits_processor(input_ids, logits))
        yield int(token), logits[0]
        input_ids = torch.cat([input_ids, token[:, None]], dim=-1)
        # A model without a cache takes all tokens again.
        has_cache = any(state.get(name) is not None for name in ALL_CACHE_NAMES)
        inputs = model.prepare_inputs_for_generation(
            input_ids, next_sequence_length=1 if has_cache else None, **state
        )


def _token_chooser(
    sample: bool, seed: int | None, device: torch.device
) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function from scores [1, vocabulary] to a token [1]: the likeliest, or a sample.

    Each request samples by a generator of its own, so that requests do not disturb each other's
    random numbers.
    """
    if not sample:
        return lambda scores: scores.argmax(dim=-1)
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return lambda scores: torch.multinomial(scores.softmax(dim=-1), 1, generator=generator)[0]
