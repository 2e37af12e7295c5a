"""Documents: the media types that vendors take besides PDF, the number of pages of a PDF, and the
list of contents of an office file, which is a ZIP archive.

No text is extracted here, and nothing is unpacked or rendered.
"""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING, BinaryIO

from fmsdk.errors import InvalidMedia
from fmsdk.media.limited_file import limit_steps
from fmsdk.media.limits import MAX_PAGES
from fmsdk.media.sniff import OFFICE

if TYPE_CHECKING:
    from zipfile import ZipInfo

__all__ = [
    "LONGEST_SCANNED",
    "count_pages",
    "find_object",
    "last_match",
    "mime_by_name",
    "office_mime",
    "zip_entries",
]

# By the file's extension; the system's own tables differ by machine. Text is none of the last ones.
_BY_EXTENSION = {
    ".csv": "text/csv",
    ".htm": "text/html",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".xml": "text/xml",
    ".pdf": "application/pdf",
    **{f".{name}x": mime for name, (_, mime) in zip(("doc", "xls", "ppt"), OFFICE, strict=True)},
}
LONGEST_SCANNED = 32 * 2**20
_LONGEST_OBJECT = 1 << 20
_LONGEST_LIST = 1 << 21
"""Bytes of a ZIP archive's list of contents: of about 20,000 files."""
_MOST_PLACES = 500_000
_ROOT = re.compile(rb"/Root\s++(\d{1,10}\s++\d{1,10})\s++R")
_PAGES = re.compile(rb"/Pages\s++(\d{1,10}\s++\d{1,10})\s++R")
_COUNT = re.compile(rb"/Count\s++(\d++)")


def mime_by_name(name: str) -> str | None:
    """The media type of a document by its extension, or None where the extension does not tell."""
    return _BY_EXTENSION.get(os.path.splitext(name)[1].lower())


def office_mime(file: BinaryIO) -> str | None:
    """The media type of an office file whose first bytes do not tell it (LibreOffice writes
    [Content_Types].xml last); None for other ZIP archives."""
    names = [entry.filename for entry in zip_entries(file)]
    if "[Content_Types].xml" not in names:
        return None
    starts = {name.partition("/")[0] + "/" for name in names}
    return next((mime for folder, mime in OFFICE if folder.decode() in starts), None)


def zip_entries(file: BinaryIO) -> list[ZipInfo]:
    """The list of contents of a ZIP archive; empty where it cannot be read.

    Raises:
        TooManyPieces: it is longer than any office file's. The message starts with a verb.
    """
    import zipfile  # slow to import, and few media are archives

    try:
        with zipfile.ZipFile(limit_steps(file, _LONGEST_LIST)) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, OSError):
        return []


def count_pages(file: BinaryIO) -> int | None:
    """The number of pages that a PDF states; None where it is compressed or encrypted, or where
    the file is larger than 32 MiB.

    Follows the last trailer to the catalogue and its page tree (ISO 32000-1, 7.7). Of an object
    that is defined more than once, the last definition is from the latest update.

    Raises:
        InvalidMedia: it states more than `MAX_PAGES`. The message starts with a verb; the caller
            puts the name of the file before it.
    """
    data = file.read(LONGEST_SCANNED + 1)
    if len(data) > LONGEST_SCANNED:
        return None
    root = last_match(_ROOT, b"/Root", data)
    catalogue = root and find_object(data, root[1])
    pages = catalogue and _PAGES.search(data, *catalogue)
    tree = pages and find_object(data, pages[1])
    count = tree and _COUNT.search(data, *tree)
    if count and (len(count[1]) > 9 or int(count[1]) > MAX_PAGES):
        raise InvalidMedia(f"has more than {MAX_PAGES:,} pages; split it")
    return int(count[1]) if count else None


def find_object(data: bytes, reference: bytes) -> tuple[int, int] | None:
    """(start, end) of the last definition of an object; at most a megabyte of it."""
    number, generation = reference.split()
    pattern = re.compile(rb"(?<!\d)%s\s++%s\s++obj\b" % (number, generation))
    match = last_match(pattern, number, data)
    if match is None:
        return None
    limit = match.end() + _LONGEST_OBJECT
    end = data.find(b"endobj", match.end(), limit)
    return match.end(), end if end >= 0 else limit


def last_match(pattern: re.Pattern[bytes], start: bytes, data: bytes) -> re.Match[bytes] | None:
    """The last match, which begins with `start`; None also where that stands in too many places
    to try them all. Backwards, since a search forwards would try every byte of the file."""
    at = len(data)
    for _ in range(_MOST_PLACES):
        at = data.rfind(start, 0, at + len(start) - 1)
        match = None if at < 0 else pattern.match(data, at)
        if match is not None or at < 0:
            return match
    return None
