"""Documents: the media types vendors take besides PDF, and how many pages a PDF has.

No text is extracted and nothing rendered here.
"""

from __future__ import annotations

import os
import re
from typing import BinaryIO

__all__ = ["mime_by_name", "pages_of"]

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


def mime_by_name(name: str) -> str:
    """The media type of a text file by its extension; plain text where that says nothing."""
    return _BY_EXTENSION.get(os.path.splitext(name)[1].lower(), "text/plain")


def pages_of(file: BinaryIO) -> int | None:
    """How many pages a PDF says it has, or None where that is not in plain sight (compressed
    object streams, encryption) or the file is over 32 MiB.

    Follows the last trailer to the catalogue and its page tree (ISO 32000-1, 7.7): of an object
    defined more than once, an update has written the last.
    """
    data = file.read(_LONGEST_SCANNED + 1)
    if len(data) > _LONGEST_SCANNED:
        return None
    roots = _ROOT.findall(data)
    pages = roots and _PAGES.search(_object(data, roots[-1]))
    count = pages and _COUNT.search(_object(data, pages[1]))
    return int(count[1]) if count else None


def _object(data: bytes, reference: bytes) -> bytes:
    number, generation = reference.split()
    starts = list(re.finditer(rb"(?<!\d)%s\s+%s\s+obj\b" % (number, generation), data))
    if not starts:
        return b""
    end = data.find(b"endobj", starts[-1].end())
    return data[starts[-1].end() : end if end >= 0 else None]
