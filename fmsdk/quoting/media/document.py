"""Documents as quotes need them: the pages of a PDF, the text of a text file."""

from __future__ import annotations

from fmsdk.errors import InvalidMedia, MissingExtra
from fmsdk.media.pdf import Page, read_pages
from fmsdk.quoting.media.count import MediaTokens, Question

__all__ = ["count_text_file", "pages_of"]


def pages_of(question: Question, *, text: bool) -> tuple[Page, ...]:
    """The pages of a PDF.

    Raises:
        QuoteUnavailable: the file cannot be read, or pypdf is not installed.
    """
    try:
        with question.part.source.open() as file:
            return read_pages(file, text=text)
    except InvalidMedia as error:
        question.refuse(error.message)
    except MissingExtra as error:
        question.refuse(f"is a PDF. {error.message}")


def count_text_file(question: Question, frame: int = 0, most: int = 64) -> MediaTokens:
    """A text file, which vendors take for text: `frame` tokens, at most `most`, around its content.

    Raises:
        QuoteUnavailable: an office file, of which nobody says what the vendor reads in it.
    """
    mime = question.header().mime
    if not mime.startswith("text/") and mime not in ("application/json", "application/xml"):
        question.refuse(f"is {mime}, of which vendors read what they like: send it as PDF or text")
    text = question.part.read().decode("utf-8", "replace")
    return question.answer(frame, also=(0, most), ceiling=most, text=text)
