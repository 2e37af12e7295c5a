"""The tensors of a checkpoint, by the headers of its safetensors files.

Reads a few kilobytes of each file, so that a broken or too large checkpoint is refused before
its weights are loaded. Knows no torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from fmsdk.errors import CheckpointError
from fmsdk.files import open_regular, read_small
from fmsdk_local.models.checkpoint import require_safetensors

__all__ = ["TensorInfo", "read_tensors"]

_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_LONGEST_HEADER = 100_000_000
"""As safetensors itself has it."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor as the header describes it. `size` is its bytes in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int

    @property
    def is_float(self) -> bool:
        """Whether loading converts it to another dtype (8-bit floats are quantised, and stay)."""
        return self.dtype in ("F64", "F32", "F16", "BF16")


def read_tensors(path: Path) -> Iterator[TensorInfo]:
    """Every tensor of the checkpoint in the directory `path`.

    Raises:
        CheckpointError: a file is missing, truncated, no safetensors, or a pickle.
    """
    for file in _find_files(path):
        yield from _read_header(file)


def _find_files(path: Path) -> list[Path]:
    index = path / _INDEX
    if not index.is_file():
        require_safetensors(path)
        if not (path / _SINGLE).is_file():
            raise CheckpointError(f"{path} has neither {_SINGLE} nor {_INDEX}")
        return [path / _SINGLE]
    try:
        content: Any = json.loads(read_small(index))
        shards = {str(name) for name in content["weight_map"].values()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{index} cannot be read: fetch the checkpoint again") from error
    missing = sorted(name for name in shards if not (path / name).is_file())
    if missing:
        raise CheckpointError(
            f"{len(missing)} of {len(shards)} files that {index} names are missing: "
            f"{', '.join(missing)}; fetch the checkpoint again"
        )
    return sorted(path / name for name in shards)


def _read_header(file: Path) -> list[TensorInfo]:
    """The tensors in the header of a safetensors file, which is its length in 8 bytes, then JSON
    (https://github.com/huggingface/safetensors#format)."""
    try:
        with open_regular(file) as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > size - 8:
                raise CheckpointError(f"{file} is truncated, or no safetensors file")
            if length > _LONGEST_HEADER:
                raise CheckpointError(
                    f"{file} is no safetensors file: its header announces {length:,} bytes, and "
                    f"the format allows {_LONGEST_HEADER:,}"
                )
            text = stream.read(length)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CheckpointError(f"{file} cannot be read: {why}") from error
    try:
        entries = cast("dict[str, Any]", json.loads(text))
        tensors = [
            TensorInfo(name, entry["dtype"], tuple(entry["shape"]), int(end) - int(start))
            for name, entry in entries.items()
            if name != "__metadata__"
            for start, end in [entry["data_offsets"]]
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{file} is no safetensors file: its header is broken") from error
    needed_bytes = 8 + length + sum(tensor.size for tensor in tensors)
    if size < needed_bytes:
        raise CheckpointError(
            f"{file} is truncated: it has {size:,} of {needed_bytes:,} bytes; fetch it again"
        )
    return tensors
