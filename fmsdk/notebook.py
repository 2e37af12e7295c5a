"""HTML for notebooks, of answers, quotes and media. Every text is escaped.

Knows no classes of fmsdk but the sources of media, whose bytes it shows within a limit. What lies
behind a URL is not shown: a notebook would fetch it, whoever wrote the URL.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from fmsdk.errors import FmsdkError
from fmsdk.media.source import LocalSource, Source

__all__ = ["render_media", "render_note", "render_table", "render_text"]

_MOST_SHOWN = 4 << 20
"""Bytes of a picture or recording. A notebook keeps what it shows in its file."""
_SHOWN_TYPES = {
    **dict.fromkeys(("avif", "bmp", "gif", "jpeg", "png", "webp"), "image"),
    **dict.fromkeys(("aac", "flac", "mp4", "mpeg", "ogg", "wav", "webm"), "audio"),
}


def render_text(text: str) -> str:
    """A text with its own line breaks."""
    return f'<div style="white-space: pre-wrap">{_escape(text)}</div>' if text else ""


def render_note(*lines: str) -> str:
    """Small lines below an answer."""
    rows = "<br>".join(map(_escape, lines))
    return f'<div style="font-size: smaller; opacity: 0.7">{rows}</div>'


def render_table(title: str, rows: Mapping[str, str]) -> str:
    """A title, and a row for each name and value."""
    cells = "".join(
        f'<tr><th style="text-align: left">{_escape(name)}</th>'
        f'<td style="text-align: left">{_escape(value)}</td></tr>'
        for name, value in rows.items()
    )
    return f"<table><caption>{_escape(title)}</caption>{cells}</table>"


def render_media(part: Any) -> str:
    """A picture or recording of at most 4 MiB, whose bytes are at hand; of others the description,
    and why they cannot be read."""
    try:
        source: Source = part.source
        mime: str = part.header.mime if isinstance(source, LocalSource) else ""
        group, _, name = mime.partition("/")
        if isinstance(source, LocalSource) and _SHOWN_TYPES.get(name) == group:
            data = source.head(_MOST_SHOWN + 1)
            if len(data) <= _MOST_SHOWN:
                url = f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
                if group == "audio":
                    return f'<audio controls src="{url}"></audio>'
                return f'<img src="{url}" alt="{_escape(repr(part))}" style="max-width: 100%">'
        return render_text(repr(part))
    except FmsdkError as error:
        return render_text(f"{part!r}: {error}")


def _escape(text: str) -> str:
    import html  # 1 ms at import, for a minority

    return html.escape(text)
