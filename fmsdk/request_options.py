"""A provider's own options of one request, where the caller wrote them as a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

from fmsdk.errors import BadRequestError
from fmsdk.generate_options import GenerateOptions
from fmsdk.keyword_hints import keyword_hint
from fmsdk.request import Request

__all__ = ["options_import", "with_typed_options"]

Q = TypeVar("Q", bound=Request)


def with_typed_options(request: Q, options_class: type[Any] | None) -> Q:
    """The request with a mapping of options as an `options_class`, which checks their values.

    Raises:
        BadRequestError: an option that does not exist, or options of another provider.
    """
    options: object = request.options
    if options_class is None or options is None or isinstance(options, options_class):
        return request
    if not isinstance(options, Mapping):
        raise BadRequestError(
            f"{request.name} takes a mapping or {options_class.__name__} "
            f"({options_import(options_class)}), not {type(options).__name__}",
            provider=request.provider,
            model=request.model,
        )
    options = cast("Mapping[Any, Any]", options)
    known = [spec.name for spec in fields(options_class)]
    for name in options:
        if name not in known:
            hint = keyword_hint(str(name), known)
            if name in GenerateOptions.__annotations__:
                hint = f"; it is a keyword of its own: generate(…, {name}=…)"
            raise BadRequestError(
                f"{options_class.__name__} has no option {name!r}{hint}",
                provider=request.provider,
                model=request.model,
            )
    return replace(request, options=options_class(**options))


def options_import(options_class: type[Any]) -> str:
    """The line that imports an options class."""
    package = options_class.__module__.partition(".")[0]
    return f"from {package} import {options_class.__name__}"
