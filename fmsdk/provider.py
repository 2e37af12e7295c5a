"""The contract of a provider, version 2: the base class `Provider`, and a Protocol for each verb
that a provider may have besides `generate` and `stream`.

A package offers a provider by an entry point in the group `fmsdk.providers`. The entry point's
name is the prefix of the provider's models ("openai" in `openai:gpt-5.6-sol`). Its object is a
`ProviderFactory`, such as a subclass of `Provider`. The core does everything else (retries,
deadlines, prices, the synchronous facade).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from fmsdk.content import Modality
from fmsdk.embedding import Embeddings, EmbedLimits, EmbedRequest
from fmsdk.errors import ConfigurationError, UnsupportedSetting
from fmsdk.request import Request
from fmsdk.response import Event, Response
from fmsdk.result import Warning
from fmsdk.token_count import TokenCount
from fmsdk.transcription import TranscribeRequest, Transcription
from fmsdk.usage import Device, Range, Timings, Usage

__all__ = [
    "ALL_SETTINGS",
    "CONTRACT_VERSION",
    "Basis",
    "Capabilities",
    "CountsTokens",
    "Embeds",
    "Estimate",
    "EventStream",
    "ImageLimits",
    "PartialResponse",
    "Platform",
    "Progress",
    "Provider",
    "ProviderConfig",
    "ProviderFactory",
    "Transcribes",
    "UnsupportedSettings",
    "UsableModel",
]

CONTRACT_VERSION = 2
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
    """The arguments of a new provider: its name, the user's `options` for it
    (`Client(providers={name: options})`), and the client's timeouts in seconds."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    timeout: float | None = None
    idle_timeout: float | None = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """The largest picture that the vendor accepts; the core makes larger ones smaller, with a
    warning. None: no such limit. Pictures by URL or `FileRef` are sent as they are.

    max_side: pixels of the longer side. max_pixels: width × height. max_patches: of
    `patch_side` × `patch_side` pixels, with those that the edges cut. max_bytes: of the file;
    if the vendor limits the base64 text, that is a third longer. max_side_of_many: the longer side
    in a request with more pictures than `many`. upright: the server ignores the EXIF orientation,
    so that pictures which have one are turned before they are sent.
    """

    max_side: int | None = None
    max_pixels: int | None = None
    max_patches: int | None = None
    patch_side: int = 32
    max_bytes: int | None = None
    many: int | None = None
    max_side_of_many: int | None = None
    upright: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model takes, and what it can answer with.

    input, output: modalities. remote: the input modalities that the provider takes by URL; others
    are fetched for it. settings: the fields of `Settings` that have an effect.
    tools, structured, system: whether the model calls tools, answers by a schema, and takes a
    system prompt. context: tokens of prompt and answer together. max_output: tokens of an answer.
    known: False for a model without a description; the other fields are then a guess.
    image_limits: larger pictures are made smaller. max_media_bytes: of all media of a request that
    are sent as bytes; None: no limit is known.
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
    max_media_bytes: int | None = None


Platform = Literal["chat", "responses", "messages", "aistudio", "vertex"]
"""The API, or the vendor's platform, that a request goes to: the same request is counted in another
way by each of them."""
Basis = Literal["rule", "tokenizer", "processor", "history", "ratio"]
"""How a figure is known: by the vendor's rule, by a tokenizer of its vocabulary, by the model's own
processor, by earlier requests, or by a ratio that was fitted to recorded bills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Input tokens, as far as they are known offline.

    exact: a tokenizer counted them. by_modality: the parts of `input`; empty: it is all text.
    ceilings: a hard bound on the tokens of each modality; None: at least one has none, or the
    provider states none. basis: how the tokens of each modality are known.
    """

    input: Range[int]
    exact: bool = False
    by_modality: Mapping[Modality, Range[int]] = field(default_factory=dict[Modality, Range[int]])
    ceilings: Mapping[Modality, int] | None = None
    basis: Mapping[Modality, Basis] = field(default_factory=dict[Modality, Basis])


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialResponse:
    """What is known of an interrupted answer: its status, and the vendor's id of it.

    A provider attaches it to the `CancelledError` that interrupted the answer."""

    status: int | None = None
    request_id: str | None = None

    def attach_to(self, error: BaseException) -> None:
        """Attach this to the error, for `of`."""
        error.__dict__["partial_response"] = self

    @classmethod
    def of(cls, error: BaseException | None) -> PartialResponse:
        """What a provider attached to the error; without that, nothing is known."""
        partial: object = None if error is None else error.__dict__.get("partial_response")
        return partial if isinstance(partial, cls) else cls()


@dataclass(frozen=True, slots=True)
class UsableModel:
    """A line of `fmsdk models`: a model (or "openai:…" for all of a provider's), and whether it is
    usable now.

    note: what to do if it is not usable. input: the modalities that it takes. licence: that of its
    weights. source: of the licence, which was read on `checked`."""

    name: str
    usable: bool
    note: str = ""
    input: frozenset[Modality] = frozenset({"text"})
    licence: str = ""
    source: str = ""
    checked: date | None = None


Progress = Callable[[str, int | None, int | None], None]
"""A function of a stage, of how much of it is done, and of how much there is (None: unknown)."""


