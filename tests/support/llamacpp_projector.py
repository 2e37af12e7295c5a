"""A tiny projector for llama.cpp's server, of random weights: it sees nothing, but takes pictures.

Of Gemma 3's kind, whose marks around a picture are plain text, so that any language model goes
with it, and a picture's way through a real engine can be tested without a download.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_projector"]

_IMAGE, _PATCH, _WIDTH, _INNER, _SCALE = 64, 16, 32, 64, 4


def write_projector(path: Path, text_width: int = 576) -> Path:
    """Write the projector's GGUF. `text_width`: the embedding's length of the language model."""
    import gguf
    import numpy as np

    random = np.random.default_rng(7)

    def weights(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * 0.05).astype(np.float32)

    writer = gguf.GGUFWriter(str(path), "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "gemma3")
    writer.add_uint32("clip.vision.projector.scale_factor", _SCALE)
    writer.add_uint32("clip.vision.image_size", _IMAGE)
    writer.add_uint32("clip.vision.patch_size", _PATCH)
    writer.add_uint32("clip.vision.embedding_length", _WIDTH)
    writer.add_uint32("clip.vision.feed_forward_length", _INNER)
    writer.add_uint32("clip.vision.projection_dim", text_width)
    writer.add_uint32("clip.vision.block_count", 1)
    writer.add_uint32("clip.vision.attention.head_count", 2)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    writer.add_bool("clip.use_gelu", True)
    patches = (_IMAGE // _PATCH) ** 2
    tensors = {
        "v.patch_embd.weight": weights(_WIDTH, 3, _PATCH, _PATCH),
        "v.patch_embd.bias": weights(_WIDTH),
        "v.position_embd.weight": weights(patches, _WIDTH),
        "v.post_ln.weight": weights(_WIDTH),
        "v.post_ln.bias": weights(_WIDTH),
        "mm.input_projection.weight": weights(_WIDTH, text_width),
        "mm.soft_emb_norm.weight": weights(_WIDTH),
        "v.blk.0.ffn_up.weight": weights(_INNER, _WIDTH),
        "v.blk.0.ffn_up.bias": weights(_INNER),
        "v.blk.0.ffn_down.weight": weights(_WIDTH, _INNER),
        "v.blk.0.ffn_down.bias": weights(_WIDTH),
    }
    for name in ("ln1", "ln2"):
        tensors |= {f"v.blk.0.{name}.{kind}": weights(_WIDTH) for kind in ("weight", "bias")}
    for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
        tensors[f"v.blk.0.{name}.weight"] = weights(_WIDTH, _WIDTH)
        tensors[f"v.blk.0.{name}.bias"] = weights(_WIDTH)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
