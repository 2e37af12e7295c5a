"""What models accept and return at their vendor's own endpoint (`fmsdk/data/models.json`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from fmsdk.catalog.names import find_row
from fmsdk.catalog.origin import Group, Origin
from fmsdk.content import Modality
from fmsdk.data import read_table
from fmsdk.provider import Capabilities

__all__ = ["ModelFacts", "describes", "facts", "narrow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What one model accepts and returns. None is unknown, and restricts nothing.

    name: the model's name in the table, without the date of a snapshot.
    refuses: names of `Settings` that the model refuses, though its API has them.
    context: tokens of prompt and answer together. max_output: tokens of one answer.
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
    """Whether the table has models of `vendor`."""
    return vendor in read_table("models.json", _Table, _index_models)


@lru_cache(maxsize=4096)
def facts(vendor: str, model: str) -> ModelFacts | None:
    """What the table has on `model` at the vendor's own endpoint; None where it is not in it."""
    return find_row(read_table("models.json", _Table, _index_models).get(vendor, {}), model)


@lru_cache(maxsize=4096)
def narrow(wire: Capabilities, vendor: str | None, model: str) -> Capabilities:
    """What both the API and the model can do: `wire` without what `model` refuses.

    `Capabilities.known` tells whether the model is in the table. A model that is not, or whose
    vendor is unknown, may do all that the API can.
    """
    model_facts = None if vendor is None else facts(vendor, model)
    if model_facts is None:
        return replace(wire, known=False)
    refuses = model_facts.refuses
    if model_facts.reasoning is False:
        refuses |= {"reasoning"}
    return replace(
        wire,
        input=wire.input & model_facts.input,
        output=wire.output & model_facts.output,
        remote=wire.remote & model_facts.input,
        settings=wire.settings - refuses,
        tools=wire.tools and model_facts.tools is not False,
        structured=wire.structured and model_facts.structured is not False,
        system=wire.system and model_facts.system,
        context=model_facts.context or wire.context,
        max_output=model_facts.max_output or wire.max_output,
        known=True,
    )


def _index_models(table: _Table) -> dict[str, dict[str, ModelFacts]]:
    """{vendor: {model: its facts}}."""
    index: dict[str, dict[str, ModelFacts]] = {}
    for group in table.groups:
        rows = index.setdefault(group.vendor, {})
        for row in group.rows:
            values = msgspec.structs.asdict(row)
            for name in values.pop("models"):
                rows[name] = ModelFacts(
                    vendor=group.vendor, name=name, origin=group.origin, **values
                )
    return index
