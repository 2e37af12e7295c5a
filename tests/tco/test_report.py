"""The page of a comparison: it stands alone, says the answer first, and holds in a real browser."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

import fmsdk
from fmsdk import tco
from fmsdk.report import draw_bars
from tests.support.browser import needs_browser, run_in_browser
from tests.tco.test_comparison import API, OWN, WORK


def page(*names: str) -> str:
    others = [API, *(tco.Alternative(name=name, price_per_request="0.01") for name in names)]
    return tco.render_report(tco.compare(OWN, WORK, others, kilograms_per_kwh="0.4"))


class Outline(HTMLParser):
    """The tags that are open and closed, the attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_stands_alone() -> None:
    text = page()
    outline = Outline(text)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in outline.tags}
    urls = [v for _, attrs in outline.tags for k, v in attrs.items() if k in ("src", "href")]
    urls = [url for url in urls if url is not None and "xlink" not in url]
    assert all(url.startswith("#") for url in urls)
    assert not re.search(r"url\((?!#)", text)


def test_the_answer_comes_first() -> None:
    text = page()
    lead = text.index("Your own hardware costs less than openai:gpt-6.1-sol")
    assert lead < text.index("<svg")
    assert "They are even at 3.3% utilisation; yours is 24%" in text
    assert "paid back after 4.7 months" in text


def test_every_chart_has_a_name_a_description_and_its_figures_as_a_table() -> None:
    outline = Outline(page("other:model"))
    charts = [attrs for tag, attrs in outline.tags if tag == "svg"]
    assert len(charts) == 3
    ids = {attrs.get("id") for _, attrs in outline.tags}
    for chart in charts:
        assert chart["role"] == "img"
        assert set((chart["aria-labelledby"] or "").split()) <= ids
    assert sum(tag == "details" for tag, _ in outline.tags) == 3
    assert sum(tag == "table" for tag, _ in outline.tags) == 7
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}


def test_names_from_outside_are_text() -> None:
    assert "<b>" not in page("<b>bold</b>:x")


def test_the_page_is_the_same_each_time() -> None:
    assert page() == page()


@needs_browser
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_window(width: int, tmp_path: Path) -> None:
    """Rendered by Chromium: a script beside the page measures it, since the page has none."""
    probe = "document.title = document.documentElement.scrollWidth + '/' + innerWidth"
    text = page("vendor:a-model-with-quite-a-long-name-of-its-own")
    text = text.replace("</body>", f"<script>{probe}</script></body>")
    dom = run_in_browser(text, tmp_path, width=width)
    scroll, inner = map(int, re.search(r"<title>(\d+)/(\d+)</title>", dom).groups())  # type: ignore[union-attr]
    assert scroll <= inner


@needs_browser
def test_it_prints(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page())
    from tests.support.browser import BROWSER, OPTIONS

    target = tmp_path / "page.pdf"
    command = [str(BROWSER), *OPTIONS, f"--print-to-pdf={target}", file.as_uri()]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    assert target.read_bytes().startswith(b"%PDF")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(fmsdk.MissingExtra, match=r"fmsdk\[report\]"):
        page()


def test_the_page_says_how_the_break_even_moves() -> None:
    (verdict,) = tco.compare(OWN, WORK, [API], kilograms_per_kwh="0.4").verdicts
    texts = Outline(page()).texts
    for move in verdict.moves:
        place = texts.index(move.name)
        shown = [text for text in texts[place:] if text.endswith("months")]
        assert shown[:2] == [f"{move.low:.1f} months", f"{move.high:.1f} months"]


@pytest.mark.parametrize("price", ["0.004", "4000"])
def test_an_axis_of_dollars_has_no_formulas(price: str) -> None:
    alternative = tco.Alternative(name="openai:gpt-4o", price_per_request=price)
    text = tco.render_report(tco.compare(OWN, WORK, [alternative]))
    labels = re.findall(r"<text[^>]*>([^<]*)</text>", text)
    assert not [label for label in labels if "math" in label or "^" in label]
    assert len([label for label in labels if re.fullmatch(r"\$0\.\d+", label)]) >= 3


def test_labels_of_small_amounts_do_not_touch() -> None:
    svg = draw_bars([("fake:gpt-4o", 0.000828), ("nothing", 0.0)], x_label="US dollars")
    assert len(re.findall(r">\$0[^<]*<", svg)) <= 6
    assert ">0.00<" not in draw_bars([("nothing", 0.0)], x_label="US dollars")
