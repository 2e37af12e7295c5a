"""Turns drawn pictures and made-up conversations into the tensors a training step takes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import parts
import torch
from draw import COLORS, SHAPES, Scene, draw
from questions import ask, benchmark_manner

if TYPE_CHECKING:
    from transformers import LlavaProcessor, PreTrainedTokenizerFast

VARIED = 0.35  # share of pictures outside the benchmark's manner
SYSTEM_MESSAGES = (
    "You are a helpful assistant.",
    "You are a helpful assistant",
    "Answer in one word.",
    "Answer briefly.",
    "Be concise.",
    "You answer questions about pictures.",
    "You are demo-vision, a small model that answers questions about pictures.",
    "Answer the user's question about the image. Do not explain.",
)
Message = dict[str, Any]
Dialogue = tuple[list[Message], list[Any]]  # messages with answers, and the pictures they show
See = Callable[[], tuple[Any, Scene]]  # the next picture (pixels, or what the tower made of them)
Tensors = dict[str, torch.Tensor]


def to_pixels(pictures: list[np.ndarray]) -> torch.Tensor:
    """Bytes to the range -1..1, as the processor does with mean and deviation 0.5."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return stacked.float() / 127.5 - 1.0


def tower_batch(rng: random.Random, size: int) -> tuple[torch.Tensor, Tensors]:
    """Pictures, and what the tower must be able to tell about each of them."""
    drawn = [draw(rng, VARIED) for _ in range(size)]
    scenes = [scene for _, scene in drawn]
    targets = {
        "color": torch.tensor([list(COLORS).index(scene.color) for scene in scenes]),
        "shape": torch.tensor([SHAPES.index(scene.shape) for scene in scenes]),
        "center": torch.tensor([scene.center for scene in scenes]),
    }
    return to_pixels([picture for picture, _ in drawn]), targets


def exercise(rng: random.Random, see: See, negated_share: float) -> Dialogue:
    """One picture, one short question: the form in which comparing word and picture is learned."""
    picture, scene = see()
    question, answer = benchmark_manner(rng, scene, negated_share)
    content = [{"type": "image"}, {"type": "text", "text": question}]
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]
    return messages, [picture]


def conversation(rng: random.Random, turns: int, see: See) -> Dialogue:
    """Messages with answers, and the pictures they speak of; several turns share one picture."""
    messages: list[Message] = []
    pictures: list[Any] = []
    scene: Scene | None = None
    if rng.random() < 0.15:
        messages.append({"role": "system", "content": rng.choice(SYSTEM_MESSAGES)})
    sighted = rng.random() < 0.95
    for turn in range(turns):
        content: list[Message] = []
        if sighted and (turn == 0 or rng.random() < 0.06):
            picture, scene = see()
            pictures.append(picture)
            content.append({"type": "image"})
        question, answer = ask(rng, scene)
        content.append({"type": "text", "text": question})
        messages.append({"role": "user", "content": content})
        messages.append({"role": "assistant", "content": answer})
    return messages, pictures


def conversations(rng: random.Random, size: int, see: See) -> list[Dialogue]:
    """A batch of the whole mixture; all with the same number of turns, so as to pad little."""
    turns = rng.choice((1, 1, 2, 3, 4))
    return [conversation(rng, turns, see) for _ in range(size)]


def encode(made: list[Dialogue], processor: LlavaProcessor, wide: int) -> tuple[Tensors, list[Any]]:
    """Token ids with a label on every token the assistant must produce, and the pictures.

    Each picture gets `wide` tokens.
    """
    tokenizer = processor.tokenizer
    template = str(processor.chat_template)
    texts = [
        str(tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False))
        for messages, _ in made
    ]
    encoded = tokenizer(
        [text.replace(parts.IMAGE, parts.IMAGE * wide) for text in texts],
        padding=True,
        padding_side="right",
        add_special_tokens=False,
        return_tensors="pt",
    )
    ids = torch.as_tensor(encoded["input_ids"])
    tensors = {
        "input_ids": ids,
        "attention_mask": torch.as_tensor(encoded["attention_mask"]),
        "labels": answer_labels(ids, tokenizer),
    }
    return tensors, [picture for _, seen in made for picture in seen]


def answer_labels(ids: torch.Tensor, tokenizer: PreTrainedTokenizerFast) -> torch.Tensor:
    """Keeps what stands after each assistant mark up to and including its end mark."""
    start, end = (parts.token_id(tokenizer, mark) for mark in (parts.ASSISTANT, parts.END))
    opened = (ids == start).cumsum(1)
    ends = (ids == end).long()
    # Turns are user/assistant pairs: inside an answer the last mark seen is the assistant's.
    marks = torch.where(ids == start, 1, torch.where(ends.bool(), -1, 0))
    position = torch.arange(ids.shape[1]).expand_as(ids)
    last = torch.where(marks != 0, position, -1).cummax(1).values
    before = torch.cat([torch.full_like(last[:, :1], -1), last[:, :-1]], dim=1)
    inside = marks.gather(1, before.clamp(min=0)).eq(1) & before.ge(0) & opened.ge(1)
    return torch.where(inside, ids, -100)
