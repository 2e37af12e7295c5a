"""One request over the wire and its answer as bytes; what breaks on the way, as typed errors.

A subclass says how the bytes get there. Nothing here retries: `fmsdk.pipeline.call` does.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

import msgspec

from fmsdk.errors import BadRequestError, FmsdkError, InvalidResponse, ModelNotFound
from fmsdk.hidden import HiddenDict
from fmsdk.hosted.body import Body
from fmsdk.hosted.decoding import UNREADABLE
from fmsdk.http.decompression import DecodingError, decompress
from fmsdk.http.error_mapper import ErrorMapper, NetworkFailure
from fmsdk.surrogates import replace_lone_surrogates

__all__ = [
    "CONNECT_SECONDS",
    "MAX_RESPONSE_BYTES",
    "Endpoint",
    "HttpResponse",
    "Incoming",
    "Transport",
]

CONNECT_SECONDS = 5.0
MAX_RESPONSE_BYTES = 64 * 2**20
"""Of a body that is no stream; as of an event of a stream."""
_DRAIN_SECONDS = 0.25
_REPEATED_PATH = re.compile(r"(/[\w./-]+)\1(?=[/:]|\Z)")
_OWN_PATHS = ("/chat/completions", "/completions", "/embeddings", "/messages", "/responses")
_MOST_OF_AN_ERROR = 1 << 20
_UNDECODABLE = NetworkFailure(
    DecodingError, InvalidResponse, "sent a body that cannot be decompressed"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server, and what every request to it carries.

    url: what every path comes below; a query of its own is sent with every request.
    headers: with lower-case names. key_headers: carry the key. authorize: returns the key's
    headers for one attempt, in place of `key_headers`. key_substitute: a header that the caller
    sends in place of the key.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    key_headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    key_substitute: str = "authorization"
    authorize: Callable[[], Awaitable[Mapping[str, str]]] | None = field(default=None, repr=False)

    def url_of(self, path: str) -> str:
        """The URL of a path below the base URL, or a whole URL; without user and password, which
        are sent as a header."""
        if path.startswith(("http://", "https://")):
            scheme, host, path, query, _ = urlsplit(path)
        else:
            scheme, host, base, query, _ = urlsplit(self.url)
            below, _, own_query = path.partition("?")
            path, query = base.rstrip("/") + below, "&".join(filter(None, (query, own_query)))
        return urlunsplit((scheme, host.rpartition("@")[2], path, query, ""))

    async def request_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of one attempt, `headers` being the request's own, which go before all."""
        own_headers = HiddenDict(self.headers)
        own_headers.update((name.lower(), value) for name, value in headers.items())
        if self.key_substitute in own_headers:
            return own_headers
        key = self.key_headers if self.authorize is None else await self.authorize()
        return HiddenDict({**key, **own_headers})


