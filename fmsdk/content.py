"""The parts a message is made of: a closed union, matched exhaustively by every encoder.

Media parts hold a source and read its header (`mime`, `size`, `duration`) on first use, and
its bytes when the wire needs them. Parts know nothing of any provider's format.
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

from fmsdk.errors import BadRequestError, InvalidMedia
from fmsdk.keyword_hints import part_hint
from fmsdk.media.sniff import SNIFFED_BYTES, Kind, looks_like, normalize_mime, sniff
from fmsdk.media.source import (
    FileRef,
    LocalSource,
    PathSource,
    Source,
    UrlSource,
    resolve_source,
)
from fmsdk.notebook import render_media

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

    from fmsdk.media.header import Header

__all__ = [
    "Audio",
    "CacheMark",
    "Document",
    "FileRef",
    "Image",
    "ImageDetail",
    "MediaPart",
    "Modality",
    "Part",
    "Reasoning",
    "Text",
    "ToolCall",
    "ToolResult",
    "Video",
    "is_single",
    "join_parts",
    "to_part",
]

Modality = Literal["text", "image", "audio", "video", "document"]
ImageDetail = Literal["auto", "low", "high", "original"]
CacheMark = bool | Literal["5m", "1h"]


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text. `refusal` marks a model's refusal to answer; `cache` a cache point after it."""

    text: str
    cache: CacheMark = False
    refusal: bool = False

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, repr=False)
class _Media:
    """What all media parts share. `source` takes whatever `fmsdk.media.source.resolve` takes;
    `kind` is the modality."""

    kind: ClassVar[Kind]
    source: Any
    mime_type: str | None = field(default=None, kw_only=True)
    cache: CacheMark = field(default=False, kw_only=True)
    _header: Header | None = field(default=None, init=False, compare=False)

    def __post_init__(self) -> None:
        rate: float | None = getattr(self, "rate", None)
        object.__setattr__(self, "source", resolve_source(self.source, rate=rate))
        if not isinstance(cast("object", self.mime_type), str | None):
            raise BadRequestError(
                f'mime_type is a media type like "image/jpeg", not {self.mime_type!r}'
            )

    @property
    def url(self) -> str | None:
        """The http(s) URL the part points to, or None where the bytes are at hand."""
        return self.source.url if isinstance(self.source, UrlSource) else None

    @property
    def file(self) -> FileRef | None:
        """The provider's file the part points to, or None."""
        return self.source if isinstance(self.source, FileRef) else None

    @property
    def header(self) -> Header | None:
        """What the header says (mime, width, height, seconds, pages); None for URLs and
        `FileRef`s, whose bytes are elsewhere.

        Raises:
            InvalidMedia: missing, unreadable, or not the kind of media it is used as.
        """
        if self._header is None and not isinstance(self.source, (UrlSource, FileRef)):
            from fmsdk.media.header import read_header

            object.__setattr__(self, "_header", read_header(self.kind, self.source, self.mime_type))
        return self._header

    @property
    def mime(self) -> str | None:
        """The media type, by the bytes where they tell it, else as given (an alias such as
        `image/jpg` by its usual name); None where neither tells."""
        stated_type = self.mime_type
        if isinstance(self.source, FileRef):
            stated_type = stated_type or self.source.mime
        try:
            header = self.header
        except InvalidMedia:
            if stated_type is None:
                raise
            header = None  # raw samples of an answer, which have no header
        return header.mime if header else stated_type and normalize_mime(stated_type)

    def read(self) -> bytes:
        """The bytes.

        Raises:
            InvalidMedia: unreadable, or behind a URL or `FileRef` (nothing is fetched here).
        """
        source: Source = self.source
        if isinstance(source, (UrlSource, FileRef)):
            raise InvalidMedia(f"the bytes of this {self.kind} are not here: {source!r}")
        return source.read()

    def base64(self) -> str:
        """The bytes as base64 text."""
        return base64.b64encode(self.read()).decode("ascii")

    def data_url(self) -> str:
        """The bytes as a `data:` URL."""
        return f"data:{self.mime or 'application/octet-stream'};base64,{self.base64()}"

    def describe(self) -> str:
        """Name the part for a person, without its content."""
        source: Source = self.source
        return source.describe() if isinstance(source, LocalSource) else repr(source)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.describe()})"

    def _repr_html_(self) -> str:
        return render_media(self)


