"""The question on the command line as the parts of a prompt: media first, then one text.

The content of a file tells its kind. For a URL the name does, since nothing is fetched here. Knows
no model.
"""

from __future__ import annotations

import argparse
import html
import os
import stat
import sys
import threading
from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import urlsplit

from fmsdk.cli import terminal
from fmsdk.content import Audio, Document, Image, MediaPart, Modality, Part, Text, Video
from fmsdk.errors import BadRequestError, InvalidMedia
from fmsdk.files import expand_home
from fmsdk.media.sniff import SNIFFED_BYTES, looks_like, sniff
from fmsdk.media.source import BytesSource, LocalSource, UrlSource, resolve_source
from fmsdk.pipeline.capability_check import verify_media

__all__ = ["modalities_of", "read_question"]

_MEDIA: dict[str, type[MediaPart]] = {
    "image": Image,
    "audio": Audio,
    "video": Video,
    "document": Document,
}
_EXTENSIONS = {
    "image": "avif bmp gif heic jpeg jpg png tif tiff webp",
    "audio": "aac flac m4a mp3 oga ogg opus wav",
    "video": "avi mkv mov mp4 mpeg mpg webm",
    "document": "pdf",
}
_KINDS = {f".{name}": kind for kind, names in _EXTENSIONS.items() for name in names.split()}
_SECONDS_BEFORE_EXPLAINING = 2.0


def read_question(args: argparse.Namespace) -> list[Part]:
    """The parts of `add_question`'s arguments and standard input.

    Raises:
        BadRequestError: there is no question.
        InvalidMedia: a file is missing, or of a kind that no model takes.
    """
    prompt = "" if args.prompt in (None, "-") else args.prompt
    files = [_read_file(name, prompt) for name in args.files]
    for kind in ("image", "audio", "document"):
        files.extend(_MEDIA[kind](source) for source in getattr(args, kind))
    if data := _read_standard_input(even_terminal=args.prompt == "-"):
        files.append(_create_part(BytesSource(data), "standard input"))
    texts = [prompt, *(part.text for part in files if isinstance(part, Text))]
    text = "\n\n".join(text for text in texts if text)
    media: list[Part] = [part for part in files if isinstance(part, MediaPart)]
    if not text and not media:
        raise BadRequestError('the prompt is empty; ask something: fmsdk ask "What is …?"')
    if not files and os.path.isfile(expand_home(prompt)):
        raise BadRequestError(
            f'{prompt} is a file. Ask something about it: fmsdk ask "…" {prompt}; '
            f'or send it alone: fmsdk ask "" {prompt}'
        )
    return [*media, Text(text)] if text else media


def modalities_of(parts: Iterable[Part]) -> frozenset[Modality]:
    """The modalities among `parts`."""
    return frozenset(part.kind if isinstance(part, MediaPart) else "text" for part in parts)


def _read_file(name: str, prompt: str) -> MediaPart | Text:
    source = resolve_source(name)
    if isinstance(source, UrlSource):
        kind = _kind_by_extension(urlsplit(source.url).path)
        if kind is None:
            raise InvalidMedia(
                f"{source.url.partition('?')[0]} does not tell its kind; "
                "state it with --image, --audio or --document"
            )
        return _MEDIA[kind](source)
    local = cast("LocalSource", source)
    try:
        part = _create_part(local, local.describe())
    except InvalidMedia as error:
        if os.path.isfile(expand_home(prompt)) and not os.path.exists(expand_home(name)):
            raise InvalidMedia(
                f"{error.message}. Pass the question first, then the files"
            ) from error
        raise
    if isinstance(part, Text):
        base = os.path.basename(name)
        letters = (each if each.isprintable() else ascii(each)[1:-1] for each in base)
        return Text(f'<file name="{html.escape("".join(letters))}">\n{part.text}\n</file>')
    return part


def _create_part(source: LocalSource, name: str) -> MediaPart | Text:
    head = source.head(SNIFFED_BYTES)
    if match := sniff(head):
        return _MEDIA[match[0]](source)
    kind = _kind_by_extension(name)
    if kind is not None:  # its bytes are broken, and must not be sent as text
        part = _MEDIA[kind](source)
        verify_media(part)
        return part
    data = source.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        likeness = looks_like(head) or "of an unknown format"
        raise InvalidMedia(
            f"{name} is {likeness}; pass a picture, recording, film, document or UTF-8 text"
        )
    return Text(text)


def _kind_by_extension(name: str) -> str | None:
    return _KINDS.get(os.path.splitext(name)[1].lower())


def _read_standard_input(*, even_terminal: bool) -> bytes:
    """The content of a pipe, socket or file. A terminal is read only if `even_terminal`."""
    stdin: Any = sys.stdin  # None where a script closed it
    if stdin is None:
        return b""
    try:
        is_device = stat.S_ISCHR(os.fstat(stdin.fileno()).st_mode)  # a terminal, or /dev/null
    except (OSError, ValueError):  # closed, or replaced by an object without a descriptor
        is_device = True
    if is_device and not even_terminal:
        return b""
    explain = threading.Timer(
        _SECONDS_BEFORE_EXPLAINING,
        terminal.print_note,
        ("fmsdk: reading standard input until its end (Ctrl-D; </dev/null passes nothing)",),
    )
    explain.daemon = True
    explain.start()
    try:
        return stdin.buffer.read()
    finally:
        explain.cancel()
