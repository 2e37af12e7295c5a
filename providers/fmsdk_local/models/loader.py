"""From a checkpoint on disk to a model that serves requests; every loaded model of the process.

A model is loaded once for each device and dtype and shared by all clients, event loops and
threads.
"""

from __future__ import annotations

import copy
import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import torch
from transformers import AutoModelForCausalLM, AutoModelForMultimodalLM

from fmsdk.errors import CheckpointError
from fmsdk.provider import Progress
from fmsdk.usage import Device
from fmsdk_local.decode import TAGS
from fmsdk_local.encode.prompt import PromptEncoder
from fmsdk_local.engine import device as devices
from fmsdk_local.engine.engine import Engine
from fmsdk_local.engine.generation import TextRunner
from fmsdk_local.errors import release, translate_loading
from fmsdk_local.models.chat_template import read_template
from fmsdk_local.models.checkpoint import Kind, kind_of, read_config
from fmsdk_local.models.directories import store_directory
from fmsdk_local.models.gguf import converted
from fmsdk_local.models.loading_lock import LOADING_LOCK
from fmsdk_local.models.processor import load_processor, tokenizer_of
from fmsdk_local.models.progress import reported
from fmsdk_local.models.weights import tensors
from fmsdk_local.options import LocalConfig

__all__ = ["Loaded", "find_loaded", "load_model", "unload_models"]

_log = logging.getLogger("fmsdk_local")
_loaded_models: dict[tuple[object, ...], Loaded] = {}
on_progress: Progress | None = None
"""Hears of every loading that has no `progress` option of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that serves requests.

    prompts: encodes requests for it; None for speech to text. context: tokens of prompt and
    answer together, or None. max_new_tokens: the checkpoint's own limit on answers, or None.
    kv_bytes: memory that a token of context takes, or None where that cannot be told.
    """

    name: str
    path: Path
    kind: Kind
    engine: Engine
    device: Device
    torch_device: torch.device
    prompts: PromptEncoder | None
    context: int | None = None
    max_new_tokens: int | None = None
    kv_bytes: int | None = None


def find_loaded(path: Path, config: LocalConfig) -> Loaded | None:
    """The model of the checkpoint at `path`, where it is loaded."""
    return _loaded_models.get(_key(path, config))


def load_model(name: str, path: Path, config: LocalConfig) -> Loaded:
    """The model of the checkpoint at `path`, called `name`. Blocks; safe from many threads,
    which share one loading.

    Raises:
        CheckpointError: broken, of a kind not served, pickles, or missing files.
        ConfigurationError: no such device, or a package is missing.
        OutOfMemory: the weights do not fit the device.
    """
    key = _key(path, config)
    if key in _loaded_models:
        return _loaded_models[key]
    with LOADING_LOCK:
        if key in _loaded_models:
            return _loaded_models[key]
        began = perf_counter()
        try:
            loaded = _load(name, path, config)
        except Exception as error:
            release(error)
            raise translate_loading(error, name) from error.__cause__
        _loaded_models[key] = loaded
        _log.info("loaded %s on %s in %.1f s", name, loaded.torch_device, perf_counter() - began)
        return loaded


def unload_models(path: Path | None = None) -> int:
    """Unload the model of the checkpoint at `path`, or all models; returns how many it were.
    Requests that run end after their current token; those that wait fail."""
    with LOADING_LOCK:
        gone = [key for key in _loaded_models if path is None or key[0] == path.resolve()]
        for key in gone:
            _loaded_models.pop(key).engine.close()
        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
    return len(gone)


def _key(path: Path, config: LocalConfig) -> tuple[object, ...]:
    device = devices.choose_device(config.device)
    return path.resolve(), device, config.dtype, config.attn, config.trust_remote_code


def _load(name: str, path: Path, config: LocalConfig) -> Loaded:
    progress = config.progress or on_progress
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if path.suffix.lower() == ".gguf":
        root = config.cache_dir or store_directory() / "converted"
        path = converted(path, root, progress)
    kind = kind_of(path)
    if kind in ("causal", "multimodal"):
        return _load_text(name, path, kind, config, progress)
    if kind in ("whisper", "whisper-ct2"):
        return _load_speech(name, path, kind, config, progress)
    raise CheckpointError(
        f"{name} is a {_architecture(read_config(path))}, which neither generates text nor "
        "transcribes speech"
    )


