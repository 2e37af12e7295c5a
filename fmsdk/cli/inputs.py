"""What is asked on the command line as the parts of a prompt: media first, then one text.

Files are told apart by their content; only of a URL is the name looked at, since nothing is
fetched here. Knows no model.
"""

from __future__ import annotations

import argparse
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
from fmsdk.media.sniff import SNIFFED_BYTES, looks_like, sniff
from fmsdk.media.source import BytesSource, LocalSource, UrlSource, resolve_source
from fmsdk.pipeline.capability_check import verify_media

__all__ = ["kinds_of", "question"]

_MEDIA: dict[str, type[MediaPart]] = {
    "image": Image,
    "audio": Audio,
    "video": Video,
    "document": Document,
}
_ENDINGS = {
    "image": "avif bmp gif heic jpeg jpg png tif tiff webp",
    "audio": "aac flac m4a mp3 oga ogg opus wav",
    "video": "avi mkv mov mp4 mpeg mpg webm",
    "document": "pdf",
}
_KINDS = {f".{end}": kind for kind, ends in _ENDINGS.items() for end in ends.split()}
_SECONDS_BEFORE_EXPLAINING = 2.0


def question(args: argparse.Namespace) -> list[Part]:
    """The parts of `add_question`'s arguments and standard input.

    Raises:
        BadRequestError: nothing is asked.
        InvalidMedia: a file that is missing or of no kind a model could take.
    """
    prompt = "" if args.prompt in (None, "-") else args.prompt
    files = [_file_part(name, prompt) for name in args.files]
    for kind in ("image", "audio", "document"):
        files.extend(_MEDIA[kind](source) for source in getattr(args, kind))
    piped = _standard_input(required=args.prompt == "-")
    if piped:
        files.append(_part(BytesSource(piped), "standard input"))
    texts = [prompt, *(part.text for part in files if isinstance(part, Text))]
    text = "\n\n".join(text for text in texts if text)
    media: list[Part] = [part for part in files if isinstance(part, MediaPart)]
    if not text and not media:
        raise BadRequestError('the prompt is empty; ask something: fmsdk ask "What is …?"')
    if not files and os.path.isfile(prompt):
        raise BadRequestError(
            f'{prompt} is a file. Ask something about it: fmsdk ask "…" {prompt}; '
            f'or send it alone: fmsdk ask "" {prompt}'
        )
    return [*media, Text(text)] if text else media


def kinds_of(parts: Iterable[Part]) -> frozenset[Modality]:
    """The modalities among `parts`."""
    return frozenset(part.kind if isinstance(part, MediaPart) else "text" for part in parts)


def _file_part(name: str, prompt: str) -> MediaPart | Text:
    source = resolve_source(name)
    if isinstance(source, UrlSource):
        return _url_part(source)
    local = cast("LocalSource", source)
    try:
        part = _part(local, local.describe())
    except InvalidMedia as error:
        if os.path.isfile(prompt) and not os.path.exists(name):
            raise InvalidMedia(f"{error.message}. The question comes first, then files") from error
        raise
    if isinstance(part, Text):
        return Text(f'<file name="{os.path.basename(name)}">\n{part.text}\n</file>')
    return part


def _part(source: LocalSource, name: str) -> MediaPart | Text:
    head = source.head(SNIFFED_BYTES)
    found = sniff(head)
    if found is not None:
        return _MEDIA[found[0]](source)
    kind = _kind_by(name)
    if kind is not None:  # by its name alone: as a text it would be asked about in earnest
        part = _MEDIA[kind](source)
        verify_media(part)
        return part
    data = source.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        what = looks_like(head) or "nothing known here"
        raise InvalidMedia(
            f"{name} is {what}; what can be asked about is a picture, recording, film, document "
            "or UTF-8 text"
        )
    return Text(text)


def _url_part(source: UrlSource) -> MediaPart:
    kind = _kind_by(urlsplit(source.url).path)
    if kind is None:
        raise InvalidMedia(
            f"{source.url.partition('?')[0]} does not tell what it is; "
            "say so with --image, --audio or --document"
        )
    return _MEDIA[kind](source)


def _kind_by(name: str) -> str | None:
    return _KINDS.get(os.path.splitext(name)[1].lower())


def _standard_input(*, required: bool) -> bytes:
    """What is piped in; a terminal is read only where `required`."""
    stdin: Any = sys.stdin  # None where a script closed it
    if stdin is None or not (required or _is_piped()):
        return b""
    explain = threading.Timer(
        _SECONDS_BEFORE_EXPLAINING,
        terminal.note,
        ("fmsdk: reading standard input until its end (Ctrl-D; </dev/null says there is none)",),
    )
    explain.daemon = True
    explain.start()
    try:
        return stdin.buffer.read()
    finally:
        explain.cancel()


def _is_piped() -> bool:
    """Whether standard input is a pipe, socket or file; a terminal and /dev/null are devices."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):  # closed, or replaced by an object without a descriptor
        return False
    return not stat.S_ISCHR(mode)
