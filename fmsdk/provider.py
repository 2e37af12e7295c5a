"""The contract a provider fulfils, version 1. Whoever implements these Protocols is a provider.

A package offers one by an entry point in the group `fmsdk.providers`, whose name is the prefix
of its models ("openai" in `openai:gpt-5.6-sol`) and whose object is called with a
`ProviderConfig`. Everything else (retries, deadlines, prices, the sync facade) is the core's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Protocol

from fmsdk.content import Audio, Modality
from fmsdk.errors import UnsupportedSetting
from fmsdk.request import Request
from fmsdk.response import Event, Response, Warning
from fmsdk.usage import Cost, Latency, Range, Timings, Usage

__all__ = [
    "CONTRACT_VERSION",
    "Capabilities",
    "Describes",
    "Estimate",
    "FetchesModels",
    "ImageLimits",
    "ListsModels",
    "Loads",
    "PartialResponse",
    "Progress",
    "Provider",
    "ProviderConfig",
    "Segment",
    "Transcribes",
    "Transcription",
    "UnsupportedSettings",
    "UsableModel",
]

CONTRACT_VERSION = 1
ALL_SETTINGS = frozenset(
    {
        "max_output_tokens",
        "temperature",
        "top_p",
        "stop",
        "seed",
        "reasoning",
        "logprobs",
        "choices",
        "modalities",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfig:
    """What a provider is made with: its name, the user's `options` for it
    (`Client(providers={name: options})`), and the client's timeouts in seconds."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    timeout: float | None = None
    idle_timeout: float | None = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """The largest picture that the vendor accepts; the core makes larger ones smaller, and says
    so. None: no such limit. Pictures by URL or `FileRef` are the vendor's own affair.

    max_side: pixels of the longer side. max_pixels: width × height. max_patches: of
    `patch_side` × `patch_side` pixels, those cut at the edges counted whole. max_bytes: of the
    file; where the vendor limits its base64, that is a third more. many, max_side_of_many: in a
    request with more pictures than `many`, the longer side of each.
    """

    max_side: int | None = None
    max_pixels: int | None = None
    max_patches: int | None = None
    patch_side: int = 32
    max_bytes: int | None = None
    many: int | None = None
    max_side_of_many: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model takes and gives.

    input, output: modalities. remote: the input modalities the provider takes by URL; others
    are fetched for it. settings: the `Settings` fields that can be honoured. roles: other
    roles than user and assistant raise. context: tokens, prompt and answer together.
    known: False where this is a guess for a model nobody described. image_limits: pictures
    beyond them are made smaller.
    """

    input: frozenset[Modality] = frozenset({"text"})
    output: frozenset[str] = frozenset({"text"})
    remote: frozenset[Modality] = frozenset()
    settings: frozenset[str] = ALL_SETTINGS
    tools: bool = True
    structured: bool = True
    system: bool = True
    context: int | None = None
    max_output: int | None = None
    known: bool = True
    image_limits: ImageLimits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Input tokens, as well as can be told offline. `exact` where a tokenizer counted."""

    input: Range[int]
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialResponse:
    """What is known of an answer whose end did not come: its status and the vendor's id of it.

    A provider leaves it as the attribute `partial_response` on the `CancelledError` that
    interrupted the answer."""

    status: int | None = None
    request_id: str | None = None


class Provider(Protocol):
    """Version 1 of the contract.

    `generate` and `stream` get a checked request whose remote media the vendor can fetch itself.
    They raise `FmsdkError`s alone, and never retry. `generate`'s response has `usage`,
    `timings` and `raw_body`, and neither cost nor latency. `price_id` is the id by which the
    price table knows the vendor; None: its prices are not known. It may have an attribute
    `vendor`, the id of the vendor whose own endpoint this is: the ends of its models hold then. And
    `base_url`, the server it asks, whose host and port telemetry tells.
    """

    contract_version: ClassVar[int]
    name: str
    price_id: str | None

    def capabilities(self, model: str) -> Capabilities: ...

    async def generate(self, request: Request) -> Response[Any]: ...

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """Events, the last one `Finished`. A stream that ends without the vendor's finish
        raises `IncompleteStream`. Closing the iterator closes the connection at once. It may
        have the methods `timings() -> Timings | None` and `usage() -> Usage | None` and the
        attributes `served_model` and `request_id` (`str | None`), asked of a stream that was
        left or broke: what is known by then."""
        ...

    def estimate(self, request: Request) -> Estimate:
        """The size of the request; no network. Raises `QuoteUnavailable`."""
        ...

    async def aclose(self) -> None: ...


class Loads(Protocol):
    """A provider that runs models itself: `load` makes one ready and returns the seconds that
    took (0.0: it was ready). Deadlines start after it."""

    async def load(self, model: str) -> float: ...


class Describes(Protocol):
    """A provider whose server tells what its models take. `learn` asks it once about a model, so
    that `capabilities` knows afterwards; it never raises, and takes at most 2 seconds."""

    async def learn(self, model: str) -> None: ...


@dataclass(frozen=True, slots=True)
class UsableModel:
    """A line of `fmsdk models`: a model (or all of a provider's, as "openai:…"), whether it is
    usable now, and if not, what to do about it. `input` is what it takes; `licence` that of its
    weights, where they have one, and `source` where it is from, looked at on `checked`."""

    name: str
    usable: bool
    note: str = ""
    input: frozenset[Modality] = frozenset({"text"})
    licence: str = ""
    source: str = ""
    checked: date | None = None


class ListsModels(Protocol):
    """A provider class that can say what is usable without network, import of its SDK, or
    instance: a static method, so that it also answers where the extra is missing."""

    @staticmethod
    def usable_models() -> list[UsableModel]: ...


Progress = Callable[[str, int | None, int | None], None]


class FetchesModels(Protocol):
    """A provider class that can bring models to this machine: a static method, as above."""

    @staticmethod
    def fetch_model(name: str, progress: Progress) -> str:
        """Fetch `name` unless it is here, and return where it lies. `progress` hears the stage,
        how much of it is done and how much there is (None: not known). Raises `FmsdkError`s."""
        ...


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a transcription: seconds from the start, and its text."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """Speech as text. `duration` is the recording's, in seconds."""

    provider: str
    model: str
    text: str
    segments: tuple[Segment, ...] = ()
    language: str | None = None
    duration: float | None = None
    usage: Usage = field(default_factory=Usage)
    cost: Cost | None = None
    latency: Latency = field(default_factory=lambda: Latency(total=0.0))
    timings: Timings | None = None
    served_model: str | None = None
    request_id: str | None = None
    warnings: tuple[Warning, ...] = ()


class Transcribes(Protocol):
    """A provider that turns speech into text."""

    async def transcribe(
        self, model: str, audio: Audio, *, language: str | None = None, prompt: str | None = None
    ) -> Transcription: ...


class UnsupportedSettings:
    """Collects what an encoder cannot carry over: raises, or warns where the caller is lenient.

    The one way to leave a setting out, so that nothing is left out silently.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self.warnings: list[Warning] = []

    def drop(self, setting: str, why: str) -> None:
        """Leave `setting` out, because `why` ("Responses has no seed").

        Raises:
            UnsupportedSetting: unless the request is lenient.
        """
        request = self._request
        if not request.lenient:
            raise UnsupportedSetting(
                f"{request.name} cannot honour {setting}: {why}. "
                "Leave it out, or pass lenient=True to drop it with a warning",
                setting=setting,
                provider=request.provider,
                model=request.model,
            )
        self.warnings.append(Warning("setting_dropped", f"{setting} was dropped: {why}", setting))
