"""What a request asks, as facts that can be missed one by one; of a `Request`, and of a body that
was read back. Knows no wire.

Facts leave open what a wire may choose: the ids that pair calls with results, whether a URL's
bytes go along instead of it, and on which side of a turn its tool results stand.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from fmsdk.content import (
    CacheMark,
    Document,
    FileRef,
    Image,
    MediaPart,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from fmsdk.media.source import UrlSource
from fmsdk.request import Message, Request, Tool
from fmsdk.response import Warning
from tests.matrix.media import MIMES, digest
from tests.matrix.schema_facts import schema_facts

__all__ = ["Asked", "Fact", "asked_of", "facts", "invented", "is_named", "missing", "sealed"]

_OUTSIDE = -1
_SEALED = re.compile(r"c2VhbGVk[A-Za-z0-9+/]+=*")
_CONTENT = frozenset(
    {"text", "system", "image", "audio", "video", "document"}
    | {"tool call", "tool result", "reasoning"}
)
# What a warning's code says beside its `detail`, where that names no fact.
_SAYS = {
    "cache_mark_ignored": "cache",
    "cache_lifetime": "cache",
    "opaque_dropped": "reasoning",
}


def sealed(number: int) -> str:
    """A piece of opaque reasoning, base64 as Gemini's signatures are, that only its own vendor's
    field may hold."""
    import base64

    return base64.b64encode(f"sealed{number:06d}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was asked. `name` is the part, attribute or setting as warnings name it;
    `turn` counts the changes of speaker."""

    name: str
    turn: int
    value: Hashable


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request without its wire. System prompts are messages too; `settings` are those that
    were set, options as "options.…". `held`: whether the answer is held to `output`, or only
    asked to be like it."""

    messages: tuple[Message, ...]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tools: tuple[Tool, ...] = ()
    output: Mapping[str, Any] | None = None
    held: bool = True


def asked_of(request: Request) -> Asked:
    """What a request asks; `output` must be a JSON Schema."""
    settings = {name: getattr(request.settings, name) for name in request.settings.chosen()}
    settings["model"] = request.model
    if request.tools and request.tool_choice != "auto":
        settings["tool_choice"] = request.tool_choice
    if request.tags:
        settings["tags"] = dict(request.tags)
    if request.options is not None:
        usual = type(request.options)()
        for name in type(usual).__dataclass_fields__:
            if (value := getattr(request.options, name)) != getattr(usual, name):
                settings[f"options.{name}"] = value
    system = () if request.system is None else (Message("system", request.system),)
    return Asked(
        messages=(*system, *request.messages),
        settings=settings,
        tools=request.tools,
        output=request.output,
    )


def facts(asked: Asked) -> list[Fact]:
    """All that is asked, content in its order."""
    found = [*_Conversation().facts(asked.messages)]
    for name, value in asked.settings.items():
        found += [Fact(name, _OUTSIDE, one) for one in _each(value)]
    for tool in asked.tools:
        found.append(Fact("tools", _OUTSIDE, (tool.name, tool.description)))
        said = sorted(schema_facts(tool.parameters))
        found += [Fact("tools", _OUTSIDE, (tool.name, *fact)) for fact in said]
        if tool.strict:
            found.append(Fact("strict", _OUTSIDE, tool.name))
    if asked.output is not None:
        found += [Fact("output", _OUTSIDE, "held")] if asked.held else []
        found += [Fact("output", _OUTSIDE, fact) for fact in sorted(schema_facts(asked.output))]
    return found


def missing(wanted: Iterable[Fact], got: Iterable[Fact]) -> list[Fact]:
    """What was asked and is not there, or not in its order."""
    wanted, got = list(wanted), list(got)
    left = Counter(wanted) - Counter(got)
    lost = {fact.value for fact in left if fact.name in _CONTENT}
    gone = [fact for fact in left.elements() if not _is_attribute_of(fact, lost)]
    return gone or _disordered(wanted, got)


def invented(wanted: Iterable[Fact], got: Iterable[Fact]) -> list[Fact]:
    """Content that is there and was not asked."""
    more = Counter(got) - Counter(wanted)
    return [
        fact
        for fact in more.elements()
        if fact.name in _CONTENT and (fact.turn != _OUTSIDE or fact.name == "system")
    ]


def is_named(fact: Fact, warnings: Iterable[Warning]) -> bool:
    """Whether one of the warnings speaks of this fact."""
    return any(fact.name in (warning.detail, _SAYS.get(warning.code)) for warning in warnings)


def _is_attribute_of(fact: Fact, lost: set[Hashable]) -> bool:
    """Whether a fact speaks of a part that is itself lost, and so goes with it."""
    value = fact.value
    return fact.name not in _CONTENT and isinstance(value, tuple) and value[0] in lost


def _disordered(wanted: list[Fact], got: list[Fact]) -> list[Fact]:
    """The first content that comes in another order, if any; calls, and text and media of a
    tool's result, each have their own, since wires keep them apart."""
    for lane in dict.fromkeys(filter(None, map(_lane, wanted))):
        asked = [fact for fact in wanted if _lane(fact) == lane]
        there = [fact for fact in got if fact in asked]
        for one, other in zip(asked, there, strict=False):
            if one != other:
                return [one]
    return []


