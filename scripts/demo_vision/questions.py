"""Questions about a scene and their answers, in easy-VQA's manner and in friendlier words."""

from __future__ import annotations

import random
from collections.abc import Callable

from draw import COLORS, SHAPES, Scene
from offtopic import off_topic

REFUSAL = "I can only answer questions about the shape in a picture."
Asked = tuple[str, str]  # question, answer

PRESENT = (
    "is there a {}?",
    "is there a {} in the image?",
    "is a {} present?",
    "does the image contain a {}?",
)
ABSENT = (
    "is there not a {}?",
    "is there not a {} in the image?",
    "is no {} present?",
    "does the image not contain a {}?",
)
COLOR_PLAIN = (
    "what color is the {}?",
    "what is the color of the {}?",
)
SHAPE_PLAIN = (
    "what shape is in the image?",
    "what shape does the image contain?",
    "what shape is present?",
    "what is the {} shape?",
)
COLOR_FRIENDLY = (
    "what color is it?",
    "which color is the shape?",
    "which color is the {}?",
    "what color is this?",
    "what color is this shape?",
    "what is its color?",
    "what color does the {} have?",
    "what color do you see?",
    "tell me the color of the {}.",
    "name the color.",
    "name the color of the shape.",
    "the color of the {}?",
    "what color is the {} in the image?",
    "what color is the thing in the image?",
    "color?",
)
SHAPE_FRIENDLY = (
    "what shape is this?",
    "what shape is it?",
    "what shape do you see?",
    "which shape is this?",
    "which shape is in the image?",
    "which shape do you see?",
    "what is the shape?",
    "what is the shape in the image?",
    "what kind of shape is this?",
    "what kind of shape is in the image?",
    "what shape is the {} thing?",
    "what shape is shown?",
    "name the shape.",
    "name the shape in the image.",
    "tell me the shape.",
    "shape?",
)
DESCRIBE = (
    "what is in this image?",
    "what's in this image?",
    "what is in the image?",
    "what's in the image?",
    "what is this?",
    "what do you see?",
    "what do you see in the image?",
    "what can you see?",
    "what does the image show?",
    "what is shown in the image?",
    "what is shown here?",
    "what is on the image?",
    "what does this show?",
    "describe the image.",
    "describe this image.",
    "describe this.",
    "describe what you see.",
    "please describe the image.",
    "describe the image in one sentence.",
    "describe this image in detail.",
    "can you describe the image?",
    "tell me what you see.",
    "tell me what is in the image.",
    "tell me about this image.",
    "caption this image.",
    "write a caption for this image.",
    "explain what is in the image.",
    "what have i drawn?",
    "what is the object in the image?",
)
WHERE = (
    "where is the shape?",
    "where is the {}?",
    "where is it?",
    "where in the image is the {}?",
    "in which part of the image is the {}?",
    "what is the position of the {}?",
)
COUNT = (
    "how many shapes are there?",
    "how many shapes do you see?",
    "how many shapes are in the image?",
    "how many things are in the image?",
)
SUFFIXES = (
    "answer in one word.",
    "answer with one word.",
    "answer with a single word.",
    "answer the question using a single word or phrase.",
    "one word only.",
    "answer briefly.",
    "reply with just the answer.",
    "answer yes or no.",
)
PREFIXES = (
    "question:",
    "please tell me:",
    "look at the image.",
    "here is an image.",
    "look at this image and answer:",
    "can you tell me",
    "please tell me",
    "hello,",
    "hi!",
)


def _pick_other(rng: random.Random, options: tuple[str, ...], actual: str) -> str:
    return rng.choice([option for option in options if option != actual])


def _named(rng: random.Random, scene: Scene, both: bool) -> tuple[str, bool]:
    """Something like 'teal shape', 'circle' or 'teal circle', and whether it is in the picture."""
    color = scene.color if rng.random() < 0.5 else _pick_other(rng, tuple(COLORS), scene.color)
    shape = scene.shape if rng.random() < 0.5 else _pick_other(rng, SHAPES, scene.shape)
    if both:
        if rng.random() < 0.3:
            color, shape = scene.color, scene.shape
        return f"{color} {shape}", (color, shape) == (scene.color, scene.shape)
    if rng.random() < 0.65:
        return f"{color} shape", color == scene.color
    return shape, shape == scene.shape


def _yes_no(rng: random.Random, scene: Scene, negated_share: float, both: bool = False) -> Asked:
    thing, there = _named(rng, scene, both)
    negated = rng.random() < negated_share
    template = rng.choice(ABSENT if negated else PRESENT)
    return template.format(thing), "yes" if there != negated else "no"


