"""From a checkpoint of transformers to a `TextModel`."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import AutoModelForCausalLM, AutoModelForMultimodalLM

from fmsdk.provider import Progress
from fmsdk_local.decode import TAGS
from fmsdk_local.encode import PromptEncoder
from fmsdk_local.engine import Engine
from fmsdk_local.engine.device import (
    choose_device,
    choose_dtype,
    describe_device,
    require_weight_memory,
)
from fmsdk_local.engine.generation import TextRunner
from fmsdk_local.models.capabilities import capabilities_of
from fmsdk_local.models.chat_template import read_chat_template
from fmsdk_local.models.checkpoint import Kind, read_config, require_complete
from fmsdk_local.models.processor import load_processor, tokenizer_of
from fmsdk_local.models.progress import report_progress
from fmsdk_local.models.weights import read_tensors
from fmsdk_local.options import LocalConfig
from fmsdk_local.text.model import TextModel

if TYPE_CHECKING:
    import torch

__all__ = ["load_text_model"]


def load_text_model(
    name: str, path: Path, kind: Kind, config: LocalConfig, progress: Progress | None
) -> TextModel:
    """Load the checkpoint at `path`, of the kind "causal" or "multimodal"."""
    device = choose_device(config.device)
    dtype = choose_dtype(config.dtype, device)
    if config.dtype == "auto" and "quantization_config" in read_config(path):
        dtype = None  # the weights keep the dtypes that they were quantised to
    require_weight_memory(read_tensors(path), dtype, device, name)
    with report_progress(progress, "load"):
        processor = load_processor(path, kind, trust_remote_code=config.trust_remote_code)
        auto: Any = AutoModelForMultimodalLM if kind == "multimodal" else AutoModelForCausalLM
        model, report = auto.from_pretrained(
            path,
            dtype="auto" if dtype is None else dtype,
            device_map=device,
            attn_implementation=config.attn,
            trust_remote_code=config.trust_remote_code,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
        require_complete(report["missing_keys"], path)
        model = model.eval()
    # A second tokenizer, since encoding and decoding happen on different threads.
    decoder = copy.deepcopy(tokenizer_of(processor))
    tag_ids = (decoder.get_vocab().get(tag) for tag in TAGS)
    visible = frozenset(id for id in tag_ids if id is not None)
    text_config = model.config.get_text_config(decoder=True)
    return TextModel(
        name=name,
        path=path,
        engine=Engine(TextRunner(model, decoder, visible), name=name, max_queue=config.max_queue),
        device=describe_device(device),
        torch_device=device,
        capabilities=capabilities_of(path),
        prompt_encoder=PromptEncoder(processor, read_chat_template(path)),
        context=getattr(text_config, "max_position_embeddings", None),
        max_new_tokens=model.generation_config.max_new_tokens,
        kv_bytes=_kv_bytes(text_config, model.dtype),
    )


def _kv_bytes(text_config: Any, dtype: torch.dtype) -> int | None:
    """Bytes of keys and values for one token: 2 x layers x heads x head size x bytes a number."""
    if getattr(text_config, "kv_lora_rank", None):  # compressed: each model has its own formula
        return None
    layers = getattr(text_config, "num_hidden_layers", None)
    query_heads = getattr(text_config, "num_attention_heads", None)
    heads = getattr(text_config, "num_key_value_heads", None) or query_heads
    hidden_size = getattr(text_config, "hidden_size", None)
    if not (layers and heads and hidden_size):
        return None
    head_size: int = getattr(text_config, "head_dim", None) or hidden_size // query_heads
    return 2 * layers * heads * head_size * dtype.itemsize
