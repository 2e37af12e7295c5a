"""What a media file says about itself: `read_header`.

Reads as little as the format allows and decodes nothing. The bytes decide, not the name: a PDF
called cat.jpg is a PDF. Whether the file is complete is checked in `fmsdk.media.integrity`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import BinaryIO

from fmsdk.errors import InvalidMedia
from fmsdk.media import audio, document, image, pdf
from fmsdk.media.film import read_film
from fmsdk.media.limited_file import TooManyPieces, limit_steps
from fmsdk.media.sniff import (
    SNIFFED_BYTES,
    Kind,
    has_signature,
    is_text,
    looks_like,
    normalize_mime,
    sniff,
)
from fmsdk.media.sound_frames import mp3_padding
from fmsdk.media.source import BytesSource, LocalSource, PathSource, PillowSource

__all__ = ["Header", "detect_mime", "read_header"]

_ARTICLES = {"image": "an image", "audio": "audio", "video": "video", "document": "a document"}
# The types of films, and of their sound where they are used as audio.
_AS_AUDIO = {
    "video/mp4": "audio/mp4",
    "video/webm": "audio/webm",
    "video/x-matroska": "audio/x-matroska",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What a file's header tells. None is unknown.

    width, height: pixels, as stored (EXIF orientation not applied); also of a film. seconds: the
    length; with the silence that an encoder of MP3 or AAC puts around a recording, whose seconds
    are `padding`. picture_seconds, has_sound: of a film. pages: of a PDF. rate: samples a second.
    channels: of sound.
    """

    mime: str
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    pages: int | None = None
    rate: int | None = None
    channels: int | None = None
    padding: float | None = None
    picture_seconds: float | None = None
    has_sound: bool | None = None


def read_header(kind: Kind, source: LocalSource, mime_type: str | None = None) -> Header:
    """The header of `source`, which is used as `kind`, of the type `mime_type` where its bytes do
    not tell it.

    Raises:
        InvalidMedia: the file is missing, empty, unreadable or not of that kind ("cat.jpg is not
            an image: it looks like PDF") or type, has a broken header, or is a picture of more than
            `limits.MAX_PIXELS` or a PDF of more than `limits.MAX_PAGES`.
    """
    if isinstance(source, PillowSource) and kind == "image":
        return Header("image/png", source.image.width, source.image.height)
    with source.open() as whole_file:
        file = limit_steps(whole_file)
        mime = detect_mime(kind, source, file, mime_type)
        file.seek(0)
        try:
            if kind == "image":
                width, height = image.size_of(file, mime) or (None, None)
                return Header(mime, width, height)
            if kind == "document":
                is_pdf = mime == "application/pdf"
                return Header(mime, pages=pdf.count_pages(file) if is_pdf else None)
            return _read_recording(file, mime)
        except InvalidMedia as error:
            raise InvalidMedia(f"{source.describe()} {error.message}") from error


def _read_recording(file: BinaryIO, mime: str) -> Header:
    """The header of sound or a film."""
    seconds, rate, channels = audio.timing_of(file, mime)
    header = Header(mime, seconds=seconds, rate=rate, channels=channels)
    try:
        if mime == "audio/mpeg":
            return replace(header, padding=mp3_padding(file))
        film = read_film(file, mime)
    except TooManyPieces:
        return header
    return replace(
        header,
        width=film.width,
        height=film.height,
        seconds=film.seconds or seconds,
        padding=film.padding,
        picture_seconds=film.picture_seconds,
        has_sound=film.has_sound,
    )


def detect_mime(
    kind: Kind, source: LocalSource, file: BinaryIO, mime_type: str | None = None
) -> str:
    """The media type of an open file that is used as `kind`, by its first bytes. Of text it is
    the `mime_type` given, or what the file's name or server say.

    Raises:
        InvalidMedia: the file is empty, or not of that kind; text is given as another type.
    """
    head = file.read(SNIFFED_BYTES)
    if not head:
        raise InvalidMedia(f"{source.describe()} is empty")
    match = sniff(head)
    if match and match[0] == kind:
        return match[1]
    if match and kind == "audio" and match[1] in _AS_AUDIO:
        return _AS_AUDIO[match[1]]
    if kind == "document" and not match and is_text(head):
        if isinstance(source, PathSource):
            stated_type = mime_type or document.mime_by_name(source.path)
        else:
            stated_type = mime_type or (source.mime if isinstance(source, BytesSource) else None)
        if stated_type and has_signature(normalize_mime(stated_type)):
            raise InvalidMedia(
                f"{source.describe()} is not {normalize_mime(stated_type)}: it looks like "
                f"{looks_like(head)}"
            )
        return normalize_mime(stated_type or "text/plain")
    if kind == "document" and head.startswith(b"PK"):
        try:
            mime = document.office_mime(file)
        except InvalidMedia as error:
            raise InvalidMedia(f"{source.describe()} {error.message}") from error
        if mime is not None:
            return mime
    likeness = looks_like(head)
    raise InvalidMedia(
        f"{source.describe()} is not {_ARTICLES[kind]}"
        + (f": it looks like {likeness}" if likeness else " of a known format")
    )
