"""The provider: encodes, asks through the transport, decodes."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar

from fmsdk.content import Modality
from fmsdk.provider import Capabilities, Estimate, ProviderConfig, UsableModel
from fmsdk.request import Request
from fmsdk.response import Event, Response
from fmsdk_openai.decode import Answer, StreamReader, decode, not_a_stream
from fmsdk_openai.encode import Encoded, encode
from fmsdk_openai.errors import Blame
from fmsdk_openai.options import Connection, key_variable, options_of

if TYPE_CHECKING:
    from fmsdk_openai.transport import Transport

__all__ = ["OpenAIProvider"]

_SILENT_SECONDS = 600.0
"""How long an unstreamed answer may take, as in the SDK: no byte comes before it is done."""

_CHAT_INPUT: frozenset[Modality] = frozenset({"text", "image", "audio", "document"})


class OpenAIProvider:
    """OpenAI, or another server that speaks its wire. Opens nothing before the first request.

    Options of `config`: base_url, api_key, api ("responses" or "chat"), organization, project,
    default_headers, or client, an `AsyncOpenAI` (or a cloud variant of it) that the caller built.

    Raises:
        ModuleNotFoundError: the SDK is not installed; the registry names the extra.
        BadRequestError: an option that does not exist.
    """

    contract_version: ClassVar[int] = 1

    def __init__(self, config: ProviderConfig) -> None:
        if importlib.util.find_spec("openai") is None:
            raise ModuleNotFoundError("No module named 'openai'", name="openai")
        self.name = config.name
        self.price_id: str | None = "openai" if config.name == "openai" else None
        self._config = config
        self._connection = Connection.of(config)
        self._official = self._connection.official
        self._blame = Blame(config.name, key_variable(config.name), self._connection.secret)
        self._can = _capabilities(self._connection)
        self._made: Transport | None = None

    @staticmethod
    def usable_models() -> list[UsableModel]:
        """Whether OpenAI's models can be called now: its extra installed, its key set."""
        variable = key_variable("openai")
        if importlib.util.find_spec("openai") is None:
            note = "pip install 'fmsdk[openai]'"
        else:
            note = "" if os.environ.get(variable) else f"set {variable}"
        return [UsableModel("openai:…", not note, note, _CHAT_INPUT)]

    def capabilities(self, model: str) -> Capabilities:
        """What the wire takes; which of it a model takes, its vendor says."""
        return self._can

    async def generate(self, request: Request) -> Response[Any]:
        """Ask for a whole answer. Raises `FmsdkError`s."""
        encoded = await self._encoded(request, stream=False)
        response = await self._transport().post(
            encoded.api,
            encoded.body,
            seconds=request.timeout or self._config.timeout or _SILENT_SECONDS,
            headers=options_of(request).extra_headers,
        )
        answer = self._answer(request, encoded, response.headers.get("x-request-id"))
        return decode(answer, response.content)

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Ask for an answer in events. Raises `FmsdkError`s; IncompleteStream without a finish."""
        encoded = await self._encoded(request, stream=True)
        headers = options_of(request).extra_headers
        async with self._transport().open(encoded.api, encoded.body, headers=headers) as incoming:
            if incoming.is_json:
                raise not_a_stream(self._blame, await incoming.read())
            reader = StreamReader(self._answer(request, encoded, incoming.request_id))
            async for chunk in incoming.chunks:
                for event in reader.feed(chunk):
                    yield event
                if reader.done:
                    break
            for event in reader.finish():
                yield event
            await incoming.drain()

    def estimate(self, request: Request) -> Estimate:
        """The core's estimate of text. Raises QuoteUnavailable for media."""
        from fmsdk.quote import estimate_text

        return estimate_text(request)

    async def aclose(self) -> None:
        """Close the connections. A later request opens new ones."""
        made, self._made = self._made, None
        if made is not None:
            await made.aclose()

    async def _encoded(self, request: Request, *, stream: bool) -> Encoded:
        def work() -> Encoded:
            api = self._connection.api
            return encode(request, official=self._official, api=api, stream=stream)

        # Reading files and writing megabytes of base64 would hold up every other call.
        has_media = next(request.media(), None) is not None
        return await asyncio.to_thread(work) if has_media else work()

    def _answer(self, request: Request, encoded: Encoded, request_id: str | None) -> Answer:
        return Answer(
            encoded.api, request, self._blame, encoded.warnings, request_id, encoded.audio_mime
        )

    def _transport(self) -> Transport:
        if self._made is None:
            from fmsdk_openai.transport import Transport

            self._made = Transport(self._connection, self._blame, self._config.idle_timeout)
        return self._made


def _capabilities(connection: Connection) -> Capabilities:
    if connection.api == "responses":
        return Capabilities(
            input=_CHAT_INPUT - {"audio"}, remote=frozenset({"image", "document"}), known=False
        )
    # Which API a request takes is not known yet, and Chat Completions takes no document by URL.
    return Capabilities(
        input=_CHAT_INPUT,
        output=frozenset({"text", "audio"}),
        remote=frozenset({"image"}),
        known=False,
    )
