"""The body of an HTTP answer as the document that it carries: unpacked to its very end, within a
limit, and text in UTF-8 whatever its server's charset.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable
from email.message import Message

from fmsdk.errors import InvalidMedia

__all__ = ["type_and_charset", "unpacked", "utf8"]

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32  # zlib sees which by the header
_TEXTS = ("text/", "application/json", "application/xml")
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7"})
"""Codecs of Python's that are for other things than documents, and slow with long ones."""
_NOTHING = frozenset({"", "identity"})
_KNOWN = frozenset({"deflate", "gzip", "x-gzip"})


def unpacked(data: bytes, codings: Iterable[str], limit: int) -> bytes | None:
    """The data without its codings, which are in the order they were put on; None where they, or
    what one of them holds, are longer than `limit`.

    Raises:
        InvalidMedia: a coding that is not known here, broken data, or data that end too early.
            The message starts with a verb, for the caller to put the name of the file before it.
    """
    for given in reversed(list(codings)):
        coding = given.strip().lower()
        if coding in _NOTHING:
            continue
        if coding not in _KNOWN:
            raise InvalidMedia(f"came compressed as {coding[:40]!r}, which is not known here")
        try:
            found = _inflated(data, limit)
        except zlib.error as error:
            raise InvalidMedia("came with a broken compression") from error
        if found is None:
            return None
        data = found
    return data if len(data) <= limit else None


def _inflated(data: bytes, limit: int) -> bytes | None:
    """All members, of which a gzip file may have several; what follows the last is filling."""
    made = bytearray()
    while True:
        is_headed = data[:2] == b"\x1f\x8b" or _is_zlib(data)
        # Some servers send "deflate" without the header that zlib gives it.
        decoder = zlib.decompressobj(_GZIP_OR_ZLIB if is_headed else -zlib.MAX_WBITS)
        made += decoder.decompress(data, limit + 1 - len(made))
        if len(made) > limit:
            return None
        if not decoder.eof:
            raise InvalidMedia("is truncated: its compressed data break off")
        data = decoder.unused_data
        if data[:2] != b"\x1f\x8b":
            return bytes(made)


def _is_zlib(data: bytes) -> bool:
    return len(data) >= 2 and data[0] & 15 == 8 and int.from_bytes(data[:2]) % 31 == 0


def type_and_charset(header: str) -> tuple[str, str]:
    """The media type and the charset of a Content-Type header, lower-cased; "" where it has
    none."""
    message = Message()
    message["Content-Type"] = header
    mime = header.partition(";")[0].strip().lower()
    return mime, message.get_content_charset("") if mime.startswith(_TEXTS) else ""


def utf8(text: bytes, charset: str) -> bytes:
    """Text of this charset in UTF-8. Raises InvalidMedia, in the manner of `unpacked`."""
    try:
        name = codecs.lookup(charset).name
        if name in ("utf-8", "ascii"):
            return text
        if name in _NO_CHARSETS:
            raise LookupError(name)
        return text.decode(charset).encode()
    except LookupError as error:
        raise InvalidMedia(f"is text of the charset {charset[:40]!r}, not known here") from error
    except ValueError as error:
        raise InvalidMedia(f"is said to be text of the charset {charset}, and is not") from error
