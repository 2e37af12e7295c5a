"""A request on its way to becoming a body of the Messages API: its blocks and their marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from fmsdk.content import CacheMark, Document, Image, MediaPart, Text, ToolResult
from fmsdk.errors import InvalidMedia
from fmsdk.hosted.request_builder import RequestBuilder
from fmsdk.request import Request
from fmsdk_anthropic.encode.family import Family, family_of
from fmsdk_anthropic.options import AnthropicOptions, options_of

__all__ = ["AnthropicRequestBuilder"]

_IMAGE_MIMES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_TEXT_MIMES = ("text/", "application/json", "application/xml")
_PDF = "application/pdf"
_MAX_MARKS = 4
_UNMARKED = ("thinking", "redacted_thinking")
"""Blocks that carry no cache mark."""
_VALID_ID = re.compile(r"[A-Za-z0-9_-]+")


class AnthropicRequestBuilder(RequestBuilder):
    """The request, and how its parts become blocks."""

    api: ClassVar[str] = "Anthropic's Messages API"

    options: AnthropicOptions

    def __init__(self, request: Request, *, stream: bool) -> None:
        super().__init__(request, options_of(request), stream=stream)
        self.family: Family = family_of(request.model)
        self._marks = 0

    def mark_after(self, blocks: Sequence[dict[str, Any]], cache: CacheMark) -> bool:
        """Put a cache point after blocks: on the last that can carry it, or into the mark that is
        there. False where none can."""
        block = next((one for one in reversed(blocks) if one.get("type") not in _UNMARKED), None)
        if block is None:
            return False
        if "cache_control" not in block:
            block.update(self.mark(cache))
        elif cache == "1h":
            block["cache_control"] = {**block["cache_control"], "ttl": cache}
        return True

    def mark(self, cache: CacheMark) -> dict[str, Any]:
        """The field that marks a block as a cache point.

        Raises:
            BadRequestError: more than four of them.
        """
        if not cache:
            return {}
        self._marks += 1
        if self._marks > _MAX_MARKS:
            why = f"{self.api} takes {_MAX_MARKS} cache marks a request; keep those furthest on"
            raise self.invalid(why)
        lifetime = {} if cache is True else {"ttl": cache}
        return {"cache_control": {"type": "ephemeral", **lifetime}}

    def block(self, part: Text | MediaPart) -> dict[str, Any]:
        """A part as a block of a user's turn, or of a tool's result."""
        if isinstance(part, Text):
            if part.refusal:
                self.refusal_as_text()
            block: dict[str, Any] = {"type": "text", "text": part.text}
        elif isinstance(part, Image):
            block = self._image(part)
        elif isinstance(part, Document):
            block = self._document(part)
        else:
            instead = {
                "audio": "send its transcript (local:demo-audio makes one)",
                "video": "send some of its frames as images",
            }[part.kind]
            raise self.unsupported(part.kind, f"{self.api} carries no {part.kind}; {instead}")
        return block | self.mark(part.cache)

    def takes_call_id(self, id: str) -> bool:
        """Whether Anthropic takes a tool call's id, which other vendors form otherwise."""
        return _VALID_ID.fullmatch(id) is not None

    def result(self, result: ToolResult) -> dict[str, Any]:
        """A tool's result."""
        content = [self.block(part) for part in result.content if not is_empty(part)]
        block: dict[str, Any] = {
            "type": "tool_result",
            "tool_use_id": self.call_id(result.call_id),
        }
        if content:
            plain = len(content) == 1 and content[0].keys() == {"type", "text"}
            block["content"] = content[0]["text"] if plain else content
        if result.is_error:
            block["is_error"] = True
        # A cache point after nothing is one after the result that nothing ends.
        marks: list[CacheMark] = [part.cache for part in result.content if is_empty(part)]
        return block | self.mark(result.cache or next(filter(None, reversed(marks)), False))

    def _image(self, image: Image) -> dict[str, Any]:
        if image.detail not in (None, "auto"):
            why = f"{self.api} has no such field; Claude looks as closely as it can"
            self.unsupported_settings.drop("detail", why)
        return {"type": "image", "source": self._reference(image) or self._image_bytes(image)}

    def _image_bytes(self, image: Image) -> dict[str, Any]:
        if image.mime not in _IMAGE_MIMES:
            why = f"Claude reads PNG, JPEG, WebP and GIF, not {image.mime}; convert it first"
            raise self.unsupported("image", why)
        return {"type": "base64", "media_type": image.mime, "data": self.media.base64(image)}

    def _document(self, document: Document) -> dict[str, Any]:
        mime = document.mime or _PDF
        if mime != _PDF and document.url is not None:
            why = f"{self.api} takes PDFs alone by URL, not {mime}; give its bytes"
            raise self.unsupported("document", why)
        block: dict[str, Any] = {
            "type": "document",
            "source": self._reference(document) or self._document_bytes(document, mime),
        }
        if document.name is not None:
            block["title"] = document.name
        if self.options.citations:
            block["citations"] = {"enabled": True}
        return block

    def _document_bytes(self, document: Document, mime: str) -> dict[str, Any]:
        if mime == _PDF:
            return {"type": "base64", "media_type": mime, "data": self.media.base64(document)}
        if not mime.startswith(_TEXT_MIMES):
            why = f"{self.api} reads PDFs and plain text, not {mime}; convert it first"
            raise self.unsupported("document", why)
        try:
            text = document.read().decode()
        except UnicodeDecodeError as error:
            raise InvalidMedia(f"{document.describe()} is no UTF-8 text: {error.reason}") from error
        return {"type": "text", "media_type": "text/plain", "data": text}

    def _reference(self, part: Image | Document) -> dict[str, Any] | None:
        """Media that Anthropic holds, or fetches itself."""
        if (file_id := self.file_id(part)) is not None:
            return {"type": "file", "file_id": file_id}
        return None if part.url is None else {"type": "url", "url": part.url}


def is_empty(part: object) -> bool:
    """Whether a part is a text without a character, which holds nothing and is refused."""
    return isinstance(part, Text) and not part.text
