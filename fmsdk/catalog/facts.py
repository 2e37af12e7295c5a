"""What models take and give at their vendor's own endpoint (`fmsdk/data/models.json`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache

import msgspec

from fmsdk.catalog.names import look_up
from fmsdk.catalog.origin import Group, Origin
from fmsdk.content import Modality
from fmsdk.data import read
from fmsdk.provider import Capabilities

__all__ = ["ModelFacts", "describes", "facts", "narrow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What one model takes and gives. None is not known, and restricts nothing.

    name: the model as the table has it, without the date of a snapshot.
    refuses: names of `Settings` that are an error there, whatever the wire has.
    context: tokens, prompt and answer together. max_output: tokens of one answer.
    note: what does not fit into the fields.
    """

    vendor: str
    name: str
    input: frozenset[Modality]
    output: frozenset[str]
    origin: Origin
    tools: bool | None = None
    structured: bool | None = None
    reasoning: bool | None = None
    system: bool = True
    refuses: frozenset[str] = frozenset()
    context: int | None = None
    max_output: int | None = None
    note: str = ""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: tuple[str, ...]
    input: frozenset[Modality]
    output: frozenset[str]
    tools: bool | None = None
    structured: bool | None = None
    reasoning: bool | None = None
    system: bool = True
    refuses: frozenset[str] = frozenset()
    context: int | None = None
    max_output: int | None = None
    note: str = ""


class _Group(Group, frozen=True):
    vendor: str
    rows: tuple[_Row, ...]


class _Table(msgspec.Struct, frozen=True):
    groups: tuple[_Group, ...]


def describes(vendor: str) -> bool:
    """Whether there is anything about the models of `vendor`."""
    return vendor in _table()


@lru_cache(maxsize=4096)
def facts(vendor: str, model: str) -> ModelFacts | None:
    """What is known of `model` at the vendor's own endpoint; None where nobody described it."""
    return look_up(_table().get(vendor, {}), model)


@lru_cache(maxsize=4096)
def narrow(wire: Capabilities, vendor: str | None, model: str) -> Capabilities:
    """What both the wire and the model can: `wire` without what `model` does not take.

    `known` says whether the model is described; one that is not (or that no vendor is known of)
    may do all that the wire can. To be called for the vendor's own endpoint alone.
    """
    known = None if vendor is None else facts(vendor, model)
    if known is None:
        return replace(wire, known=False)
    refused = known.refuses | {"reasoning"} if known.reasoning is False else known.refuses
    return replace(
        wire,
        input=wire.input & known.input,
        output=wire.output & known.output,
        remote=wire.remote & known.input,
        settings=wire.settings - refused,
        tools=wire.tools and known.tools is not False,
        structured=wire.structured and known.structured is not False,
        system=wire.system and known.system,
        context=known.context or wire.context,
        max_output=known.max_output or wire.max_output,
        known=True,
    )


@cache
def _table() -> dict[str, dict[str, ModelFacts]]:
    table: dict[str, dict[str, ModelFacts]] = {}
    for group in read("models.json", _Table).groups:
        rows = table.setdefault(group.vendor, {})
        for row in group.rows:
            said = msgspec.structs.asdict(row)
            for name in said.pop("models"):
                rows[name] = ModelFacts(vendor=group.vendor, name=name, origin=group.origin, **said)
    return table
