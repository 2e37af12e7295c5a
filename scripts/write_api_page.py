"""Writes docs/reference/api.md: public names, codes of warnings, and every provider's options.

The texts are the docstrings' own, except for what stands in the tables here. Run it after a change
of one: `make docs`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any, get_args

import fmsdk
import fmsdk_anthropic.options
import fmsdk_google.options
import fmsdk_openai.options
from fmsdk_anthropic import AnthropicOptions
from fmsdk_google import GoogleOptions
from fmsdk_local import LocalConfig, LocalOptions
from fmsdk_openai import OpenAIOptions

__all__ = ["PAGE", "WARNINGS", "write_page"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "api.md"

# In place of docstrings: aliases of types have none, and a root needs more than one sentence.
TEXTS = {
    "Event": "One event of a stream: `TextDelta`, `ReasoningDelta`, `ToolCallDelta`, `MediaDelta` "
    "or `Finished`.",
    "FmsdkError": "The root of the tree: every error that fmsdk raises on purpose.",
    "Part": "One part of a message: `Text`, `Image`, `Audio`, `Video`, `Document`, `Reasoning`, "
    "`ToolCall` or `ToolResult`.",
    "WarningCode": "Every code that a warning can have: see below.",
}
SECTIONS = {
    "Clients and streams": ("fmsdk.client", "fmsdk.sync_client", "fmsdk.streams"),
    "Messages and requests": ("fmsdk.content", "fmsdk.media", "fmsdk.request", "types"),
    "Results": (
        "fmsdk.response",
        "fmsdk.events",
        "fmsdk.result",
        "fmsdk.token_count",
        "fmsdk.transcription",
        "fmsdk.embedding",
    ),
    "Usage, cost and quotes": ("fmsdk.usage", "fmsdk.quoting", "fmsdk.budget"),
    "JSON": ("fmsdk.serialization",),
    "For providers": ("fmsdk.provider",),
    "Errors": ("fmsdk.errors",),
}
WARNINGS = {
    "cost_above_bound": "The bill is above what was reserved for it: `max_cost`, or the ceiling.",
    "setting_dropped": "A setting was left out because the model or the API cannot honour it, and "
    "the request is `lenient`.",
    "setting_ignored": "The server did not do what a setting asked for: it gave fewer answers than "
    "`choices`, or vectors of another length than `dimensions`.",
    "schema_not_strict": "The vendor's strict mode, or the keywords that it reads, cannot hold the "
    "JSON Schema, so the vendor does not guarantee that the answer or the arguments fit it.",
    "audio_format": "The spoken answer comes in another format than the one asked for.",
    "cache_lifetime": "The vendor keeps the cached prompt for another time than the one asked for.",
    "cache_mark_ignored": "A cache mark has no effect.",
    "tag_not_sent": "A tag cannot be sent to the vendor; it is still in `result.tags`.",
    "audio_dropped": "A spoken answer went back to the model as its transcript.",
    "blank_text_dropped": "A text of nothing but white space was left out, because the vendor "
    "refuses it.",
    "citations_dropped": "The citations of an earlier answer were not sent back.",
    "name_dropped": "The name of a document was not sent: the API takes it only with the "
    "document's bytes.",
    "opaque_dropped": "What another vendor attached to its tool calls was not sent.",
    "reasoning_dropped": "The reasoning of an earlier answer was not sent back.",
    "result_images_moved": "Pictures of tool results went into the user message after the results, "
    "since the API takes only text in a result.",
    "refusal_as_text": "An earlier refusal went back to the model as plain text.",
    "thought_signature_missing": "Tool calls that Gemini did not make have no thought signature; "
    "Gemini was asked to accept them without.",
    "tool_ids_changed": "Ids of tool calls were replaced, because the vendor refuses those that "
    "the conversation has.",
    "frames_dropped": "Only one frame of an animation was sent.",
    "image_converted": "A picture was turned upright for a server that ignores its EXIF "
    "orientation; or a local model saw its transparent pixels on a ground, or its pixel values on "
    "another scale.",
    "image_downsized": "A picture was made smaller; the message has both sizes and the reason.",
    "input_truncated": "The server cut off a text that is longer than the model takes.",
    "content_skipped": "A piece of the answer could not be read and is missing from it.",
    "finish_message": "The vendor explained why the answer ended; the message has its words.",
    "finish_missing": 'The server did not say why the answer ended; `finish` is "other".',
    "malformed_arguments": "The arguments of a tool call are not a JSON object; `ToolCall.raw` has "
    "them as they came.",
    "no_speech": "No speech was found in the recording, or in a part of it.",
    "raw_completion": "The model is a base model without a chat template: it continued the text.",
    "refused": "The vendor's safety system refused to answer; the message has its category.",
    "tokens_without_text": "A local model wrote tokens that its tokenizer lacks; the text is "
    "without them.",
    "tool_call_unreadable": "A local model began a tool call that cannot be read, or that names no "
    "tool of the request; its text is in the answer.",
    "vectors_unnormalized": "The vectors are not of unit length, so their dot product is not their "
    "cosine similarity.",
    "context_too_long": "The request is longer than the model's context (in a quote; `generate` "
    "raises `ContextTooLong`).",
    "local_cost_unknown_before_run": "A local model costs the time that it takes, which is unknown "
    "before it has run.",
    "model_retired": "The vendor has switched the model off; `allow_retired=True` asks it all the "
    "same.",
    "model_retiring": "The vendor has announced the day on which it switches the model off.",
    "model_unknown": "fmsdk does not know what the model takes, so nothing was checked beyond what "
    "the API can carry.",
    "input_unbounded": "The request has input that it does not hold itself, such as what server "
    "tools find; the quote covers only the rest, and has no ceiling.",
    "output_assumed": "The quote assumes a length for the answer, because `max_output_tokens` is "
    "not set.",
    "price_unknown": "No price is known for the model, or for the tier that was asked for.",
    "usage_elsewhere": "The vendor bills something that it does not count in its usage; it is "
    "neither in `usage` nor in `cost`.",
}
HOSTED_CLIENT_OPTIONS = {
    "base_url": "The address of the server, in place of the usual one and of the environment's.",
    "api_key": "Text, or a function that returns it (`async` or not), asked before every attempt.",
    "default_headers": "HTTP headers of every request.",
    "http_client": "An `httpx2.AsyncClient` that you built and close, whose connections are used: "
    "for Unix sockets or certificates of your own.",
    "max_response_bytes": "How many bytes an answer that is no stream may have; 64 MiB without it.",
}


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """What there is to set for one provider: a request's options class, and the client's options.

    `client_options` describes those fields of `client_class` that are not in
    `HOSTED_CLIENT_OPTIONS`; None: the docstring of `client_class` does."""

    title: str
    key: str
    package: str
    request_class: type[Any]
    client_class: type[Any]
    client_options: dict[str, str] | None


PROVIDERS = (
    ProviderOptions(
        "OpenAI and the compatible servers",
        "openai",
        "fmsdk_openai",
        OpenAIOptions,
        fmsdk_openai.options.Connection,
        {
            "client": "An `openai.AsyncOpenAI` that you built, or a cloud variant of it "
            "(`AsyncAzureOpenAI`, …), which then sends the requests. The other options are unused.",
            "api": '`"responses"` or `"chat"`: the API to ask. Unset, fmsdk chooses by host and '
            "request.",
            "organization": "OpenAI's organization; by default that of `OPENAI_ORG_ID`.",
            "project": "OpenAI's project; by default that of `OPENAI_PROJECT_ID`.",
        },
    ),
    ProviderOptions(
        "Anthropic",
        "anthropic",
        "fmsdk_anthropic",
        AnthropicOptions,
        fmsdk_anthropic.options.Connection,
        {
            "client": "An `anthropic.AsyncAnthropic` that you built, or a cloud variant of it "
            "(Bedrock, Vertex, Foundry), which then sends the requests. The other options are "
            "unused.",
            "auth_token": "A bearer token in place of a key; by default that of "
            "`ANTHROPIC_AUTH_TOKEN`.",
        },
    ),
    ProviderOptions(
        "Google",
        "google",
        "fmsdk_google",
        GoogleOptions,
        fmsdk_google.options.Connection,
        {
            "client": "A `google.genai.Client` that you built: its key, credentials, project and "
            "base URL are used, its connections are not.",
            "api_version": "The version in the path: by default `v1beta`, on Vertex `v1beta1`.",
            "vertex": "True for Vertex, False for AI Studio; by default what "
            "`GOOGLE_GENAI_USE_VERTEXAI` says.",
            "project": "Vertex: the project; by default that of `GOOGLE_CLOUD_PROJECT`.",
            "location": "Vertex: the region; by default that of `GOOGLE_CLOUD_LOCATION`, else "
            "`global`.",
            "credentials": "Vertex: credentials of google-auth; by default those of the "
            "environment.",
        },
    ),
    ProviderOptions("Local models", "local", "fmsdk_local", LocalOptions, LocalConfig, None),
)
_HEAD = """\
# Public names, warnings and options

