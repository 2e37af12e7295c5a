"""Whisper checkpoints of Hugging Face's kind: a tiny one with random but fixed weights, and the
real weights of a CTranslate2 checkpoint, so that both makes can be held against each other."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tests.support.lazy_import import torch, transformers

_TIMES = [f"<|{n * 0.02:.2f}|>" for n in range(1501)]
_CONTROL = ["<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>", "<|transcribe|>"]
_CONTROL += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
_NAMES = (
    (r"ffn/layer_norm", "final_layer_norm"),
    (r"attention/layer_norm", "attention_layer_norm"),
    (r"gamma$", "weight"),
    (r"beta$", "bias"),
    (r"self_attention", "self_attn"),
    (r"/attention", "/encoder_attn"),
    (r"ffn/linear_0", "fc1"),
    (r"ffn/linear_1", "fc2"),
    (r"embeddings/weight", "embed_tokens/weight"),
    (r"position_encodings/encodings", "embed_positions/weight"),
    (r"/layer_(\d+)", r"/layers/\1"),
)
_NUMPY = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def tiny_whisper(path: Path, *, multilingual: bool = True) -> Path:
    """A Whisper of width 16 that says nonsense with timestamps, as real ones do."""
    words = _tokenizer()
    ids: dict[str, int] = words.get_vocab()
    torch.manual_seed(7)
    model = transformers.WhisperForConditionalGeneration(
        transformers.WhisperConfig(
            vocab_size=len(words),
            d_model=16,
            encoder_layers=1,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            init_std=0.5,
            **_ends(ids),
        )
    )
    languages = {"lang_to_id": {token: ids[token] for token in ("<|en|>", "<|de|>")}}
    return _save(model, words, path, multilingual, languages if multilingual else {})


def to_transformers(source: Path, path: Path) -> Path:
    """The English-only CTranslate2 checkpoint at `source`, with transformers' names and files."""
    weights = _read(source / "model.bin")
    words = transformers.WhisperTokenizer(
        tokenizer_object=Tokenizer.from_file(str(source / "tokenizer.json")),
        unk_token="<|endoftext|>",
        pad_token="<|endoftext|>",
    )
    ids: dict[str, int] = words.get_vocab()
    width = weights["encoder/conv1/bias"].shape[0]
    layers = sum("decoder/layer_" in name and "ffn/linear_0/bias" in name for name in weights)
    config = transformers.WhisperConfig(
        vocab_size=weights["decoder/embeddings/weight"].shape[0],
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=width // 64,
        decoder_attention_heads=width // 64,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        **_ends(ids),
    )
    model = transformers.WhisperForConditionalGeneration(config)
    state = {
        name: torch.from_numpy(array) for name, array in _to_transformers_names(weights).items()
    }
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["proj_out.weight"], [])
    model.tie_weights()
    content: dict[str, Any] = json.loads((source / "config.json").read_text("utf-8"))
    suppressed = {
        "suppress_tokens": content["suppress_ids"],
        "begin_suppress_tokens": content["suppress_ids_begin"],
    }
    return _save(model, words, path, False, suppressed)


def _tokenizer() -> transformers.WhisperTokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({letter: n for n, letter in enumerate(alphabet)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(["<|endoftext|>", *_CONTROL])
    inner.add_tokens(_TIMES)
    return transformers.WhisperTokenizer(
        tokenizer_object=inner, unk_token="<|endoftext|>", pad_token="<|endoftext|>"
    )


def _ends(ids: dict[str, int]) -> dict[str, int]:
    end = ids["<|endoftext|>"]
    return {
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": ids["<|startoftranscript|>"],
    }


def _save(
    model: Any, words: Any, path: Path, multilingual: bool, generation: dict[str, Any]
) -> Path:
    ids: dict[str, int] = words.get_vocab()
    model.generation_config = transformers.GenerationConfig(
        **_ends(ids),
        max_length=448,
        is_multilingual=multilingual,
        no_timestamps_token_id=ids["<|notimestamps|>"],
        prev_sot_token_id=ids["<|startofprev|>"],
        task_to_id={name: ids[f"<|{name}|>"] for name in ("transcribe", "translate")},
        max_initial_timestamp_index=50,
        **generation,
    )
    model.save_pretrained(path)
    transformers.WhisperProcessor(transformers.WhisperFeatureExtractor(), words).save_pretrained(
        path
    )
    return path


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a CTranslate2 model.bin, version 6."""
    data, at = path.read_bytes(), 0

    def read_number(form: str) -> int:
        nonlocal at
        at += struct.calcsize(form)
        return struct.unpack_from(form, data, at - struct.calcsize(form))[0]

    def text() -> str:
        nonlocal at
        length = read_number("<H")
        at += length
        return data[at - length : at - 1].decode()

    assert read_number("<I") == 6
    assert text() == "WhisperSpec"
    read_number("<I")
    arrays: dict[str, np.ndarray] = {}
    for _ in range(read_number("<I")):
        name = text()
        shape = [read_number("<I") for _ in range(read_number("<B"))]
        kind, size = _NUMPY[read_number("<B")], read_number("<I")
        array = np.frombuffer(data, kind, size // np.dtype(kind).itemsize, at)
        arrays[name] = array.reshape(shape).astype(np.float32)
        at += size
    return arrays


def _to_transformers_names(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    renamed_weights: dict[str, np.ndarray] = {}
    for name, array in weights.items():
        if not array.ndim or name.startswith("decoder/alignment"):
            continue
        for part, value in _split(name, array):
            renamed_weights["model." + part] = value
    return renamed_weights


def _split(name: str, array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """transformers' names for one array: joined projections come apart."""
    for old, new in _NAMES:
        name = re.sub(old, new, name)
    name = name.replace("/", ".")
    projections = {
        "self_attn.linear_0": ("q_proj", "k_proj", "v_proj"),
        "self_attn.linear_1": ("out_proj",),
        "encoder_attn.linear_0": ("q_proj",),
        "encoder_attn.linear_1": ("k_proj", "v_proj"),
        "encoder_attn.linear_2": ("out_proj",),
    }
    for linear, parts in projections.items():
        if linear in name:
            block = linear.partition(".")[0]
            pieces = np.split(array, len(parts))
            names = [name.replace(linear, f"{block}.{part}") for part in parts]
            # Whisper's keys have no bias; CTranslate2 stores zeros.
            return [
                (to, piece)
                for to, piece in zip(names, pieces, strict=True)
                if not to.endswith("k_proj.bias")
            ]
    return [(name, array)]
