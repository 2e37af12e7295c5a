"""Views of requests and answers that hold no key and no bytes of media.

Text stays, since a view is shown to the caller's own code. Media parts keep their kind, mime, size
and duration, but cannot be read. URLs lose the parts that may hold a key.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, BinaryIO, NoReturn, TypeVar

from fmsdk.content import MediaPart
from fmsdk.errors import FmsdkError, InvalidMedia
from fmsdk.media.source import BytesSource, FileRef, UrlSource, shown_url
from fmsdk.request import Request
from fmsdk.result import Result

__all__ = ["error_view", "request_view", "result_view"]

R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True, repr=False)
class _HiddenSource(BytesSource):
    """Stands in for the source of a media part: it has the name, but not the bytes."""

    name: str = ""

    def _refuse(self) -> NoReturn:
        raise InvalidMedia(f"{self.name} cannot be read here: hooks get media without their bytes")

    def read(self) -> bytes:
        self._refuse()

    def head(self, size: int) -> bytes:
        self._refuse()

    def open(self) -> BinaryIO:
        self._refuse()

    def describe(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return self.name


def request_view(request: Request) -> Request:
    """The request with unreadable media, and without the options that carry headers or raw
    fields."""
    view = request.with_media(_media_view)
    return replace(view, options=_options_view(request.options))


def result_view(result: R) -> R:
    """The result with unreadable media, and without the vendor's body, which holds them too."""
    return replace(result.with_media(_media_view), raw_body=None)


def error_view(error: FmsdkError) -> FmsdkError:
    """A copy of the error without its cause: the exceptions of HTTP clients hold the request that
    they sent, with its key."""
    view = copy.copy(error)
    partial: object = view.partial
    if isinstance(partial, Result):
        view.partial = result_view(partial)
    return view


def _media_view(part: MediaPart) -> MediaPart:
    if isinstance(part.source, FileRef):
        return part
    if isinstance(part.source, UrlSource):
        return replace(part, source=UrlSource(shown_url(part.source.url)))
    header = None
    with suppress(InvalidMedia):  # the call is about to raise it
        header = part.header
    view = replace(part, source=_HiddenSource(b"", part.mime_type, name=part.describe()))
    object.__setattr__(view, "_header", header)
    return view


def _options_view(options: Any) -> Any:
    """The provider's own options. Fields that are hidden from reprs (keys, headers) and mappings
    (raw fields of the body) have their defaults."""
    if not is_dataclass(options) or isinstance(options, type):
        return None
    defaults: dict[str, Any] = {}
    for spec in fields(options):
        if spec.repr and not isinstance(getattr(options, spec.name), Mapping):
            continue
        if spec.default_factory is not MISSING:
            defaults[spec.name] = spec.default_factory()
        elif spec.default is not MISSING:
            defaults[spec.name] = spec.default
        else:
            return None
    return replace(options, **defaults)
