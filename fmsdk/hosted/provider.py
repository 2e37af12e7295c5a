"""The base of every provider behind HTTP: encode, send, decode.

A vendor's provider says how to encode a request, how to decode its answer, and over which
transport. One encoder serves plain and streamed answers.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from fmsdk.content import Modality
from fmsdk.errors import (
    ConnectionFailed,
    FmsdkError,
    IncompleteStream,
    InvalidResponse,
    Timeout,
)
from fmsdk.hidden import HiddenDict
from fmsdk.hosted.body import Body
from fmsdk.hosted.decoding import DecodeContext, StreamDecoder, StreamReader
from fmsdk.hosted.surrogate_pairs import repair_body
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.provider import (
    Estimate,
    EventStream,
    PartialResponse,
    Platform,
    Provider,
    ProviderConfig,
)
from fmsdk.request import Request
from fmsdk.response import Event, Response, Warning
from fmsdk.threads import run_in_thread
from fmsdk.token_count import TokenCount
from fmsdk.usage import Usage

if TYPE_CHECKING:
    from fmsdk.http.transport import Incoming, Transport

__all__ = ["Encoded", "HostedProvider", "HostedStream", "TokenTotals"]

_SILENT_SECONDS = 600.0
"""How long an unstreamed answer may take, as in the SDKs: no byte comes before it is done."""
_TRANSPORT_ERRORS = (ConnectionFailed, IncompleteStream, InvalidResponse, Timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A request as it goes out: the path below the base URL, the body, the encoder's warnings,
    and headers besides the connection's."""

    path: str
    body: Body
    warnings: tuple[Warning, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", HiddenDict(self.headers))


E = TypeVar("E", bound=Encoded)
A = TypeVar("A", bound=DecodeContext)
R = TypeVar("R")
TokenTotals = tuple[int, Mapping[Modality, int]]


class HostedProvider(Provider, Generic[E, A]):
    """A provider behind HTTP. Opens nothing before the first request.

    `vendor` and `price_id` follow from `HostedConnection.has_vendors_models`: the vendor whose
    models these are. `base_url` is the server's.
    """

    contract_version: ClassVar[int] = 2

    def __init__(self, config: ProviderConfig, error_mapper: ErrorMapper) -> None:
        self.name = config.name
        self.error_mapper = error_mapper
        self._config = config
        limit = config.options.get("max_response_bytes")
        self._max_response_bytes = () if limit is None else (limit,)
        self._transport: Transport | None = None
        self._opening = asyncio.Lock()

    @abstractmethod
    def encode(self, request: Request, *, stream: bool) -> E:
        """The request as it goes out. Reads media, nothing else. Raises `BadRequestError`s."""

    def context(self, request: Request, encoded: E, request_id: str | None) -> A:
        """What is known of the answer before its body comes."""
        context = DecodeContext(
            request=request,
            error_mapper=self.error_mapper,
            warnings=encoded.warnings,
            request_id=request_id,
        )
        return cast("A", context)

    @abstractmethod
    def decode(self, context: A, body: bytes) -> Response[Any]:
        """The response of a body. Raises InvalidResponse, or the error that the body reports."""

    @abstractmethod
    def decoder(self, context: A) -> StreamDecoder:
        """A decoder for one stream."""

    @abstractmethod
    async def open_transport(self, idle_timeout: float | None) -> Transport:
        """The connections to the server; imports what it needs only now, in a thread."""

    async def generate(self, request: Request) -> Response[Any]:
        """Ask for a whole answer. Raises `FmsdkError`s."""
        encoded = await self._encoded(request, stream=False)
        return await self.exchange(
            request,
            encoded,
            lambda body, id_: self.decode(self.context(request, encoded, id_), body),
        )

    async def exchange(
        self, request: Request, encoded: Encoded, decode: Callable[[bytes, str | None], R]
    ) -> R:
        """Send a body, and decode the whole answer: its bytes, and the vendor's id of it."""
        transport = self._transport or await self.transport()
        exchange_context = transport.open(
            encoded.path,
            encoded.body,
            headers=encoded.headers,
            read_timeout=request.timeout or self._config.timeout or _SILENT_SECONDS,
        )
        with ErrorTrace(self.error_mapper, encoded.headers) as trace:
            async with exchange_context as incoming:
                trace.begins(incoming)
                body = await incoming.read(*self._max_response_bytes)
            try:
                return decode(body, trace.request_id)
            except InvalidResponse:
                if repair_body(body) == body:
                    raise
            return decode(repair_body(body), trace.request_id)

    def stream(self, request: Request) -> HostedStream:
        """Ask for an answer in events. Raises `FmsdkError`s; IncompleteStream without a finish."""
        return HostedStream(self, request)

    async def warm_up(self) -> None:
        """Import what sends requests. Raises MissingKey where no key is known."""
        if self._transport is None:
            await self.transport()

    async def exchange_count(
        self, request: Request, encoded: E, decode: Callable[[ErrorMapper, bytes], TokenTotals]
    ) -> TokenCount:
        """Send a body to the endpoint that counts tokens. decode: the tokens of its answer, in all
        and by modality."""

        def decode_answer(body: bytes, request_id: str | None) -> TokenCount:
            tokens, by_modality = decode(self.error_mapper, body)
            return TokenCount(
                provider=request.provider,
                model=request.model,
                tokens=tokens,
                by_modality=by_modality,
                request_id=request_id,
                warnings=encoded.warnings,
                raw_body=body,
            )

        return await self.exchange(request, encoded, decode_answer)

    def platform(self, request: Request) -> Platform | None:
        """Where the request goes, by which its tokens are counted; None: unknown."""
        del request
        return None

    def estimate(self, request: Request) -> Estimate:
        """The core's estimate. Raises QuoteUnavailable where the size of a medium is unknown."""
        from fmsdk.quoting.estimate import estimate_request

        vendor, limits = self.vendor or "", None
        if next(request.media(), None) is not None:
            limits = self.capabilities(request.model).image_limits
        return estimate_request(request, self.platform(request), vendor=vendor, limits=limits)

    async def aclose(self) -> None:
        """Close the connections. A later request opens new ones."""
        async with self._opening:
            transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    async def events(self, request: Request, stream: HostedStream) -> AsyncGenerator[Event]:
        """The events of one streamed answer. Sets `stream.decoder` once the answer begins."""
        encoded = await self._encoded(request, stream=True)
        transport = self._transport or await self.transport()
        exchange_context = transport.open(encoded.path, encoded.body, headers=encoded.headers)
        with ErrorTrace(self.error_mapper, encoded.headers) as trace:
            async with exchange_context as incoming:
                trace.begins(incoming)
                context = self.context(request, encoded, trace.request_id)
                stream.decoder = trace.decoder = self.decoder(context)
                reader = StreamReader(stream.decoder, self.error_mapper, is_json=incoming.is_json)
                progress = _Progress(reader, self._config.idle_timeout, self.name)
                async for chunk in incoming.chunks:
                    for event in reader.feed(chunk):
                        yield event
                    reader.raise_error()
                    if reader.has_ended:
                        break
                    progress.check()
                for event in reader.finish():
                    yield event
                await incoming.drain()

    async def _encoded(self, request: Request, *, stream: bool) -> E:
        # Reading files and writing megabytes of base64 would hold up every other call.
        if next(request.media(), None) is not None:
            return await run_in_thread(self.encode, request, stream=stream)
        return self.encode(request, stream=stream)

    async def transport(self) -> Transport:
        """The connections, opened on the first call."""
        async with self._opening:
            if self._transport is None:
                self._transport = await self.open_transport(self._config.idle_timeout)
            return self._transport


class HostedStream(EventStream):
    """The events of one streamed answer. Its decoder knows what the vendor has reported."""

    def __init__(self, provider: HostedProvider[Any, Any], request: Request) -> None:
        self.decoder: StreamDecoder | None = None
        super().__init__(provider.events(request, self))

    def usage(self) -> Usage | None:
        """What the vendor has reported so far; None: nothing."""
        return None if self.decoder is None else self.decoder.usage()

    @property
    def served_model(self) -> str | None:
        """The model that answers, once the vendor has named it."""
        return None if self.decoder is None else self.decoder.served_model

    @property
    def request_id(self) -> str | None:
        """The vendor's id of the answer, once it has sent one."""
        return None if self.decoder is None else self.decoder.request_id


class ErrorTrace:
    """Gives errors what is known once the answer begins: the vendor's id of the request, and the
    status of an answer that broke. An error that the vendor reports inside it has its own. What
    the request's own headers hold is taken out of them, as the mapper does with the key."""

    def __init__(self, error_mapper: ErrorMapper, headers: Mapping[str, str]) -> None:
        self._error_mapper = error_mapper
        self._headers = headers
        self.request_id: str | None = None
        self.decoder: StreamDecoder | None = None
        self._status: int | None = None

    def begins(self, incoming: Incoming) -> None:
        """The answer begins."""
        self.request_id = self._error_mapper.request_id(incoming.headers)
        self._status = incoming.status

    def __enter__(self) -> ErrorTrace:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        vendor_id = self.decoder.request_id if self.decoder else None
        if isinstance(error, asyncio.CancelledError):
            vendor_usage = PartialResponse(
                status=self._status, request_id=self.request_id or vendor_id
            )
            vendor_usage.attach_to(error)
        if not isinstance(error, FmsdkError):
            return
        self._error_mapper.hide_secrets(error, self._headers.values())
        error.request_id = error.request_id or self.request_id or vendor_id
        if error.status is None and isinstance(error, _TRANSPORT_ERRORS):
            error.status = self._status


class _Progress:
    """Watches that a stream gets on: bytes that complete neither an event nor a comment for
    `seconds` are silence."""

    def __init__(self, reader: StreamReader, seconds: float | None, provider: str) -> None:
        self._reader = reader
        self._seconds = seconds
        self._provider = provider
        self._last_progress = -1
        self._since = monotonic()

    def check(self) -> None:
        """Raise Timeout where nothing was completed for too long."""
        progress_count = self._reader.progress
        if progress_count != self._last_progress:
            self._last_progress, self._since = progress_count, monotonic()
        elif self._seconds is not None and monotonic() - self._since > self._seconds:
            raise Timeout(
                f"{self._provider} sent bytes but nothing whole for {self._seconds:g} s; "
                "see idle_timeout",
                provider=self._provider,
            )
