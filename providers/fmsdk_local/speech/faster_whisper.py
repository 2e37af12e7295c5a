"""Whisper checkpoints in CTranslate2's format, through faster-whisper."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ctranslate2  # pyright: ignore[reportMissingTypeStubs]
import faster_whisper  # pyright: ignore[reportMissingTypeStubs]

from fmsdk.errors import CheckpointError, OutOfMemory, UnsupportedSetting
from fmsdk_local.errors import first_line
from fmsdk_local.speech.task import WhisperSegment

if TYPE_CHECKING:
    from fmsdk_local.speech.audio import Samples

__all__ = ["FasterWhisper"]

# Whisper's own default (Radford et al., 2022, section 4.5). A beam of 1 saves a fifth of the
# time on a CPU, and repeats itself more often on hard recordings.
_BEAM_SIZE = 5


class FasterWhisper:
    """A `fmsdk_local.speech.runner.Whisper` on CTranslate2.

    It transcribes windows of 30 s; segments come, and cancelling works, after each window. A
    window whose most probable text is unlikely is decoded again at higher temperatures. One that
    is silent by Whisper's own measure has no segment.
    """

    def __init__(
        self, path: Path, *, name: str, device: str, dtype: str, threads: int | None
    ) -> None:
        if not (path / "tokenizer.json").is_file():
            # faster-whisper would fetch one from the hub.
            raise CheckpointError(
                f"{name} is incomplete: {path} has no tokenizer.json. Fetch it again", model=name
            )
        has_affinity = hasattr(os, "sched_getaffinity")  # not on macOS
        cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count()
        kind, _, index = device.partition(":")
        kind = "cuda" if kind == "cuda" else "cpu"
        self._name = name
        try:
            self._model: Any = faster_whisper.WhisperModel(
                os.fspath(path),
                device=kind,
                device_index=int(index or 0),
                compute_type=_choose_compute_type(kind, dtype, name),
                cpu_threads=threads or cores or 1,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, MemoryError) as error:
            raise _map_out_of_memory(error, name) or CheckpointError(
                f"{name} cannot be loaded: {first_line(error)}. Fetch it again", model=name
            ) from error
        self.languages: Collection[str] = self._model.supported_languages
        self.device = device if kind == "cuda" else "cpu"
        self.dtype: str = self._model.model.compute_type

    def prompt_length(self, prompt: str) -> int:
        """Tokens of `prompt`."""
        return len(self._model.hf_tokenizer.encode(f" {prompt.strip()}", add_special_tokens=False))

    def transcribe(
        self,
        samples: Samples,
        language: str | None,
        prompt: str | None,
        on_segment: Callable[[WhisperSegment], None],
        is_cancelled: Callable[[], bool],
    ) -> str | None:
        """See `fmsdk_local.speech.runner.Whisper`."""
        try:
            segments, info = self._model.transcribe(
                samples, language=language, initial_prompt=prompt, beam_size=_BEAM_SIZE
            )
            for segment in segments:
                on_segment(
                    WhisperSegment(segment.start, segment.end, segment.text, len(segment.tokens))
                )
                if is_cancelled():
                    break
        except (RuntimeError, MemoryError) as error:
            fmsdk_error = _map_out_of_memory(error, self._name)
            if fmsdk_error is None:
                raise
            raise fmsdk_error from error
        return info.language


def _map_out_of_memory(error: Exception, name: str) -> OutOfMemory | None:
    # CTranslate2 raises plain RuntimeErrors. Only their messages tell them apart.
    if not isinstance(error, MemoryError) and "out of memory" not in str(error):
        return None
    return OutOfMemory(
        f"{name} ran out of memory: {first_line(error)}. Choose a smaller model or another device",
        model=name,
    )


def _choose_compute_type(device: str, dtype: str, name: str) -> str:
    if dtype == "auto":
        # On two CPU cores int8 takes half the time of float32, and makes no more errors.
        return "int8" if device == "cpu" else "float16"
    library: Any = ctranslate2
    compute_types: set[str] = library.get_supported_compute_types(device)
    if dtype not in compute_types:
        raise UnsupportedSetting(
            f"{name} cannot compute in {dtype} on this {device}; CTranslate2 supports "
            f"{', '.join(sorted(compute_types))} on it, and dtype='auto' chooses the fastest",
            setting="dtype",
            model=name,
        )
    return dtype
