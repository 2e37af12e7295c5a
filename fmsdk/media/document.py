"""Documents: the media types that vendors take, and the list of contents of an office file, which
is a ZIP archive. PDFs are read in `fmsdk.media.pdf`.

No text is extracted here, and nothing is unpacked or rendered.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO

from fmsdk.media.limited_file import limit_steps
from fmsdk.media.sniff import OFFICE

if TYPE_CHECKING:
    from zipfile import ZipInfo

__all__ = [
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
_LONGEST_LIST = 1 << 21
"""Bytes of a ZIP archive's list of contents: of about 20,000 files."""


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
