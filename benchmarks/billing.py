"""The quote against the vendors' bills: every recorded request of `../shared/billing`, quoted as it
was sent, beside what was billed for it. A refused quote is a miss.

A medium's tokens are compared with those that the vendor reports for its kind. Where it reports
none, they are what the bill leaves after the quoted text; then the text's error falls on the
medium, and within 2% or 5 tokens is taken for exact. `--misses` lists what is out by more than 10%.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import median
from typing import Any

import fmsdk
from fmsdk import pricing
from fmsdk.quoting.quote import Quote
from fmsdk.usage import InputUsage, OutputUsage, Usage
from tests.support.recorded_requests import (
    PROVIDER_OPTIONS,
    billed_rows,
    platform_of,
    to_request,
)
from tests.support.shared_folder import SHARED

VENDORS = ("openai", "anthropic", "gemini")
NAMES = {"openai": "OpenAI", "anthropic": "Claude", "gemini": "Gemini"}
EXACT = {
    ("openai", "image"): 0.95,
    ("anthropic", "image"): 0.93,
    ("gemini", "image"): 0.93,
    ("openai", "audio"): 0.95,
    ("gemini", "audio"): 0.95,
    ("openai", "document"): 0.65,
    ("anthropic", "document"): 0.65,
    ("gemini", "document"): 0.65,
    ("gemini", "video"): 0.65,
}


@dataclass(frozen=True)
class Line:
    """A recording and its quote; None: it was refused, for the reason `why`."""

    row: dict[str, Any]
    quote: Quote | None
    why: str = ""

    @property
    def billed(self) -> int:
        return self.row["billed"]["input_tokens"]

    def is_within(self, share: float, tokens: int = 0) -> bool:
        """Whether the expected tokens are as near to the bill as that."""
        if self.quote is None:
            return False
        error = abs(self.quote.input_tokens.expected - self.billed)
        return error <= max(share * self.billed, tokens)

    def media_error(self) -> tuple[int, int] | None:
        """(error, billed) of the media's tokens; None: refused."""
        if self.quote is None:
            return None
        text = self.quote.by_modality["text"].expected
        media = sum(r.expected for kind, r in self.quote.by_modality.items() if kind != "text")
        reported = self.row["billed"]["by_modality"] or {}
        tokens = sum(n for kind, n in reported.items() if kind != "text")
        if not tokens:
            tokens = self.billed - text
            error = abs(media - tokens)
            return (0 if error <= max(0.02 * tokens, 5) else error), tokens
        return abs(media - tokens), tokens


def quoted_lines() -> list[Line]:
    lines: list[Line] = []
    clients = {
        platform: fmsdk.Client(
            providers={
                {"messages": "anthropic", "aistudio": "google", "vertex": "google"}.get(
                    platform, "openai"
                ): options
            }
        )
        for platform, options in PROVIDER_OPTIONS.items()
    }
    for row in billed_rows():
        try:
            request = to_request(row)
            answer = row["billed"].get("output_tokens") or 1
            settings = replace(request.settings, max_output_tokens=answer, choices=1)
            request = replace(request, settings=settings)
            quote = clients[platform_of(row)].quote(request.name, request)
        except (KeyError, ValueError, fmsdk.FmsdkError) as error:
            lines.append(Line(row, None, f"{type(error).__name__}: {error}"))
        else:
            lines.append(Line(row, quote))
    return lines


def print_share(name: str, hits: Iterable[bool], target: float | None) -> None:
    """A line of the table: how many of how many."""
    flags = list(hits)
    if not flags:
        return
    share = sum(flags) / len(flags)
    aim = "" if target is None else f"≥ {target:.0%}"
    mark = "" if target is None or share >= target else "  <- below"
    print(f"{name:58} {len(flags):5} {share:8.1%}  {aim:7}{mark}")


def print_media(lines: list[Line]) -> None:
    media = [line for line in lines if line.row["kind"] not in ("text", "text_file")]
    print_share("whole requests with media within 10%", _all(media, 0.10), 0.90)
    print_share("whole requests with media within 3%", _all(media, 0.03), 0.75)
    for kind in ("image", "audio", "document", "video"):
        for vendor in VENDORS:
            own = [e for e in media if e.row["vendor"] == vendor and e.row["kind"] == kind]
            errors = [line.media_error() for line in own]
            exact = (error is not None and error[0] == 0 for error in errors)
            print_share(f"{NAMES[vendor]} {kind}: exact", exact, EXACT.get((vendor, kind)))
            near = (error is not None and error[0] <= 0.1 * error[1] for error in errors)
            aim = 0.85 if kind in ("document", "video") else None
            print_share(f"{NAMES[vendor]} {kind}: within 10%", near, aim)
            print_share(f"{NAMES[vendor]} {kind}: whole request within 10%", _all(own, 0.1), None)
    files = [line for line in lines if line.row["kind"] == "text_file"]
    print_share("text files: within 10% or 5 tokens", _all(files, 0.10, 5), None)


