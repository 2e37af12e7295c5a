"""What a container says of its tracks: `Film`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Film"]


@dataclass(slots=True)
class Film:
    """None is unknown. width, height: pixels. seconds: of the whole. picture_seconds: of the track
    with pictures. padding: seconds of the sound track that players skip, since the encoder put
    them there. has_sound, has_pictures: whether there is such a track."""

    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    picture_seconds: float | None = None
    padding: float | None = None
    has_sound: bool | None = None
    has_pictures: bool | None = None
