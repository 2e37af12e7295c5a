"""`fmsdk models show`: the card of a model, as lines for a person or as a plain object."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, cast

from fmsdk.cli.account import dollars
from fmsdk.cli.card import Card, Figure

__all__ = ["card_record", "print_card"]

_UNKNOWN = "not known"
_INDENT = " " * 14
_MILLION = " (of tokens: a million)"


def card_record(card: Card) -> dict[str, Any]:
    """The card as `--json` prints it: money is text, null is not known."""
    return {
        "name": card.name,
        "known": card.known,
        "usable": not card.usable,
        "usable_note": card.usable,
        **{name: _figure_record(card.figures.get(name)) for name in _ROWS},
    }


def print_card(card: Card) -> None:
    """A line a figure, numbered like its source below."""
    print(card.name)
    if card.usable:
        print(f"  cannot be asked here: {' '.join(card.usable.split())}")
    if not card.known:
        print("  fmsdk does not know what this model takes; whatever its provider carries is sent")
    sources: list[str] = []
    for name, (title, say) in _ROWS.items():
        figure = card.figures.get(name)
        if figure is not None:
            lines = say(figure.value)
            lines[0] += f" [{_number(_source(figure), sources)}]"
            print(f"  {title:12}" + f"\n{_INDENT}".join(lines))
        elif name not in _ONLY_WHERE_SAID:
            print(f"  {title:12}{_UNKNOWN}")
    for number, source in enumerate(sources, 1):
        print(f"  [{number}] {source}")


def _number(source: str, sources: list[str]) -> int:
    """The number of `source` among `sources`, of which it is one afterwards."""
    if source not in sources:
        sources.append(source)
    return sources.index(source) + 1


def _source(figure: Figure) -> str:
    when = (str(figure.checked) if figure.checked else "", figure.doubt)
    told = ", ".join(part for part in when if part)
    return f"{figure.source} ({told})" if told else figure.source


def _figure_record(figure: Figure | None) -> dict[str, Any] | None:
    if figure is None:
        return None
    return {
        "value": _plain(figure.value),
        "source": figure.source,
        "checked": None if figure.checked is None else figure.checked.isoformat(),
        "doubt": figure.doubt,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(each) for each in cast("list[Any]", value)]
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def _list(names: Iterable[str]) -> list[str]:
    return [", ".join(names)]


def _tokens(count: int) -> list[str]:
    return [f"{count:,} tokens"]


def _features(features: dict[str, bool | None]) -> list[str]:
    has = [name for name, there in features.items() if there]
    lacks = [f"no {name}" for name, there in features.items() if there is False]
    return [", ".join(has + lacks) or _UNKNOWN]


def _prices(bands: list[dict[str, Any]] | str) -> list[str]:
    if isinstance(bands, str):
        return [bands]
    lines: list[str] = []
    for band in bands:
        usd: dict[str, Decimal] = band["usd"]
        listed = ", ".join(
            f"{kind} {dollars(price)}"
            for kind, price in usd.items()
            if not (kind.startswith("cache") and price == usd.get("input"))
        )
        above = f"above {band['above']:,} tokens in: " if band["above"] else ""
        lines.append(f"{above}{listed}")
    lines[0] += _MILLION if any("input" in band["usd"] for band in bands) else ""
    return lines


def _licence(licence: dict[str, str]) -> list[str]:
    return [f"{licence['name']}: {licence['note']}" if licence["note"] else licence["name"]]


def _retirement(end: dict[str, str | None] | str) -> list[str]:
    if isinstance(end, str):
        return [end]
    successor = f"successor {end['successor']}" if end["successor"] else "no successor named"
    return [f"{end['date']}, {successor}", *([end["note"]] if end["note"] else [])]


_ROWS: dict[str, tuple[str, Callable[[Any], list[str]]]] = {
    "input": ("input", _list),
    "output": ("output", _list),
    "features": ("features", _features),
    "refuses": ("refuses", _list),
    "context": ("context", _tokens),
    "max_output": ("max output", _tokens),
    "note": ("note", lambda note: [note]),
    "prices": ("prices", _prices),
    "licence": ("licence", _licence),
    "retirement": ("retirement", _retirement),
}
_ONLY_WHERE_SAID = frozenset({"refuses", "note"})
