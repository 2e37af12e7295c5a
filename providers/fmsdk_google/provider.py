"""The provider: encodes, sends, decodes."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fmsdk.catalog import narrow
from fmsdk.content import Modality
from fmsdk.embedding import Embeddings, EmbedLimits, EmbedRequest
from fmsdk.hosted.connection import open_transport
from fmsdk.hosted.decoding import DecodeContext, StreamDecoder
from fmsdk.hosted.provider import Encoded, HostedProvider
from fmsdk.provider import Capabilities, Platform, ProviderConfig, UsableModel
from fmsdk.request import Request
from fmsdk.response import Response
from fmsdk.token_count import TokenCount
from fmsdk_google.decode import decode, decoder
from fmsdk_google.decode.embeddings import decode_embeddings
from fmsdk_google.decode.token_count import decode_token_count
from fmsdk_google.encode import encode, encode_count
from fmsdk_google.encode.embeddings import embed_limits, encode_embeddings
from fmsdk_google.errors import GoogleErrorMapper
from fmsdk_google.options import Connection, GoogleOptions, has_access, key_variables

if TYPE_CHECKING:
    from fmsdk.http.transport import Transport

__all__ = ["GoogleProvider"]

_INPUT: frozenset[Modality] = frozenset({"text", "image", "audio", "video", "document"})
_CAN = Capabilities(
    input=_INPUT,
    output=frozenset({"text", "audio", "image"}),
    remote=frozenset({"image", "video", "document"}),
    known=False,
    # https://ai.google.dev/gemini-api/docs/file-input-methods: 100 MB in the request.
    max_media_bytes=100_000_000,
)


class GoogleProvider(HostedProvider[Encoded, DecodeContext]):
    """Gemini on AI Studio or Vertex. Opens nothing before the first request.

    Options of `config`: api_key, base_url, api_version ("v1beta", on Vertex "v1beta1"), vertex,
    project, location, credentials, default_headers, http_client (an `httpx2.AsyncClient` whose
    connections are used), or client, a `google.genai.Client` that the caller built.

    Raises:
        ModuleNotFoundError: Vertex without google-auth; the registry names the extra.
        BadRequestError: an option that does not exist.
        ConfigurationError: Vertex without a project.
    """

    options_class = GoogleOptions

    def __init__(self, config: ProviderConfig) -> None:
        connection = Connection.of(config)
        if connection.wants_credentials:
            for name in ("google", "google.auth"):
                if importlib.util.find_spec(name) is None:  # the registry names the extra
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        self._credential = credential = connection.credential()
        mapper = GoogleErrorMapper(
            config.name,
            connection.variable,
            credential,
            connection.secrets(),
            is_official=connection.is_official,
        )
        super().__init__(config, mapper)
        self.is_official = connection.is_official
        self.base_url = connection.url
        self._connection = connection
        if connection.has_vendors_models:
            self.price_id = "google"
            # Vertex has dates of its own at which models end; what they take is the same.
            self.vendor = "google-vertex" if connection.vertex else "google"

    @staticmethod
    def usable_models() -> list[UsableModel]:
        """Whether Google's models can be called now: a key or a project is set."""
        advice = "" if has_access() else f"set {key_variables('google')[0]}"
        return [UsableModel("google:…", not advice, advice, _INPUT)]

    def capabilities(self, model: str) -> Capabilities:
        """What the wire takes, and of it what the model does."""
        return narrow(_CAN, self.price_id, model.rpartition("/")[2])

    def encode(self, request: Request, *, stream: bool) -> Encoded:
        """The request as it goes out."""
        connection = self._connection
        return encode(
            request,
            vertex=bool(connection.vertex),
            root=connection.root,
            stream=stream,
            is_vendors_model=self.vendor is not None,
        )

    def platform(self, request: Request) -> Platform | None:
        """AI Studio, or Vertex, which counts some things in another way."""
        return "vertex" if self._connection.vertex else "aistudio"

    def decode(self, context: DecodeContext, body: bytes) -> Response[Any]:
        """The response of a body."""
        return decode(context, body)

    def decoder(self, context: DecodeContext) -> StreamDecoder:
        """A decoder for one stream."""
        return decoder(context)

    def embed_limits(self, model: str) -> EmbedLimits:
        """How much one request holds, by the method that the model takes."""
        return embed_limits(model, vertex=bool(self._connection.vertex))

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """One vector for each text."""
        connection = self._connection
        encoded = encode_embeddings(request, vertex=bool(connection.vertex), root=connection.root)
        return await self.exchange(
            request,
            encoded,
            lambda body, id_: decode_embeddings(self.context(request, encoded, id_), request, body),
        )

    async def count_tokens(self, request: Request) -> TokenCount:
        """The input tokens, as Gemini counts them."""
        connection = self._connection
        encoded = encode_count(request, vertex=bool(connection.vertex), root=connection.root)
        return await self.exchange_count(request, encoded, decode_token_count)

    async def open_transport(self, idle_timeout: float | None) -> Transport:
        """Connections of our own, or the caller's, with a key, or on Vertex a token of Google
        Cloud. google-genai is not in between: it gives no raw access to streams, fails on legal
        comment lines in them, and lets its HTTP client's errors out."""
        connection = self._connection
        endpoint = replace(connection.endpoint(self._credential), key_substitute="x-goog-api-key")
        if connection.wants_credentials:
            from fmsdk_google.cloud_token import CloudToken

            token = CloudToken(connection.credentials, self.name, connection.variable)
            endpoint = replace(endpoint, authorize=token.headers)
        return await open_transport(
            endpoint, self.error_mapper, idle_timeout, connection.http_client
        )
