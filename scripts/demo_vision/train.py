"""Trains demo-vision from nothing: first the eyes, then the words, then both a little together.

    python scripts/demo_vision/train.py --out providers/fmsdk_local/demo_vision

A LLaVA this small does not learn to see from answers alone, so its vision tower first learns to
name colour and shape. Pictures and questions are made afresh for every step from the seed: no data
is read.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import parts
import torch
from batches import VARIED, Tensors, conversations, encode, exercise, to_pixels, tower_batch
from draw import COLORS, SHAPES, Scene, draw
from torch import nn

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration, LlavaProcessor

Gallery = list[tuple[torch.Tensor, Scene]]


@dataclass(frozen=True)
class Plan:
    """One stage: how many steps of which size, and how far each may move the weights."""

    name: str
    steps: int
    batch: int
    rate: float


PLANS = (
    Plan("tower", 800, 128, 1e-3),
    Plan("match", 900, 128, 1e-3),
    Plan("talk", 450, 96, 1e-3),
    Plan("whole", 240, 40, 4e-4),
)


class TowerHeads(nn.Module):
    """Temporary readers of the CLS vector; they are thrown away after the first stage."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.color = nn.Linear(width, len(COLORS))
        self.shape = nn.Linear(width, len(SHAPES))
        self.center = nn.Linear(width, 2)

    def forward(self, summary: torch.Tensor, targets: Tensors) -> tuple[torch.Tensor, str]:
        seen = self.norm(summary)
        color, shape, center = self.color(seen), self.shape(seen), self.center(seen)
        loss = (
            nn.functional.cross_entropy(color, targets["color"])
            + nn.functional.cross_entropy(shape, targets["shape"])
            + 4 * nn.functional.mse_loss(center.float(), targets["center"])
        )
        right = [(color, "color"), (shape, "shape")]
        scores = [f"{n} {(o.argmax(1) == targets[n]).float().mean():.3f}" for o, n in right]
        return loss, ", ".join(scores)


def run(
    plan: Plan, weights: list[nn.Parameter], step_loss: Callable[[], tuple[torch.Tensor, str]]
) -> None:
    """The loop of every stage: warm up, then follow a cosine down to a fiftieth of the rate."""
    optimizer = torch.optim.AdamW(weights, lr=plan.rate, weight_decay=0.01, betas=(0.9, 0.98))

    def pace(step: int) -> float:
        warm = min(1.0, (step + 1) / 60)
        return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / plan.steps)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, pace)
    began = time.monotonic()
    for step in range(1, plan.steps + 1):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss, note = step_loss()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == plan.steps:
            seconds = time.monotonic() - began
            print(
                f"{plan.name} {step}/{plan.steps} loss {loss.item():.4f} {note} {seconds:.0f}s",
                flush=True,
            )


def train_tower(plan: Plan, model: LlavaForConditionalGeneration, rng: random.Random) -> None:
    """Teaches the vision tower to see, without any words."""
    tower = model.model.vision_tower
    heads = TowerHeads(tower.config.hidden_size)

    def step_loss() -> tuple[torch.Tensor, str]:
        pixels, targets = tower_batch(rng, plan.batch)
        hidden = tower(pixel_values=pixels, output_hidden_states=True).hidden_states[-1]
        return heads(hidden[:, 0], targets)

    run(plan, [*(p for p in tower.parameters() if p.requires_grad), *heads.parameters()], step_loss)


def answer_loss(
    model: LlavaForConditionalGeneration, hidden: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, str]:
    """Loss on the answers; only states that predict one go through the vocabulary."""
    wanted = labels[:, 1:]
    chosen = wanted != -100
    logits = model.lm_head(hidden[:, :-1][chosen])
    loss = nn.functional.cross_entropy(logits.float(), wanted[chosen])
    return loss, f"tokens {(logits.argmax(-1) == wanted[chosen]).float().mean():.3f}"


def summaries(model: LlavaForConditionalGeneration, rng: random.Random, count: int) -> Gallery:
    """What the trained tower's CLS vector holds for many pictures, computed once."""
    gallery: Gallery = []
    with torch.inference_mode():
        for _ in range(0, count, 128):
            drawn = [draw(rng, VARIED) for _ in range(128)]
            pixels = to_pixels([picture for picture, _ in drawn])
            hidden = model.model.vision_tower(pixel_values=pixels, output_hidden_states=True)
            vectors = hidden.hidden_states[-1][:, 0]
            gallery += [(v, scene) for v, (_, scene) in zip(vectors, drawn, strict=True)]
    return gallery


