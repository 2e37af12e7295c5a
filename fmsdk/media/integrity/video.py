"""Containers of films, which hold sound and pictures too: MP4 and its kin, Matroska and WebM.

The files of a browser's recorder have no length: they are found to be truncated only where the
cut is inside a block.
"""

from __future__ import annotations

from typing import BinaryIO

from fmsdk.media.film.matroska import read_variable_int

__all__ = ["missing_in_iso", "missing_in_matroska"]

_SEGMENT = 0x18538067
# The elements inside a segment and its clusters (RFC 9559, section 5.1); others are junk.
_SECTIONS = (0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469)
_BLOCKS = (0x1F43B675, 0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0x5854, 0xAF)
_ELEMENTS = frozenset({0x1A45DFA3, _SEGMENT, 0xEC, 0xBF, *_SECTIONS, *_BLOCKS})


def missing_in_iso(file: BinaryIO, size: int) -> str | None:
    """Walk the boxes on the top level (ISO/IEC 14496-12, 4.2) of an MP4, MOV, M4A, HEIC or AVIF."""
    at, names = 0, set[bytes]()
    while at + 8 <= size:
        file.seek(at)
        header = file.read(16)
        length, name = int.from_bytes(header[:4]), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16])
        if not name.strip().isalnum():
            break  # junk after the last box
        names.add(name)
        at = size if length == 0 else at + max(length, 8)
    if at > size:
        return f"its last box ends at byte {at:,} of {size:,}"
    if b"meta" in names or (b"moov" in names and names & {b"mdat", b"moof"}):
        return None
    return "its index or its contents are missing"


def missing_in_matroska(file: BinaryIO, size: int) -> str | None:
    """Walk the elements (RFC 8794): into those of unknown size, and over the others. Nothing
    follows a segment of known size."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(12)
        name, name_bytes = read_variable_int(head, keep_marker=True)
        length, length_bytes = read_variable_int(head[name_bytes:], keep_marker=False)
        if not head[0] >> 4 or (name_bytes and name not in _ELEMENTS):
            return None  # junk after the last element
        if not name_bytes or not length_bytes:
            return f"its last element begins at byte {at:,} of {size:,} and has no size"
        is_unknown = length == (1 << 7 * length_bytes) - 1
        at += name_bytes + length_bytes + (0 if is_unknown else length)
        if name == _SEGMENT and not is_unknown:
            break
    return f"its last element ends at byte {at:,} of {size:,}" if at > size else None
