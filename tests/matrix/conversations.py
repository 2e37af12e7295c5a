"""Conversations as people and models have them: several turns, tools, reasoning and media."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from fmsdk.content import Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.request import Message
from tests.matrix.answers import ErrorBody
from tests.matrix.cells import LOOK_UP, SETTINGS
from tests.matrix.facts import sealed
from tests.matrix.parts import KINDS, SOURCES, Maker
from tests.matrix.probe import Lab
from tests.matrix.wires import Wire

__all__ = ["Conversation", "Menu", "conversations", "menu_of", "said"]

# fmsdk says by this word that a tool failed, on wires that have no field for it.
_TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: not text.startswith("Error:"))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-9, 9) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)
ARGUMENTS = st.dictionaries(_TEXTS, _JSON, max_size=3)
_ID_FORMS = (
    "call_{}",
    "toolu_{}",
    "functions.look_up:{}",
    "{}",
    "chatcmpl-tool-{}-long-" + "x" * 40,
)


@dataclass(frozen=True, slots=True)
class Menu:
    """What a wire takes without refusing: (kind, source) of media in the user's turn, kinds of
    media in tool results, settings."""

    media: Sequence[tuple[str, str]]
    results: Sequence[str]
    settings: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns, and the settings they are sent with."""

    messages: tuple[Message, ...]
    settings: dict[str, Any]
    stream: bool


def menu_of(lab: Lab, wire: Wire) -> Menu:
    """What a wire takes, found out by asking."""

    def takes(prompt: Any, **settings: Any) -> bool:
        return lab.judge(wire, lab.request(wire, prompt, **settings)).word != "refused"

    make = Maker(wire, lab.shelf)
    call = Message("assistant", ToolCall("c", "look_up"))
    media = [
        (kind, source)
        for kind in KINDS
        for source in SOURCES[kind]
        if takes([make.media(kind, source)])
    ]
    results = [
        kind
        for kind in KINDS
        if takes(["a", call, Message("tool", ToolResult("c", make.media(kind)))])
    ]
    settings = [one for values in SETTINGS.values() for one in values if takes("a", **one)]
    return Menu(media, results, settings)


@st.composite
def conversations(draw: st.DrawFn, lab: Lab, wire: Wire, menu: Menu) -> Conversation:
    """A conversation that this wire takes, but for settings that leniency drops."""
    make = Maker(wire, lab.shelf, draw(st.integers(0, 50)))
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append(Message("system", [Text(draw(_TEXTS))]))
    for exchange in range(draw(st.integers(0, 3))):
        messages.append(Message("user", draw(_user_parts(make, menu))))
        turn = draw(_turn(lab, wire, exchange))
        messages.append(turn)
        calls = [part for part in turn.parts if isinstance(part, ToolCall)]
        results = [draw(_result(make, menu, call)) for call in calls]
        if results:
            messages.append(Message("tool", results))
    messages.append(Message("user", draw(_user_parts(make, menu))))
    settings = draw(st.sampled_from(menu.settings)) if draw(st.booleans()) else {}
    return Conversation(tuple(messages), {"tools": [LOOK_UP], **settings}, draw(st.booleans()))


@st.composite
def said(draw: st.DrawFn, number: int) -> ErrorBody:
    """A turn of a model's, sealed with this number."""
    forms = draw(st.lists(st.sampled_from(_ID_FORMS), max_size=2))
    calls = tuple(
        (form.format(f"{number}{n}"), "look_up", draw(ARGUMENTS)) for n, form in enumerate(forms)
    )
    return ErrorBody(
        text=f"Said {number}.",
        thought=draw(st.sampled_from(["", "Hm."])),
        seal=sealed(number),
        calls=calls,
    )


@st.composite
def _turn(draw: st.DrawFn, lab: Lab, wire: Wire, exchange: int) -> Message:
    """The model's turn: as this wire's decoder made it, or as a caller wrote it."""
    if draw(st.booleans()):
        return lab.turn(wire, draw(said(exchange)))
    parts: list[Part] = [Text(f"Said {exchange}."), *map(Text, draw(st.lists(_TEXTS, max_size=2)))]
    if draw(st.booleans()):
        parts.insert(0, Reasoning(draw(_TEXTS)))
    forms = draw(st.lists(st.sampled_from(_ID_FORMS), max_size=3))
    for number, form in enumerate(forms):
        parts.append(ToolCall(form.format(f"{exchange}{number}"), "look_up", draw(ARGUMENTS)))
    return Message("assistant", parts)


@st.composite
def _user_parts(draw: st.DrawFn, make: Maker, menu: Menu) -> list[Part]:
    parts: list[Part] = [make.text(), *map(Text, draw(st.lists(_TEXTS, max_size=2)))]
    for kind, source in draw(st.lists(st.sampled_from(menu.media), max_size=2)):
        parts.append(make.media(kind, source))
    return draw(st.permutations(parts))


@st.composite
def _result(draw: st.DrawFn, make: Maker, menu: Menu, call: ToolCall) -> ToolResult:
    content: list[Any] = draw(st.lists(_TEXTS, max_size=2))
    if menu.results and draw(st.booleans()):
        content.append(make.media(draw(st.sampled_from(menu.results))))
    name = draw(st.sampled_from([None, call.name]))
    return ToolResult(call.id, content, is_error=draw(st.booleans()), name=name)
