"""Keys, headers and configuration of hosted providers, read and checked. Opens nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from inspect import iscoroutinefunction
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from urllib.parse import urljoin, urlsplit

from fmsdk.errors import BadRequestError, ConfigurationError, MissingKey
from fmsdk.hidden import HiddenDict, HiddenText
from fmsdk.keyword_hints import near_match_hint
from fmsdk.provider import ProviderConfig
from fmsdk.request import Request
from fmsdk.request_options import with_typed_options
from fmsdk.validation import check_json

__all__ = [
    "check_client",
    "check_headers",
    "check_key",
    "check_url",
    "from_environment",
    "host_of",
    "join_url",
    "key_variable",
    "missing_key",
    "options_of",
    "read_options",
]

O = TypeVar("O")  # noqa: E741 - options


def options_of(request: Request, kind: type[O], default: O) -> O:
    """The request's options.

    Raises:
        BadRequestError: they are another provider's, of other types than these have, or hold
            what neither JSON nor a header of HTTP can carry.
    """
    request = with_typed_options(request, kind)
    if request.options is None:
        return default
    for name, classes in _classes(kind).items():
        value = getattr(request.options, name)
        if value is not getattr(default, name):
            field_name = f"{kind.__name__}.{name}"
            if not isinstance(value, classes) or (isinstance(value, str) and str not in classes):
                type_names = " or ".join(each.__name__ for each in classes if each is not NoneType)
                raise BadRequestError(f"{field_name} is {type_names}, not {type(value).__name__}")
            if not isinstance(value, str) and not name.endswith("headers"):
                check_json(value, field_name)
    check_headers(getattr(request.options, "extra_headers", {}))
    return request.options


@cache
def _classes(kind: type[Any]) -> dict[str, tuple[type, ...]]:
    """What each field of an options class can be an instance of."""
    hints = get_type_hints(kind)
    return {spec.name: tuple(_instances(hints[spec.name])) for spec in fields(kind)}


def _instances(hint: Any) -> Iterator[type]:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        for inner in get_args(hint):
            yield from _instances(inner)
    elif origin is Literal:  # a vendor may have more values than are known here
        yield from {type(value) for value in get_args(hint)}
    else:
        yield _WIDER.get(origin or hint, cast("type", origin or hint))


_WIDER: dict[Any, type] = {tuple: Sequence, int: Integral, float: Real}


def read_options(
    config: ProviderConfig, kind: type[Any], *, internal: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A provider's options as the fields of `kind`, a dataclass that also has a `name`, and
    fields that are no options, `internal`.

    Raises:
        BadRequestError: an option that does not exist.
    """
    options = HiddenDict({name: each for name, each in config.options.items() if name != "wire"})
    option_names = [spec.name for spec in fields(kind) if spec.name not in ("name", *internal)]
    unknown = sorted(options.keys() - set(option_names))
    if unknown:
        raise BadRequestError(
            f"the provider {config.name!r} has no option {', '.join(map(repr, unknown))}"
            f"{near_match_hint(str(unknown[0]), option_names)}"
        )
    key = options.get("api_key")
    if not (key is None or isinstance(key, str) or callable(key)):
        kind_of_key = type(key).__name__
        raise BadRequestError(f"api_key is text, or a function that returns it, not {kind_of_key}")
    url = options.get("base_url")
    if url is not None and not str(url).strip():
        # As if it were not set, the request and its key would go to the vendor.
        raise BadRequestError(
            f"base_url of the provider {config.name!r} is empty: pass an address, or leave it out"
        )
    return options


def check_client(client: object, kind: str) -> None:
    """Raise BadRequestError for a client that is not one of an SDK's asynchronous ones, `kind`."""
    if client is not None and not iscoroutinefunction(getattr(client, "post", None)):
        raise BadRequestError(f"client is an {kind}, not {type(client).__name__}")


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise BadRequestError for headers that HTTP cannot carry."""
    if not isinstance(cast("object", headers), Mapping):
        raise BadRequestError(f"headers are a mapping, not {type(headers).__name__}")
    wrong_names = [
        name
        for name, value in headers.items()
        if not (_is_printable(name) and _is_printable(value) and name and " " not in name)
    ]
    del headers  # a traceback may show it, with its secrets
    if wrong_names:
        raise BadRequestError(f"the header {wrong_names[0]!r} is not one that HTTP can carry")


def check_url(url: str) -> None:
    """Raise BadRequestError for a base URL that is none."""
    try:
        parts = urlsplit(url)
        # A port beyond 65535 raises where it is read.
        is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        is_whole = is_whole and url.isprintable() and " " not in url
    except ValueError:
        is_whole = False
    if not is_whole:
        redacted_url, parts = re.sub(r"//.*@", "//…@", re.split(r"[?#]", url, maxsplit=1)[0]), None
        del url
        raise BadRequestError(
            "base_url is no http:// or https:// URL of a host and, at most, a port: "
            f"{redacted_url!r}"
        )


def join_url(base: str, path: str) -> str:
    """A path relative to the base URL, or from its host's root where it begins with /; with the
    query of the base URL, which every request carries."""
    scheme, host, base_path, query, _ = urlsplit(base)
    return urljoin(f"{scheme}://{host}{base_path.rstrip('/')}/", path) + (query and f"?{query}")


def host_of(url: str) -> str:
    """The host of a URL, lower-cased; "" where there is none."""
    return urlsplit(url).hostname or ""


def check_key(key: str, variable: str) -> str:
    """The key. Raises ConfigurationError for one that no header can carry."""
    is_valid, key = _is_printable(key), HiddenText(key)
    if not is_valid:
        raise ConfigurationError(f"the API key holds characters that no key has; see {variable}")
    return key


def missing_key(provider: str, variable: str) -> MissingKey:
    """The error of a vendor that wants a key and got none."""
    return MissingKey(f"no API key: set {variable}", variable=variable, provider=provider)


def from_environment(*variables: str) -> str | None:
    """The first of these environment variables that is set to more than white space."""
    values = (os.environ.get(variable, "").strip() for variable in variables)
    return next((value for value in values if value), None)


def key_variable(name: str) -> str:
    """The environment variable with the key of the provider `name`: OPENAI_API_KEY, …"""
    return f"{name.upper().replace('-', '_')}_API_KEY"


def _is_printable(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable() and text == text.strip()
