"""The provider: encodes, sends, decodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fmsdk.catalog import narrow
from fmsdk.content import Modality
from fmsdk.embedding import Embeddings, EmbedLimits, EmbedRequest
from fmsdk.errors import BadRequestError, FmsdkError, ServerError
from fmsdk.hosted.body import Body
from fmsdk.hosted.connection import import_in_thread, open_transport
from fmsdk.hosted.decoding import StreamDecoder
from fmsdk.hosted.options import join_url
from fmsdk.hosted.provider import HostedProvider
from fmsdk.provider import (
    ALL_SETTINGS,
    Capabilities,
    ImageLimits,
    Platform,
    ProviderConfig,
    UsableModel,
)
from fmsdk.request import Request
from fmsdk.response import Response
from fmsdk.token_count import TokenCount
from fmsdk_openai.decode import OpenAIDecodeContext, decode, decoder
from fmsdk_openai.decode.embeddings import decode_embeddings
from fmsdk_openai.decode.token_count import decode_token_count
from fmsdk_openai.embedding_servers import EmbeddingServer, embedding_server, final_error
from fmsdk_openai.encode import OpenAIRequest, encode, encode_count, route
from fmsdk_openai.encode.embeddings import encode_embeddings
from fmsdk_openai.errors import OpenAIErrorMapper
from fmsdk_openai.model_discovery import ModelDiscovery
from fmsdk_openai.model_info import ModelsEndpoint, narrow_capabilities
from fmsdk_openai.options import Connection, OpenAIOptions
from fmsdk_openai.server import OPENAI_SERVER, Server
from fmsdk_openai.server_dialect import Api, Dialect

if TYPE_CHECKING:
    from fmsdk.http.transport import Transport

__all__ = ["OpenAIProvider"]

# Earlier models shrink what is too large themselves; these refuse it (OpenAI's vision guide).
_LIMITED = ("gpt-5.6", "gpt-6")
_LIMITS = ImageLimits(max_patches=30_000)
_RESPONSES_INPUT: frozenset[Modality] = frozenset({"document"})
"""What the Responses API adds to a server's Chat Completions."""
# https://platform.openai.com/docs/guides/images-vision: 512 MB in the request, of base64. What
# speaks OpenAI's API elsewhere takes less, each server another number.
_MAX_MEDIA_BYTES = 384_000_000