@dataclass(frozen=True, slots=True, repr=False)
class Image(_Media):
    """A picture.

    detail: how closely the vendor shall look, where it offers the choice. max_side: pixels that
    its longer side may have on the way there; a larger picture is made smaller for it before it
    is sent, with the warning `image_downsized`. `size` and `read` are the original's. A picture
    by URL is fetched for that; one by `FileRef` is out of reach, which raises.
    """

    kind: ClassVar[Literal["image"]] = "image"
    detail: ImageDetail | None = None
    max_side: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _Media.__post_init__(self)
        if self.detail is not None and self.detail not in get_args(ImageDetail):
            raise BadRequestError(
                f"detail is one of {', '.join(get_args(ImageDetail))}, not {self.detail!r}"
            )
        side: object = self.max_side
        is_int = isinstance(side, int) and not isinstance(side, bool)
        if side is not None and not (is_int and side > 0):
            raise BadRequestError(f"max_side is a number of pixels, not {self.max_side!r}")

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels, from the header; None where the bytes are elsewhere."""
        header = self.header
        if header is None or header.width is None or header.height is None:
            return None
        return header.width, header.height


@dataclass(frozen=True, slots=True, repr=False)
class Audio(_Media):
    """A recording: a file, or samples with their `rate` (`Audio(samples, rate=16000)`, or the
    `(samples, rate)` pair that loaders return)."""

    kind: ClassVar[Literal["audio"]] = "audio"
    rate: float | None = None

    @property
    def duration(self) -> float | None:
        """Seconds, from the header; None where the header does not tell or is elsewhere."""
        return self.header.seconds if self.header else None


@dataclass(frozen=True, slots=True, repr=False)
class Video(_Media):
    """A film."""

    kind: ClassVar[Literal["video"]] = "video"


@dataclass(frozen=True, slots=True, repr=False)
class Document(_Media):
    """A PDF (or another document type a vendor takes). `name` is the file name shown to it."""

    kind: ClassVar[Literal["document"]] = "document"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model thought before it answered.

    `opaque` is the provider's own item as JSON text (signature, encrypted content, …). It goes
    back unchanged in the next turn, to the provider named in `provider` alone.
    """

    text: str = ""
    provider: str | None = None
    opaque: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to call one of the caller's tools.

    `raw` is the argument text where it was not a JSON object (a truncated answer, say); then
    `arguments` is empty. `opaque`, of `provider`, is what the vendor wants back with the call.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    raw: str | None = None
    provider: str | None = None
    opaque: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.name}({self.raw if self.raw is not None else arguments})"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the caller's tool answered: text, or parts. `call_id` is the `ToolCall`'s id."""

    call_id: str
    content: tuple[Text | Image | Audio | Video | Document, ...] = ()
    is_error: bool = False
    name: str | None = None
    cache: CacheMark = False

    def __init__(
        self,
        call_id: str,
        content: ToolContent = (),
        *,
        is_error: bool = False,
        name: str | None = None,
        cache: CacheMark = False,
    ) -> None:
        pieces = (content,) if is_single(content) else cast("Iterable[object]", content)
        result_parts = tuple(to_part(piece, _RESULT) for piece in pieces)
        for part in result_parts:
            if not isinstance(part, _RESULT_PARTS):
                raise BadRequestError(f"{_RESULT}, not {type(part).__name__}")
        for name_, value in (
            ("call_id", call_id),
            ("content", result_parts),
            ("is_error", is_error),
            ("name", name),
            ("cache", cache),
        ):
            object.__setattr__(self, name_, value)

    def __str__(self) -> str:
        return join_parts(self.content)


_RESULT = "a tool's result is text, media or a list of them (of other values their JSON text)"
_RESULT_PARTS = (Text, Image, Audio, Video, Document)
MediaPart = Image | Audio | Video | Document
Part = Text | Image | Audio | Video | Document | Reasoning | ToolCall | ToolResult
if TYPE_CHECKING:
    LoosePart = str | Part | os.PathLike[str] | PillowImage
    """What stands for a part: text, a PIL image, or a `Path` of media."""
    _Piece = str | Text | MediaPart | os.PathLike[str] | PillowImage
else:  # PIL is not imported for this
    LoosePart = str | Part | os.PathLike
    _Piece = str | Text | MediaPart | os.PathLike
ToolContent = _Piece | list[_Piece] | tuple[_Piece, ...]
_PARTS = get_args(Part)
_MEDIA_CLASSES: dict[str, type[MediaPart]] = {kind.kind: kind for kind in get_args(MediaPart)}
_BYTES = (bytes, bytearray, memoryview)


def is_single(value: object) -> bool:
    """Whether the value stands for one part, rather than for several of them."""
    if isinstance(value, (str, Mapping, os.PathLike, *_BYTES, *_PARTS)):
        return True
    names = ("__array__", "__array_interface__", "read")  # of arrays, and of open files
    return any(hasattr(value, name) for name in names) or not isinstance(value, Iterable)


def to_part(value: object, rule: str) -> Part:
    """The part that the value stands for. `rule` begins the message where it stands for none.

    Raises:
        BadRequestError: the value stands for no part.
        InvalidMedia: a `Path` whose file cannot be read, or does not tell its kind.
    """
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, _PARTS):
        return cast("Part", value)
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(value, pillow.Image):
        return Image(value)
    if isinstance(value, os.PathLike):
        source = cast("PathSource", resolve_source(cast("os.PathLike[str]", value)))
        head = source.head(SNIFFED_BYTES)
        if match := sniff(head):
            return _MEDIA_CLASSES[match[0]](source)
        kind = looks_like(head) or "of an unknown format"
        text = "pass its text (path.read_text()), or " if kind in ("HTML", "text") else ""
        raise InvalidMedia(
            f"{source.describe()} is {kind}: {text}say what it is, such as fmsdk.Document(path)"
        )
    raise BadRequestError(f"{rule}, not {type(value).__name__}{part_hint(value)}")


def join_parts(parts: Iterable[Part]) -> str:
    """The parts for a person, without reasoning: texts as they are, calls and media on lines of
    their own."""
    lines: list[str] = []
    follows_text = False
    for part in parts:
        if isinstance(part, Reasoning):
            continue
        if follows_text and isinstance(part, Text):
            lines[-1] += part.text
        else:
            lines.append(str(part))
        follows_text = isinstance(part, Text)
    return "\n".join(lines)
