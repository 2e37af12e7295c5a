"""Word errors of `local:demo-audio`, through the public client, on 44 s of real reading.

The recording is `assets/two_cities.wav` of the package `moonshine-voice`, and what is read the
opening of "A Tale of Two Cities" (Charles Dickens, 1859; public domain). Both texts go through
transformers' `EnglishTextNormalizer` with its British spellings left as they are (the one of the
Whisper paper, appendix C): case, punctuation and spelt-out numbers do not count. The rate is
substitutions, insertions and deletions for each word that is read. Limit: 2 %.
"""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path

from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

import fmsdk

LIMIT = 0.02
MODEL = "local:demo-audio"
READ = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the "
    "age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the "
    "season of Light, it was the season of Darkness, it was the spring of hope, it was the winter "
    "of despair, we had everything before us, we had nothing before us, we were all going direct "
    "to Heaven, we were all going direct the other way--in short, the period was so far like the "
    "present period, that some of its noisiest authorities insisted on its being received, for "
    "good or for evil, in the superlative degree of comparison only."
)


def recording() -> Path | None:
    """The wav inside the installed package, which is not imported: it wants its dependencies."""
    spec = find_spec("moonshine_voice")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "assets" / "two_cities.wav"


def edits(read: list[str], heard: list[str]) -> int:
    """The fewest substitutions, insertions and deletions between the two (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for n, word in enumerate(read, 1):
        before, row[0] = row[0], n
        for m, other in enumerate(heard, 1):
            changed = before + (word != other)
            before, row[m] = row[m], min(changed, row[m] + 1, row[m - 1] + 1)
    return row[-1]


def main() -> int:
    wav = recording()
    if wav is None:
        print("the package moonshine-voice is missing: pip install --no-deps moonshine-voice")
        return 1
    with fmsdk.Client() as client:
        began = time.perf_counter()
        speech = client.transcribe(MODEL, wav)
        first = time.perf_counter() - began
        again = client.transcribe(MODEL, wav).latency.total
    normal = EnglishTextNormalizer({})
    read, heard = normal(READ).split(), normal(speech.text).split()
    wrong = edits(read, heard)
    rate = wrong / len(read)
    print(f"{MODEL}: {wrong} errors in {len(read)} words, {rate:.1%} (limit {LIMIT:.0%})")
    seconds = speech.duration or 0.0
    print(f"{seconds:.1f} s of audio in {first:.1f} s with loading, {again:.1f} s without")
    return 0 if rate <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
