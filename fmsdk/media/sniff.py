"""The kind and type of media by its first bytes, whatever its name.

Signatures from the formats' own specifications and https://mimesniff.spec.whatwg.org. Opens and
decodes nothing.
"""

from __future__ import annotations

import codecs
from typing import Literal

__all__ = [
    "OFFICE",
    "SNIFFED_BYTES",
    "Kind",
    "has_signature",
    "is_text",
    "looks_like",
    "normalize_mime",
    "sniff",
]

Kind = Literal["image", "audio", "video", "document"]

# Enough for every signature, and for the codecs of nearly every WebM.
SNIFFED_BYTES = 4096

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

_PREFIXES: tuple[tuple[bytes, Kind, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image", "image/png"),
    (b"\xff\xd8\xff", "image", "image/jpeg"),
    (b"GIF87a", "image", "image/gif"),
    (b"GIF89a", "image", "image/gif"),
    (b"II*\0", "image", "image/tiff"),
    (b"MM\0*", "image", "image/tiff"),
    (b"ID3", "audio", "audio/mpeg"),
    (b"fLaC", "audio", "audio/flac"),
    (b"#!AMR", "audio", "audio/amr"),
    (b"caff\0", "audio", "audio/x-caf"),
    (b"\x00\x00\x01\xba", "video", "video/mpeg"),
    (b"FLV\x01", "video", "video/x-flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video", "video/x-ms-wmv"),
    (b"{\\rtf", "document", "application/rtf"),
)
# Containers with a size between their own name and that of their content.
_CONTAINERS: dict[tuple[bytes, bytes], tuple[Kind, str]] = {
    (b"RIFF", b"WAVE"): ("audio", "audio/wav"),
    (b"RF64", b"WAVE"): ("audio", "audio/wav"),
    (b"RIFF", b"WEBP"): ("image", "image/webp"),
    (b"RIFF", b"AVI "): ("video", "video/x-msvideo"),
    (b"FORM", b"AIFF"): ("audio", "audio/aiff"),
    (b"FORM", b"AIFC"): ("audio", "audio/aiff"),
}
# Major brands of ISO files (https://mp4ra.org/registered-types/brands); all others are MP4 video.
_BRANDS: dict[bytes, tuple[Kind, str]] = {
    **dict.fromkeys((b"avif", b"avis"), ("image", "image/avif")),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc"), ("image", "image/heic")),
    **dict.fromkeys((b"mif1", b"msf1"), ("image", "image/heif")),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P "), ("audio", "audio/mp4")),
    b"qt  ": ("video", "video/quicktime"),
}
_BITMAP_HEADERS = {size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124)}
# The folder inside the archive that distinguishes the office formats.
OFFICE = ((b"word/", _DOCX), (b"xl/", _XLSX), (b"ppt/", _PPTX))
_TYPES_WITH_SIGNATURE = frozenset(
    (
        *(mime for _, _, mime in _PREFIXES),
        *(mime for _, mime in (*_CONTAINERS.values(), *_BRANDS.values(), *OFFICE)),
        *("application/pdf", "audio/aac", "audio/ogg", "image/bmp", "video/mp4", "video/webm"),
    )
)
_NAMES = {
    _DOCX: "a Word document",
    _XLSX: "an Excel sheet",
    _PPTX: "a PowerPoint presentation",
    "application/rtf": "RTF",
    "audio/mpeg": "MP3",
    "audio/mp4": "MP4 audio",
    "video/mp4": "MP4 video",
    "video/quicktime": "QuickTime",
    "video/webm": "WebM video",
    "audio/webm": "WebM audio",
}

