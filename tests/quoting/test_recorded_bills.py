"""Quotes against every recorded bill: the calibration that docs/decisions/0004-prices.md states."""

from __future__ import annotations

import json
from functools import cache
from statistics import median
from typing import Any

import pytest

from benchmarks.billing import Line, quoted_lines
from fmsdk.quoting.estimate import estimate_request
from tests.support.recorded_requests import platform_of, to_request
from tests.support.shared_folder import SHARED, needs_shared
from tests.support.tally import count

pytestmark = needs_shared


@cache
def lines() -> list[Line]:
    return quoted_lines()


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def test_every_recorded_request_is_quoted() -> None:
    count("recorded requests quoted", len(lines()))
    assert [line.why for line in lines() if line.quote is None] == []
    assert len(lines()) > 500


@pytest.mark.parametrize(
    ("vendor", "error"), [("openai", 0.02), ("anthropic", 0.05), ("gemini", 0.05)]
)
def test_text_is_within_a_few_per_cent(vendor: str, error: float) -> None:
    text = [line for line in lines() if line.row["vendor"] == vendor and line.row["kind"] == "text"]
    errors = [
        abs(line.quote.input_tokens.expected - line.billed) / line.billed
        for line in text
        if line.quote
    ]
    assert median(errors) <= error
    assert share([line.is_within(0.1, 5) for line in text]) >= 0.85


def test_requests_with_media_are_within_ten_per_cent() -> None:
    media = [line for line in lines() if line.row["kind"] != "text"]
    assert share([line.is_within(0.10) for line in media]) >= 0.93
    assert share([line.is_within(0.03) for line in media]) >= 0.80


@pytest.mark.parametrize(
    ("vendor", "ratio"), [("openai", 1.3), ("anthropic", 1.6), ("gemini", 1.6)]
)
def test_the_bill_lies_in_a_narrow_range(vendor: str, ratio: float) -> None:
    ranges = [
        (line.billed, line.quote.input_tokens)
        for line in lines()
        if line.quote and line.row["vendor"] == vendor
    ]
    assert share([tokens.low <= billed <= tokens.high for billed, tokens in ranges]) >= 0.95
    assert median(tokens.high / tokens.low for _, tokens in ranges) <= ratio


def test_modalities_add_up() -> None:
    for line in lines():
        assert line.quote is not None
        parts = line.quote.by_modality
        assert parts.keys() == line.quote.basis.keys()
        total = line.quote.input_tokens
        for end in ("low", "expected", "high"):
            assert sum(getattr(part, end) for part in parts.values()) == getattr(total, end)


APIS = {
    "chat.completions": "chat",
    "responses": "responses",
    "messages": "messages",
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
}


def other_recordings() -> list[dict[str, Any]]:
    """Text requests of the vendors in `../shared/recorded`, which nothing was calibrated with."""
    folder = SHARED / "recorded"
    expected = (folder / "expected.jsonl").read_text("utf-8").splitlines()
    usages = {(row := json.loads(line))["id"]: row.get("usage") or {} for line in expected}
    rows: list[dict[str, Any]] = []
    for line in (folder / "interactions.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        billed, api = usages.get(row["id"], {}).get("input_total"), APIS.get(row["endpoint"])
        if not billed or not api or row["provider"] not in ("openai", "anthropic", "gemini"):
            continue
        known = {"vendor": row["provider"], "api": api, "platform": "aistudio", "media": []}
        rows.append(row | known | {"request": row["request_json"], "billed": billed})
    return rows


def test_bills_that_nothing_was_calibrated_with() -> None:
    near: list[bool] = []
    for row in other_recordings():
        try:
            request = to_request(row)
        except (KeyError, TypeError, ValueError):
            continue  # with media, whose files are not there, or tools of the vendor's own
        if getattr(request.options, "server_tools", None):
            continue
        tokens = estimate_request(request, platform_of(row)).input.expected
        near.append(abs(tokens - row["billed"]) <= max(5, 0.1 * row["billed"]))
    count("other recorded bills of text", len(near))
    assert len(near) >= 30
    assert share(near) >= 0.9
