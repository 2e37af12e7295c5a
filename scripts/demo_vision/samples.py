"""Draws the sample pictures of the examples, from seeds that no training step uses.

python scripts/demo_vision/samples.py examples/media
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from draw import Look, Scene, paint, plain

WANTED = (("blue", "circle"), ("red", "triangle"), ("yellow", "rectangle"))
SIDE = 256


def find(color: str, shape: str) -> tuple[Scene, Look]:
    """The first scene of a fixed sequence that shows this, large enough to be a good picture."""
    rng = random.Random(f"sample of a {color} {shape}")
    while True:
        scene, look = plain(rng)
        if (scene.color, scene.shape) == (color, shape) and min(scene.box[2:]) > 0.3:
            return scene, look


def main() -> None:
    """Writes one PNG for each wanted shape."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for color, shape in WANTED:
        scene, look = find(color, shape)
        paint(scene, look, SIDE).save(folder / f"{color}_{shape}.png", optimize=True)


if __name__ == "__main__":
    main()
