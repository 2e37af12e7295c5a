"""What is asked, one thing at a time: every part from every source, wherever it can stand, and
every setting. A cell is a row of docs/reference/support.md, asked of every wire."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fmsdk.content import Reasoning, ToolCall, ToolResult
from fmsdk.request import Message, Request, Tool
from tests.matrix.answers import ErrorBody
from tests.matrix.facts import sealed
from tests.matrix.parts import KINDS, PLACES, SOURCES, Maker
from tests.matrix.probe import Lab
from tests.matrix.wires import TOOL, Sample, Wire

__all__ = ["SETTINGS", "Cell", "cells", "option_cells", "request_of"]

LOOK_UP = Tool(**TOOL)
STRICT = Tool(
    "look_up",
    "Looks it up",
    {
        "type": "object",
        "properties": {
            "word": {"type": "string", "description": "The word", "enum": ["a", "b"]},
            "times": {"type": "integer"},
        },
        "required": ["word"],
        "additionalProperties": False,
    },
    strict=True,
)
_BARE = Tool("ring", "Rings the bell")
SCHEMA = {
    "title": "Place",
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "Its name", "minLength": 2},
        "kind": {"enum": ["city", "river"], "type": "string"},
        "people": {"type": "integer", "minimum": 1},
        "near": {"type": "array", "items": {"$ref": "#/$defs/Near"}},
    },
    "required": ["name", "kind"],
    "additionalProperties": False,
    "$defs": {
        "Near": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        }
    },
}
_LOOSE = {"title": "Counts", "type": "object", "additionalProperties": {"type": "integer"}}

Keywords = dict[str, Any]
Ask = Callable[[Maker], Keywords]


@dataclass(frozen=True, slots=True)
class Cell:
    """Something to ask: `ask` gives the keywords of `generate`, the prompt among them."""

    group: str
    row: str
    ask: Callable[[Maker, Lab], Keywords]
    column: str = ""

    @property
    def name(self) -> str:
        return f"{self.group}: {self.row}" + (f" ({self.column})" if self.column else "")


def request_of(cell: Cell, wire: Wire, lab: Lab, start: int = 0) -> Request:
    """The cell's request over this wire."""
    keywords = cell.ask(Maker(wire, lab.shelf, start), lab)
    return lab.request(wire, keywords.pop("prompt", "Hello"), **keywords)


def cells() -> tuple[Cell, ...]:
    """All that is asked of every wire."""
    return (*_sources(), *_attributes(), *_places(), *_turns(), *_settings())


def option_cells(wire: Wire) -> tuple[Cell, ...]:
    """The options of the wire's own provider."""
    found: list[Cell] = []
    for name, sample in wire.samples.items():
        for how, given in _ways(sample):

            def ask(
                make: Maker, _: Lab, name: str = name, value: Any = sample.value, given: Ask = given
            ) -> Keywords:
                return {"options": wire.options(**{name: value}), **given(make)}

            found.append(Cell("Options", f"`{name}`{how}", ask))
    return tuple(found)


def _ways(sample: Sample) -> Iterator[tuple[str, Ask]]:
    """What is asked along with an option: with each place of a document, where it takes one, and
    with each choice of the tools that call any."""
    along = {k: [LOOK_UP] if v == "look_up" else v for k, v in sample.along.items()}
    if sample.document:
        for source in PLACES:
            yield (
                f" with {source}",
                lambda make, source=source: {
                    "prompt": [make.text(), make.media("document", source)],
                    **along,
                },
            )
        return
    yield "", lambda make: {"prompt": make.text(), **along}
    for choice in ("required", "look_up") if "tools" in along else ():
        yield (
            f" with `tool_choice={choice!r}`",
            lambda make, choice=choice: {"prompt": make.text(), **along, "tool_choice": choice},
        )


def _sources() -> Iterator[Cell]:
    yield Cell("Text", "text", lambda make, _: {"prompt": [make.text(), make.text()]})
    for kind, sources in SOURCES.items():
        for source in sources:

            def ask(make: Maker, _: Lab, kind: str = kind, source: str = source) -> Keywords:
                return {"prompt": [make.text(), make.media(kind, source)]}

            yield Cell(kind.capitalize(), source, ask)


