"""Decode speed of `local:demo-text` through the public client, beside a bare forward loop over
the same weights and transformers' own `generate`, in one run. Greedy, 64 tokens, medians."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import fmsdk
from fmsdk_local.engine.device import choose_dtype
from fmsdk_local.models import locate_model

TOKENS, ROUNDS = 64, 7
PROMPT = "Tell me a long story about a river."


def bare(model: Any, prompt: torch.Tensor) -> int:
    cache, step = None, prompt
    with torch.inference_mode():
        for _ in range(TOKENS):
            out = model(input_ids=step, past_key_values=cache, use_cache=True)
            cache, step = out.past_key_values, out.logits[:, -1:].argmax(-1)
    return TOKENS


def generate(model: Any, prompt: torch.Tensor) -> int:
    with torch.inference_mode():
        mask = torch.ones_like(prompt)
        out = model.generate(prompt, attention_mask=mask, max_new_tokens=TOKENS, do_sample=False)
    return out.shape[1] - prompt.shape[1]


def streamed(client: fmsdk.Client) -> int:
    asked = {"max_output_tokens": TOKENS, "temperature": 0}
    with client.stream("local:demo-text", PROMPT, **asked) as stream:
        for _ in stream:
            pass
    return stream.response.usage.output.total or 0


def main() -> None:
    path = locate_model("demo-text")
    dtype = choose_dtype("auto", torch.device("cpu"))
    model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype).eval()
    tokenizer = AutoTokenizer.from_pretrained(path)
    turn = [{"role": "user", "content": PROMPT}]
    prompt = tokenizer.apply_chat_template(
        turn, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )["input_ids"]
    client = fmsdk.Client(providers={"local": {"device": "cpu"}})
    ways: dict[str, Callable[[], int]] = {
        "bare loop": lambda: bare(model, prompt),
        "transformers": lambda: generate(model, prompt),
        "fmsdk, streamed": lambda: streamed(client),
    }
    for way in ways.values():
        way()
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.perf_counter()
            made = way()
            rates[name].append(made / (time.perf_counter() - began))
    base = median(rates["bare loop"])
    print(f"{'':18} tokens/s  of the bare loop   ({dtype}, median of {ROUNDS})")
    for name, seen in rates.items():
        print(f"{name:18} {median(seen):8.1f}  {median(seen) / base:.2f}")


if __name__ == "__main__":
    main()
