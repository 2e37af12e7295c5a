"""What can be asked at once: settings, content of the user's turn, system prompt, history. A
factor has values that are cells of the matrix; the first of each is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fmsdk.content import ToolCall, ToolResult
from fmsdk.request import Message, Request
from tests.matrix.cells import SETTINGS, Keywords
from tests.matrix.pairs import Row
from tests.matrix.parts import KINDS, PLACES, Maker
from tests.matrix.probe import Lab
from tests.matrix.wires import Wire

__all__ = ["Factors", "factors_of", "request_of_row"]

Ask = Callable[[Maker], Keywords]
Factors = dict[str, list[Ask]]


def factors_of(lab: Lab, wire: Wire) -> Factors:
    """The factors, without the values that this wire refuses anyway."""
    found: Factors = {}
    for name, values in _all().items():
        taken = [
            ask for ask in values if lab.judge(wire, _request(lab, wire, [ask])).word != "refused"
        ]
        if taken:
            found[name] = [lambda _: {}, *taken]
    return found


def request_of_row(lab: Lab, wire: Wire, factors: Factors, row: Row) -> Request:
    """The lenient request that asks all of a row at once."""
    return replace(_request(lab, wire, [factors[name][n] for name, n in row.items()]), lenient=True)


def _request(lab: Lab, wire: Wire, asks: list[Ask]) -> Request:
    """Keywords side by side; `opening` comes before all, `history` next, `content` last."""
    make = Maker(wire, lab.shelf)
    keywords: Keywords = {}
    content: list[Any] = [make.text()]
    for ask in asks:
        keywords |= (given := ask(make))
        content += given.get("content", ())
    keywords.pop("content", None)
    prompt = [
        *keywords.pop("opening", ()),
        *keywords.pop("history", ()),
        Message("user", content),
    ]
    return lab.request(wire, prompt, **keywords)


def _all() -> Factors:
    settings = {
        name: [lambda _, given=given: given for given in values]
        for name, values in SETTINGS.items()
        if name not in ("tools", "tool_choice")
    }
    # Which tool to use is nothing without tools: one factor.
    tools = [*SETTINGS["tools"], *SETTINGS["tool_choice"]]
    found: dict[str, Any] = {**settings, "tools": [lambda _, given=given: given for given in tools]}
    for kind in KINDS:
        found[kind] = [
            lambda make, kind=kind, source=source: {"content": [make.media(kind, source)]}
            for source in PLACES
        ]
    found["detail"] = _with("image", detail="high")
    found["name"] = _with("document", name="report.pdf")
    found["cache"] = [
        lambda make, mark=mark: {"content": [make.text(cache=mark)]} for mark in (True, "1h")
    ]
    found["marked image"] = _with("image", cache=True)
    found["marked document"] = _with("document", cache="1h")
    found["system"] = [lambda make: {"system": make.words()}]
    found["opening"] = [lambda make: {"opening": [Message("system", make.words())]}]
    found["history"] = [_history, _failed, _with_picture]
    return found


def _with(kind: str, **given: Any) -> list[Ask]:
    """Media with something beside their content, in each place that they can be in."""
    return [
        lambda make, source=source: {"content": [make.media(kind, source, **given)]}
        for source in PLACES
    ]


def _history(make: Maker, *more: Any, is_error: bool = False) -> Keywords:
    call = ToolCall("call_1", "look_up", {"word": make.words()})
    result = ToolResult("call_1", [make.words(), *more], is_error=is_error)
    turns = [
        Message("user", make.words()),
        Message("assistant", [make.text(), call]),
        Message("tool", result),
        Message("assistant", make.text()),
    ]
    return {"history": turns}


def _failed(make: Maker) -> Keywords:
    return _history(make, is_error=True)


def _with_picture(make: Maker) -> Keywords:
    return _history(make, make.media("image"))