def _lane(fact: Fact) -> Hashable:
    """What a fact of content has to keep its order among; None: nothing."""
    value = fact.value
    if fact.turn == _OUTSIDE or fact.name in ("tool result", "reasoning"):
        return None
    if isinstance(value, tuple) and value[0] == "result":
        return (*value[:2], fact.name == "text")
    if fact.name == "tool call":
        return (fact.turn, "calls")
    return (fact.turn, "said") if fact.name in _CONTENT else None


class _Conversation:
    """Counts turns and calls while it walks through messages."""

    def __init__(self) -> None:
        self._turn = 0
        self._speaker: str | None = None
        self._calls: dict[str, tuple[int, str]] = {}

    def facts(self, messages: Iterable[Message]) -> Iterator[Fact]:
        for message in messages:
            speaker = {"assistant": "model", "system": None}.get(message.role, "user")
            if speaker and self._speaker not in (None, speaker):
                self._turn += 1
            self._speaker = speaker or self._speaker
            for part in message.parts:
                if message.role == "system":
                    yield from self._system(part)
                else:
                    yield from self._part(part, None)

    def _system(self, part: Part) -> Iterator[Fact]:
        assert isinstance(part, Text)
        yield Fact("system", _OUTSIDE, part.text)
        if part.cache:
            yield Fact("cache", _OUTSIDE, (part.text, _lifetime(part.cache)))

    def _part(self, part: Part, inside: int | None) -> Iterator[Fact]:
        """The facts of a part; `inside` is the call whose result it is a part of."""
        turn = self._turn
        value: Hashable
        match part:
            case Text():
                value = part.text if inside is None else ("result", inside, part.text)
                if part.text.strip():
                    yield Fact("text", turn, value)
                if part.refusal:
                    yield Fact("refusal", turn, (value,))
            case Reasoning():
                yield from self._thought(part)
                return
            case ToolCall():
                value = self._called(part)
                yield Fact("tool call", turn, value)
                yield from (Fact("reasoning", turn, one) for one in _seals(part.opaque))
                return
            case ToolResult():
                value = yield from self._result(part)
            case _:
                name = identity(part)
                value = name if inside is None else ("result", inside, name)
                yield Fact(part.kind, turn, value)
                yield from (Fact(*fact) for fact in self._attributes(part, value))
        if part.cache and (not isinstance(part, Text) or part.text.strip()):
            yield Fact("cache", turn, (value, _lifetime(part.cache)))

    def _thought(self, part: Reasoning) -> Iterator[Fact]:
        if part.text:
            yield Fact("reasoning", self._turn, part.text)
        yield from (Fact("reasoning", self._turn, one) for one in _seals(part.opaque))

    def _called(self, call: ToolCall) -> Hashable:
        self._calls[call.id] = (len(self._calls), call.name)
        what = _plain(call.arguments) if call.raw is None else call.raw
        return (self._calls[call.id][0], call.name, what)

    def _result(self, result: ToolResult) -> Iterator[Any]:
        number, called = self._calls.get(result.call_id, (_OUTSIDE, None))
        value = ("answer", number)
        yield Fact("tool result", self._turn, value)
        for part in result.content:
            yield from self._part(part, number)
        if result.is_error:
            yield Fact("is_error", self._turn, (value,))
        # The call that is answered tells its name.
        if result.name is not None and result.name != called:
            yield Fact("name", self._turn, (value, result.name))
        return value

    def _attributes(self, part: MediaPart, value: Hashable) -> Iterator[tuple[str, int, Hashable]]:
        mime = MIMES.get(PurePosixPath(urlsplit(part.url).path).suffix) if part.url else part.mime
        if mime and part.file is None:
            yield "mime", self._turn, (value, mime)
        # "auto" is what the vendor does where nothing is said.
        if isinstance(part, Image) and part.detail not in (None, "auto"):
            yield "detail", self._turn, (value, part.detail)
        if isinstance(part, Document) and part.name:
            yield "name", self._turn, (value, part.name)


def identity(part: MediaPart) -> str:
    """Which bytes a part stands for: `media.digest` of them, which is also how the tests' files
    are called behind URLs; or the id of the vendor's file."""
    source = part.source
    if isinstance(source, UrlSource):
        return PurePosixPath(urlsplit(source.url).path).stem
    if isinstance(source, FileRef):
        return f"file {source.id.rpartition('/')[2]}"
    return digest(part.read())


def _lifetime(mark: CacheMark) -> Hashable:
    """Five minutes are what a mark means by itself."""
    return "1h" if mark == "1h" else "5m"


def _each(value: Any) -> Iterable[str]:
    """A setting's value; of a list or an object, each of its own."""
    if isinstance(value, (list, tuple)):
        return map(_plain, value)
    if isinstance(value, Mapping):
        return (f"{name}: {_plain(inner)}" for name, inner in value.items())
    return (_plain(value),)


def _seals(opaque: str | None) -> list[str]:
    return _SEALED.findall(opaque or "")


def _plain(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=_as_plain)


def _as_plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no plain value: {value!r}")
