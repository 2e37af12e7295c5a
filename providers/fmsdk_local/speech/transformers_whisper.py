"""Whisper checkpoints of Hugging Face, through transformers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import (
    StoppingCriteria,
    StoppingCriteriaList,
    WhisperForConditionalGeneration,
    WhisperProcessor,
)

from fmsdk.errors import BadRequestError, CheckpointError
from fmsdk_local.engine.device import choose_dtype
from fmsdk_local.errors import translate_loading
from fmsdk_local.models.checkpoint import require_complete, require_safetensors
from fmsdk_local.speech.task import SAMPLE_RATE, Heard

if TYPE_CHECKING:
    from fmsdk_local.speech.audio import Samples

__all__ = ["TransformersWhisper"]


class TransformersWhisper:
    """A `Whisper` (see `fmsdk_local.speech.runner`) on transformers.

    Decodes greedily, window by window of 30 s, each starting where the last whole segment of
    the one before ended (Radford et al., 2022, section 4.5). Cancelled within a decode step.
    """

    def __init__(self, path: Path, *, name: str, device: str, dtype: str) -> None:
        self._name = name
        place = torch.device(device)
        try:
            self._model = _load_model(path, place, choose_dtype(dtype, place))
            self._processor = _load_processor(path)
        except Exception as error:  # the library's errors have no common root
            raise translate_loading(error, name) from error
        config = self._model.generation_config
        # "<|de|>" → id. An English-only model has none, and takes no language.
        self._language_ids: dict[str, int] = (
            getattr(config, "lang_to_id", None) or {} if config.is_multilingual else {}
        )
        codes = [token.strip("<|>") for token in self._language_ids]
        self.languages: Collection[str] = codes if config.is_multilingual else ("en",)
        self.device = str(place)
        self.dtype = str(self._model.dtype).removeprefix("torch.")
        encoder = self._model.model.encoder
        self._window: int = (
            self._model.config.max_source_positions
            * encoder.conv1.stride[0]
            * encoder.conv2.stride[0]
        )

    def prompt_length(self, prompt: str) -> int:
        """Tokens of `prompt`."""
        return len(self._prompt_ids(prompt)) - 1  # without the token that marks it as one

    def transcribe(
        self,
        samples: Samples,
        language: str | None,
        prompt: str | None,
        heard: Callable[[Heard], None],
        cancelled: Callable[[], bool],
    ) -> str | None:
        """As `fmsdk_local.speech.runner.Whisper` says."""
        features = self._features(samples)
        frames: int = features.shape[-1]
        per_second = SAMPLE_RATE / self._processor.feature_extractor.hop_length
        settings: dict[str, Any] = {
            "stopping_criteria": StoppingCriteriaList([_Cancelled(cancelled)]),
            "prompt_ids": self._prompt_ids(prompt) if prompt else None,
        }
        if self._language_ids:
            language = language or self._told(self._cut(features, 0))
            settings |= {"language": language, "task": "transcribe"}
        at = 0
        while at < frames and not cancelled():
            segments = self._decode(self._cut(features, at), settings)
            if cancelled():
                break
            for segment in segments:
                heard(self._heard(segment, at / per_second))
            at += self._advance(segments, per_second)
        return language

    def _features(self, samples: Samples) -> torch.Tensor:
        """Log-mel [1, mels, frames] of the whole recording."""
        extractor = self._processor.feature_extractor
        short = max(0, extractor.n_fft - len(samples))  # than its first frame: it would refuse
        extracted = extractor(
            np.pad(samples, (0, short)),
            sampling_rate=SAMPLE_RATE,
            padding="longest",
            truncation=False,
            return_tensors="pt",
        )
        return extracted.input_features.to(self._model.device, self._model.dtype)

    def _cut(self, features: torch.Tensor, at: int) -> torch.Tensor:
        window = features[..., at : at + self._window]
        return torch.nn.functional.pad(window, (0, self._window - window.shape[-1]))

    def _told(self, window: torch.Tensor) -> str:
        """The language of the first window, as the model hears it."""
        found = int(self._model.detect_language(input_features=window)[0])
        tokens = {id: token for token, id in self._language_ids.items()}
        return tokens[found].strip("<|>")

    def _decode(self, window: torch.Tensor, settings: dict[str, Any]) -> list[dict[str, Any]]:
        # One call of the decoder for one window: generate's own loop over windows returns
        # nothing before it has heard them all.
        with torch.inference_mode():
            found = self._model.generate(
                window,
                return_timestamps=True,
                return_segments=True,
                force_unique_generate_call=True,
                **settings,
            )
        return found["segments"][0]

    def _heard(self, segment: dict[str, Any], offset: float) -> Heard:
        tokens = segment["tokens"].tolist()
        text = self._processor.tokenizer.decode(tokens, skip_special_tokens=True)
        start, end = (offset + float(segment[key]) for key in ("start", "end"))
        return Heard(start, end, text, len(tokens))

    def _advance(self, segments: list[dict[str, Any]], per_second: float) -> int:
        """Frames to the next window: a whole one, or up to the end of the last whole segment,
        where the window's end cut the next one off. Then two timestamps end it."""
        last: list[int] = segments[-1]["tokens"].tolist() if segments else []
        begin: int = self._model.generation_config.no_timestamps_token_id + 1
        if len(last) > 1 and last[-2] >= begin and last[-1] >= begin:
            # A segment that ends where the window begins would be decoded forever.
            return round(float(segments[-1]["end"]) * per_second) or self._window
        return self._window

    def _prompt_ids(self, prompt: str) -> torch.Tensor:
        try:
            ids = self._processor.get_prompt_ids(prompt, return_tensors="pt")
        except ValueError as error:
            raise BadRequestError(
                f"the prompt holds a special token of {self._name}: leave it out", model=self._name
            ) from error
        return ids.to(self._model.device)


def _load_model(path: Path, device: torch.device, dtype: torch.dtype) -> Any:
    require_safetensors(path)
    whisper: Any = WhisperForConditionalGeneration
    model, found = whisper.from_pretrained(
        path,
        dtype=dtype,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    require_complete(found["missing_keys"], path)
    return model.to(device).eval()


def _load_processor(path: Path) -> Any:
    # transformers would make a tokenizer of no words where the files are missing.
    if not any((path / file).is_file() for file in ("tokenizer.json", "vocab.json")):
        raise CheckpointError(f"{path} has no tokenizer.json: fetch the checkpoint again")
    processor: Any = WhisperProcessor
    return processor.from_pretrained(path, local_files_only=True)


class _Cancelled(StoppingCriteria):
    """Ends the decoding of a window as soon as nobody waits for it."""

    def __init__(self, cancelled: Callable[[], bool]) -> None:
        self._cancelled = cancelled

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> Any:
        return input_ids.new_full((len(input_ids),), self._cancelled(), dtype=torch.bool)
