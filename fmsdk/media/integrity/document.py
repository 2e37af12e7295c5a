"""PDF and office files: their ends, and how much an office file, a ZIP archive, unpacks to."""

from __future__ import annotations

import re
from typing import BinaryIO

from fmsdk.media.document import zip_entries
from fmsdk.media.limits import MAX_UNPACKED

__all__ = ["describe_zip_bomb", "missing_in_pdf", "missing_in_zip"]

_TAIL = 65_557  # bytes in which an end mark is searched; that of a ZIP archive can begin so early
_PDF_LENGTH = re.compile(rb"/Linearized\b[^>]*?/L\s+(\d+)")
_PDF_OBJECT = re.compile(rb"(?<!\d)\d++\s++\d++\s++obj\b")


def missing_in_pdf(file: BinaryIO, size: int) -> str | None:
    """Look for the end mark. A PDF made for the web ("linearized", ISO 32000-1, annex F) has the
    mark of its first page near the beginning, and its length before that. After an update the
    last mark counts."""
    file.seek(0)
    length = _PDF_LENGTH.search(file.read(2048))
    if length and int(length[1][:15]) > size:
        return f"its header announces {int(length[1][:15]):,} bytes, but the file has {size:,}"
    _, mark, rest = _read_tail(file, size).rpartition(b"%%EOF")
    if not mark:
        return "its PDF data have no end mark"
    return "its last update has no end mark" if _PDF_OBJECT.search(rest) else None


def missing_in_zip(file: BinaryIO, size: int) -> str | None:
    """Look for the end of the list of contents, which is at the end of the file."""
    return None if b"PK\5\6" in _read_tail(file, size) else "its list of contents is missing"


def describe_zip_bomb(file: BinaryIO) -> str | None:
    """Why unpacking the archive is not safe, by the sizes that it states; None where it is. The
    text starts with a verb."""
    unpacked_size = sum(entry.file_size for entry in zip_entries(file))
    if unpacked_size <= MAX_UNPACKED:
        return None
    return f"unpacks to {unpacked_size:,} bytes, more than the limit of {MAX_UNPACKED:,}"


def _read_tail(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - _TAIL))
    return file.read()
