"""The attributes of a span: of the request, its server and its outcome. Pure, and without content.

Unknown values are left out: an attribute is never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fmsdk.errors import FmsdkError
from fmsdk.observe.observer import Outcome, attempts_of, request_id_of, result_of
from fmsdk.operation import Operation
from fmsdk.provider import Provider
from fmsdk.request import Request
from fmsdk.telemetry import names

__all__ = ["Attributes", "error_type", "of_answer", "of_call", "of_request"]

Value = str | bool | int | float | tuple[str, ...]
Attributes = Mapping[str, Value]

# Vendors (by their ids in the price table) and servers that have another name in the conventions.
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "google": "gcp.gen_ai",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "x-ai": "x_ai",
    "xai": "x_ai",
}
# Google's two services have one vendor and two names.
_HOSTS = {
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
}
_OUTPUT_TYPES = {"audio": "speech", "image": "image"}


class _Body(msgspec.Struct):
    id: str | None = None
    google_id: str | None = msgspec.field(default=None, name="responseId")


_BODY = msgspec.json.Decoder(_Body)


def of_call(
    operation: Operation[Any, Any], provider: Provider, request: Request
) -> dict[str, Value]:
    """The attributes of every span and every metric: operation, provider, model, server."""
    host, port = _server(provider.base_url)
    vendor = provider.vendor or request.provider
    provider_name = _PROVIDERS.get(vendor, vendor)
    for domain, service in _HOSTS.items():
        if host is not None and host.endswith(domain):
            provider_name = service
    semantic_name = operation.semantic_name
    if provider_name.startswith("gcp."):
        semantic_name = names.GOOGLE_OPERATIONS.get(semantic_name, semantic_name)
    return _without_unknown(
        {
            names.OPERATION: semantic_name,
            names.PROVIDER: provider_name,
            names.REQUEST_MODEL: request.model,
            names.SERVER_ADDRESS: host,
            names.SERVER_PORT: port,
        }
    )


def of_request(
    operation: Operation[Any, Any], request: Request, provider_name: object
) -> dict[str, Value]:
    """The settings of the request, and the caller's tags. `provider_name` is the provider's name in
    the conventions."""
    settings, options = request.settings, request.options
    option_values = {
        name: getattr(options, own, None) for own, name in names.REQUEST_OPTIONS.items()
    }
    tier = getattr(options, "service_tier", None) if provider_name == "openai" else None
    tags = {f"{names.TAG_PREFIX}{name}": value for name, value in request.tags}
    media = [kind for kind in settings.modalities if kind != "text"]
    output_type = "json" if request.output is not None else None
    if output_type is None and media:
        output_type = _OUTPUT_TYPES[media[0]]
    return _without_unknown(
        {
            names.REQUEST_STREAM: operation.is_streamed or None,
            names.OUTPUT_TYPE: output_type,
            names.REQUEST_CHOICES: settings.choices if settings.choices != 1 else None,
            names.REQUEST_MAX_TOKENS: settings.max_output_tokens,
            names.REQUEST_SEED: settings.seed,
            names.REQUEST_STOP: settings.stop or None,
            names.REQUEST_TEMPERATURE: settings.temperature,
            names.REQUEST_TOP_P: settings.top_p,
            **option_values,
            names.OPENAI_REQUEST_TIER: tier,
            **tags,
        }
    )


def of_answer(outcome: Outcome, provider_name: object) -> dict[str, Value]:
    """The answer, its usage and its cost. `provider_name` is as for `of_request`."""
    values: dict[str, Value | None] = {
        names.REQUEST_ID: request_id_of(outcome),
        names.ATTEMPTS: attempts_of(outcome),
    }
    answer = result_of(outcome)
    if answer is not None:
        usage, cost = answer.usage, answer.cost
        inputs, outputs = names.INPUT_BY_MODALITY, names.OUTPUT_BY_MODALITY
        values |= {
            names.RESPONSE_MODEL: answer.served_model,
            names.RESPONSE_FINISH_REASONS: answer.finishes or None,
            names.INPUT_TOKENS: usage.input.total,
            names.OUTPUT_TOKENS: usage.output.total,
            names.CACHE_READ_TOKENS: usage.input.cache_read,
            names.CACHE_WRITE_TOKENS: usage.input.cache_write,
            names.REASONING_TOKENS: usage.output.reasoning,
            **{name: getattr(usage.input, kind) for kind, name in inputs.items()},
            **{name: getattr(usage.output, kind) for kind, name in outputs.items()},
            names.USAGE_SOURCE: usage.source,
            names.COST: None if cost is None else float(cost.total),
        }
        # The vendor's id of the answer, not of the request, is in its body alone.
        with suppress(msgspec.DecodeError):
            body = _BODY.decode(answer.raw_body or b"{}")
            values[names.RESPONSE_ID] = body.id or body.google_id
        if provider_name == "openai":
            values[names.OPENAI_RESPONSE_TIER] = usage.service_tier
    return _without_unknown(values)


def error_type(error: Exception) -> str:
    """The name of the error's class, with its module if it is not one of fmsdk's."""
    kind = type(error)
    is_ours = isinstance(error, FmsdkError)
    return kind.__name__ if is_ours else f"{kind.__module__}.{kind.__qualname__}"


def _without_unknown(values: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value is not None}


@lru_cache(maxsize=256)
def _server(url: str | None) -> tuple[str | None, int | None]:
    """Host and port. The other parts of a URL may hold keys."""
    parts = urlsplit(url or "")
    if parts.hostname is None:
        return None, None
    return parts.hostname, parts.port or {"http": 80}.get(parts.scheme, 443)
