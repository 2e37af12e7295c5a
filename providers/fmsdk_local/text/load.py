"""From a checkpoint of transformers to a `TextModel`."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, cast

from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMultimodalLM

from fmsdk.provider import Progress
from fmsdk.result import Warning
from fmsdk_local.decode import Dialect
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
from fmsdk_local.text.memory import TokenMemory
from fmsdk_local.text.model import TextModel
from fmsdk_local.text.vocabulary import Embedding, find_end_tokens

__all__ = ["load_text_model"]

# Settings of generation_config.json that choose tokens otherwise than the token loop does, with
# the value that changes nothing; and those that only make transformers' own loop faster.
_OTHER_SEARCHES: dict[str, object] = {
    "num_beams": 1,
    "num_beam_groups": 1,
    "num_return_sequences": 1,
    "penalty_alpha": 0.0,
    "dola_layers": None,
    "constraints": None,
    "force_words_ids": None,
    "token_healing": None,
    "max_time": None,
}
_SPEED_SETTINGS = ("prompt_lookup_num_tokens", "assistant_early_exit", "use_mtp")


def load_text_model(
    name: str, path: Path, kind: Kind, config: LocalConfig, progress: Progress | None
) -> TextModel:
    """Load the checkpoint at `path`, of the kind "causal" or "multimodal"."""
    device = choose_device(config.device)
    location = {"local_files_only": True, "trust_remote_code": config.trust_remote_code}
    model_config: Any = cast("Any", AutoConfig).from_pretrained(path, **location)
    text_config = model_config.get_text_config(decoder=True)
    trained = getattr(text_config, "dtype", None) or getattr(model_config, "dtype", None)
    dtype = choose_dtype(config.dtype, device, trained)
    memory = TokenMemory.of_config(text_config, dtype)
    if config.dtype == "auto" and "quantization_config" in read_config(path):
        dtype = None  # the weights keep the dtypes that they were quantised to
    context: int | None = getattr(text_config, "max_position_embeddings", None)
    room = memory.room_bytes(context)
    require_weight_memory(read_tensors(path), dtype, device, name, request_bytes=room)
    with report_progress(progress, "load"):
        processor = load_processor(path, kind, trust_remote_code=config.trust_remote_code)
        auto: Any = AutoModelForMultimodalLM if kind == "multimodal" else AutoModelForCausalLM
        model, report = auto.from_pretrained(
            path,
            dtype="auto" if dtype is None else dtype,
            device_map=device,
            attn_implementation=config.attn,
            use_safetensors=True,
            **location,
            output_loading_info=True,
        )
        require_complete(report["missing_keys"], path)
        model = model.eval()
    # A second tokenizer, since encoding and decoding happen on different threads.
    decoder = copy.deepcopy(tokenizer_of(processor))
    template = read_chat_template(path)
    embedding = Embedding.of_model(model)
    embedding.require_tokens(decoder, template, name)
    dialect = Dialect.of_template(template, vocabulary := decoder.get_vocab())
    tag_ids = (vocabulary.get(tag) for tag in dialect.visible_tags)
    runner = TextRunner(
        model,
        decoder,
        visible=frozenset(id for id in tag_ids if id is not None),
        end_tokens=find_end_tokens(
            processor, model.generation_config, template, not_ends=dialect.visible_tags
        ),
    )
    return TextModel(
        name=name,
        path=path,
        engine=Engine(runner, name=name, device=str(device), max_queue=config.max_queue),
        device=describe_device(device),
        torch_device=device,
        capabilities=capabilities_of(path),
        prompt_encoder=PromptEncoder(processor, template),
        embedding=embedding,
        dialect=dialect,
        context=context,
        max_new_tokens=model.generation_config.max_new_tokens,
        memory=memory,
        warnings=_drop_other_searches(model.generation_config, name),
    )


def _drop_other_searches(generation_config: Any, name: str) -> tuple[Warning, ...]:
    """Turn off what the token loop does not do; a warning names what changes the text."""
    for setting in _SPEED_SETTINGS:
        setattr(generation_config, setting, None)
    names: list[str] = []
    for setting, unset in _OTHER_SEARCHES.items():
        value = getattr(generation_config, setting, None)
        if value not in (None, False, unset):
            names.append(f"{setting}={value}")
        setattr(generation_config, setting, None)
    if not names:
        return ()
    return (
        Warning(
            "setting_ignored",
            f"the generation_config.json of {name} sets {', '.join(names)}, which has no effect: "
            "tokens are chosen one after the other, greedily or by sampling",
            "generation_config",
        ),
    )
