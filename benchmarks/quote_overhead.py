"""What a quote costs: beside the tokenizer package alone for 4 kB of text, and for a short prompt.

The package counts with its public `encode`. Rounds alternate, and the ratio is the median of each
round's. A short quote is made of every call with a budget or a ledger.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import fmsdk
from tests.support.paths import ROOT

MODELS = ("openai:gpt-5.6-sol", "anthropic:claude-opus-5", "google:gemini-3.8-flash")
SHORT = "Explain entropy to a curious child in one short sentence, with an example, please."
ROUNDS, REPEAT = 15, 200
LIMIT = 1.5


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(REPEAT):
        work()
    return (time.process_time() - began) / REPEAT


def main() -> None:
    try:
        import bpe_openai
    except ModuleNotFoundError:
        print("needs bpe-openai: pip install 'fmsdk[tokenizers]'")
        return
    encode = bpe_openai.get_encoding("o200k_base").encode
    text = (ROOT / "docs" / "guide.md").read_text("utf-8")[:4000]
    keys = {name.partition(":")[0]: {"api_key": "none"} for name in MODELS}
    print(f"{'':28} {'quote':>9} {'package':>9} {'ratio':>6}   µs of CPU")
    with fmsdk.Client(providers=keys) as client:
        for name, prompt in [(m, text) for m in MODELS] + [(m, SHORT) for m in MODELS]:

            def quote(name: str = name, prompt: str = prompt) -> object:
                return client.quote(name, prompt, max_output_tokens=300)

            def count(prompt: str = prompt) -> object:
                return encode(prompt)

            quote()
            rounds = [(seconds(quote), seconds(count)) for _ in range(ROUNDS)]
            ours, theirs = (median(column) * 1e6 for column in zip(*rounds, strict=True))
            ratio = median(one / other for one, other in rounds)
            limit = f"limit {LIMIT}" if prompt is text else ""
            label = f"{name} {len(prompt.encode()) / 1000:.1f} kB"
            print(f"{label:28} {ours:9.1f} {theirs:9.1f} {ratio:6.2f}   {limit}")


if __name__ == "__main__":
    main()
