"""`fmsdk models show`: the card of a model, as text or as a plain object."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, cast

from fmsdk.cli import terminal
from fmsdk.cli.account import format_dollars
from fmsdk.cli.card import Card

__all__ = ["card_record", "print_card"]

_UNKNOWN = "not known"
_TITLE_WIDTH = 10
_MILLION = " (of tokens: a million)"


def card_record(card: Card) -> dict[str, Any]:
    """The card as `--json` prints it: money is text, null is unknown."""
    record: dict[str, Any] = {
        "name": card.name,
        "known": card.is_described,
        "usable": not card.usable,
        "usable_note": card.usable,
        **dict.fromkeys(_ROWS),
    }
    for name in _ROWS:
        if (figure := card.figures.get(name)) is not None:
            record[name] = {
                "value": _to_plain_value(figure.value),
                "source": figure.source,
                "checked": None if figure.checked is None else figure.checked.isoformat(),
                "doubt": figure.doubt,
            }
    return record


def print_card(card: Card) -> None:
    """Print a line for each figure, with the number of its source, which follows below."""
    width = terminal.width_of(sys.stdout)
    print(card.name)
    if card.usable:
        why = " ".join(card.usable.split())
        print(terminal.wrap_lines(f"  cannot be asked here: {why}", width))
    if not card.is_described:
        note = "  fmsdk has no facts on this model; requests are checked against its API only"
        print(terminal.wrap_lines(note, width))
    sources: list[str] = []
    for name, (title, format_value) in _ROWS.items():
        figure = card.figures.get(name)
        if figure is not None:
            lines = format_value(figure.value)
            when = (str(figure.checked) if figure.checked else "", figure.doubt)
            remark = ", ".join(part for part in when if part)
            source = f"{figure.source} ({remark})" if remark else figure.source
            if source not in sources:
                sources.append(source)
            lines[0] += f" [{sources.index(source) + 1}]"
            for place, line in enumerate(lines):
                terminal.print_row(("" if place else title, line), (_TITLE_WIDTH,), indent=2)
        elif name not in _OPTIONAL_ROWS:
            terminal.print_row((title, _UNKNOWN), (_TITLE_WIDTH,), indent=2)
    for number, source in enumerate(sources, 1):
        print(terminal.wrap_lines(f"  [{number}] {source}", width))


def _to_plain_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_plain_value(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_to_plain_value(each) for each in cast("list[Any]", value)]
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def _join_names(names: Iterable[str]) -> list[str]:
    return [", ".join(names)]


def _format_tokens(count: int) -> list[str]:
    return [f"{count:,} tokens"]


def _format_features(features: dict[str, bool | None]) -> list[str]:
    has = [name for name, is_supported in features.items() if is_supported]
    lacks = [f"no {name}" for name, is_supported in features.items() if is_supported is False]
    return [", ".join(has + lacks) or _UNKNOWN]


def _format_prices(bands: list[dict[str, Any]] | str) -> list[str]:
    if isinstance(bands, str):
        return [bands]
    lines: list[str] = []
    for band in bands:
        usd: dict[str, Decimal] = band["usd"]
        text = ", ".join(
            f"{kind} {format_dollars(price)}"
            for kind, price in usd.items()
            if not (kind.startswith("cache") and price == usd.get("input"))
        )
        above = f"above {band['above']:,} tokens in: " if band["above"] else ""
        lines.append(f"{above}{text}")
    lines[0] += _MILLION if any("input" in band["usd"] for band in bands) else ""
    return lines


def _format_retirement(end: dict[str, str | None] | str) -> list[str]:
    if isinstance(end, str):
        return [end]
    successor = f"successor {end['successor']}" if end["successor"] else "no successor named"
    return [f"{end['date']}, {successor}", *([end["note"]] if end["note"] else [])]


_ROWS: dict[str, tuple[str, Callable[[Any], list[str]]]] = {
    "input": ("input", _join_names),
    "output": ("output", _join_names),
    "features": ("features", _format_features),
    "refuses": ("refuses", _join_names),
    "context": ("context", _format_tokens),
    "max_output": ("max output", _format_tokens),
    "note": ("note", lambda text: [text]),
    "prices": ("prices", _format_prices),
    "licence": ("licence", lambda licence: [": ".join(filter(None, licence.values()))]),
    "retirement": ("retirement", _format_retirement),
}
_OPTIONAL_ROWS = frozenset({"refuses", "note"})
