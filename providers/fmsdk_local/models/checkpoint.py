"""The kind of a checkpoint, by its `config.json` and file names alone.

Reads no weights and imports neither torch nor transformers, so that `fmsdk models` lists every
checkpoint on disk at once.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, cast

from fmsdk.content import Modality
from fmsdk.errors import CheckpointError
from fmsdk.files import read_small

__all__ = [
    "Kind",
    "input_modalities",
    "kind_of",
    "read_config",
    "require_complete",
    "require_safetensors",
]

Kind = Literal[
    "causal", "multimodal", "whisper", "whisper-ct2", "gguf", "image-classifier", "unknown"
]

# The sub-configurations of the encoders ("towers") in transformers' multimodal models. An omni
# model has both inside its thinker.
_TOWERS: dict[str, frozenset[Modality]] = {
    "vision_config": frozenset({"image"}),
    "audio_config": frozenset({"audio"}),
    "thinker_config": frozenset({"image", "audio"}),
}
_PICKLE_PATTERNS = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def kind_of(path: Path) -> Kind:
    """The kind of the checkpoint at `path`, a directory or a .gguf file. "unknown" where its
    configuration is missing or broken, or where this provider does not serve it."""
    if path.suffix.lower() == ".gguf":
        return "gguf"
    try:
        config = read_config(path)
    except CheckpointError:
        return "unknown"
    # CTranslate2's converter writes no model_type. Only Whisper has this key.
    if "alignment_heads" in config and (path / "model.bin").is_file():
        return "whisper-ct2"
    if config.get("model_type") == "whisper":
        return "whisper"
    if any(tower in config for tower in _TOWERS):
        return "multimodal"
    classes: object = config.get("architectures")
    names = cast("list[object]", classes) if isinstance(classes, list) else []
    architecture = str(names[0]) if names else ""
    if architecture.endswith("ForImageClassification"):
        return "image-classifier"
    if architecture.endswith(("ForCausalLM", "LMHeadModel")):
        return "causal"
    return "unknown"


def input_modalities(path: Path) -> frozenset[Modality]:
    """The modalities that the checkpoint at `path` takes; empty where its kind is unknown."""
    kind = kind_of(path)
    if kind in ("whisper", "whisper-ct2"):
        return frozenset({"audio"})
    if kind == "image-classifier":
        return frozenset({"image"})
    if kind in ("causal", "gguf"):
        return frozenset({"text"})
    if kind == "unknown":
        return frozenset()
    config = read_config(path)
    towers = (modalities for tower, modalities in _TOWERS.items() if tower in config)
    return frozenset[Modality]({"text"}).union(*towers)


def read_config(path: Path) -> dict[str, Any]:
    """The directory's `config.json`.

    Raises:
        CheckpointError: it is missing, unreadable, or no JSON object.
    """
    file = path / "config.json"
    try:
        config: object = json.loads(read_small(file))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path} is no checkpoint: it has no config.json. Pass the directory that "
            "transformers' save_pretrained wrote, or a .gguf file"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{file} cannot be read: fetch the checkpoint again") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{file} is not a JSON object: fetch the checkpoint again")
    return cast("dict[str, Any]", config)


def require_safetensors(path: Path) -> None:
    """Require weights in the format safetensors.

    Raises:
        CheckpointError: the directory has none, or only pickles, which can run code when they are
            loaded.
    """
    if any(path.glob("*.safetensors")):
        return
    pickles = sorted(file.name for pattern in _PICKLE_PATTERNS for file in path.glob(pattern))
    if pickles:
        raise CheckpointError(
            f"{path} has its weights as a pickle ({pickles[0]}), which can run code when it is "
            "loaded. If you trust it, convert it: AutoModel.from_pretrained(…)"
            ".save_pretrained(…) writes safetensors"
        )
    raise CheckpointError(f"{path} has no weights: it has no *.safetensors file")


def require_complete(missing: Collection[str], path: Path) -> None:
    """Refuse a checkpoint whose files lack the weights `missing`: transformers reports them after
    loading, and has set them to random numbers.

    Raises:
        CheckpointError: `missing` is not empty.
    """
    if missing:
        raise CheckpointError(
            f"{path} lacks {len(missing)} weights, for instance {min(missing)}: fetch the "
            "checkpoint again"
        )