def _attributes() -> Iterator[Cell]:
    """What parts have beside their content, on media wherever they are."""
    for detail, source in itertools.product(("auto", "low", "high", "original"), PLACES):

        def look(make: Maker, _: Lab, detail: str = detail, source: str = source) -> Keywords:
            return {"prompt": [make.text(), make.media("image", source, detail=detail)]}

        yield Cell("Image", f'`detail="{detail}"` with {source}', look)
    for source in PLACES:

        def named(make: Maker, _: Lab, source: str = source) -> Keywords:
            return {"prompt": [make.text(), make.media("document", source, name="report.pdf")]}

        yield Cell("Document", f"`name` with {source}", named)
    yield from _marks()


def _marks() -> Iterator[Cell]:
    for mark in (True, "5m", "1h"):

        def marked(make: Maker, _: Lab, mark: Any = mark) -> Keywords:
            return {"prompt": [make.text(cache=mark), make.text()]}

        yield Cell("Cache marks", f"`cache={mark!r}` on text", marked)
    for kind, source in itertools.product(KINDS, PLACES):

        def kept(make: Maker, _: Lab, kind: str = kind, source: str = source) -> Keywords:
            return {"prompt": [make.media(kind, source, cache=True), make.text()]}

        yield Cell("Cache marks", f"on {kind} with {source}", kept)
    yield Cell("Cache marks", "on a system message", _marked_system)
    yield Cell("Cache marks", "on a tool result", _marked_result)
    yield Cell("Cache marks", "on text in a tool result", _marked_inside)
    yield Cell("Cache marks", "on the model's text", _marked_answer)


def _marked_system(make: Maker, _: Lab) -> Keywords:
    return {"prompt": [Message("system", make.text(cache=True)), Message("user", make.words())]}


def _marked_answer(make: Maker, _: Lab) -> Keywords:
    return {"prompt": _between(make, make.text(cache=True))}


def _marked_inside(make: Maker, _: Lab) -> Keywords:
    return _answered(make, ToolResult("call_1", [make.text(cache=True), make.words()]))


def _marked_result(make: Maker, _: Lab) -> Keywords:
    return _answered(make, ToolResult("call_1", make.words(), cache=True))


def _places() -> Iterator[Cell]:
    for kind in KINDS:

        def said(make: Maker, _: Lab, kind: str = kind) -> Keywords:
            return {"prompt": _between(make, make.media(kind))}

        def also_said(make: Maker, _: Lab, kind: str = kind) -> Keywords:
            return {"prompt": _between(make, make.text(), make.media(kind))}

        def found(make: Maker, _: Lab, kind: str = kind) -> Keywords:
            return _answered(make, ToolResult("call_1", make.media(kind)))

        def linked(make: Maker, _: Lab, kind: str = kind) -> Keywords:
            return _answered(make, ToolResult("call_1", [make.words(), make.media(kind, "URL")]))

        def ruled(make: Maker, _: Lab, kind: str = kind) -> Keywords:
            rule = Message("system", [make.media(kind)])
            return {"prompt": [rule, Message("user", make.words())]}

        yield Cell("The model's turn", f"{kind} alone", said)
        yield Cell("The model's turn", f"{kind} beside text", also_said)
        yield Cell("Tool results", kind, found)
        yield Cell("Tool results", f"{kind} by URL beside text", linked)
        yield Cell("System prompt", kind, ruled)

    more: tuple[tuple[str, str, Keywords], ...] = (
        ("image", '`detail="high"`', {"detail": "high"}),
        ("image", "a cache mark", {"cache": True}),
        ("document", "`name`", {"name": "report.pdf"}),
        ("document", "a cache mark", {"cache": True}),
    )
    for (kind, what, given), source in itertools.product(more, PLACES):

        def with_more(
            make: Maker, _: Lab, kind: str = kind, given: Keywords = given, source: str = source
        ) -> Keywords:
            return _answered(make, ToolResult("call_1", make.media(kind, source, **given)))

        yield Cell("Tool results", f"{kind} with {source} and {what}", with_more)


