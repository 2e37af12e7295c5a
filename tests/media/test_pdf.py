"""Pages of PDFs: their sizes and text, within bounds, and without a word in the log."""

from __future__ import annotations

import io
import itertools
import logging
from contextlib import suppress

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk.errors import InvalidMedia, MissingExtra
from fmsdk.media import pdf as reader
from fmsdk.media.pdf import Page, count_pages, needs_password, read_pages
from tests.support.pdf_files import text_pdf


def pages_of(data: bytes, *, text: bool = True) -> tuple[Page, ...]:
    return read_pages(io.BytesIO(data), text=text)


@pytest.mark.parametrize("compressed", [False, True])
def test_pages_have_sizes_and_text(compressed: bool) -> None:
    data = text_pdf(["Dear Sir,", "", "Yours"], (595, 842), compressed=compressed)
    assert [(page.width, page.height, page.text.strip()) for page in pages_of(data)] == [
        (595, 842, "Dear Sir,"),
        (595, 842, ""),
        (595, 842, "Yours"),
    ]
    assert pages_of(data, text=False)[0] == Page(595, 842)


def test_a_turned_page_is_as_wide_as_it_is_shown() -> None:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(300, 200).rotate(90)
    buffer = io.BytesIO()
    writer.write(buffer)
    assert pages_of(buffer.getvalue()) == (Page(200, 300),)


def test_pages_past_the_limit_are_like_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_MOST_READ", 2)
    pages = pages_of(text_pdf(["one", "two", "three", "four"]))
    assert [page.text.strip() for page in pages] == ["one", "two", "one", "two"]
    assert [page.is_read for page in pages] == [True, True, False, False]


def test_a_page_that_pypdf_cannot_read_leaves_the_others() -> None:
    broken = text_pdf(["one", "two", "three"]).replace(b"FlateDecode", b"NobodyKnows", 1)
    pages = pages_of(broken)
    assert [(page.text.strip(), page.is_read) for page in pages] == [
        ("", False),
        ("two", True),
        ("three", True),
    ]


def test_pages_after_the_time_is_up_are_like_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(reader, "thread_time", lambda: next(ticks))
    monkeypatch.setattr(reader, "_HEADER_SECONDS", 10**9)
    monkeypatch.setattr(reader, "_TEXT_SECONDS", 10**9)
    texts = [f"page {number}" for number in range(50)]
    assert [page.text.strip() for page in pages_of(text_pdf(texts))] == texts
    monkeypatch.setattr(reader, "_TEXT_SECONDS", next(ticks) * 3 // 4)
    pages = pages_of(text_pdf([*texts[:-1], "the end"]))
    assert len(pages) == 50
    assert pages[0].text.strip() == "page 0"
    assert pages[-1].text.strip() in texts


def test_a_file_that_changed_is_read_again() -> None:
    assert [page.text.strip() for page in pages_of(text_pdf(["old"]))] == ["old"]
    assert [page.text.strip() for page in pages_of(text_pdf(["new"]))] == ["new"]
    for number in range(40):
        pages_of(text_pdf([str(number)]))
    assert len(reader._known_pages) <= 16  # pyright: ignore[reportPrivateUsage]


def test_without_pypdf(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pypdf", None)
    data = text_pdf(["x"])
    assert count_pages(io.BytesIO(data)) is None
    assert not needs_password(io.BytesIO(data))
    with pytest.raises(MissingExtra, match=r"pip install \"fmsdk\[pdf\]\""):
        pages_of(data)


def test_a_repair_is_not_logged_but_for_others_it_is(caplog: pytest.LogCaptureFixture) -> None:
    broken = text_pdf(["secret words"]).replace(b"startxref\n", b"startxref\n1")
    with caplog.at_level(logging.DEBUG):
        count_pages(io.BytesIO(broken))
        assert not caplog.records
        pypdf.PdfReader(io.BytesIO(broken))
        assert caplog.records


@given(st.data())
def test_broken_bytes_are_one_error_or_unknown(data: st.DataObject) -> None:
    content = bytearray(text_pdf(["Dear Sir,"], compressed=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    broken = bytes(content[: data.draw(st.integers(10, len(content)))])
    assert needs_password(io.BytesIO(broken)) in (True, False)
    with suppress(InvalidMedia):  # broken, or more than 100,000 pages
        assert count_pages(io.BytesIO(broken)) in (None, *range(100_000))
        assert all(page.width >= 0 for page in pages_of(broken))
