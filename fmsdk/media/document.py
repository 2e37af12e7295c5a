"""Documents: the media types vendors take besides PDF, how many pages a PDF has, and what an
office file, a ZIP archive, holds.

No text is extracted, nothing unpacked or rendered here.
"""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING, BinaryIO

from fmsdk.errors import InvalidMedia
from fmsdk.media.limits import MAX_PAGES, MAX_UNPACKED
from fmsdk.media.sniff import OFFICE

if TYPE_CHECKING:
    from zipfile import ZipInfo

__all__ = ["mime_by_name", "office_mime", "pages_of", "why_too_large"]

# Types without a signature, by the file's extension; the system's own tables differ by machine.
_BY_EXTENSION = {
    ".csv": "text/csv",
    ".htm": "text/html",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".xml": "text/xml",
}
_LONGEST_SCANNED = 32 * 2**20
_ROOT = re.compile(rb"/Root\s+(\d+\s+\d+)\s+R")
_PAGES = re.compile(rb"/Pages\s+(\d+\s+\d+)\s+R")
_COUNT = re.compile(rb"/Count\s+(\d+)")


def mime_by_name(name: str) -> str | None:
    """The media type of a text file by its extension, or None where that says nothing."""
    return _BY_EXTENSION.get(os.path.splitext(name)[1].lower())


def office_mime(file: BinaryIO) -> str | None:
    """The media type of an office file whose parts are in an order that its first bytes do not
    tell (LibreOffice writes the list of contents last); None for other ZIP archives."""
    names = [entry.filename for entry in _entries(file)]
    if "[Content_Types].xml" not in names:
        return None
    starts = {name.partition("/")[0] + "/" for name in names}
    return next((mime for folder, mime in OFFICE if folder.decode() in starts), None)


def why_too_large(file: BinaryIO) -> str | None:
    """What makes a ZIP archive a bomb: the size of all it says it holds; None for other ones."""
    unpacked = sum(entry.file_size for entry in _entries(file))
    if unpacked <= MAX_UNPACKED:
        return None
    return f"unpacks to {unpacked:,} bytes, more than the {MAX_UNPACKED:,} that are taken"


def _entries(file: BinaryIO) -> list[ZipInfo]:
    import zipfile  # slow to import, and most media are no archives

    try:
        with zipfile.ZipFile(file) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, OSError):
        return []


def pages_of(file: BinaryIO) -> int | None:
    """How many pages a PDF says it has, or None where that is not in plain sight (compressed
    object streams, encryption) or the file is over 32 MiB.

    Follows the last trailer to the catalogue and its page tree (ISO 32000-1, 7.7): of an object
    defined more than once, an update has written the last.

    Raises:
        InvalidMedia: it tells of more than `MAX_PAGES`. The message starts with a verb, for the
            caller to put the name of the file before it.
    """
    data = file.read(_LONGEST_SCANNED + 1)
    if len(data) > _LONGEST_SCANNED:
        return None
    roots = _ROOT.findall(data)
    pages = roots and _PAGES.search(_object(data, roots[-1]))
    count = pages and _COUNT.search(_object(data, pages[1]))
    if count and (len(count[1]) > 9 or int(count[1]) > MAX_PAGES):
        raise InvalidMedia(f"tells of more than {MAX_PAGES:,} pages; split it")
    return int(count[1]) if count else None


def _object(data: bytes, reference: bytes) -> bytes:
    number, generation = reference.split()
    starts = list(re.finditer(rb"(?<!\d)%s\s+%s\s+obj\b" % (number, generation), data))
    if not starts:
        return b""
    end = data.find(b"endobj", starts[-1].end())
    return data[starts[-1].end() : end if end >= 0 else None]
