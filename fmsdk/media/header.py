"""What a media file says about itself: `read_header`; and whether it is all there, and no bomb:
`verify`.

Reads as little as the format allows and decodes nothing. Bytes decide, not names: a PDF called
cat.jpg is a PDF.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from fmsdk.errors import InvalidMedia
from fmsdk.media import audio, document, image
from fmsdk.media.frames import why_too_many
from fmsdk.media.integrity.truncation import why_truncated
from fmsdk.media.sniff import OFFICE, SNIFFED_BYTES, Kind, is_text, looks_like, sniff
from fmsdk.media.source import BytesSource, LocalSource, PathSource, PillowSource

__all__ = ["Header", "read_header", "sniff", "verify"]

_ARTICLES = {"image": "an image", "audio": "audio", "video": "video", "document": "a document"}
# Containers that hold either: what a recording in one of them is called.
_RECORDINGS = {
    "video/mp4": "audio/mp4",
    "video/webm": "audio/webm",
    "video/x-matroska": "audio/x-matroska",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What a file's header tells; None is unknown.

    width, height: pixels, as stored (EXIF orientation not applied). seconds: length. pages: of a
    PDF. rate: samples a second. channels: of sound.
    """

    mime: str
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    pages: int | None = None
    rate: int | None = None
    channels: int | None = None


def read_header(kind: Kind, source: LocalSource) -> Header:
    """The header of `source`, which is used as `kind`.

    Raises:
        InvalidMedia: missing, empty, unreadable, not of that kind ("cat.jpg is not an image: it
            looks like PDF"), with a broken header, a picture of over `limits.MAX_PIXELS`, or a
            PDF of over `limits.MAX_PAGES`.
    """
    if isinstance(source, PillowSource) and kind == "image":
        return Header("image/png", source.image.width, source.image.height)
    with source.open() as file:
        mime = _mime(kind, source, file)
        file.seek(0)
        try:
            return _measured(kind, mime, file)
        except InvalidMedia as error:
            raise InvalidMedia(f"{source.describe()} {error.message}") from error


def verify(kind: Kind, source: LocalSource, known: Header | None = None) -> None:
    """Check that a file is all there, without decoding it, and still of the type that is `known`.

    Raises:
        InvalidMedia: as `read_header`, "… is truncated: …", and bombs: more frames or pages than
            `limits.MAX_FRAME_PIXELS` allows, an archive of more than `limits.MAX_UNPACKED`.
    """
    if not isinstance(source, (PathSource, BytesSource)):
        return  # encoded here, so whole
    with source.open() as file:
        mime = _mime(kind, source, file)
        if known is not None and mime != known.mime:
            raise InvalidMedia(
                f"{source.describe()} has changed since it was looked at: it was {known.mime}, "
                f"and is {mime}; make a new part of it"
            )
        missing = why_truncated(file, mime)
        if missing:
            raise InvalidMedia(f"{source.describe()} is truncated: {missing}")
        is_office = any(mime == office for _, office in OFFICE)
        bomb = document.why_too_large(file) if is_office else why_too_many(file, mime)
    if bomb:
        raise InvalidMedia(f"{source.describe()} {bomb}")


def _mime(kind: Kind, source: LocalSource, file: BinaryIO) -> str:
    head = file.read(SNIFFED_BYTES)
    if not head:
        raise InvalidMedia(f"{source.describe()} is empty")
    found = sniff(head)
    if found and found[0] == kind:
        return found[1]
    if found and kind == "audio" and found[1] in _RECORDINGS:
        return _RECORDINGS[found[1]]
    if kind == "document" and not found and is_text(head):
        declared = source.mime if isinstance(source, BytesSource) else None
        name = source.path if isinstance(source, PathSource) else ""
        return declared or document.mime_by_name(name) or "text/plain"
    if kind == "document" and head.startswith(b"PK") and (mime := document.office_mime(file)):
        return mime
    seen = looks_like(head)
    raise InvalidMedia(
        f"{source.describe()} is not {_ARTICLES[kind]}"
        + (f": it looks like {seen}" if seen else " of a format that is known here")
    )


def _measured(kind: Kind, mime: str, file: BinaryIO) -> Header:
    if kind == "image":
        width, height = image.size_of(file, mime) or (None, None)
        return Header(mime, width, height)
    if kind == "document":
        return Header(mime, pages=document.pages_of(file) if mime == "application/pdf" else None)
    seconds, rate, channels = audio.timing_of(file, mime)
    return Header(mime, seconds=seconds, rate=rate, channels=channels)
