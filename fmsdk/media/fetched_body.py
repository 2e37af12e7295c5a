"""The body of a fetched file: decompressed to its very end, within a limit, and text in UTF-8
whatever the server's charset.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable
from email.message import Message

from fmsdk.errors import InvalidMedia

__all__ = ["decompress_body", "to_utf8", "type_and_charset"]

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32  # zlib tells them apart by the header
_TEXT_TYPES = ("text/", "application/json", "application/xml")
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7"})
"""Python codecs that are not for documents, and slow with long ones."""
_NO_CODINGS = frozenset({"", "identity"})
_MOST_MEMBERS = 10_000
_PIECE = 1 << 14
_CODINGS = frozenset({"deflate", "gzip", "x-gzip"})


def decompress_body(data: bytes, codings: Iterable[str], limit: int) -> bytes | None:
    """The data without their content codings, which are in the order of their application; None
    where the result, before or after any coding, is longer than `limit`.

    Raises:
        InvalidMedia: an unknown coding, broken data, or data that end too early. The message
            starts with a verb; the caller puts the name of the file before it.
    """
    for name in reversed(list(codings)):
        coding = name.strip().lower()
        if coding in _NO_CODINGS:
            continue
        if coding not in _CODINGS:
            raise InvalidMedia(f"came compressed as {coding[:40]!r}, which fmsdk does not know")
        try:
            inflated_data = _inflate(data, limit)
        except zlib.error as error:
            raise InvalidMedia("came with a broken compression") from error
        if inflated_data is None:
            return None
        data = inflated_data
    return data if len(data) <= limit else None


def _inflate(data: bytes, limit: int) -> bytes | None:
    """All members: a gzip file may have several. Anything after the last is padding."""
    output, at = bytearray(), 0
    for _ in range(_MOST_MEMBERS):
        head = data[at : at + 2]
        is_zlib = len(head) == 2 and head[0] & 15 == 8 and int.from_bytes(head) % 31 == 0
        has_header = head == b"\x1f\x8b" or is_zlib
        # Some servers send "deflate" without the zlib header.
        decoder = zlib.decompressobj(_GZIP_OR_ZLIB if has_header else -zlib.MAX_WBITS)
        # In pieces: what follows a member is copied out of the piece that it ends in.
        while not decoder.eof:
            piece = decoder.unconsumed_tail or data[at : at + _PIECE]
            if not piece:
                raise InvalidMedia("is truncated: its compressed data break off")
            at += 0 if decoder.unconsumed_tail else len(piece)
            output += decoder.decompress(piece, limit + 1 - len(output))
            if len(output) > limit:
                return None
        at -= len(decoder.unused_data)
        if data[at : at + 2] != b"\x1f\x8b":
            return bytes(output)
    raise InvalidMedia(f"came compressed in more than {_MOST_MEMBERS:,} pieces")


def type_and_charset(header: str) -> tuple[str, str]:
    """The media type and the charset of a Content-Type header, in lower case; "" where it lacks
    one."""
    message = Message()
    message["Content-Type"] = header
    mime = header.partition(";")[0].strip().lower()
    return mime, message.get_content_charset("") if mime.startswith(_TEXT_TYPES) else ""


def to_utf8(text: bytes, charset: str) -> bytes:
    """Text of this charset as UTF-8.

    Raises:
        InvalidMedia: an unknown charset, or text that is not of it; as in `decompress_body`.
    """
    try:
        name = codecs.lookup(charset).name
        if name in ("utf-8", "ascii"):
            return text
        if name in _NO_CHARSETS:
            raise LookupError(name)
        return text.decode(charset).encode()
    except LookupError as error:
        raise InvalidMedia(f"is text of the unknown charset {charset[:40]!r}") from error
    except ValueError as error:
        raise InvalidMedia(f"is declared as {charset} text, but is not") from error
