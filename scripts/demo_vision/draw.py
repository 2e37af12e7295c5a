"""Draws the training pictures: one coloured shape on a light, flat background, 64 pixels square.

Two manners. `plain` imitates the published easy-VQA pictures (colours, sizes, light backgrounds,
the soft edge that halving the resolution leaves), because the model is measured on those.
`varied` is wider on purpose (other shades, sizes, proportions, noise, sharp edges), because a
person's own picture will not look exactly like a benchmark. No picture of the published data set
is read anywhere here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SIDE = 64
SHAPES = ("circle", "rectangle", "triangle")
Rgb = tuple[int, int, int]
Box = tuple[float, float, float, float]  # left, top, width, height, as fractions of the picture

COLORS: dict[str, Rgb] = {
    "black": (0, 0, 0),
    "blue": (0, 0, 255),
    "brown": (165, 42, 42),
    "gray": (128, 128, 128),
    "green": (0, 255, 0),
    "red": (255, 0, 0),
    "teal": (0, 128, 128),
    "yellow": (255, 255, 0),
}

OTHER_SHADES: dict[str, tuple[Rgb, ...]] = {
    "black": ((20, 20, 20), (30, 30, 36)),
    "blue": ((30, 60, 210), (0, 0, 200), (25, 80, 230), (40, 90, 220)),
    "brown": ((139, 69, 19), (120, 60, 30), (150, 75, 40)),
    "gray": ((110, 110, 110), (145, 145, 145), (120, 124, 128)),
    "green": ((0, 128, 0), (34, 160, 34), (0, 200, 0), (40, 180, 70)),
    "red": ((220, 20, 40), (200, 0, 0), (235, 50, 40)),
    "teal": ((0, 140, 140), (0, 120, 125), (10, 150, 140)),
    "yellow": ((255, 215, 0), (250, 230, 40), (240, 220, 0)),
}


@dataclass(frozen=True)
class Scene:
    """What one picture shows; the answers to every question follow from it."""

    shape: str
    color: str
    box: Box

    @property
    def center(self) -> tuple[float, float]:
        left, top, width, height = self.box
        return left + width / 2, top + height / 2


@dataclass(frozen=True)
class Look:
    """How a scene is put on the canvas, everything that changes no answer."""

    fill: Rgb
    background: Rgb
    scale: int = 2
    resample: Image.Resampling = Image.Resampling.BILINEAR
    apex: float = 0.5
    upside_down: bool = False
    noise: float = 0.0


def plain(rng: random.Random) -> tuple[Scene, Look]:
    """A scene as in easy-VQA: shapes of 8 to 32 pixels, equilateral triangles, pure colours."""
    shape, color = rng.choice(SHAPES), rng.choice(tuple(COLORS))
    width = rng.randint(16, 64)
    height = rng.randint(16, 64) if shape == "rectangle" else width
    if shape == "triangle":
        height = round(width * 0.866)
    left, top = rng.randint(0, 127 - width), rng.randint(0, 127 - height)
    box = (left / 128, top / 128, width / 128, height / 128)
    background = (rng.randint(230, 255), rng.randint(230, 255), rng.randint(230, 255))
    return Scene(shape, color, box), Look(COLORS[color], background)


def varied(rng: random.Random) -> tuple[Scene, Look]:
    """A scene outside the benchmark's manner: what a person's own picture may look like."""
    shape, color = rng.choice(SHAPES), rng.choice(tuple(COLORS))
    width = rng.uniform(0.11, 0.85)
    stretch = rng.uniform(0.4, 2.5) if shape == "rectangle" else rng.uniform(0.72, 1.38)
    height = min(max(width * stretch, 0.11), 0.9)
    box = (rng.uniform(0, 1 - width), rng.uniform(0, 1 - height), width, height)
    shade = rng.choice((COLORS[color], *OTHER_SHADES[color]))
    fill = _jitter(rng, shade, 12)
    darkest = rng.choice((205, 230, 255))
    background = (rng.randint(darkest, 255), rng.randint(darkest, 255), rng.randint(darkest, 255))
    look = Look(
        fill,
        background,
        scale=rng.choice((1, 2, 4)),
        resample=rng.choice((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)),
        apex=rng.choice((0.5, 0.5, rng.random())),
        upside_down=rng.random() < 0.15,
        noise=rng.choice((0.0, 0.0, rng.uniform(1, 8))),
    )
    return Scene(shape, color, box), look


def paint(scene: Scene, look: Look, side: int = SIDE) -> Image.Image:
    """The picture itself; drawn larger and shrunk, so that its edges get as soft as asked."""
    big = side * look.scale
    canvas = Image.new("RGB", (big, big), look.background)
    pen = ImageDraw.Draw(canvas)
    left, top, width, height = (round(value * big) for value in scene.box)
    if scene.shape == "circle":
        pen.ellipse((left, top, left + width, top + height), fill=look.fill)
    elif scene.shape == "rectangle":
        pen.rectangle((left, top, left + width, top + height), fill=look.fill)
    else:
        base, tip = (top, top + height) if look.upside_down else (top + height, top)
        pen.polygon(
            ((left, base), (left + width, base), (left + round(width * look.apex), tip)),
            fill=look.fill,
        )
    return canvas.resize((side, side), look.resample) if look.scale > 1 else canvas


def draw(rng: random.Random, varied_share: float) -> tuple[np.ndarray, Scene]:
    """One training picture as bytes (height, width, channel) and what it shows."""
    scene, look = varied(rng) if rng.random() < varied_share else plain(rng)
    pixels = np.asarray(paint(scene, look), dtype=np.float32)
    if look.noise:
        grain = np.random.default_rng(rng.getrandbits(32)).normal(0, look.noise, pixels.shape)
        pixels = pixels + grain.astype(np.float32)
    return np.clip(pixels, 0, 255).astype(np.uint8), scene


def _jitter(rng: random.Random, color: Rgb, width: int) -> Rgb:
    red, green, blue = (min(255, max(0, part + rng.randint(-width, width))) for part in color)
    return red, green, blue