def print_text(lines: list[Line]) -> None:
    for vendor in VENDORS:
        own = [e for e in lines if e.row["vendor"] == vendor and e.row["kind"] == "text"]
        aim = 0.02 if vendor == "openai" else 0.08
        for name, part in (
            ("text", own),
            ("of it without tools", [line for line in own if not line.row["request"].get("tools")]),
            ("of it with tools", [line for line in own if line.row["request"].get("tools")]),
        ):
            errors = [
                1.0
                if line.quote is None
                else abs(line.quote.input_tokens.expected - line.billed) / line.billed
                for line in part
            ]
            if not errors:
                continue
            goal = f"≤ {aim:.0%}" if part is own else ""
            mark = "  <- above" if part is own and median(errors) > aim else ""
            title = f"{NAMES[vendor]} {name}: median error"
            print(f"{title:58} {len(errors):5} {median(errors):8.1%}  {goal:7}{mark}")
            goal_share = 0.8 if part is own else None
            within = _all(part, 0.10, 5)
            print_share(f"{NAMES[vendor]} {name}: within 10% or 5 tokens", within, goal_share)


def print_ranges(lines: list[Line]) -> None:
    groups: tuple[tuple[str, Callable[[Line], bool]], ...] = (
        ("text", lambda line: line.row["kind"] == "text"),
        ("media", lambda line: line.row["kind"] != "text"),
    )
    for vendor in VENDORS:
        for name, is_of in groups:
            quotes = [
                (line.billed, line.quote.input_tokens)
                for line in lines
                if line.quote is not None and line.row["vendor"] == vendor and is_of(line)
            ]
            if not quotes:
                continue
            inside = (tokens.low <= billed <= tokens.high for billed, tokens in quotes)
            print_share(f"{NAMES[vendor]} {name}: bill in [low, high]", inside, 0.95)
            ratio = median(tokens.high / tokens.low for _, tokens in quotes)
            aim = 1.3 if vendor == "openai" else 1.6
            mark = "  <- above" if ratio > aim else ""
            title = f"{NAMES[vendor]} {name}: median high / low"
            print(f"{title:58} {len(quotes):5} {ratio:8.2f}  ≤ {aim:<5}{mark}")


def print_ceilings(lines: list[Line]) -> None:
    bounded = [line for line in lines if line.quote and line.quote.input_ceiling is not None]
    below = (line.billed <= (line.quote.input_ceiling or 0) for line in bounded if line.quote)
    print_share("billed tokens at most the ceiling", below, 1.0)
    print_share("billed dollars at most the ceiling", _affordable(lines), 1.0)
    print_share("quotes with a ceiling in tokens", (line in bounded for line in lines), None)
    print_share("refused quotes", (line.quote is None for line in lines), None)


def _affordable(lines: list[Line]) -> Iterable[bool]:
    for line in lines:
        if line.quote is None or line.quote.ceiling is None:
            continue
        yield bill_of(line.row, line.quote) <= line.quote.ceiling


def bill_of(row: dict[str, Any], quote: Quote) -> Decimal:
    """What the recorded usage cost."""
    billed = row["billed"]
    reported = billed["by_modality"] or {}
    known = {kind: n for kind, n in reported.items() if kind in ("image", "audio", "video")}
    usage = Usage(
        input=InputUsage(total=billed["input_tokens"], **known),
        output=OutputUsage(total=billed.get("output_tokens") or 1),
        source="measured",
        service_tier=row["request"].get("service_tier"),
    )
    cost = pricing.price(quote.provider, quote.model, usage)
    return Decimal(0) if cost is None else cost.total


def _all(lines: Iterable[Line], share: float, tokens: int = 0) -> Iterable[bool]:
    return (line.is_within(share, tokens) for line in lines)


def print_misses(lines: list[Line]) -> None:
    for line in lines:
        row = line.row
        kinds, tokens = line.row["kind"], "refused"
        if line.quote is not None:
            if line.is_within(0.1, 5):
                continue
            tokens = {kind: r.expected for kind, r in line.quote.by_modality.items()}
        print(row["id"], row["recorded"], row["platform"], row["api"], row["model"], kinds)
        print(
            "   quoted", tokens, line.why[:150], "billed", line.billed, row["billed"]["by_modality"]
        )
        print("   ", row["source"])


def main() -> None:
    if not SHARED.is_dir():
        print("needs the recordings in ../shared, which lie beside a developer's checkout")
        return
    lines = quoted_lines()
    if "--misses" in sys.argv:
        print_misses(lines)
        return
    print(f"{'':58} {'rows':>5} {'share':>8}  target")
    print_media(lines)
    print_text(lines)
    print_ranges(lines)
    print_ceilings(lines)


if __name__ == "__main__":
    main()