# Names that are in use for the same types, registered (IANA) or not.
_ALIASES = {
    **dict.fromkeys(("image/jpg", "image/pjpeg", "image/x-jpeg"), "image/jpeg"),
    "image/x-png": "image/png",
    **dict.fromkeys(("image/x-ms-bmp", "image/x-bmp", "image/x-windows-bmp"), "image/bmp"),
    "image/tif": "image/tiff",
    **dict.fromkeys(("audio/mp3", "audio/x-mp3", "audio/x-mpeg", "audio/mpeg3"), "audio/mpeg"),
    **dict.fromkeys(("audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"), "audio/wav"),
    **dict.fromkeys(("audio/m4a", "audio/x-m4a", "audio/x-mp4"), "audio/mp4"),
    "audio/x-flac": "audio/flac",
    "audio/x-aac": "audio/aac",
    "audio/x-aiff": "audio/aiff",
    "audio/x-ogg": "audio/ogg",
    **dict.fromkeys(("video/avi", "video/msvideo"), "video/x-msvideo"),
    "video/x-m4v": "video/mp4",
    "video/mov": "video/quicktime",
    "application/x-pdf": "application/pdf",
    "text/rtf": "application/rtf",
    "application/csv": "text/csv",
    "text/x-markdown": "text/markdown",
    "text/json": "application/json",
}


def normalize_mime(mime: str) -> str:
    """The usual name of a media type: in lower case, without parameters, no alias. Raw samples
    (`audio/L16;rate=24000`) keep their parameters, which say how to read them."""
    name = mime.partition(";")[0].strip().lower()
    is_raw = name.startswith(("audio/l16", "audio/l24", "audio/pcm"))
    return mime.strip() if is_raw else _ALIASES.get(name, name)


def has_signature(mime: str) -> bool:
    """Whether files of this type begin in a way that `sniff` knows: text has none."""
    return mime in _TYPES_WITH_SIGNATURE


def sniff(head: bytes) -> tuple[Kind, str] | None:
    """(kind, media type) of media by its first bytes (`SNIFFED_BYTES` of them are enough), or
    None where they have no known signature. Plain text has none.
    """
    for prefix, kind, mime in _PREFIXES:
        if head.startswith(prefix):
            return kind, mime
    if content := _CONTAINERS.get((head[:4], head[8:12])):
        return content
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], ("video", "video/mp4"))
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _sniff_matroska(head)
    if head.startswith(b"OggS"):
        return "audio", "audio/ogg"  # its films (Theora) are taken nowhere
    if audio := _sniff_mpeg_audio(head):
        return audio
    if head.startswith(b"BM") and head[14:18] in _BITMAP_HEADERS:
        return "image", "image/bmp"
    if head[4:8] in (b"moov", b"mdat", b"wide") and head[0] < 2:  # from before the `ftyp` box
        return "video", "video/quicktime"
    # Readers accept junk before the header, up to a kilobyte (ISO 32000-1, annex H.3).
    if b"%PDF-" in head[:1024]:
        return "document", "application/pdf"
    if head.startswith(b"PK\x03\x04") and b"[Content_Types].xml" in head:
        return next((("document", mime) for folder, mime in OFFICE if folder in head), None)
    return None


def looks_like(head: bytes) -> str | None:
    """What a file seems to be, for messages ("PDF", "HTML", "text", …), or None if unknown."""
    if not head:
        return "an empty file"
    if match := sniff(head):
        kind, mime = match
        return (
            _NAMES.get(mime)
            or mime.removeprefix(f"{kind}/").rpartition("x-")[2].rpartition("/")[2].upper()
        )
    start = head[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    if head.startswith(b"PK\x03\x04"):
        return "a ZIP archive"
    if head.startswith(b"\x1f\x8b"):
        return "a gzip archive"
    return "text" if is_text(head) else None


def is_text(head: bytes) -> bool:
    """Whether the bytes are UTF-8 without control characters. The last one may be cut."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not any(char < " " and char not in "\t\n\r\f\x1b" for char in text)


def _sniff_matroska(head: bytes) -> tuple[Kind, str]:
    subtype = "webm" if b"webm" in head[:64] else "x-matroska"
    # Codec ids are text: a container with an audio codec (A_OPUS) and no video one is a recording.
    is_audio = b"A_" in head and b"V_" not in head
    return ("audio", f"audio/{subtype}") if is_audio else ("video", f"video/{subtype}")


def _sniff_mpeg_audio(head: bytes) -> tuple[Kind, str] | None:
    """A frame header of MPEG audio: layer II or III, or, without a layer, AAC in ADTS."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "audio", "audio/aac"
    is_frame = head[1] & 0x06 in (0x02, 0x04) and head[2] >> 4 != 0xF and head[2] & 0x0C != 0x0C
    return ("audio", "audio/mpeg") if is_frame and head[1] & 0x18 != 0x08 else None
