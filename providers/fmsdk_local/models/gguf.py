"""Converts GGUF files to safetensors: slowly, once; the conversion then loads in a second.

The weights are unpacked to bfloat16, since transformers computes on dense weights alone, so the
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
from fmsdk_local.errors import map_loading_error
from fmsdk_local.models.checkpoint import require_complete
from fmsdk_local.models.extra import import_extra
from fmsdk_local.models.loading_lock import LOADING_LOCK

__all__ = ["convert_gguf", "find_or_convert"]

_FORMAT = "2"  # part of the key: raise it when `convert_gguf` writes other files than before
_MAGIC = b"GGUF"


def find_or_convert(source: Path, root: Path, progress: Progress | None = None) -> Path:
    """The checkpoint directory under `root` with the conversion of `source`.

    Converts it where there is none yet, or where the file has changed since. If two processes
    convert it at once, both complete, and the first result is kept.

    Raises:
        CheckpointError: `source` is no GGUF file, or of an architecture that is not supported.
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
            directory = convert_gguf(source, Path(folder) / "converted", progress=progress)
            try:
                os.rename(directory, target)
            except OSError:
                if not (target / "config.json").is_file():  # another process was faster
                    raise
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigurationError(
            f"cannot write the converted {source.name} to {root}: {why}. Free disk space, or "
            "set the option cache_dir"
        ) from error
    return target


def convert_gguf(source: Path, target: Path, *, progress: Progress | None = None) -> Path:
    """Write the GGUF file `source` as the checkpoint directory `target`; returns `target`.

    It has the weights as bfloat16 safetensors, the tokenizer, the chat template and the generation
    settings.

    Raises:
        CheckpointError: as `find_or_convert`.
    """
    with source.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise CheckpointError(f"{source} is no GGUF file: fetch it again")
    _require_whole_model(source)
    with LOADING_LOCK:
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

            from fmsdk_local.models.progress import report_progress

            location = {"gguf_file": source.name, "local_files_only": True}
            with report_progress(progress, "convert"):
                tokenizer = cast("Any", AutoTokenizer).from_pretrained(source.parent, **location)
                model, report = cast("Any", AutoModelForCausalLM).from_pretrained(
                    source.parent,
                    **location,
                    quantization_config=GgufConfig(dequantize=True),
                    dtype=torch.bfloat16,
                    output_loading_info=True,
                )
                require_complete(report["missing_keys"], source)
                model.save_pretrained(target)
                tokenizer.save_pretrained(target)
        except OSError as error:
            if error.errno is not None:  # from the disk; those of transformers have none
                raise
            raise map_loading_error(error, str(source)) from error
        except Exception as error:
            raise map_loading_error(error, str(source)) from error
    return target


def _require_whole_model(source: Path) -> None:
    """Require that the file has all bytes that its header describes, and is no part of a split
    model: transformers reads one file, and sets the weights of the others to random numbers.

    Raises:
        CheckpointError: it is truncated, damaged, or a part.
        MissingExtra: the module gguf is not installed.
    """
    reader = import_extra("gguf").GGUFReader
    try:
        fields = reader(source).fields
        count = fields["split.count"].contents() if "split.count" in fields else 1
        number = fields["split.no"].contents() + 1 if "split.no" in fields else 1
    except Exception as error:
        # numpy raises what it likes where the file ends before the header says.
        raise CheckpointError(
            f"{source} is truncated or damaged: it ends before the tensors that its header "
            f"describes, at byte {source.stat().st_size:,}; fetch it again"
        ) from error
    if count > 1:
        raise CheckpointError(
            f"{source} is file {number} of {count} of a split model: join them with llama.cpp's "
            f"`llama-gguf-split --merge FIRST.gguf WHOLE.gguf`, and use the whole file"
        )
