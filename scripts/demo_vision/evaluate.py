"""Measures demo-vision on easy-VQA's own test questions, through transformers alone.

python scripts/demo_vision/evaluate.py providers/fmsdk_local/demo_vision --dtype float32
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

import torch
from easy_vqa import get_test_image_paths, get_test_questions
from PIL import Image
from transformers import AutoModelForMultimodalLM, AutoProcessor


def normal(answer: str) -> str:
    """What two answers must share to count as the same."""
    return answer.strip().lower().removesuffix(".")


def answer_all(model, processor, asked: list[tuple[Image.Image, str]]) -> list[str]:
    """Greedy answers to one batch of picture and question."""
    conversations = [
        [
            {
                "role": "user",
                "content": [{"type": "image", "image": image}, {"type": "text", "text": text}],
            }
        ]
        for image, text in asked
    ]
    inputs = processor.apply_chat_template(
        conversations,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    )
    inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
    with torch.inference_mode():
        made = model.generate(**inputs, do_sample=False, max_new_tokens=16)
    return processor.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def main() -> None:
    """Asks every question, prints the commonest misses and the share of right answers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--limit", type=int, default=0, help="ask only the first so many questions")
    args = parser.parse_args()
    torch.set_num_threads(2)
    model = AutoModelForMultimodalLM.from_pretrained(
        args.model, dtype=getattr(torch, args.dtype)
    ).eval()
    processor = AutoProcessor.from_pretrained(args.model)
    questions, answers, numbers = get_test_questions()
    paths = get_test_image_paths()
    total = args.limit or len(questions)
    right, missed, began = 0, Counter(), time.monotonic()
    for at in range(0, total, args.batch):
        rows = range(at, min(total, at + args.batch))
        given = answer_all(
            model, processor, [(Image.open(paths[numbers[i]]), questions[i]) for i in rows]
        )
        for i, answer in zip(rows, given, strict=True):
            right += normal(answer) == normal(answers[i])
            if normal(answer) != normal(answers[i]):
                missed[(questions[i], answers[i], answer)] += 1
    for (question, wanted, got), count in missed.most_common(12):
        print(f"  {count} x {question!r}: {got!r}, should be {wanted!r}")
    print(
        f"{args.dtype}: {right}/{total} = {right / total:.2%} in {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