def glance(
    model: LlavaForConditionalGeneration, batch: Tensors, seen: torch.Tensor
) -> torch.Tensor:
    """The language model's states when a picture is its CLS vector alone.

    Text keeps the positions it has behind all 65 tokens, so that what is learned here fits later.
    """
    ids = batch["input_ids"]
    image = ids == model.config.image_token_id
    words = model.get_input_embeddings()(ids)
    eyes = model.model.multi_modal_projector(seen).to(words.dtype)
    behind = image.long().cumsum(1) - image.long()
    return model.model.language_model(
        inputs_embeds=words.masked_scatter(image.unsqueeze(-1), eyes),
        attention_mask=batch["attention_mask"],
        position_ids=torch.arange(ids.shape[1]) + behind * (parts.IMAGE_TOKENS - 1),
    ).last_hidden_state


def train_words(
    plan: Plan, model: LlavaForConditionalGeneration, processor: LlavaProcessor, rng: random.Random
) -> None:
    """Teaches projector and language model to answer, from the tower's summary of each picture.

    Stage "match" holds short questions only, and the negated ones ("is there not ...") wait until
    the plain ones are understood: in a mixture from the start the two cancel each other out and
    yes/no stays a coin toss. Stage "talk" is the whole mixture.
    """
    gallery = summaries(model, rng, 10_240)
    done = 0

    def see() -> tuple[torch.Tensor, Scene]:
        return rng.choice(gallery)

    def step_loss() -> tuple[torch.Tensor, str]:
        nonlocal done
        done += 1
        negated = 0.0 if done < plan.steps / 3 else 0.5
        if plan.name == "match":
            made = [exercise(rng, see, negated) for _ in range(plan.batch)]
        else:
            made = conversations(rng, plan.batch, see)
        batch, seen = encode(made, processor, wide=1)
        hidden = glance(model, batch, torch.stack(seen).clone())
        return answer_loss(model, hidden, batch["labels"])

    learners = (model.model.multi_modal_projector, model.model.language_model)
    run(plan, [weight for part in learners for weight in part.parameters()], step_loss)


def train_whole(
    plan: Plan, model: LlavaForConditionalGeneration, processor: LlavaProcessor, rng: random.Random
) -> None:
    """Shows every patch as well, as in use, and lets tower and language model settle together."""

    def step_loss() -> tuple[torch.Tensor, str]:
        made = conversations(rng, plan.batch, lambda: draw(rng, VARIED))
        batch, seen = encode(made, processor, wide=parts.IMAGE_TOKENS)
        labels = batch.pop("labels")
        hidden = model.model(**batch, pixel_values=to_pixels(seen)).last_hidden_state
        return answer_loss(model, hidden, labels)

    run(plan, [p for p in model.parameters() if p.requires_grad], step_loss)


def train(
    seed: int, threads: int, scale: float, checkpoint: Path | None
) -> tuple[LlavaForConditionalGeneration, LlavaProcessor]:
    """All stages from one seed; checkpoints of finished stages save time when trying things."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    tokenizer = parts.make_tokenizer()
    processor, model = parts.make_processor(tokenizer), parts.make_model(tokenizer)
    for index, plan in enumerate(PLANS):
        plan = Plan(plan.name, max(1, round(plan.steps * scale)), plan.batch, plan.rate)
        saved = checkpoint / f"{index}-{plan.name}.pt" if checkpoint else None
        if saved and saved.exists():
            model.load_state_dict(torch.load(saved))
            continue
        rng = random.Random(seed * 1000 + index)
        if plan.name == "tower":
            train_tower(plan, model, rng)
        elif plan.name in ("match", "talk"):
            train_words(plan, model, processor, rng)
        else:
            train_whole(plan, model, processor, rng)
        if saved:
            saved.parent.mkdir(parents=True, exist_ok=True)
            torch.save(model.state_dict(), saved)
    return model, processor


def main() -> None:
    """Trains as the command line asks and saves model and processor in bfloat16."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder that receives the model")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="fraction of the steps, to try the script"
    )
    parser.add_argument("--checkpoints", type=Path, help="folder to keep finished stages in")
    args = parser.parse_args()
    model, processor = train(args.seed, args.threads, args.scale, args.checkpoints)
    args.out.mkdir(parents=True, exist_ok=True)
    model.bfloat16().save_pretrained(args.out)
    processor.save_pretrained(args.out)


if __name__ == "__main__":
    main()
