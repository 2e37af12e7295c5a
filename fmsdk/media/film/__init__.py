"""Containers of films and recordings, read for what they say of their tracks: `read_film`. There is
a file for each family of formats. docs/decisions/0007-media.md says why no library does it.

Nothing is decoded. A reader stops at what it does not understand, and leaves the rest unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from fmsdk.media.film.avi import read_avi
from fmsdk.media.film.iso import read_iso
from fmsdk.media.film.matroska import read_matroska
from fmsdk.media.film.tracks import Film

__all__ = ["Film", "read_film"]

_LONGEST = 10**7
"""Seconds, which are 115 days: a larger number is a broken one."""
_READERS: dict[str, Callable[[BinaryIO], Film]] = {
    **dict.fromkeys(("audio/mp4", "video/mp4", "video/quicktime"), read_iso),
    **dict.fromkeys(("audio/webm", "audio/x-matroska"), read_matroska),
    **dict.fromkeys(("video/webm", "video/x-matroska"), read_matroska),
    "video/x-msvideo": read_avi,
}


def read_film(file: BinaryIO, mime: str) -> Film:
    """What a container of the type `mime` says of its tracks; nothing for other types.

    Raises:
        TooManyPieces: the file has too many. OSError.
    """
    file.seek(0)
    film = _READERS[mime](file) if mime in _READERS else Film()
    if max(film.seconds or 0, film.picture_seconds or 0) > _LONGEST:
        film.seconds = film.picture_seconds = None
    return film
