"""The media of a recording: a marker in the body stands for a file of the shared folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fmsdk.content import Audio, Document, Image, MediaPart, Text, Video
from tests.support.shared_folder import SHARED

JsonObject = dict[str, Any]

_KINDS: dict[str, type[MediaPart]] = {
    "image": Image,
    "audio": Audio,
    "video": Video,
    "document": Document,
    "text_file": Document,
}


class MediaFiles:
    """The files of one recording, by their markers."""

    def __init__(self, row: JsonObject) -> None:
        self._media = {medium["sha"]: medium for medium in row["media"]}

    def part(self, marker: JsonObject, mime: str | None = None, **fields: Any) -> MediaPart:
        """The part for a marker. A medium by URL is taken from the file with the same bytes."""
        medium = self._media[marker["$media"]]
        path: Path = SHARED / "billing" / "media" / f"{medium['sha']}.{medium['ext']}"
        return _KINDS[medium["kind"]](path, mime_type=mime or medium["mime"], **fields)


def count_markers(value: Any) -> int:
    """How many media a body holds."""
    if isinstance(value, dict):
        return 1 if "$media" in value else sum(map(count_markers, value.values()))
    return sum(map(count_markers, value)) if isinstance(value, list) else 0


def texts_of(content: str | list[JsonObject] | None) -> list[Text]:
    """The text parts of content that holds only text."""
    if content is None:
        return []
    texts = [content] if isinstance(content, str) else [part["text"] for part in content]
    return [Text(text) for text in texts]
