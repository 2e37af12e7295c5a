"""Whisper checkpoints in Hugging Face's format, through transformers."""

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
from fmsdk_local.errors import map_loading_error
from fmsdk_local.models.checkpoint import require_complete, require_safetensors
from fmsdk_local.speech.task import SAMPLE_RATE, WhisperSegment

if TYPE_CHECKING:
    from fmsdk_local.speech.audio import Samples

__all__ = ["TransformersWhisper"]


class TransformersWhisper:
    """A `fmsdk_local.speech.runner.Whisper` on transformers.

    It decodes windows of 30 s greedily. Each window starts where the last complete segment of the
    previous one ended (Radford et al., 2022, section 4.5). It cancels within a decode step.
    """

    def __init__(self, path: Path, *, name: str, device: str, dtype: str) -> None:
        self._name = name
        torch_device = torch.device(device)
        try:
            require_safetensors(path)
            whisper: Any = WhisperForConditionalGeneration
            model, report = whisper.from_pretrained(
                path,
                dtype=choose_dtype(dtype, torch_device),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
            require_complete(report["missing_keys"], path)
            self._model: Any = model.to(torch_device).eval()
            # transformers returns a tokenizer without a vocabulary where the files are missing.
            if not any((path / file).is_file() for file in ("tokenizer.json", "vocab.json")):
                raise CheckpointError(f"{path} has no tokenizer.json: fetch the checkpoint again")
            processor: Any = WhisperProcessor
            self._processor: Any = processor.from_pretrained(path, local_files_only=True)
        except Exception as error:  # transformers' errors have no common base class
            raise map_loading_error(error, name) from error
        config = self._model.generation_config
        # "<|de|>" → id. An English-only model has none, and takes no language.
        self._language_ids: dict[str, int] = (
            getattr(config, "lang_to_id", None) or {} if config.is_multilingual else {}
        )
        codes = [token.strip("<|>") for token in self._language_ids]
        self.languages: Collection[str] = codes if config.is_multilingual else ("en",)
        self.device = str(torch_device)
        self.dtype = str(self._model.dtype).removeprefix("torch.")
        encoder = self._model.model.encoder
        self._window: int = (
            self._model.config.max_source_positions
            * encoder.conv1.stride[0]
            * encoder.conv2.stride[0]
        )

    def prompt_length(self, prompt: str) -> int:
        """Tokens of `prompt`."""
        return len(self._prompt_ids(prompt)) - 1  # without the token that starts a prompt

    def transcribe(
        self,
        samples: Samples,
        language: str | None,
        prompt: str | None,
        on_segment: Callable[[WhisperSegment], None],
        is_cancelled: Callable[[], bool],
    ) -> str | None:
        """See `fmsdk_local.speech.runner.Whisper`."""
        features = self._extract_features(samples)
        frames: int = features.shape[-1]
        per_second = SAMPLE_RATE / self._processor.feature_extractor.hop_length
        settings: dict[str, Any] = {
            "stopping_criteria": StoppingCriteriaList([_CancelCriteria(is_cancelled)]),
            "prompt_ids": self._prompt_ids(prompt) if prompt else None,
        }
        if self._language_ids:
            if language is None:
                window = self._window_at(features, 0)
                id = int(self._model.detect_language(input_features=window)[0])
                language = next(
                    token.strip("<|>")
                    for token, token_id in self._language_ids.items()
                    if token_id == id
                )
            settings |= {"language": language, "task": "transcribe"}
        at = 0
        while at < frames and not is_cancelled():
            # One call for each window: generate's own loop over windows returns nothing before
            # the last of them.
            with torch.inference_mode():
                output = self._model.generate(
                    self._window_at(features, at),
                    return_timestamps=True,
                    return_segments=True,
                    force_unique_generate_call=True,
                    **settings,
                )
            segments: list[dict[str, Any]] = output["segments"][0]
            if is_cancelled():
                break
            for segment in segments:
                tokens = segment["tokens"].tolist()
                text = self._processor.tokenizer.decode(tokens, skip_special_tokens=True)
                start, end = (at / per_second + float(segment[key]) for key in ("start", "end"))
                on_segment(WhisperSegment(start, end, text, len(tokens)))
            at += self._frames_to_next_window(segments, per_second)
        return language

    def _extract_features(self, samples: Samples) -> torch.Tensor:
        """Log-mel [1, mels, frames] of the complete recording."""
        extractor = self._processor.feature_extractor
        # The extractor refuses a recording shorter than its first frame.
        padding = max(0, extractor.n_fft - len(samples))
        output = extractor(
            np.pad(samples, (0, padding)),
            sampling_rate=SAMPLE_RATE,
            padding="longest",
            truncation=False,
            return_tensors="pt",
        )
        return output.input_features.to(self._model.device, self._model.dtype)

    def _window_at(self, features: torch.Tensor, at: int) -> torch.Tensor:
        window = features[..., at : at + self._window]
        return torch.nn.functional.pad(window, (0, self._window - window.shape[-1]))

    def _frames_to_next_window(self, segments: list[dict[str, Any]], per_second: float) -> int:
        """Frames from this window's start to the next one's: all, or up to the end of the last
        complete segment. Whisper ends that with two timestamps where the window's end cuts a
        segment off."""
        last: list[int] = segments[-1]["tokens"].tolist() if segments else []
        begin: int = self._model.generation_config.no_timestamps_token_id + 1
        if len(last) > 1 and last[-2] >= begin and last[-1] >= begin:
            # A segment that ends at the window's start would otherwise be decoded for ever.
            return round(float(segments[-1]["end"]) * per_second) or self._window
        return self._window

    def _prompt_ids(self, prompt: str) -> torch.Tensor:
        try:
            ids = self._processor.get_prompt_ids(prompt, return_tensors="pt")
        except ValueError as error:
            raise BadRequestError(
                f"the prompt contains a special token of {self._name}: leave it out",
                model=self._name,
            ) from error
        return ids.to(self._model.device)


class _CancelCriteria(StoppingCriteria):
    """Ends the decoding of a window as soon as the job is cancelled."""

    def __init__(self, is_cancelled: Callable[[], bool]) -> None:
        self._is_cancelled = is_cancelled

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> Any:
        return input_ids.new_full((len(input_ids),), self._is_cancelled(), dtype=torch.bool)