class HttpResponse(ABC):
    """The head of an answer whose body has not been read."""

    status: int
    headers: Mapping[str, str]
    """By name, in any case."""

    @abstractmethod
    def raw_chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come, still compressed."""

    @abstractmethod
    def limit_silence(self, seconds: float | None) -> None:
        """Let the body stay silent for `seconds` at a time; None for ever."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connection at once, unless the body has been read to its end."""

    def joined_headers(self) -> Mapping[str, str]:
        """The headers, with those that came more than once joined by commas (RFC 9110, 5.3)."""
        return self.headers

    def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come, decompressed; b"" for bytes that hold no output yet."""
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding in ("", "identity"):
            return self.raw_chunks()
        return decompress(self.raw_chunks(), encoding)


class Incoming:
    """A body on its way in. `chunks` are its bytes, decompressed, as they come."""

    __slots__ = ("_failures", "chunks", "headers", "status")

    def __init__(self, response: HttpResponse, failures: tuple[type[Exception], ...]) -> None:
        self.status = response.status
        self.headers = response.headers
        self.chunks = response.chunks()
        self._failures = failures

    @property
    def is_json(self) -> bool:
        """Whether the server says that this is one JSON document, and so no stream of events."""
        return "json" in self.headers.get("content-type", "")

    async def read(self, limit: int = MAX_RESPONSE_BYTES) -> bytes:
        """The whole body.

        Raises:
            InvalidResponse: it is longer than `limit` bytes, decompressed.
        """
        chunks, length = list[bytes](), 0
        length_text = self.headers.get("content-length", "")
        is_too_long = (
            length_text.isascii() and length_text.isdecimal() and int(length_text[:19]) > limit
        )
        if not is_too_long:
            async for chunk in self.chunks:
                length += len(chunk)
                is_too_long = length > limit
                if is_too_long:
                    break
                chunks.append(chunk)
        if is_too_long:
            raise InvalidResponse(
                f"the answer is longer than {limit:,} bytes; if that is right, raise the "
                "provider's option max_response_bytes",
                retryable=False,  # it would be paid for again, and be as long
            )
        return b"".join(chunks)

    async def drain(self) -> None:
        """Read on to the end, so that the connection can be used again; give up soon, where a
        server says no more and does not end."""
        with suppress(TimeoutError, *self._failures):
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for _ in self.chunks:
                    pass


class Transport(ABC):
    """The connections to one server. Raises `FmsdkError`s alone.

    Args:
        error_mapper: makes the errors.
        idle_timeout: seconds that an answer may stay silent once it has begun, and that the body
            of an error may take; None for ever.
    """

    failures: ClassVar[tuple[NetworkFailure, ...]]
    """What the HTTP library raises, most specific first, and what it stands for."""

    endpoint: Endpoint | None = None
    """The server, where it is not a vendor's SDK that knows it."""

    def __init__(self, error_mapper: ErrorMapper, idle_timeout: float | None) -> None:
        self.error_mapper = error_mapper
        self._idle_timeout = idle_timeout
        self._failures: tuple[NetworkFailure, ...] = (_UNDECODABLE, *self.failures)
        self._failure_types: tuple[type[Exception], ...] = tuple(
            failure.exception for failure in self._failures
        )

    @asynccontextmanager
    async def open(
        self,
        path: str,
        body: Body | None = None,
        *,
        headers: Mapping[str, str],
        read_timeout: float | None = None,
        method: str = "POST",
    ) -> AsyncGenerator[Incoming]:
        """Send a request, and read the answer as it comes. Leaving closes the connection, unless
        the answer was read to its end. What goes wrong while reading is mapped here, too.

        Args:
            path: below the base URL, or a whole URL.
            read_timeout: seconds until the head of an answer that comes when it is done; None for
                a stream, which may never stay silent for longer than `idle_timeout`.
        """
        seconds = self._idle_timeout if read_timeout is None else read_timeout
        response = None
        try:
            response = await self.send(method, path, body, headers, seconds)
            if not 200 <= response.status < 300:
                raise await self._read_error(response, path)
            response.limit_silence(self._idle_timeout)
            yield Incoming(response, self._failure_types)
        except FmsdkError:
            raise
        except self._failure_types as error:
            # Kept in no variable: with its own traceback it would be a cycle.
            raise self.error_mapper.from_exception(
                error, self._failures
            ) from self.error_mapper.cause(error)
        finally:
            if response is not None:
                await response.aclose()

    async def _read_error(self, response: HttpResponse, path: str) -> FmsdkError:
        """The error of an error status. The status says the most: what can be read of the body in
        time is a help. It is not raised here, where a traceback would show the body."""
        content = bytearray()
        with suppress(TimeoutError, *self._failure_types):
            async with asyncio.timeout(self._idle_timeout):
                async for chunk in response.chunks():
                    content += chunk
                    if len(content) >= _MOST_OF_AN_ERROR:
                        break
        body_text = content[:_MOST_OF_AN_ERROR].decode("utf-8", "replace")
        body_text = replace_lone_surrogates(body_text)
        error_body: Any = body_text
        with suppress(*UNREADABLE):
            error_body = msgspec.json.decode(body_text)
        error = self.error_mapper.from_response(
            error_body, status=response.status, headers=response.joined_headers()
        )
        if isinstance(error, ModelNotFound) and self.endpoint is not None:
            asked_path = urlsplit(self.endpoint.url_of(path)).path
            base_path = urlsplit(self.endpoint.url).path.rstrip("/")
            if _REPEATED_PATH.search(asked_path) or base_path.endswith(_OWN_PATHS):
                message = (
                    f"{self.error_mapper.provider} has nothing at {asked_path} "
                    f"({response.status}): fmsdk adds {path.partition('?')[0]} itself, so base_url "
                    "ends too late"
                )
                return BadRequestError(message, status=error.status, request_id=error.request_id)
        return error

    @abstractmethod
    async def send(
        self,
        method: str,
        path: str,
        body: Body | None,
        headers: Mapping[str, str],
        read_timeout: float | None,
    ) -> HttpResponse:
        """Send a request, `body` being JSON. The response is not read yet, and may be an error.
        Raises `FmsdkError`s, and what is in `failures`."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connections, but not those of a client that the caller built."""
