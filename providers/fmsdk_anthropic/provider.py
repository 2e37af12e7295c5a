"""The provider: encodes, sends, decodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fmsdk.catalog import narrow
from fmsdk.content import Modality
from fmsdk.errors import BadRequestError, ConfigurationError, MissingKey
from fmsdk.hosted.connection import import_in_thread, open_transport
from fmsdk.hosted.decoding import DecodeContext, StreamDecoder
from fmsdk.hosted.options import from_environment, missing_key
from fmsdk.hosted.provider import Encoded, HostedProvider
from fmsdk.provider import Capabilities, ImageLimits, Platform, ProviderConfig, UsableModel
from fmsdk.request import Request
from fmsdk.response import Response
from fmsdk.threads import run_in_thread
from fmsdk.token_count import TokenCount
from fmsdk_anthropic.decode import decode, decoder
from fmsdk_anthropic.decode.token_count import decode_token_count
from fmsdk_anthropic.encode import encode, encode_count
from fmsdk_anthropic.errors import AnthropicErrorMapper
from fmsdk_anthropic.options import AnthropicOptions, Connection, has_profile

if TYPE_CHECKING:
    from fmsdk.http.transport import Transport

__all__ = ["AnthropicProvider"]

_INPUT: frozenset[Modality] = frozenset({"text", "image", "document"})
_SETTINGS = frozenset(
    {"max_output_tokens", "temperature", "top_p", "stop", "reasoning", "modalities"}
)
# https://platform.claude.com/docs/en/build-with-claude/vision: 10 MB of base64 on Anthropic's own
# server, 5 MB on Amazon's and Google's; more than 20 pictures of at most 2000 px.
_OFFICIAL_LIMITS = ImageLimits(max_side=8000, max_bytes=7_500_000, many=20, max_side_of_many=2000)
_CLOUD_LIMITS = ImageLimits(max_side=8000, max_bytes=3_750_000, many=20, max_side_of_many=2000)
# https://platform.claude.com/docs/en/api/overview: a request has at most 32 MB, of base64.
_MAX_MEDIA_BYTES = 24_000_000


class AnthropicProvider(HostedProvider[Encoded, DecodeContext]):
    """Anthropic, or another server that speaks its wire. Opens nothing before the first request.

    Options of `config`: base_url, api_key, auth_token, default_headers, http_client (an
    `httpx2.AsyncClient` whose connections are used), or client, an `AsyncAnthropic` (or a cloud
    variant of it) that the caller built.

    Raises:
        BadRequestError: an option that does not exist.
    """

    options_class = AnthropicOptions

    def __init__(self, config: ProviderConfig) -> None:
        self._connection = connection = Connection.of(config)
        self._credential = credential = connection.credential()
        mapper = AnthropicErrorMapper(
            config.name,
            connection.variable,
            credential,
            connection.secrets(),
            is_official=connection.is_official,
        )
        super().__init__(config, mapper)
        self.price_id = self.vendor = "anthropic" if connection.has_vendors_models else None
        self.is_official = connection.is_official
        self.base_url = self._connection.url
        limits = None if connection.client is None else _CLOUD_LIMITS
        remote: frozenset[Modality] = frozenset({"image", "document"})
        self._can = Capabilities(
            input=_INPUT,
            # Amazon's and Google's variants take bytes alone, and other servers promise nothing.
            remote=remote if connection.is_official else frozenset(),
            settings=_SETTINGS,
            known=False,
            image_limits=_OFFICIAL_LIMITS if connection.is_official else limits,
            max_media_bytes=_MAX_MEDIA_BYTES,
        )
        self._betas = self._connection.betas()

    @staticmethod
    def usable_models() -> list[UsableModel]:
        """Whether Anthropic's models can be called now: its key or token is set."""
        credential_text = from_environment("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
        advice = "" if credential_text else "set ANTHROPIC_API_KEY"
        return [UsableModel("anthropic:…", not advice, advice, _INPUT)]

    def capabilities(self, model: str) -> Capabilities:
        """What the wire takes, and of it what the model does."""
        return narrow(self._can, self.vendor, model)

    def encode(self, request: Request, *, stream: bool) -> Encoded:
        """The request as it goes out."""
        if stream and not self._connection.streams:
            raise BadRequestError(
                "Amazon frames the streams of AsyncAnthropicBedrock in a way of its own; give an "
                "AsyncAnthropicBedrockMantle, or use generate"
            )
        return encode(
            request,
            stream=stream,
            default_betas=self._betas,
            is_vendors_model=self.vendor is not None,
        )

    def platform(self, request: Request) -> Platform | None:
        """Anthropic's only API."""
        return "messages"

    def decode(self, context: DecodeContext, body: bytes) -> Response[Any]:
        """The response of a body."""
        return decode(context, body)

    def decoder(self, context: DecodeContext) -> StreamDecoder:
        """A decoder for one stream."""
        return decoder(context)

    async def count_tokens(self, request: Request) -> TokenCount:
        """The input tokens, as Anthropic counts them."""
        encoded = encode_count(request, is_vendors_model=self.vendor is not None)
        return await self.exchange_count(request, encoded, decode_token_count)

    async def open_transport(self, idle_timeout: float | None) -> Transport:
        """Connections of our own, or the caller's client, or Anthropic's SDK where it alone can
        make the credentials.

        Raises:
            MissingKey: neither key nor token, and nothing that the SDK makes credentials of.
            ConfigurationError: a profile that the SDK cannot read.
        """
        connection, own = self._connection, False
        client = connection.client
        has_no_key = not (self._credential.is_function or self._credential.last_value)
        header_names = {name.lower() for name in connection.default_headers or {}}
        wants_profile = (
            connection.is_official and has_no_key and "authorization" not in header_names
        )
        if client is None and wants_profile and has_profile():
            client = await run_in_thread(self._client_of_profile)
            own = connection.http_client is None
        if client is None:
            endpoint = connection.endpoint(self._credential)
            return await open_transport(
                endpoint, self.error_mapper, idle_timeout, connection.http_client
            )
        sdk = await import_in_thread("anthropic")
        module = await import_in_thread("fmsdk.http.sdk_transport")
        return module.SdkTransport(client, sdk, self.error_mapper, idle_timeout, is_own=own)

    def _client_of_profile(self) -> Any:
        """A client of Anthropic's SDK with the credentials of a profile or an identity. Blocks:
        it imports the SDK and reads files."""
        from fmsdk.http.environment import (
            environment_errors,
            environment_proxy,
            trusted_certificates,
        )

        connection = self._connection
        try:
            import anthropic
            import httpx2
        except ModuleNotFoundError as error:
            raise MissingKey(
                f"no API key: set {connection.variable}; or, for this machine's Anthropic profile, "
                "pip install 'fmsdk[anthropic]'",
                variable=connection.variable,
                provider=self.name,
            ) from error
        try:
            with environment_errors():
                # The SDK's own would fail at a proxy that NO_PROXY excludes for this server.
                http_client = connection.http_client or httpx2.AsyncClient(
                    limits=anthropic.DEFAULT_CONNECTION_LIMITS,
                    trust_env=False,
                    proxy=environment_proxy(connection.url),
                    verify=trusted_certificates(),
                )
            client = anthropic.AsyncAnthropic(
                base_url=connection.url,
                default_headers=connection.default_headers,
                max_retries=0,
                http_client=http_client,
                open_telemetry={"traces": False},  # the call's span is fmsdk's
            )
        except anthropic.AnthropicError as error:  # a profile or identity that cannot be read
            raise ConfigurationError(str(error), provider=self.name) from error
        if client.credentials is None:
            raise missing_key(self.name, connection.variable)
        return client
