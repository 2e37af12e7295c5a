"""PDFs: pages, their sizes and text, and whether a password is needed. pypdf reads them (the extra
`pdf`); without it all of that is unknown, and nothing here raises for it except `read_pages`.

Hostile files are bounded: pypdf limits what it unpacks and how deep it goes, and here every read
of the file and every drawing operation looks at the CPU time that was used. It is pure Python, so
no file can crash the process. docs/decisions/0007-media.md compares it with PDFium.
"""

from __future__ import annotations

import hashlib
import io
import logging
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from itertools import chain, cycle, islice
from time import thread_time
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from fmsdk.errors import InvalidMedia, MissingExtra
from fmsdk.media.limits import MAX_PAGES

if TYPE_CHECKING:
    from pypdf import PdfReader

__all__ = ["MISSING_READER", "Page", "count_pages", "needs_password", "read_pages"]

T = TypeVar("T")

MISSING_READER = 'PDFs are read by pypdf: pip install "fmsdk[pdf]"'
_LONGEST = 64 * 2**20
_HEADER_SECONDS = 0.5
"""CPU time for the number of pages. Of a file of a thousand pages it takes a fiftieth."""
_TEXT_SECONDS = 20.0
_MOST_READ = 2000
"""Pages whose text is read; a page takes about 10 ms."""
_MOST_KNOWN = 16
_known_pages: dict[tuple[bytes, bool], tuple[Page, ...]] = {}
_lock = threading.Lock()
_is_reading: ContextVar[bool] = ContextVar("is_reading_pdf", default=False)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: points (1/72 inch) as shown, which includes its rotation, and its text. is_read: its
    text is known; else it is none, or that of an earlier page, in the place of one that was not
    reached."""

    width: float
    height: float
    text: str = field(default="", repr=False)
    is_read: bool = True


class _OutOfTime(BaseException):
    """No `Exception`, since pypdf survives those."""


class _TimedBytes(io.BytesIO):
    """Bytes that nobody reads for longer than `seconds` of CPU time."""

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data)
        self._end = thread_time() + seconds

    def check_time(self, *_: Any) -> None:
        if thread_time() > self._end:
            raise _OutOfTime

    def read(self, size: int | None = -1, /) -> bytes:
        self.check_time()
        return super().read(size)


def count_pages(file: BinaryIO) -> int | None:
    """The number of pages that a PDF states; None where it cannot be read, needs a password or is
    larger than 64 MiB, or without pypdf.

    Raises:
        InvalidMedia: it states more than `MAX_PAGES`. The message starts with a verb; the caller
            puts the name of the file before it.
    """
    count = _read_with(file, _HEADER_SECONDS, _stated_pages)
    if count is not None and count > MAX_PAGES:
        raise InvalidMedia(f"has more than {MAX_PAGES:,} pages; split it")
    return count


def needs_password(file: BinaryIO) -> bool:
    """Whether a PDF certainly needs a password. Many are encrypted with an empty one (their owner
    forbids printing, say) and open everywhere. Not certain: security handlers that pypdf does not
    know, and AES where the package cryptography is not installed."""
    file.seek(0)
    return bool(_read_with(file, _HEADER_SECONDS, _is_locked))


def read_pages(file: BinaryIO, *, text: bool) -> tuple[Page, ...]:
    """The pages of a PDF, with their text if asked for. Pages for which there is no time, after
    20 seconds of CPU time or 2,000 pages, are like those before. The last files are remembered,
    since a request is estimated more than once.

    Raises:
        MissingExtra: pypdf is not installed.
        InvalidMedia: the file cannot be read. The message starts with a verb.
    """
    try:
        import pypdf as pypdf
    except ImportError as error:
        raise MissingExtra(MISSING_READER, extra="pdf") from error
    file.seek(0)
    key = hashlib.blake2b(file.read()).digest(), text
    if (known_pages := _known_pages.get(key)) is not None:
        return known_pages
    pages: list[Page] = []

    def read(reader: PdfReader, check_time: Callable[..., None]) -> int:
        for sheet in reader.pages[:_MOST_READ]:
            box = sheet.cropbox
            width, height = abs(float(box.width)), abs(float(box.height))
            if sheet.rotation % 180:
                width, height = height, width
            page_text, is_read = "", True
            try:
                page_text = sheet.extract_text(visitor_operand_before=check_time) if text else ""
            except Exception:  # of a font or filter that pypdf lacks, which others may know
                is_read = False
            pages.append(Page(width, height, page_text, is_read))
        return len(reader.pages)

    count = _read_with(file, _TEXT_SECONDS, read) or count_pages(file)
    if not pages or not count:
        raise InvalidMedia("cannot be read as a PDF: it is broken, or needs a password")
    guesses = (replace(page, is_read=False) for page in cycle(pages))
    all_pages = tuple(islice(chain(pages, guesses), min(count, MAX_PAGES)))
    with _lock:
        while len(_known_pages) >= _MOST_KNOWN:
            del _known_pages[next(iter(_known_pages))]
        _known_pages[key] = all_pages
    return all_pages


def _stated_pages(reader: PdfReader, _: Callable[..., None]) -> int | None:
    tree: Any = reader.root_object["/Pages"]
    count: Any = tree.get_object()["/Count"].get_object()
    return int(count) if isinstance(count, int) and count >= 0 else None


def _is_locked(reader: PdfReader, _: Callable[..., None]) -> bool:
    return reader.is_encrypted and not reader.decrypt("")


def _read_with(
    file: BinaryIO, seconds: float, read: Callable[[PdfReader, Callable[..., None]], T]
) -> T | None:
    """What `read` returns; None where the file cannot be read, or not in time."""
    try:
        from pypdf import PdfReader
    except ImportError:
        return None
    file.seek(0)
    data = file.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        return None
    stream = _TimedBytes(data, seconds)
    with _silent_pypdf():
        try:
            return read(PdfReader(stream), stream.check_time)
        except (Exception, _OutOfTime):  # hostile bytes make pypdf raise nearly anything
            return None


@contextmanager
def _silent_pypdf() -> Generator[None]:
    """pypdf logs what it repairs, with pieces of the file, which have no place in a log."""
    for name in [name for name in sys.modules if name.startswith("pypdf")]:
        logging.getLogger(name).addFilter(_is_from_elsewhere)  # twice is once
    token = _is_reading.set(True)
    try:
        yield
    finally:
        _is_reading.reset(token)


def _is_from_elsewhere(_: logging.LogRecord) -> bool:
    return not _is_reading.get()
