"""Shared by the tests of local models: clients, prompts, and transformers' own output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageDraw

import fmsdk
from fmsdk_local.models.checkpoint import kind_of
from tests.support.lazy_import import torch, transformers

GREEDY: dict[str, Any] = {"temperature": 0, "max_output_tokens": 24}
EXACT = {"dtype": "float32", "device": "cpu"}


def client(**options: Any) -> fmsdk.Client:
    """A client whose local models compute on the CPU in float32, as `reference` does."""
    return fmsdk.Client(providers={"local": {**EXACT, **options}}, retries=0)


def picture(width: int = 90, height: int = 60) -> Pillow.Image:
    """A red circle on blue."""
    image = Pillow.new("RGB", (width, height), "blue")
    ImageDraw.Draw(image).ellipse((5, 5, height - 5, height - 5), fill="red")
    return image


def reference(
    path: Path,
    messages: list[dict[str, Any]],
    *,
    dtype: str = "float32",
    piecewise: bool = False,
    **settings: Any,
) -> str:
    """What transformers' own `generate` makes of the messages. `piecewise`: decoded token by
    token. Random weights write bytes that are no text, which tokenizers with bytes to fall back
    to decode otherwise in pieces than at once."""
    from fmsdk_local.engine.detokenizer import Detokenizer
    from fmsdk_local.models.processor import load_processor, tokenizer_of

    kind = kind_of(path)
    processor = load_processor(path, kind, trust_remote_code=False)
    auto: Any = (
        transformers.AutoModelForMultimodalLM
        if kind == "multimodal"
        else transformers.AutoModelForCausalLM
    )
    model = auto.from_pretrained(path, dtype=dtype)
    inputs = processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    with torch.no_grad():
        output = model.generate(**inputs, **settings)
    ids = output[0, inputs["input_ids"].shape[1] :]
    words = tokenizer_of(processor)
    if not piecewise:
        return words.decode(ids, skip_special_tokens=True)
    special = {id for id, token in words.added_tokens_decoder.items() if token.special}
    detokenizer = Detokenizer(words.decode, special | set(words.all_special_ids))
    return "".join(map(detokenizer.add_token, ids.tolist())) + detokenizer.flush()