class EventStream(AsyncIterator[Event]):
    """The events of one streamed answer, of which the last is `Finished`, and what is known of the
    answer before that. Closing the stream closes the connection at once, or frees the local engine.

    A provider that knows more of a stream that was left or broke subclasses this.

    Args:
        events: yields the events. Raises `IncompleteStream` if the vendor sent no finish.
    """

    def __init__(self, events: AsyncGenerator[Event, None]) -> None:
        self._events = events

    def __aiter__(self) -> AsyncGenerator[Event, None]:
        # The generator itself: each layer in between costs every event a switch.
        return self._events

    async def __anext__(self) -> Event:
        return await anext(self._events)

    async def aclose(self) -> None:
        """Stop, and close the connection or free the engine."""
        await self._events.aclose()

    def usage(self) -> Usage | None:
        """The usage that the vendor has reported so far; None: nothing yet."""
        return None

    def timings(self) -> Timings | None:
        """The times of a local engine for this answer so far; None: unknown."""
        return None

    @property
    def served_model(self) -> str | None:
        """The model that answers, once the vendor has named it."""
        return None

    @property
    def request_id(self) -> str | None:
        """The vendor's id of the answer, once the vendor has sent it."""
        return None


class Provider(ABC):
    """A provider of models, by version 2 of the contract. A subclass states `contract_version = 2`
    itself, as a number.

    `generate` and `stream` get a checked request; its remote media are those that the vendor
    fetches itself. They raise only `FmsdkError`s, and never retry. The response of `generate` has
    `usage`, `timings` and `raw_body`; the pipeline adds cost, latency and tags.

    Attributes:
        contract_version: the version that the provider was written for.
        name: the prefix of the provider's models, as the user configured it.
        price_id: the vendor's id in the price table; None: prices are unknown.
        vendor: the vendor whose models these are, by its id: its catalogue and the retirement dates
            of its models hold. None: a server that may mean anything by a model's name.
        is_official: whether the server is the vendor's own. Behind another one, a model may live
            longer and cost something else: retirement is a warning, and the cost says so.
        base_url: the server's address, whose host and port telemetry reports.
        is_local: whether models run in this process, on the user's device.
        options_class: the dataclass of a request's `options`; None: requests have none, or any.
        backoff: whether time passes before a failed request is sent again.
    """

    contract_version: ClassVar[int]
    is_local: ClassVar[bool] = False
    name: str
    price_id: str | None = None
    vendor: str | None = None
    is_official: bool = True
    base_url: str | None = None
    options_class: type[Any] | None = None
    backoff: bool = True

    @abstractmethod
    def capabilities(self, model: str) -> Capabilities:
        """What the model takes and gives, as far as is known without a network."""

    @abstractmethod
    async def generate(self, request: Request) -> Response[Any]:
        """The complete answer."""

    @abstractmethod
    def stream(self, request: Request) -> EventStream:
        """The answer as events."""

    @abstractmethod
    def estimate(self, request: Request) -> Estimate:
        """The size of the request; no network. Raises `QuoteUnavailable`."""

    async def learn(self, model: str) -> None:
        """Ask the server once for its description of a model, for `capabilities`. Never raises, and
        takes at most 2 seconds."""
        del model

    async def warm_up(self) -> None:  # noqa: B027 - optional: not every provider imports something
        """Import what the first request needs."""

    async def load(self, model: str) -> float | None:
        """Load a model, and return the seconds that took: 0.0 for a loaded model, None for a model
        that runs elsewhere. This time does not count for deadlines."""
        del model
        return None

    def device(self, model: str) -> Device | None:
        """The user's own device that a loaded model runs on; None: it runs elsewhere, or is not
        loaded."""
        del model
        return None

    async def aclose(self) -> None:  # noqa: B027 - optional: not every provider holds something
        """Close what was opened. A later request opens it again."""

    @staticmethod
    def usable_models() -> list[UsableModel]:
        """The models that are usable now, and why others are not. Needs no SDK and no instance,
        and no network but this machine's own: servers on loopback addresses are asked, for a second
        at most. Empty: the provider lists none."""
        return []

    @staticmethod
    def fetch_model(name: str, progress: Progress) -> str:
        """Fetch the model to this machine, unless it is here, and return its path."""
        del progress
        raise ConfigurationError(f"{name} runs elsewhere: there is nothing to fetch")


class ProviderFactory(Protocol):
    """The object of an entry point: a subclass of `Provider`, or another callable that returns a
    provider. It has the static methods of `Provider` too."""

    def __call__(self, config: ProviderConfig, /) -> Provider: ...

    def usable_models(self) -> list[UsableModel]: ...

    def fetch_model(self, name: str, progress: Progress) -> str: ...


@runtime_checkable
class Transcribes(Protocol):
    """A provider that turns speech into text."""

    async def transcribe(self, request: TranscribeRequest) -> Transcription: ...


@runtime_checkable
class Embeds(Protocol):
    """A provider that turns texts into vectors."""

    def embed_limits(self, model: str) -> EmbedLimits:
        """How much one request to the server may hold. The core splits longer lists."""
        ...

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """One vector for each text, in order, by one request to the server."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """A provider that counts the tokens of a request without asking the model."""

    async def count_tokens(self, request: Request) -> TokenCount:
        """The input tokens. Raises BadRequestError where the server has no such endpoint."""
        ...


class UnsupportedSettings:
    """Settings that an encoder leaves out: raises, or collects warnings if the request is lenient.

    Encoders leave out settings only in this way, so that none is lost silently.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self.warnings: list[Warning] = []

    def drop(self, setting: str, why: str) -> None:
        """Leave out `setting`, for the reason `why` ("Responses has no seed").

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
