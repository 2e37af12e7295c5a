"""The provider: encodes, asks through the official SDK, decodes."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any

from fmsdk.catalog import narrow
from fmsdk.content import Modality
from fmsdk.errors import BadRequestError, ConfigurationError
from fmsdk.hosted.decoding import DecodeContext, StreamDecoder
from fmsdk.hosted.options import from_environment, missing_key
from fmsdk.hosted.provider import Encoded, HostedProvider, require_module
from fmsdk.provider import Capabilities, ImageLimits, ProviderConfig, UsableModel
from fmsdk.request import Request
from fmsdk.response import Response
from fmsdk_anthropic.decode import decode, decoder
from fmsdk_anthropic.encode import BETA_HEADER, encode
from fmsdk_anthropic.errors import AnthropicErrorMapper
from fmsdk_anthropic.options import Connection

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


class AnthropicProvider(HostedProvider[Encoded, DecodeContext]):
    """Anthropic, or another server that speaks its wire. Opens nothing before the first request.

    Options of `config`: base_url, api_key, auth_token, default_headers, or client, an
    `AsyncAnthropic` (or a cloud variant of it) that the caller built.

    Raises:
        ModuleNotFoundError: the SDK is not installed; the registry names the extra.
        BadRequestError: an option that does not exist.
    """

    def __init__(self, config: ProviderConfig) -> None:
        require_module("anthropic")
        self._connection = Connection.of(config)
        secret = self._connection.key or self._connection.token
        super().__init__(
            config, AnthropicErrorMapper(config.name, self._connection.variable, secret)
        )
        self.price_id = "anthropic" if config.name == "anthropic" else None
        self.vendor = "anthropic" if self._connection.official else None
        self.base_url = self._connection.url
        self._can = _capabilities(self._connection)
        self._betas = _betas(self._connection)

    @staticmethod
    def usable_models() -> list[UsableModel]:
        """Whether Anthropic's models can be called now: its extra installed, its key set."""
        if importlib.util.find_spec("anthropic") is None:
            note = "pip install 'fmsdk[anthropic]'"
        else:
            found = from_environment("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
            note = "" if found else "set ANTHROPIC_API_KEY"
        return [UsableModel("anthropic:…", not note, note, _INPUT)]

    def capabilities(self, model: str) -> Capabilities:
        """What the wire takes, and of it, at Anthropic's own server, what the model does."""
        return narrow(self._can, self.vendor, model)

    def encode(self, request: Request, *, stream: bool) -> Encoded:
        """The request as it goes out."""
        if stream and not self._connection.streams:
            raise BadRequestError(
                "Amazon frames the streams of AsyncAnthropicBedrock in a way of its own; give an "
                "AsyncAnthropicBedrockMantle, or use generate"
            )
        return encode(request, stream=stream, default_betas=self._betas)

    def context(self, request: Request, encoded: Encoded, request_id: str | None) -> DecodeContext:
        """What is known of the answer before its body comes."""
        return DecodeContext(
            request=request,
            error_mapper=self.error_mapper,
            warnings=encoded.warnings,
            request_id=request_id,
        )

    def decode(self, context: DecodeContext, body: bytes) -> Response[Any]:
        """The response of a body."""
        return decode(context, body)

    def decoder(self, context: DecodeContext) -> StreamDecoder:
        """A decoder for one stream."""
        return decoder(context)

    def make_transport(self, idle_timeout: float | None) -> Transport:
        """The official SDK."""
        import anthropic

        from fmsdk.http.sdk_transport import SdkTransport

        made: anthropic.AsyncAnthropic | None = self._connection.client
        client = made or self._own_client(idle_timeout)
        return SdkTransport(client, anthropic, self.error_mapper, idle_timeout, is_own=made is None)

    def _own_client(self, idle_timeout: float | None) -> Any:
        import anthropic

        from fmsdk.http.connections import http_client

        connection = self._connection
        try:
            client = anthropic.AsyncAnthropic(
                **connection.credentials(),
                base_url=connection.url,
                default_headers=connection.default_headers,
                max_retries=0,
                http_client=http_client(idle_timeout),
                open_telemetry={"traces": False},  # the call's span is fmsdk's
            )
        except anthropic.AnthropicError as error:  # a profile or identity that cannot be read
            raise ConfigurationError(str(error), provider=self.name) from error
        if (client.api_key, client.auth_token, client.credentials) == (None, None, None):
            raise missing_key(self.name, connection.variable)
        return client


def _betas(connection: Connection) -> str:
    """The betas among the headers of every request: the caller's client's, or those configured
    and those that the SDK takes from the environment."""
    if connection.client is not None:
        headers: dict[str, Any] = dict(connection.client.default_headers)
    else:
        lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").splitlines()
        found = (line.partition(":") for line in lines)
        headers = {name.strip(): value for name, _, value in found}
        headers |= connection.default_headers or {}
    return ",".join(value for name, value in headers.items() if name.lower() == BETA_HEADER)


def _capabilities(connection: Connection) -> Capabilities:
    return Capabilities(
        input=_INPUT,
        # Amazon's and Google's variants take bytes alone, and other servers promise nothing.
        remote=frozenset({"image", "document"}) if connection.official else frozenset(),
        settings=_SETTINGS,
        known=False,
        image_limits=_image_limits(connection),
    )


def _image_limits(connection: Connection) -> ImageLimits | None:
    if connection.official:
        return _OFFICIAL_LIMITS
    return None if connection.client is None else _CLOUD_LIMITS