def _between(make: Maker, *parts: Any) -> list[Message]:
    """A conversation with these parts as the model's turn."""
    answer = Message("assistant", parts)
    return [Message("user", make.words()), answer, Message("user", make.words())]


def _answered(make: Maker, *results: ToolResult, calls: int = 1) -> Keywords:
    """A conversation with these results of the model's calls."""
    asked = [ToolCall(f"call_{n}", "look_up", {"word": make.words()}) for n in range(1, calls + 1)]
    prompt = [
        Message("user", make.words()),
        Message("assistant", asked),
        Message("tool", results),
    ]
    return {"prompt": prompt, "tools": [LOOK_UP]}


_TURNS: dict[tuple[str, str], Callable[[Maker, Lab], Keywords]] = {
    ("System prompt", "`system=`"): lambda make, _: {"system": make.words()},
    ("System prompt", "a system message"): lambda make, _: {
        "prompt": [Message("system", make.words()), Message("user", make.words())]
    },
    ("System prompt", "both"): lambda make, _: {
        "prompt": [Message("system", make.words()), Message("user", make.words())],
        "system": make.words(),
    },
    ("System prompt", "in mid-conversation"): lambda make, _: {
        "prompt": [*_between(make, make.text()), Message("system", make.words())]
    },
    ("The model's turn", "text"): lambda make, _: {"prompt": _between(make, make.text())},
    ("The model's turn", "several texts"): lambda make, _: {
        "prompt": _between(make, make.text(), make.text())
    },
    ("The model's turn", "refusal"): lambda make, _: {
        "prompt": _between(make, make.text(refusal=True))
    },
    ("The model's turn", "readable reasoning"): lambda make, _: {
        "prompt": _between(make, Reasoning(make.words()), make.text())
    },
    ("The model's turn", "its own sealed reasoning"): lambda make, lab: {
        "prompt": _between(make, *lab.turn(make.wire, ErrorBody("Yes.", "", sealed(1))).parts)
    },
    ("The model's turn", "its own readable and sealed reasoning"): lambda make, lab: {
        "prompt": _between(make, *lab.turn(make.wire, ErrorBody("Yes.", "Hm.", sealed(2))).parts)
    },
    ("The model's turn", "its own reasoning before a call"): lambda make, lab: _continued(
        make,
        lab.turn(make.wire, ErrorBody("", "Hm.", sealed(3), (("c1", "look_up", {"word": "a"}),))),
    ),
    ("The model's turn", "another provider's reasoning"): lambda make, _: {
        "prompt": _between(
            make, Reasoning(make.words(), "somebody", f'{{"seal":"{sealed(4)}"}}'), make.text()
        )
    },
    ("The model's turn", "another provider's sealed call"): lambda make, _: _continued(
        make,
        Message(
            "assistant",
            ToolCall("c1", "look_up", {}, None, "somebody", f'{{"seal":"{sealed(5)}"}}'),
        ),
    ),
    ("Tool calls", "with arguments"): lambda make, _: _answered(
        make, ToolResult("call_1", make.words())
    ),
    ("Tool calls", "without arguments"): lambda make, _: _continued(
        make, Message("assistant", ToolCall("c1", "look_up"))
    ),
    ("Tool calls", "with broken arguments"): lambda make, _: _continued(
        make, Message("assistant", ToolCall("c1", "look_up", raw='{"word": "half'))
    ),
    ("Tool calls", "beside text"): lambda make, _: _continued(
        make, Message("assistant", [make.text(), ToolCall("c1", "look_up", {"word": "a"})])
    ),
    ("Tool calls", "an id of another vendor's form"): lambda make, _: _continued(
        make, Message("assistant", ToolCall("functions.look_up:0", "look_up", {"word": "a"}))
    ),
    ("Tool calls", "several at once"): lambda make, _: _answered(
        make, ToolResult("call_2", make.words()), ToolResult("call_1", make.words()), calls=2
    ),
    ("Tool results", "text"): lambda make, _: _answered(make, ToolResult("call_1", make.words())),
    ("Tool results", "several texts"): lambda make, _: _answered(
        make, ToolResult("call_1", [make.words(), make.words()])
    ),
    ("Tool results", "empty"): lambda make, _: _answered(make, ToolResult("call_1")),
    ("Tool results", "failure"): lambda make, _: _answered(
        make, ToolResult("call_1", make.words(), is_error=True)
    ),
    ("Tool results", "failure without a word"): lambda make, _: _answered(
        make, ToolResult("call_1", is_error=True)
    ),
    ("Tool results", "failure with an image"): lambda make, _: _answered(
        make, ToolResult("call_1", make.media("image"), is_error=True)
    ),
    ("Tool results", "`name`"): lambda make, _: _answered(
        make, ToolResult("call_1", make.words(), name="look_up")
    ),
    ("Tool results", "in the user's turn before text"): lambda make, _: _in_turn(make),
}


