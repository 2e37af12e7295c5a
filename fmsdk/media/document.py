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
from fmsdk.media.limits import MAX_PAGES
from fmsdk.media.sniff import OFFICE

if TYPE_CHECKING:
    from zipfile import ZipInfo

__all__ = ["count_pages", "mime_by_name", "office_mime", "zip_entries"]

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
    """The media type of a text file by its extension, or None where the extension does not tell."""
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
    """The list of contents of a ZIP archive; empty where it cannot be read."""
    import zipfile  # slow to import, and few media are archives

    try:
        with zipfile.ZipFile(file) as archive:
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
    data = file.read(_LONGEST_SCANNED + 1)
    if len(data) > _LONGEST_SCANNED:
        return None
    roots = _ROOT.findall(data)
    pages = roots and _PAGES.search(_object_body(data, roots[-1]))
    count = pages and _COUNT.search(_object_body(data, pages[1]))
    if count and (len(count[1]) > 9 or int(count[1]) > MAX_PAGES):
        raise InvalidMedia(f"has more than {MAX_PAGES:,} pages; split it")
    return int(count[1]) if count else None


def _object_body(data: bytes, reference: bytes) -> bytes:
    number, generation = reference.split()
    starts = list(re.finditer(rb"(?<!\d)%s\s+%s\s+obj\b" % (number, generation), data))
    if not starts:
        return b""
    end = data.find(b"endobj", starts[-1].end())
    return data[starts[-1].end() : end if end >= 0 else None]