def _yes_no_friendly(rng: random.Random, scene: Scene) -> Asked:
    kind = rng.randrange(4)
    if kind == 0:
        return _yes_no(rng, scene, 0.0, both=True)
    if kind == 1:
        thing, there = _named(rng, scene, rng.random() < 0.5)
        template = rng.choice(
            (
                "do you see a {}?",
                "can you see a {}?",
                "does the image show a {}?",
                "is this a {}?",
                "is it a {}?",
                "is that a {}?",
            )
        )
        return template.format(thing), "yes" if there else "no"
    if kind == 2:
        color = scene.color if rng.random() < 0.5 else rng.choice(tuple(COLORS))
        template = rng.choice(
            ("is it {1}?", "is the {0} {1}?", "is the shape {1}?", "is this {1}?")
        )
        return template.format(scene.shape, color), "yes" if color == scene.color else "no"
    shape = scene.shape if rng.random() < 0.5 else rng.choice(SHAPES)
    template = rng.choice(
        ("is the shape a {1}?", "is the {0} shape a {1}?", "is the {0} thing a {1}?")
    )
    return template.format(scene.color, shape), "yes" if shape == scene.shape else "no"


def _color(rng: random.Random, scene: Scene, templates: tuple[str, ...]) -> Asked:
    return rng.choice(templates).format(rng.choice(("shape", scene.shape))), scene.color


def _shape(rng: random.Random, scene: Scene, templates: tuple[str, ...]) -> Asked:
    return rng.choice(templates).format(scene.color), scene.shape


def _describe(rng: random.Random, scene: Scene) -> Asked:
    return rng.choice(DESCRIBE), f"a {scene.color} {scene.shape}"


def _where(rng: random.Random, scene: Scene) -> Asked:
    """Asks for the place only where the answer is not a matter of a pixel."""
    x, y = scene.center
    if any(abs(value - line) < 0.04 for value in (x, y) for line in (1 / 3, 2 / 3)):
        return _color(rng, scene, COLOR_FRIENDLY)
    row = ("top", "", "bottom")[min(2, int(y * 3))]
    column = ("left", "", "right")[min(2, int(x * 3))]
    place = f"{row} {column}".strip() or "center"
    return rng.choice(WHERE).format(rng.choice(("shape", scene.shape))), place


def _missing(rng: random.Random, scene: Scene) -> Asked:
    """A question about a shape that is not there deserves to hear so."""
    absent = _pick_other(rng, SHAPES, scene.shape)
    template = rng.choice((*COLOR_PLAIN, "where is the {}?"))
    return template.format(absent), f"there is no {absent}"


def benchmark_manner(rng: random.Random, scene: Scene, negated_share: float = 0.5) -> Asked:
    """A question as easy-VQA words it, with about its share of yes/no questions."""
    kind = rng.random()
    if kind < 0.7:
        return _yes_no(rng, scene, negated_share)
    if kind < 0.85:
        return _color(rng, scene, COLOR_PLAIN)
    return _shape(rng, scene, SHAPE_PLAIN)


Maker = Callable[[random.Random, Scene], Asked]
FRIENDLY: tuple[tuple[float, Maker], ...] = (
    (0.24, _describe),
    (0.18, lambda rng, scene: _color(rng, scene, COLOR_FRIENDLY)),
    (0.18, lambda rng, scene: _shape(rng, scene, SHAPE_FRIENDLY)),
    (0.24, _yes_no_friendly),
    (0.08, _where),
    (0.03, lambda rng, _: (rng.choice(COUNT), "one")),
    (0.05, _missing),
)


def friendly(rng: random.Random, scene: Scene) -> Asked:
    """A question as a visitor may put it, in one of many wordings."""
    makers = [maker for _, maker in FRIENDLY]
    question, answer = rng.choices(makers, [share for share, _ in FRIENDLY])[0](rng, scene)
    if rng.random() < 0.15 and answer in (*COLORS, *SHAPES, "yes", "no"):
        question = (
            f"{question} {rng.choice(SUFFIXES if answer in ('yes', 'no') else SUFFIXES[:-1])}"
        )
    if rng.random() < 0.1:
        question = f"{rng.choice(PREFIXES)} {question}"
    return question, answer


def reword(rng: random.Random, question: str) -> str:
    """The same question as another hand would type it: spelling, capitals, punctuation."""
    words = question
    if rng.random() < 0.4:
        words = words.replace("color", "colour")
    if rng.random() < 0.3:
        words = words.replace("gray", "grey")
    if rng.random() < 0.5:
        words = words.replace("image", rng.choice(("picture", "picture", "photo", "drawing")))
    kind = rng.random()
    if kind < 0.6:
        words = words[0].upper() + words[1:]
    elif kind < 0.66:
        words = words.upper()
    elif kind < 0.72:
        words = words.title()
    if rng.random() < 0.2:
        words = words.rstrip("?.")
    return words


def ask(rng: random.Random, scene: Scene | None) -> Asked:
    """One question of the training mixture; without a picture every question gets the refusal."""
    kind = rng.random()
    if kind < 0.07:
        return off_topic(rng), REFUSAL
    seen = scene or Scene(rng.choice(SHAPES), rng.choice(tuple(COLORS)), (0.4, 0.4, 0.2, 0.2))
    if kind < 0.52:
        question, answer = benchmark_manner(rng, seen)
        if rng.random() < 0.3:
            question = reword(rng, question)
    else:
        question, answer = friendly(rng, seen)
        question = reword(rng, question)
    return question, answer if scene else REFUSAL
