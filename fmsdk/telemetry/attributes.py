"""What a span says of a request, of its server and of how it ended. Pure, and without content.

Whatever is unknown is left out: an attribute is never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fmsdk.errors import FmsdkError
from fmsdk.observe.observer import Outcome, attempts_of, request_id_of, result_of
from fmsdk.operation import Operation
from fmsdk.provider import Provider
from fmsdk.request import Request
from fmsdk.result import Result
from fmsdk.telemetry import names

__all__ = ["Attributes", "error_type", "of_answer", "of_call", "of_request"]

Value = str | bool | int | float | tuple[str, ...]
Attributes = Mapping[str, Value]

# Vendors (by their ids in the price table) and named servers that the conventions call otherwise.
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
    """What every span and every metric of a call says: operation, provider, model, server."""
    host, port = _server(provider.base_url)
    provider_name = _semantic_provider(provider.vendor or request.provider, host)
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
    """How it was asked: the settings that were chosen, and the caller's tags. `provider_name`
    is what the conventions call the provider."""
    settings, options = request.settings, request.options
    chosen = {name: getattr(options, own, None) for own, name in names.REQUEST_OPTIONS.items()}
    tier = getattr(options, "service_tier", None) if provider_name == "openai" else None
    tags = {f"{names.TAG_PREFIX}{name}": value for name, value in request.tags}
    return _without_unknown(
        {
            names.REQUEST_STREAM: operation.is_streamed or None,
            names.OUTPUT_TYPE: _output_type(request),
            names.REQUEST_CHOICES: settings.choices if settings.choices != 1 else None,
            names.REQUEST_MAX_TOKENS: settings.max_output_tokens,
            names.REQUEST_SEED: settings.seed,
            names.REQUEST_STOP: settings.stop or None,
            names.REQUEST_TEMPERATURE: settings.temperature,
            names.REQUEST_TOP_P: settings.top_p,
            **chosen,
            names.OPENAI_REQUEST_TIER: tier,
            **tags,
        }
    )


def of_answer(outcome: Outcome, provider_name: object) -> dict[str, Value]:
    """What came back, what it used and what it cost. `provider_name` is as for `of_request`."""
    values: dict[str, Value | None] = {
        names.REQUEST_ID: request_id_of(outcome),
        names.ATTEMPTS: attempts_of(outcome),
    }
    answer = result_of(outcome)
    if answer is not None:
        values |= _usage_values(answer)
        if provider_name == "openai":
            values[names.OPENAI_RESPONSE_TIER] = answer.usage.service_tier
        values[names.RESPONSE_FINISH_REASONS] = answer.finishes or None
        values[names.RESPONSE_ID] = _response_id(answer.raw_body)
    return _without_unknown(values)


def _usage_values(answer: Result) -> dict[str, Value | None]:
    usage, cost = answer.usage, answer.cost
    return {
        names.RESPONSE_MODEL: answer.served_model,
        names.INPUT_TOKENS: usage.input.total,
        names.OUTPUT_TOKENS: usage.output.total,
        names.CACHE_READ_TOKENS: usage.input.cache_read,
        names.CACHE_WRITE_TOKENS: usage.input.cache_write,
        names.REASONING_TOKENS: usage.output.reasoning,
        **{name: getattr(usage.input, kind) for kind, name in names.INPUT_BY_MODALITY.items()},
        **{name: getattr(usage.output, kind) for kind, name in names.OUTPUT_BY_MODALITY.items()},
        names.USAGE_SOURCE: usage.source,
        names.COST: None if cost is None else float(cost.total),
    }


def error_type(error: Exception) -> str:
    """The error's class, by name: of `fmsdk.errors`, or one that is a bug."""
    kind = type(error)
    is_ours = isinstance(error, FmsdkError)
    return kind.__name__ if is_ours else f"{kind.__module__}.{kind.__qualname__}"


def _without_unknown(values: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value is not None}


def _output_type(request: Request) -> str | None:
    if request.output is not None:
        return "json"
    other = [kind for kind in request.settings.modalities if kind != "text"]
    return _OUTPUT_TYPES[other[0]] if other else None


def _semantic_provider(name: str, host: str | None) -> str:
    for domain, provider_name in _HOSTS.items():
        if host is not None and host.endswith(domain):
            return provider_name
    return _PROVIDERS.get(name, name)


@lru_cache(maxsize=256)
def _server(url: str | None) -> tuple[str | None, int | None]:
    """Host and port alone: keys are in the other parts of URLs."""
    parts = urlsplit(url or "")
    if parts.hostname is None:
        return None, None
    return parts.hostname, parts.port or {"http": 80}.get(parts.scheme, 443)


def _response_id(body: bytes | None) -> str | None:
    """The vendor's id of the answer itself, which its body tells."""
    if body is None:
        return None
    try:
        values = _BODY.decode(body)
        return values.id or values.google_id
    except msgspec.DecodeError:
        return None
