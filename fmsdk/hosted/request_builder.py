"""What the encoders of every verb share: warnings, settings that are dropped, the JSON body.

No I/O but reading media.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmsdk.errors import BadRequestError, UnsupportedContent
from fmsdk.hosted.body import Body, BodyWriter
from fmsdk.provider import UnsupportedSettings
from fmsdk.request import Request
from fmsdk.response import Warning, WarningCode

__all__ = ["RequestBuilder"]


class RequestBuilder:
    """Collects the fields of one body, and what could not be sent.

    Args:
        request: what to encode.
        options: the provider's own, as `fmsdk.hosted.options.options_of` returned them.
        stream: whether the answer shall come in events.
    """

    def __init__(self, request: Request, options: Any, *, stream: bool) -> None:
        self.request = request
        self.options = options
        self.stream = stream
        self.media = BodyWriter()
        self.unsupported_settings = UnsupportedSettings(request)
        self._warnings: dict[str, Warning] = {}

    def merge_extra_body(self, fields: dict[str, Any]) -> Body:
        """These fields, then `extra_body`, in which None takes a field out."""
        extra: Mapping[str, Any] = self.options.extra_body
        removed_names = {name for name, value in extra.items() if value is None}
        all_fields = {**fields, **extra}
        return self.media.write(
            {name: all_fields[name] for name in all_fields if name not in removed_names}
        )

    def warn(self, code: WarningCode, message: str, detail: str = "") -> None:
        """Warn the caller, once for each code."""
        self._warnings.setdefault(code, Warning(code, message, detail))

    def warnings(self) -> tuple[Warning, ...]:
        """Everything that could not be sent."""
        return (*self.unsupported_settings.warnings, *self._warnings.values())

    def unsupported_content(self, part: str, why: str) -> UnsupportedContent:
        """The error of a part that the API does not take; `why` also says what would work."""
        request = self.request
        return UnsupportedContent(
            f"{request.name}: {why}", part=part, provider=request.provider, model=request.model
        )

    def invalid(self, why: str) -> BadRequestError:
        """The error of a request that can never work."""
        request = self.request
        return BadRequestError(why, provider=request.provider, model=request.model)

    def drop_settings(self, names: tuple[str, ...], api: str) -> None:
        """Drop each of these settings and options that the caller has set."""
        settings = self.request.settings.chosen()
        for name in names:
            option = name.removeprefix("options.")
            if name in settings or (option != name and getattr(self.options, option) is not None):
                self.unsupported_settings.drop(name, f"{api} has no such field")