def _continued(make: Maker, turn: Message) -> Keywords:
    """A conversation with this turn of the model's, and the results of its calls."""
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    results = Message("tool", [ToolResult(call.id, make.words()) for call in calls])
    return {"prompt": [Message("user", make.words()), turn, results], "tools": [LOOK_UP]}


def _in_turn(make: Maker) -> Keywords:
    asked = _answered(make)
    user = Message("user", [ToolResult("call_1", make.words()), make.text()])
    return {**asked, "prompt": [*asked["prompt"][:-1], user]}


def _turns() -> Iterator[Cell]:
    for (group, row), ask in _TURNS.items():
        yield Cell(group, row, ask)


SETTINGS: dict[str, tuple[Keywords, ...]] = {
    "max_output_tokens": ({"max_output_tokens": 1234}, {"max_output_tokens": 5}),
    "temperature": ({"temperature": 0.37}, {"temperature": 0}),
    "top_p": ({"top_p": 0.83},),
    "stop": ({"stop": "END"}, {"stop": ("one", "two", "three")}),
    "seed": ({"seed": 77},),
    "reasoning": tuple(
        {"reasoning": effort}
        for effort in ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    ),
    "logprobs": ({"logprobs": 3}, {"logprobs": 0}),
    "choices": ({"choices": 2},),
    "modalities": (
        {"modalities": ("text", "audio")},
        {"modalities": ("audio",)},
        {"modalities": ("text", "image")},
    ),
    "tools": (
        {"tools": [LOOK_UP]},
        {"tools": [STRICT]},
        {"tools": [LOOK_UP, _BARE]},
    ),
    "tool_choice": tuple(
        {"tools": [LOOK_UP, _BARE], "tool_choice": choice}
        for choice in ("none", "required", "look_up")
    ),
    "output": ({"output": SCHEMA}, {"output": _LOOSE}),
    "tags": ({"tags": {"team": "a"}}, {"tags": {"Team Name": "Ä"}}),
}
_SHOWN = {
    str(("text", "audio")): "text and audio",
    str(("audio",)): "audio",
    str(("text", "image")): "text and image",
    str(("one", "two", "three")): "several",
    "END": "one",
    str({"team": "a"}): "plain",
    str({"Team Name": "Ä"}): "with capitals and spaces",
    str([LOOK_UP]): "one",
    str([STRICT]): "strict",
    str([LOOK_UP, _BARE]): "several (one without parameters)",
    str(SCHEMA): "a closed schema",
    str(_LOOSE): "free-form keys",
}


def _settings() -> Iterator[Cell]:
    for name, variants in SETTINGS.items():
        for keywords in variants:

            def ask(make: Maker, _: Lab, keywords: Keywords = keywords) -> Keywords:
                return {"prompt": make.words(), **keywords}

            value = keywords[name]
            yield Cell("Settings", f"`{name}`", ask, _SHOWN.get(str(value), f"`{value!r}`"))