def _load_text(
    name: str, path: Path, kind: Kind, config: LocalConfig, progress: Progress | None
) -> Loaded:
    device = devices.choose_device(config.device)
    dtype = _dtype(path, config, device)
    devices.require_room(tensors(path), dtype, device, name)
    with reported(progress, "load"):
        processor = load_processor(path, kind, trust_remote_code=config.trust_remote_code)
        model = _load_model(path, kind, config, device, dtype)
    # A second tokenizer, since decoding and encoding happen on different threads.
    decoder = copy.deepcopy(tokenizer_of(processor))
    text = model.config.get_text_config(decoder=True)
    return Loaded(
        name=name,
        path=path,
        kind=kind,
        engine=Engine(
            TextRunner(model, decoder, _shown(decoder)), name=name, max_queue=config.max_queue
        ),
        device=devices.describe(device),
        torch_device=device,
        prompts=PromptEncoder(processor, read_template(path)),
        context=getattr(text, "max_position_embeddings", None),
        max_new_tokens=model.generation_config.max_new_tokens,
        kv_bytes=_kv_bytes(text, model.dtype),
    )


def _load_speech(
    name: str, path: Path, kind: Kind, config: LocalConfig, progress: Progress | None
) -> Loaded:
    from fmsdk_local import speech  # the extra's largest imports, for this kind alone

    device = devices.choose_device(config.device)
    if kind == "whisper":
        devices.require_room(
            tensors(path), devices.choose_dtype(config.dtype, device), device, name
        )
    with reported(progress, "load"):
        runner = speech.load(
            path, name=name, device=str(device), dtype=config.dtype, threads=config.threads
        )
    device = torch.device(runner.device)
    return Loaded(
        name=name,
        path=path,
        kind=kind,
        engine=Engine(runner, name=name, max_queue=config.max_queue),
        device=devices.describe(device),
        torch_device=device,
        prompts=None,
    )


def _load_model(
    path: Path, kind: Kind, config: LocalConfig, device: torch.device, dtype: torch.dtype | None
) -> Any:
    auto: Any = AutoModelForMultimodalLM if kind == "multimodal" else AutoModelForCausalLM
    model, info = auto.from_pretrained(
        path,
        dtype="auto" if dtype is None else dtype,
        device_map=device,
        attn_implementation=config.attn,
        trust_remote_code=config.trust_remote_code,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
    )
    missing = sorted(info["missing_keys"])
    if missing:  # transformers would fill them with random numbers
        raise CheckpointError(
            f"{path} lacks {len(missing)} weights, {missing[0]} for instance; "
            "fetch the checkpoint again"
        )
    return model.eval()


def _dtype(path: Path, config: LocalConfig, device: torch.device) -> torch.dtype | None:
    """The dtype to convert the weights to; None keeps those of a quantised checkpoint."""
    if config.dtype == "auto" and "quantization_config" in read_config(path):
        return None
    return devices.choose_dtype(config.dtype, device)


def _shown(tokenizer: Any) -> frozenset[int]:
    known: Callable[[str], int | None] = tokenizer.get_vocab().get
    return frozenset(token for token in map(known, TAGS) if token is not None)


def _kv_bytes(text: Any, dtype: torch.dtype) -> int | None:
    """Bytes of keys and values for one token: 2 x layers x heads x head size x bytes a number."""
    if getattr(text, "kv_lora_rank", None):  # compressed: another formula for each model
        return None
    layers = getattr(text, "num_hidden_layers", None)
    heads = getattr(text, "num_key_value_heads", None) or getattr(text, "num_attention_heads", None)
    hidden = getattr(text, "hidden_size", None)
    if not (layers and heads and hidden):
        return None
    size: int = getattr(text, "head_dim", None) or hidden // text.num_attention_heads
    return 2 * layers * heads * size * dtype.itemsize


def _architecture(config: dict[str, Any]) -> str:
    names = config.get("architectures") or [config.get("model_type", "checkpoint of no known kind")]
    return str(cast("list[object]", names)[0])
