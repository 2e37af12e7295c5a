"""Parts with markers in them that are found nowhere else, of every kind and every source."""

from __future__ import annotations

import base64
import io
import itertools
from typing import Any

from fmsdk.content import Audio, Document, Image, MediaPart, Text, Video
from tests.matrix.media import File, Shelf, film, paper, picture, pillow, recording, samples
from tests.matrix.wires import Wire

__all__ = ["KINDS", "PLACES", "SOURCES", "Maker"]

KINDS: dict[str, tuple[Any, Any]] = {
    "image": (Image, picture),
    "audio": (Audio, recording),
    "video": (Video, film),
    "document": (Document, paper),
}
PLACES = ("bytes", "URL", "the vendor's file")
"""Where media can be, once read: encoders have a way for each."""
_ANY = ("path", "bytes", "open file", "data: URL", "URL", "the vendor's file", "another's file")
SOURCES = {
    "image": (*_ANY, "PIL image"),
    "audio": (*_ANY, "samples with rate", "(samples, rate)"),
    "video": _ANY,
    "document": _ANY,
}


class Maker:
    """Makes parts for one wire, each with a marker of its own, counted from `start`."""

    def __init__(self, wire: Wire, shelf: Shelf, start: int = 0) -> None:
        self.wire = wire
        self._shelf = shelf
        self._numbers = itertools.count(start)

    def words(self) -> str:
        """A text that is nowhere else."""
        return f"words-{next(self._numbers)}"

    def text(self, **more: Any) -> Text:
        return Text(self.words(), **more)

    def media(self, kind: str, source: str = "bytes", **more: Any) -> MediaPart:
        """A media part from a source of this kind."""
        make, file_of = KINDS[kind]
        number = next(self._numbers)
        if source == "samples with rate":
            return make(samples(number), rate=8000, **more)
        if source == "(samples, rate)":
            return make((samples(number), 8000), **more)
        if source == "PIL image":
            return make(pillow(number), **more)
        return make(self._source(file_of(number), source), **more)

    def _source(self, file: File, source: str) -> Any:
        match source:
            case "path":
                return self._shelf.path(file)
            case "bytes":
                return file.data
            case "open file":
                return io.BytesIO(file.data)
            case "data: URL":
                return f"data:{file.mime};base64,{base64.b64encode(file.data).decode()}"
            case "URL":
                return self._shelf.url(file)
            case "the vendor's file":
                return self.wire.held(file, self.wire.provider)
            case _:
                return self.wire.held(file, "somebody")
