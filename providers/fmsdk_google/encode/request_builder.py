"""A request on its way to becoming a body: what the encoder's parts ask of it."""

from __future__ import annotations

import mimetypes
import re
from typing import Any, ClassVar
from urllib.parse import urlsplit

from fmsdk.content import Document, Image, MediaPart, Text
from fmsdk.hosted.request_builder import RequestBuilder
from fmsdk.request import Request
from fmsdk_google.options import STUDIO_URL, GoogleOptions, options_of

__all__ = ["THINKS", "THINKS_IN_LEVELS", "GoogleRequestBuilder"]

THINKS = (2, 5)
THINKS_IN_LEVELS = (3, 0)
_NEWEST = (99, 0)
_IMAGES = frozenset({f"image/{name}" for name in ("png", "jpeg", "webp", "heic", "heif", "bmp")})
_RESOLUTIONS = {"low": "LOW", "high": "HIGH", "original": "ULTRA_HIGH"}
_KINDS = {
    "image": ("image/",),
    "audio": ("audio/",),
    "video": ("video/",),
    "document": ("application/", "text/"),
}
_YOUTUBE = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"})
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")


class GoogleRequestBuilder(RequestBuilder):
    """The request, for AI Studio or Vertex. `generation` is the model's, (2, 5) or (3, 0); names
    that tell none (aliases, tuned models) are taken for the newest."""

    api: ClassVar[str] = "Gemini's API"
    options: GoogleOptions

    def __init__(self, request: Request, *, vertex: bool, stream: bool) -> None:
        super().__init__(request, options_of(request), stream=stream)
        self.vertex = vertex
        self.generation: tuple[int, int] = _NEWEST
        if found := re.search(r"gemini-(\d+)(?:\.(\d+))?(?!\d)", request.model):
            self.generation = (int(found[1]), int(found[2] or 0))

    def piece(self, part: Text | MediaPart) -> dict[str, Any]:
        """A part as the wire has it."""
        if part.cache:
            self.cache_ignored()
        if isinstance(part, Text):
            if part.refusal:
                self.refusal_as_text()
            return {"text": part.text}
        return self.media_piece(part) | self._resolution(part)

    def media_piece(self, part: MediaPart) -> dict[str, Any]:
        """A media part's bytes, or where Google finds them."""
        name = {"displayName": part.name} if isinstance(part, Document) and part.name else {}
        uri = part.url or self._held(part)
        if uri is not None:
            mime = self._mime_of(part, uri)
            typed = {"mimeType": mime} if mime else {}
            return {"fileData": {"fileUri": uri, **typed, **name}}
        if part.mime is None:
            why = f"{part.describe()} does not tell its type; pass mime_type="
            raise self.unsupported(part.kind, why)
        if isinstance(part, Image) and part.mime not in _IMAGES:
            why = f"Google reads PNG, JPEG, WebP, HEIC and BMP, not {part.mime}; convert it first"
            raise self.unsupported("image", why)
        return {"inlineData": {"mimeType": part.mime, "data": self.media.base64(part), **name}}

    def result_piece(self, part: MediaPart) -> dict[str, Any]:
        """Media inside a tool's result."""
        if self.generation < THINKS_IN_LEVELS:
            why = (
                f"before Gemini 3 a tool result is text alone; send the {part.kind} in a user "
                "message after it"
            )
            raise self.unsupported(part.kind, why)
        if not self.vertex and (part.url or part.file):
            why = f"in a tool result, {part.kind} goes along as bytes alone; give its bytes"
            raise self.unsupported(part.kind, why)
        if part.cache:
            self.cache_ignored()
        if isinstance(part, Image) and part.detail not in (None, "auto"):
            self.unsupported_settings.drop("detail", "a tool result's pictures have none")
        return self.media_piece(part)

    def labels(self) -> dict[str, str]:
        """The labels for Google's bills: those of the options and, on Vertex, the tags."""
        labels = dict(self.options.labels)
        for name, value in self.request.tags if self.vertex else ():
            if _LABEL.fullmatch(name) and _LABEL_VALUE.fullmatch(value):
                labels.setdefault(name, value)
            else:
                self.tag_not_sent(name, "is no Google label, which are lower-case")
        return labels

    def _resolution(self, part: MediaPart) -> dict[str, Any]:
        detail = part.detail if isinstance(part, Image) else None
        if detail is None or detail == "auto":
            return {}
        if self.generation < THINKS_IN_LEVELS:
            why = "before Gemini 3 it holds for all media alike: GoogleOptions(media_resolution=…)"
            self.unsupported_settings.drop("detail", why)
            return {}
        return {"mediaResolution": {"level": f"MEDIA_RESOLUTION_{_RESOLUTIONS[detail]}"}}

    def _held(self, part: MediaPart) -> str | None:
        """The URI of a file that Google holds: "files/…", gs://…, or a URI as it stands."""
        held = self.file_id(part)
        if held is None or ":" in held:
            return held
        if self.vertex:
            why = f"Vertex has no file {held!r}; give its gs:// URI, or its bytes"
            raise self.unsupported(part.kind, why)
        return f"{STUDIO_URL}/v1beta/files/{held.removeprefix('files/')}"

    def _mime_of(self, part: MediaPart, uri: str) -> str | None:
        """The type of media elsewhere: as given, or by its name; Vertex alone insists on it."""
        address = urlsplit(uri)
        mime = part.mime or _guessed(address.path, part)
        if mime is None and self.vertex:
            if address.hostname in _YOUTUBE:
                return "video/mp4"
            why = f"Vertex must be told what {part.describe()} is; pass mime_type="
            raise self.unsupported(part.kind, why)
        return mime


def _guessed(path: str, part: MediaPart) -> str | None:
    """What the end of a path says, if that is of the part's kind: ".html" is no picture's."""
    mime = mimetypes.guess_type(path)[0] or ""
    return mime if mime.startswith(_KINDS[part.kind]) else None
