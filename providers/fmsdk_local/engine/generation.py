"""The token loop: from the tensors of a prompt to a stream of text. Knows no messages.

transformers prepares (cache, positions, masks, logits processors) and checks everything; the
loop over tokens is ours, passed in through `generate`'s `custom_generate`, so that tokens can
be sent on, stopped at a string and cancelled one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

import torch

from fmsdk.response import TokenLogprob
from fmsdk_local.engine.detokenizer import Detokenizer
from fmsdk_local.engine.engine import Job
from fmsdk_local.engine.stop_matcher import StopMatcher

__all__ = ["End", "GenerationTask", "Piece", "TextRunner"]

EndedBy = Literal["eos", "stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationTask:
    """One prompt to continue.

    inputs: the model's inputs, on the CPU: `input_ids` [1, tokens] and whatever else.
    limit: new tokens at most. sampling: `GenerationConfig` fields that differ from the
    checkpoint's. stop: strings that end the text. logprobs: how many likely tokens to report
    for each token, or None. streamed: whether pieces go out one by one or all at the end.
    """

    inputs: Mapping[str, Any]
    limit: int
    sampling: Mapping[str, Any]
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    streamed: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """Text as it comes, and the probabilities of the tokens behind it."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the text ended, tokens made (one that ends the text included), and seconds.

    `first` is `time.perf_counter()` when the first text was ready, or None.
    """

    ended_by: EndedBy
    tokens: int
    queued: float
    prefill: float
    decode: float
    first: float | None


@dataclass(slots=True)
class _Clock:
    """The moments of one run (`time.perf_counter()`)."""

    began: float = field(default_factory=perf_counter)
    prefilled: float | None = None
    first_text: float | None = None


class TextRunner:
    """Continues prompts with one model, on the engine's thread.

    Args:
        model: a transformers model that generates text.
        tokenizer: for decoding alone, and used by no other thread: tokenizers are not
            thread-safe (huggingface/transformers#47085).
        shown: ids of special tokens that have text nevertheless (tags of reasoning, of tools).
    """

    def __init__(self, model: Any, tokenizer: Any, shown: frozenset[int] = frozenset()) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self._hidden = _special_tokens(tokenizer) - shown

    def run(self, job: Job) -> None:
        """Emit `Piece`s and, last, `End`."""
        task: GenerationTask = job.task
        defaults = self.model.generation_config
        answer = _Answer(job, self.tokenizer, self._hidden, defaults)

        def loop(model: Any, input_ids: torch.Tensor, **prepared: Any) -> torch.Tensor:
            for token, logits in _tokens(model, input_ids, task.seed, **prepared):
                if not answer.take(token, logits):
                    break
            return input_ids  # generate() wants a tensor back

        with torch.inference_mode():
            inputs = {name: self._placed(value) for name, value in task.inputs.items()}
            self.model.generate(
                **inputs,
                **task.sampling,
                max_new_tokens=task.limit,
                max_length=None,
                num_beams=1,
                num_return_sequences=1,
                stop_strings=None,
                custom_generate=loop,
            )
        answer.finish()

    def _placed(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        dtype = self.model.dtype if value.is_floating_point() else None
        return value.to(device=self.model.device, dtype=dtype)


class _Answer:
    """One answer on its way: takes tokens in, hands pieces of text on, knows when to stop."""

    def __init__(self, job: Job, tokenizer: Any, hidden: frozenset[int], defaults: Any) -> None:
        task: GenerationTask = job.task
        self._ends = _end_tokens(defaults, tokenizer)
        self._job = job
        self._task = task
        self._tokenizer = tokenizer
        self._text = Detokenizer(tokenizer.decode, hidden)
        self._stops = StopMatcher((*task.stop, *(defaults.stop_strings or ())))
        self._clock = _Clock()
        self._tokens = 0
        self._ended_by: EndedBy = "length"
        self._pieces: list[str] = []
        self._logprobs: list[TokenLogprob] = []

    def take(self, token: int, logits: torch.Tensor) -> bool:
        """Take the next token in, with the logits [vocabulary] it was chosen by; False where
        it was the last."""
        if self._clock.prefilled is None:
            self._clock.prefilled = perf_counter()
        self._tokens += 1
        if self._job.cancelled:
            self._ended_by = "cancelled"
        elif token in self._ends:
            self._ended_by = "eos"
        else:
            if self._task.logprobs is not None:
                self._logprobs.append(self._logprob(token, logits))
            self._show(self._stops.feed(self._text.add(token)))
            if self._stops.found is None:
                return self._tokens < self._task.limit
            self._ended_by = "stop"
        return False

    def finish(self) -> None:
        """Hand on what was held back, and the account."""
        done = perf_counter()
        self._show(self._stops.feed(self._text.flush()) + self._stops.flush())
        if self._stops.found is not None:
            self._ended_by = "stop"
        self._send()
        clock = self._clock
        prefilled = clock.prefilled or done
        self._job.emit(
            End(
                ended_by=self._ended_by,
                tokens=self._tokens,
                queued=self._job.queued,
                prefill=prefilled - clock.began,
                decode=done - prefilled,
                first=clock.first_text,
            )
        )

    def _show(self, text: str) -> None:
        if not text:
            return
        if self._clock.first_text is None:
            self._clock.first_text = perf_counter()
        self._pieces.append(text)
        if self._task.streamed:
            self._send()

    def _send(self) -> None:
        if self._pieces or self._logprobs:
            self._job.emit(Piece("".join(self._pieces), tuple(self._logprobs)))
            self._pieces.clear()
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


def _special_tokens(tokenizer: Any) -> frozenset[int]:
    """What `decode(skip_special_tokens=True)` skips: `all_special_ids` is not all of it."""
    added: dict[int, Any] = tokenizer.added_tokens_decoder
    marked = (id for id, token in added.items() if token.special)
    return frozenset(marked) | frozenset(tokenizer.all_special_ids)


def _end_tokens(defaults: Any, tokenizer: Any) -> frozenset[int]:
    """The ids that end an answer: the checkpoint's generation settings say, else its tokenizer."""
    ends = defaults.eos_token_id
    if ends is None:
        ends = tokenizer.eos_token_id
    if ends is None:
        return frozenset()
    return frozenset((ends,) if isinstance(ends, int) else ends)


def _tokens(
    model: Any,
    input_ids: torch.Tensor,
    seed: int | None,
    *,
    logits_processor: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    stopping_criteria: object,
    generation_config: Any,
    **state: Any,
) -> Iterator[tuple[int, torch.Tensor]]:
    """Endlessly, the next token and the logits [vocabulary] behind it.

    The first forward pass takes the prompt and its media in, each later one a single token.
    `state` is what transformers carries from one to the next (cache, positions, …).
    """
    choose = _chooser(generation_config.do_sample, seed, input_ids.device)
    step = model.prepare_inputs_for_generation(input_ids, is_first_iteration=True, **state)
    while True:
        outputs = model(**step, return_dict=True)
        state = model._update_model_kwargs_for_generation(outputs, state)
        logits = outputs.logits[:, -1].to(torch.float32, copy=True)
        del outputs  # the prompt's logits may be large
        token = choose(logits_processor(input_ids, logits))
        yield int(token), logits[0]
        input_ids = torch.cat([input_ids, token[:, None]], dim=-1)
        step = model.prepare_inputs_for_generation(input_ids, next_sequence_length=1, **state)


def _chooser(
    sample: bool, seed: int | None, device: torch.device
) -> Callable[[torch.Tensor], torch.Tensor]:
    """From scores [1, vocabulary] to a token [1]: the likeliest, or drawn by a generator of the
    request's own, so that requests do not disturb each other's numbers."""
    if not sample:
        return lambda scores: scores.argmax(dim=-1)
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)

    def draw(scores: torch.Tensor) -> torch.Tensor:
        return torch.multinomial(scores.softmax(dim=-1), 1, generator=generator)[0]

    return draw
