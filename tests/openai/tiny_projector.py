"""A projector of random weights, so that llama.cpp's server takes pictures with any small model.

What the model makes of them is noise; that they were decoded, cut into patches and read by the
model shows in the tokens counted and in the answer. Tensor names and keys: llama.cpp's
tools/mtmd/clip-impl.h, the projector type "mlp" (LLaVA).
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["PICTURE_TOKENS", "write_projector"]

_SIDE, _PATCH, _WIDTH, _INNER = 56, 14, 32, 64
PICTURE_TOKENS = (_SIDE // _PATCH) ** 2


def write_projector(path: Path, model_width: int) -> None:
    """Write a GGUF for a language model whose embeddings are `model_width` wide."""
    import gguf
    import numpy as np

    chance = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "mlp")
    for key, value in {
        "image_size": _SIDE,
        "patch_size": _PATCH,
        "embedding_length": _WIDTH,
        "feed_forward_length": _INNER,
        "block_count": 1,
        "attention.head_count": 2,
        "projection_dim": model_width,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5] * 3)
    writer.add_array("clip.vision.image_std", [0.5] * 3)
    writer.add_bool("clip.use_gelu", True)
    for name, shape in _shapes(model_width).items():
        writer.add_tensor(name, (chance.standard_normal(shape) * 0.05).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _shapes(model_width: int) -> dict[str, tuple[int, ...]]:
    matrices = {
        **{f"v.blk.0.attn_{name}": (_WIDTH, _WIDTH) for name in ("q", "k", "v", "out")},
        "v.blk.0.ffn_up": (_INNER, _WIDTH),
        "v.blk.0.ffn_down": (_WIDTH, _INNER),
        "mm.0": (model_width, _WIDTH),
        "mm.2": (model_width, model_width),
    }
    norms = dict.fromkeys(("v.pre_ln", "v.blk.0.ln1", "v.blk.0.ln2"), (_WIDTH,))
    both = matrices | norms
    return {
        "v.class_embd": (_WIDTH,),
        "v.patch_embd.weight": (_WIDTH, 3, _PATCH, _PATCH),
        "v.position_embd.weight": (PICTURE_TOKENS + 1, _WIDTH),
        **{f"{name}.weight": shape for name, shape in both.items()},
        **{f"{name}.bias": shape[:1] for name, shape in both.items()},
    }
