"""Makes the parts of demo-vision before training: tokenizer, processor, configuration, model.

Every part is an ordinary class of transformers, so that the saved folder loads like any LLaVA.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from draw import COLORS, SHAPES, plain
from questions import REFUSAL, ask
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

SIDE, PATCH = 64, 8
IMAGE_TOKENS = (SIDE // PATCH) ** 2 + 1  # every patch and the summary (CLS) vector
VOCABULARY = 768
CONTEXT = 1024
PAD, BOS, END, IMAGE = "<pad>", "<s>", "<|end|>", "<image>"
SYSTEM, USER, ASSISTANT = "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL = (PAD, BOS, END, IMAGE, SYSTEM, USER, ASSISTANT)
TEMPLATE = Path(__file__).with_name("chat_template.jinja")


def _sentences(count: int = 20_000) -> Iterator[str]:
    """Text the vocabulary is learned from: the questions and answers of the training mixture."""
    rng = random.Random(1)
    for _ in range(count):
        question, answer = ask(rng, plain(rng)[0])
        yield question
        yield answer
    yield from (*COLORS, *SHAPES, "yes", "no", REFUSAL) * 200  # short answers: one token each


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE: any text has tokens, since the 256 bytes are all in the vocabulary."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(_sentences(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token=BOS,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens={
            "image_token": IMAGE,
            "system_token": SYSTEM,
            "user_token": USER,
            "assistant_token": ASSISTANT,
        },
        model_max_length=CONTEXT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def make_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    """Squeezes any picture to 64x64 (never cropping the shape away) and places its 65 tokens."""
    size = {"height": SIDE, "width": SIDE}
    images = CLIPImageProcessorPil(
        size=size,
        crop_size=size,
        do_center_crop=False,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=1,
        image_token=IMAGE,
        chat_template=TEMPLATE.read_text(encoding="utf-8").strip(),
    )


def make_config(tokenizer: PreTrainedTokenizerFast) -> LlavaConfig:
    """A LLaVA of 1.8 million weights; 'full' keeps the CLS vector, which sums the picture up."""
    vision = CLIPVisionConfig(
        hidden_size=128,
        intermediate_size=512,
        projection_dim=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=SIDE,
        patch_size=PATCH,
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        **_token_ids(tokenizer),
    )
    return LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=token_id(tokenizer, IMAGE),
        image_seq_length=IMAGE_TOKENS,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        tie_word_embeddings=True,
    )


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    """Random weights, and settings for generating that stop at the end of the answer."""
    model = LlavaForConditionalGeneration(make_config(tokenizer))
    model.generation_config = GenerationConfig(
        do_sample=False, max_new_tokens=32, **_token_ids(tokenizer)
    )
    return model


def token_id(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    """The number of one token that certainly exists."""
    found = tokenizer.convert_tokens_to_ids(token)
    assert isinstance(found, int)
    return found


def _token_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    names = {"bos_token_id": BOS, "eos_token_id": END, "pad_token_id": PAD}
    return {name: token_id(tokenizer, token) for name, token in names.items()}
