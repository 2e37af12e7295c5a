"""From a Whisper checkpoint, of CTranslate2 or of Hugging Face, to a `SpeechModel`."""

from __future__ import annotations

from pathlib import Path

import torch

from fmsdk.errors import CheckpointError
from fmsdk.provider import Progress
from fmsdk_local.engine import Engine
from fmsdk_local.engine.device import (
    choose_device,
    choose_dtype,
    describe_device,
    require_weight_memory,
)
from fmsdk_local.models.capabilities import SPEECH_CAPABILITIES
from fmsdk_local.models.checkpoint import Kind, kind_of
from fmsdk_local.models.progress import report_progress
from fmsdk_local.models.weights import read_tensors
from fmsdk_local.options import LocalConfig
from fmsdk_local.speech.model import SpeechModel
from fmsdk_local.speech.runner import SpeechRunner, Whisper

__all__ = ["load_runner", "load_speech_model"]


def load_speech_model(
    name: str, path: Path, kind: Kind, config: LocalConfig, progress: Progress | None
) -> SpeechModel:
    """Load the checkpoint at `path`, of the kind "whisper" or "whisper-ct2"."""
    device = choose_device(config.device)
    if kind == "whisper":
        dtype = choose_dtype(config.dtype, device)
        require_weight_memory(read_tensors(path), dtype, device, name)
    with report_progress(progress, "load"):
        runner = load_runner(
            path, name=name, device=str(device), dtype=config.dtype, threads=config.threads
        )
    return SpeechModel(
        name=name,
        path=path,
        engine=Engine(runner, name=name, device=runner.device, max_queue=config.max_queue),
        device=describe_device(torch.device(runner.device)),
        capabilities=SPEECH_CAPABILITIES,
    )


def load_runner(
    path: Path, *, name: str, device: str = "cpu", dtype: str = "auto", threads: int | None = None
) -> SpeechRunner:
    """Load the Whisper checkpoint in the directory `path`.

    Args:
        path: of CTranslate2's or of Hugging Face's format.
        name: the model's, for messages.
        device: "cpu", "cuda", "cuda:1" or "mps"; CTranslate2 has no Metal backend and uses the
            CPU instead of "mps" (see `SpeechRunner.device`).
        dtype: "auto", "float32", "float16" or "bfloat16". With CTranslate2 "auto" is int8 on a
            CPU and float16 on a GPU; for transformers see
            `fmsdk_local.engine.device.choose_dtype`.
        threads: CPU threads for CTranslate2; None is one for each core.

    Raises:
        CheckpointError: the checkpoint is broken, incomplete, a pickle, or no Whisper.
        OutOfMemory: the weights are larger than the device's free memory.
        UnsupportedSetting: the device does not compute in `dtype`.
    """
    # The two libraries are the extra's largest imports: only the one in use is imported.
    kind = kind_of(path)
    whisper: Whisper
    if kind == "whisper-ct2":
        from fmsdk_local.speech.faster_whisper import FasterWhisper

        whisper = FasterWhisper(path, name=name, device=device, dtype=dtype, threads=threads)
    elif kind == "whisper":
        from fmsdk_local.speech.transformers_whisper import TransformersWhisper

        whisper = TransformersWhisper(path, name=name, device=device, dtype=dtype)
    else:
        raise CheckpointError(
            f"{name} is no Whisper checkpoint: the config.json in {path} is of another model or "
            "is missing",
            model=name,
        )
    return SpeechRunner(whisper, name)
