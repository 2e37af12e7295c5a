"""The page of a ledger: it stands alone, says the sum first, and has every figure as a table."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from fmsdk.ledger import Filter
from fmsdk.ledger.report import render_report
from fmsdk.quoting.quote import Quote
from fmsdk.usage import Range
from tests.support.browser import needs_browser, run_in_browser
from tests.support.ledger.book import NOON, Book


def create_quote() -> Quote:
    cost = Range(Decimal("0.09"), Decimal("0.1"), Decimal("0.2"))
    tokens = Range(1, 1, 1)
    return Quote(provider="openai", model="x", input_tokens=tokens, output_tokens=tokens, cost=cost)


@pytest.fixture
def page(tmp_path: Path) -> str:
    book = Book(tmp_path / "fmsdk.db")
    for number in range(6):
        time = NOON + timedelta(days=number // 2)
        book.add("0.1", time=time, quote=create_quote(), seconds=float(number + 1))
        book.add("0.02", time=time, model="local:<b>$x$ & 模型", source="estimated")
    book.add(None)
    book.add("0.5", outcome="error")
    with book.open() as reader:
        return render_report(reader)


def test_the_sum_comes_first(page: str) -> None:
    lead = page.index("14 calls cost $1.22.")
    assert lead < page.index("<svg")
    assert "1 ended in an error" in page
    assert "$0.120 of this is estimated" in page
    assert "the cost of 1 attempts is unknown" in page


def test_it_stands_alone(page: str) -> None:
    assert not re.search(r"<(script|link|img|iframe)\b", page)
    assert not re.search(r'(?:src|(?<!xlink:)href)="(?!#)', page)
    assert not re.search(r"url\((?!#)", page)
    assert "local:&lt;b&gt;$x$ &amp; 模型" in page


def test_every_chart_has_its_figures_as_a_table(page: str) -> None:
    assert page.count("<svg") == page.count("<table") == 4
    assert page.count('role="img"') == 4
    for day in ("2026-11-29", "2026-11-30", "2026-12-01"):
        assert f'<th scope="row">{day}</th>' in page
    assert "<td>100%</td>" in page  # quotes within 10 %


def test_a_ledger_without_calls_that_match(tmp_path: Path) -> None:
    book = Book(tmp_path / "fmsdk.db")
    book.add()
    with book.open() as reader:
        page = render_report(reader, Filter(model="nobody:x"))
    assert "0 calls cost $0.00" in page


@needs_browser
@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_shows_it_without_scrolling_sideways(
    page: str, tmp_path: Path, width: int
) -> None:
    probe = (
        "<script>document.title = `${document.documentElement.scrollWidth <= innerWidth}`</script>"
    )
    shown = run_in_browser(page.replace("</body>", f"{probe}</body>"), tmp_path, width=width)
    assert "<title>true</title>" in shown
