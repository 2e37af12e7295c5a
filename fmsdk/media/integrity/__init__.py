"""Whether a media file is complete, and whether decoding it is safe: `check_integrity`.

Some vendors accept a picture or recording that is cut off half-way, bill it, and answer wrongly.
A small file can decode to gigabytes. Both are found by the file's structure, without decoding it.
There is a module for each family of formats; frames and pages are counted in `frames`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

from fmsdk.errors import InvalidMedia
from fmsdk.media.header import detect_mime
from fmsdk.media.integrity.audio import (
    missing_in_aac,
    missing_in_caf,
    missing_in_flac,
    missing_in_mp3,
    missing_in_ogg,
)
from fmsdk.media.integrity.document import describe_zip_bomb, missing_in_pdf, missing_in_zip
from fmsdk.media.integrity.frames import describe_frame_bomb
from fmsdk.media.integrity.image import (
    missing_in_bmp,
    missing_in_gif,
    missing_in_jpeg,
    missing_in_png,
    missing_in_tiff,
)
from fmsdk.media.integrity.riff import missing_in_iff, missing_in_riff
from fmsdk.media.integrity.video import missing_in_iso, missing_in_matroska
from fmsdk.media.limited_file import TooManyPieces, limit_steps
from fmsdk.media.pdf import needs_password
from fmsdk.media.sniff import OFFICE, Kind
from fmsdk.media.source import BytesSource, LocalSource, PathSource

__all__ = ["check_integrity"]

_OFFICE_TYPES = frozenset(mime for _, mime in OFFICE)
# What says that something is missing at the end of a file of so many bytes. Junk after the end is
# legal. AMR, FLV, WMV, MPEG and text have neither an end mark nor a length.
_FIND_MISSING: dict[str, Callable[[BinaryIO, int], str | None]] = {
    "application/pdf": missing_in_pdf,
    "audio/aac": missing_in_aac,
    "audio/aiff": missing_in_iff,
    "audio/flac": missing_in_flac,
    "audio/mp4": missing_in_iso,
    "audio/mpeg": missing_in_mp3,
    "audio/ogg": missing_in_ogg,
    "audio/wav": missing_in_riff,
    "audio/webm": missing_in_matroska,
    "audio/x-caf": missing_in_caf,
    "audio/x-matroska": missing_in_matroska,
    "image/avif": missing_in_iso,
    "image/bmp": missing_in_bmp,
    "image/gif": missing_in_gif,
    "image/heic": missing_in_iso,
    "image/heif": missing_in_iso,
    "image/jpeg": missing_in_jpeg,
    "image/png": missing_in_png,
    "image/tiff": missing_in_tiff,
    "image/webp": missing_in_riff,
    "video/mp4": missing_in_iso,
    "video/quicktime": missing_in_iso,
    "video/webm": missing_in_matroska,
    "video/x-matroska": missing_in_matroska,
    "video/x-msvideo": missing_in_riff,
    **dict.fromkeys(_OFFICE_TYPES, missing_in_zip),
}
# Long recordings have as many pieces as hostile files. Their cuts are not always found anyway.
_SMALL_PIECES = frozenset(
    {"audio/aac", "audio/ogg", "audio/webm", "audio/x-matroska", "video/webm", "video/x-matroska"}
)


def check_integrity(kind: Kind, source: LocalSource) -> None:
    """Check that a file of `kind` is complete, and that decoding it is safe.

    Raises:
        InvalidMedia: as `read_header`; "… is truncated: …"; a PDF with a password; a bomb:
            more frames or pages than `limits.MAX_FRAME_PIXELS` allows, an archive of more than
            `limits.MAX_UNPACKED`; more pieces than `limited_file` allows, except in a recording.
    """
    if not isinstance(source, (PathSource, BytesSource)):
        return  # encoded by fmsdk, so complete
    with source.open() as whole_file:
        file = limit_steps(whole_file)
        mime = detect_mime(kind, source, file)
        try:
            if find_missing := _FIND_MISSING.get(mime):
                missing = find_missing(file, file.seek(0, os.SEEK_END))
                if missing:
                    raise InvalidMedia(f"{source.describe()} is truncated: {missing}")
            if mime == "application/pdf" and needs_password(file):
                raise InvalidMedia(
                    f"{source.describe()} is protected by a password, which no model is given: "
                    "save it without one"
                )
            is_office = mime in _OFFICE_TYPES
            bomb = describe_zip_bomb(file) if is_office else describe_frame_bomb(file, mime)
        except TooManyPieces as error:
            if mime in _SMALL_PIECES:
                return
            bomb = error.message
    if bomb:
        raise InvalidMedia(f"{source.describe()} {bomb}")
