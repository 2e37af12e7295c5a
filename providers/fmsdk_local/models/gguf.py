"""GGUF files, converted once to safetensors: read slowly the first time, in a second after.

The weights are unpacked to bfloat16 (transformers computes on dense weights alone here), so the
directory is a few times larger than a quantised file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, cast

from fmsdk.errors import CheckpointError, ConfigurationError
from fmsdk.provider import Progress
from fmsdk_local.errors import translate_loading
from fmsdk_local.models.loading_lock import LOADING_LOCK

__all__ = ["convert", "converted"]

_FORMAT = "1"  # part of the key: raise it where `convert` writes something else than before
_MAGIC = b"GGUF"


def converted(source: Path, root: Path, progress: Progress | None = None) -> Path:
    """The checkpoint directory under `root` that `source` was, or is now, converted to.

    A file that changed is converted anew. Two processes at once both work, and the first wins.

    Raises:
        CheckpointError: no GGUF file, or of an architecture that is not supported.
        ConfigurationError: `root` cannot be written.
    """
    state = source.stat()
    key = f"{_FORMAT} {source.resolve()} {state.st_size} {state.st_mtime_ns}"
    target = root / f"{source.stem}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    if (target / "config.json").is_file():
        return target
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=root) as folder:
            made = convert(source, Path(folder) / "converted", progress=progress)
            try:
                os.rename(made, target)
            except OSError:
                if not (target / "config.json").is_file():  # somebody else was faster
                    raise
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigurationError(
            f"cannot write the converted {source.name} to {root}: {why}. Make room, or set the "
            "option cache_dir"
        ) from error
    return target


def convert(source: Path, target: Path, *, progress: Progress | None = None) -> Path:
    """Write the GGUF file `source` as a checkpoint directory, `target`, and return that.

    Weights as bfloat16 safetensors, tokenizer, chat template and generation settings.

    Raises:
        CheckpointError: as `converted`.
    """
    with source.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise CheckpointError(f"{source} is no GGUF file: fetch it again")
    with LOADING_LOCK:
        try:
            _convert(source, target, progress)
        except OSError as error:
            if error.errno is not None:  # the disk's, not transformers'
                raise
            raise translate_loading(error, str(source)) from error
        except Exception as error:
            raise translate_loading(error, str(source)) from error
    return target


def _convert(source: Path, target: Path, progress: Progress | None) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    from fmsdk_local.models.progress import reported

    place = {"gguf_file": source.name, "local_files_only": True}
    with reported(progress, "convert"):
        tokenizer = cast("Any", AutoTokenizer).from_pretrained(source.parent, **place)
        model = cast("Any", AutoModelForCausalLM).from_pretrained(
            source.parent,
            **place,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.bfloat16,
        )
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
