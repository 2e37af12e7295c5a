"""How often `local:demo-vision` answers easy-VQA's test questions correctly, through the
public client.

The pictures and questions are the package `easy-vqa`'s own test split (9,673 questions); the
model never saw its pictures. An answer counts when it equals the reference after lower-casing
and stripping white space and a final full stop. Limit: 97 %.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import fmsdk

BAR = 0.97


def normal(answer: str) -> str:
    return answer.strip().rstrip(".").lower()


def main(limit: int | None = None) -> int:
    if find_spec("easy_vqa") is None:
        print("the package easy-vqa is not installed: pip install --no-deps easy-vqa")
        return 1
    from easy_vqa import get_test_image_paths, get_test_questions

    paths = get_test_image_paths()
    rows = list(islice(zip(*get_test_questions(), strict=True), limit))
    wrong: Counter[str] = Counter()
    began = time.perf_counter()
    with fmsdk.Client() as client:
        for question, expected, picture in rows:
            image = fmsdk.Image(Path(paths[picture]))
            answer = client.generate("local:demo-vision", [image, question], temperature=0)
            if normal(answer.text) != expected:
                wrong[expected] += 1
    took = time.perf_counter() - began
    right = 1 - wrong.total() / len(rows)
    print(f"easy-VQA test split: {right:.2%} of {len(rows)} questions right (limit {BAR:.0%})")
    print(f"{took:.0f} s, {1000 * took / len(rows):.1f} ms a question")
    print("wrong, by expected answer:", dict(wrong.most_common(6)))
    return 0 if right >= BAR else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else None))