class OpenAIProvider(HostedProvider[OpenAIRequest, OpenAIDecodeContext]):
    """OpenAI, or another server that speaks its wire. Opens nothing before the first request.

    Args:
        config: with the options base_url, api_key, api ("responses" or "chat"), organization,
            project, default_headers, http_client (an `httpx2.AsyncClient` whose connections are
            used), or client, an `AsyncOpenAI` (or a cloud variant of it) that the caller built.
        server: what is known of the server.

    Raises:
        BadRequestError: an option that does not exist.
        ConfigurationError: no base URL, where everyone has their own.
    """

    options_class = OpenAIOptions

    def __init__(self, config: ProviderConfig, server: Server = OPENAI_SERVER) -> None:
        self._connection = connection = Connection.of(config, server)
        self._credential = credential = connection.credential()
        mapper = OpenAIErrorMapper(
            config.name,
            connection.variable,
            credential,
            connection.secrets(),
            is_official=connection.is_official,
        )
        super().__init__(config, mapper)
        self.price_id = self.vendor = server.price_id if connection.has_vendors_models else None
        self.is_official = connection.is_official
        self.base_url = connection.url
        self._dialect = connection.dialect
        self._discovery = ModelDiscovery(server.listings, self._listing)

    @staticmethod
    def usable_models() -> list[UsableModel]:
        """Whether OpenAI's models can be called now: its key is set."""
        return OPENAI_SERVER.usable_models()

    def capabilities(self, model: str) -> Capabilities:
        """What the wire takes, narrowed by what the vendor or the server says of the model."""
        model_info = self._discovery.model_info(model)
        wire = _capabilities(self._dialect, self._api(model), model)
        return narrow_capabilities(narrow(wire, self.vendor, model), model_info)

    async def learn(self, model: str) -> None:
        """Ask the server what it says of a model, once, where its kind of server tells."""
        await self._discovery.learn(model)

    def encode(self, request: Request, *, stream: bool) -> OpenAIRequest:
        """The request as it goes out."""
        return encode(request, dialect=self._dialect, api=self._api(request.model), stream=stream)

    def platform(self, request: Request) -> Platform | None:
        """The API that the request goes to."""
        return route(request, dialect=self._dialect, api=self._api(request.model))

    def context(
        self, request: Request, encoded: OpenAIRequest, request_id: str | None
    ) -> OpenAIDecodeContext:
        """What is known of the answer before its body comes."""
        return OpenAIDecodeContext(
            request=request,
            error_mapper=self.error_mapper,
            warnings=encoded.warnings,
            request_id=request_id,
            api=encoded.api,
            audio_mime=encoded.audio_mime,
            charge=self._dialect.charge,
        )

    def decode(self, context: OpenAIDecodeContext, body: bytes) -> Response[Any]:
        """The response of a body."""
        return decode(context, body)

    def decoder(self, context: OpenAIDecodeContext) -> StreamDecoder:
        """A decoder for one stream."""
        return decoder(context)

    def embed_limits(self, model: str) -> EmbedLimits:
        """How much one request holds, by the server."""
        return self._embedding_server().limits

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """One vector for each text. Raises BadRequestError where the server embeds none."""
        server = self._embedding_server()
        path = "/embeddings"
        if server.native_path is not None:
            path = join_url(self._connection.url, server.native_path)
        encoded = encode_embeddings(request, server, path)

        def decode_answer(body: bytes, request_id: str | None) -> Embeddings:
            context = OpenAIDecodeContext(
                request=request,
                error_mapper=self.error_mapper,
                warnings=encoded.warnings,
                request_id=request_id,
                api="chat",
                charge=self._dialect.charge,
            )
            return decode_embeddings(context, request, body)

        try:
            return await self.exchange(request, encoded, decode_answer)
        except ServerError as error:
            raise final_error(error, server) from error.__cause__

    async def count_tokens(self, request: Request) -> TokenCount:
        """The input tokens, as OpenAI counts them for Responses. Raises BadRequestError for servers
        of other names, which have no such endpoint."""
        if self._connection.server.name not in ("openai", "azure"):
            raise BadRequestError(
                f"{self.name} has no endpoint that counts tokens; client.quote estimates them",
                provider=self.name,
                model=request.model,
            )
        encoded = encode_count(request, dialect=self._dialect)
        return await self.exchange_count(request, encoded, decode_token_count)

    async def open_transport(self, idle_timeout: float | None) -> Transport:
        """Connections of our own, or the caller's client."""
        connection = self._connection
        if connection.client is None:
            endpoint = connection.endpoint(self._credential)
            return await open_transport(
                endpoint, self.error_mapper, idle_timeout, connection.http_client
            )
        sdk = await import_in_thread("openai")
        module = await import_in_thread("fmsdk.http.sdk_transport")
        return module.SdkTransport(connection.client, sdk, self.error_mapper, idle_timeout)

    def _embedding_server(self) -> EmbeddingServer:
        server = self._connection.server
        is_known = server is not OPENAI_SERVER or self._dialect.is_openai
        return embedding_server(server.name if is_known else None)

    async def aclose(self) -> None:
        """Close the connections. A later request opens new ones."""
        await self._discovery.aclose()
        await super().aclose()

    def _api(self, model: str) -> Api | None:
        """The API that the user pinned, or else the only one that answers for the model."""
        model_info = self._discovery.model_info(model)
        return self._connection.api or (model_info and model_info.api)

    async def _listing(self, listing: ModelsEndpoint, model: str) -> bytes:
        """A listing of the server's models as it comes; b"" where there is none to be had."""
        url = join_url(self._connection.url, listing.path)
        method, body = "GET", None
        if listing.by_model:
            method, body = "POST", Body([msgspec.json.encode({"model": model})])
        try:
            transport = await self.transport()
            async with transport.open(url, body, headers={}, method=method) as incoming:
                return await incoming.read()
        except FmsdkError:
            return b""


def _capabilities(dialect: Dialect, api: Api | None, model: str) -> Capabilities:
    unsupported_names = dialect.unsupported_names(model)
    settings = ALL_SETTINGS.difference(unsupported_names)
    limits = _LIMITS if dialect.is_openai and model.startswith(_LIMITED) else None
    if not dialect.reads_orientation:
        limits = ImageLimits(upright=True)
    structured = "output" not in unsupported_names
    if api == "responses":
        return Capabilities(
            input=dialect.input - {"audio"} | _RESPONSES_INPUT,
            remote=dialect.remote and frozenset({"image", "document"}),
            settings=settings,
            structured=structured,
            known=False,
            image_limits=limits,
            max_media_bytes=_MAX_MEDIA_BYTES,
        )
    # Which API a request takes is not known yet, and Chat Completions takes no document by URL.
    return Capabilities(
        input=dialect.input,
        output=dialect.output,
        remote=dialect.remote,
        settings=settings,
        structured=structured,
        known=False,
        image_limits=limits,
        max_media_bytes=_MAX_MEDIA_BYTES,
    )