Made by `make docs` from the docstrings, never by hand; a test fails when it is out of date.

"""
_WARNINGS_HEAD = """\
## Codes of warnings

A `Warning` in `result.warnings` or `quote.warnings` has one of these as its `code`. Its `message`
says what happened in this call.

"""
_OPTIONS_HEAD = """\
## Providers' options

`generate(…, options=…)` takes an options class, or a mapping, for one request.
`Client(providers={name: {…}})` takes a provider's options for all of them. The fourteen compatible
servers (`groq`, `ollama`, …) take the same options as `openai`.

"""


def write_page() -> str:
    """The text of the page.

    Raises:
        ValueError: a public name, a code or an option that nothing describes.
    """
    names = "".join(_names())
    warnings = "".join(_warnings())
    options = "".join(_provider(provider) for provider in PROVIDERS)
    return (
        "".join((_HEAD, names, _WARNINGS_HEAD, warnings, "\n", _OPTIONS_HEAD, options)).rstrip()
        + "\n"
    )


def _names() -> Iterator[str]:
    """A section for each group of public names."""
    groups: dict[str, list[str]] = {title: [] for title in SECTIONS}
    for name in fmsdk.__all__:
        groups[_section(name)].append(name)
    for title, names in groups.items():
        yield f"## {title}\n\n"
        for name in names:
            yield f"- `{name}`: {_first_sentence(name, getattr(fmsdk, name))}\n"
            if name == "AsyncClient":
                yield from _methods(fmsdk.AsyncClient)
        yield "\n"


def _section(name: str) -> str:
    module = "fmsdk.result" if name == "WarningCode" else getattr(fmsdk, name).__module__
    module = {"Event": "fmsdk.events"}.get(name, module)
    for title, modules in SECTIONS.items():
        if module.startswith(modules):
            return title
    raise ValueError(f"SECTIONS has no section for {name} of {module}")


def _methods(kind: type[Any]) -> Iterator[str]:
    for name, method in vars(kind).items():
        if not name.startswith("_") and inspect.isfunction(method):
            yield f"  - `{name}`: {_first_sentence(name, method)}\n"


def _first_sentence(name: str, value: Any) -> str:
    text = TEXTS.get(name) or inspect.getdoc(value) or ""
    sentence = re.split(r"(?<=[.!?])\s", " ".join(text.split("\n\n")[0].split()))[0]
    # A dataclass without a docstring gets its signature as one.
    if not sentence or sentence.startswith(f"{name}("):
        raise ValueError(f"{name} needs a docstring")
    return sentence


def _warnings() -> Iterator[str]:
    codes: tuple[str, ...] = get_args(fmsdk.WarningCode)
    if differing := set(codes) ^ WARNINGS.keys():
        raise ValueError(f"WARNINGS and WarningCode differ: {', '.join(sorted(differing))}")
    for code in codes:
        yield f"- `{code}`: {WARNINGS[code]}\n"


def _provider(provider: ProviderOptions) -> str:
    request_class = provider.request_class.__name__
    client_options = _client_options(provider)
    return "".join(
        (
            f"### {provider.title}\n\n",
            f"For one request: `from {provider.package} import {request_class}`\n\n",
            *_documented_fields(provider.request_class),
            f'\nFor a client: `Client(providers={{"{provider.key}": {{…}}}})`\n\n',
            *client_options,
            "\n",
        )
    )


def _client_options(provider: ProviderOptions) -> Iterator[str]:
    if provider.client_options is None:
        yield from _documented_fields(provider.client_class)
        return
    texts = HOSTED_CLIENT_OPTIONS | provider.client_options
    names = {field.name for field in fields(provider.client_class)} - {"name", "server"}
    if differing := names ^ texts.keys():
        raise ValueError(f"options of {provider.key} differ: {', '.join(sorted(differing))}")
    for name, text in texts.items():
        yield f"- `{name}`: {text}\n"


def _documented_fields(kind: type[Any]) -> Iterator[str]:
    """The fields of a dataclass whose docstring has entries "name, name: text"."""
    specs = {field.name: field for field in fields(kind)}
    for names, text in _entries(inspect.getdoc(kind) or ""):
        known = [specs.pop(name) for name in names if name in specs]
        if known:
            yield f"- {', '.join(f'`{_signature(spec)}`' for spec in known)}: {text}\n"
    if specs:
        raise ValueError(f"the docstring of {kind.__name__} lacks {', '.join(specs)}")


def _entries(docstring: str) -> Iterator[tuple[list[str], str]]:
    for block in re.split(r"\n(?=\S)", docstring):
        if match := re.match(r"(\w+(?:, \w+)*): ", block):
            yield match[1].split(", "), " ".join(block[match.end() :].split())


def _signature(spec: Field[Any]) -> str:
    """The field as a person would write it: with its type and default."""
    default = spec.default
    if spec.default_factory is not MISSING:
        default = spec.default_factory()
    return f"{spec.name}: {spec.type} = {default!r}".replace("'", '"')


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(write_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
