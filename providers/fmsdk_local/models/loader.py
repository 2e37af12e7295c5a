"""Every loaded model of the process, and the way there from a checkpoint on disk.

A model is loaded once for each device and dtype. All clients, event loops and threads share it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import torch

from fmsdk.errors import CheckpointError
from fmsdk_local.engine.device import choose_device
from fmsdk_local.engine.engine import close_device, require_device, select_device
from fmsdk_local.errors import (
    is_device_broken,
    map_loading_error,
    release_memory,
    release_tensors,
    typed_panics,
)
from fmsdk_local.models.checkpoint import kind_of, read_config
from fmsdk_local.models.directories import store_directory
from fmsdk_local.models.gguf import find_or_convert
from fmsdk_local.models.loaded_model import LoadedModel
from fmsdk_local.models.loading_lock import LOADING_LOCK
from fmsdk_local.options import LocalConfig
from fmsdk_local.speech.load import load_speech_model
from fmsdk_local.text.load import load_text_model

__all__ = ["find_loaded", "load_model", "unload_models"]

_log = logging.getLogger("fmsdk_local")
_loaded_models: dict[tuple[object, ...], LoadedModel] = {}


def find_loaded(path: Path, config: LocalConfig) -> LoadedModel | None:
    """The loaded model of the checkpoint at `path`, or None."""
    return _loaded_models.get(_key(path, config))


def load_model(name: str, path: Path, config: LocalConfig) -> LoadedModel:
    """Load the checkpoint at `path` under the name `name`, or return the model that is loaded.

    Blocks. Many threads may call it; they share one load.

    Raises:
        CheckpointError: the checkpoint is broken, incomplete, a pickle, or of a kind that is not
            served.
        ConfigurationError: this machine lacks the device or a package.
        OutOfMemory: the weights are larger than the device's free memory.
        ServerError: an error has broken the GPU for this process.
    """
    key = _key(path, config)
    if key in _loaded_models:
        return _loaded_models[key]
    with LOADING_LOCK:
        if key in _loaded_models:
            return _loaded_models[key]
        start = perf_counter()
        device = str(key[1])
        require_device(device, name)
        try:
            select_device(device)
            with typed_panics(name):
                model = _load_checkpoint(name, path, config)
        except Exception as error:
            if is_device_broken(error):
                close_device(device, error)
            release_tensors(error)
            raise map_loading_error(error, name) from error.__cause__
        _loaded_models[key] = model
        _log.info("loaded %s on %s in %.1f s", name, key[1], perf_counter() - start)
        return model


def unload_models(path: Path | None = None) -> int:
    """Unload the model of the checkpoint at `path`, or all models; returns their number.

    Running requests end after their current token. Waiting ones fail.
    """
    with LOADING_LOCK:
        keys = [key for key in _loaded_models if path is None or key[0] == path.resolve()]
        for key in keys:
            _loaded_models.pop(key).unload()
        release_memory()
    return len(keys)


def _key(path: Path, config: LocalConfig) -> tuple[object, ...]:
    device = choose_device(config.device)
    return path.resolve(), device, config.dtype, config.attn, config.trust_remote_code


def _load_checkpoint(name: str, path: Path, config: LocalConfig) -> LoadedModel:
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if path.suffix.lower() == ".gguf":
        directory = config.cache_dir or store_directory() / "converted"
        path = find_or_convert(path, directory, config.progress)
    kind = kind_of(path)
    if kind in ("causal", "multimodal"):
        return load_text_model(name, path, kind, config, config.progress)
    if kind in ("whisper", "whisper-ct2"):
        return load_speech_model(name, path, kind, config, config.progress)
    fields = read_config(path)
    classes = fields.get("architectures") or [
        fields.get("model_type", "checkpoint without a model_type")
    ]
    raise CheckpointError(
        f"{name} is a {cast('list[Any]', classes)[0]}, which neither generates text nor "
        "transcribes speech"
    )
