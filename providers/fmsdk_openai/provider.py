"""The provider: encodes, asks through the official SDK, decodes."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any

from fmsdk.content import Modality
from fmsdk.provider import Capabilities, ProviderConfig, UsableModel
from fmsdk.request import Request
from fmsdk.response import Response
from fmsdk.wire.hosted import HostedProvider, require_module
from fmsdk.wire.options import key_variable
from fmsdk.wire.read import StreamDecoder
from fmsdk_openai.decode import OpenAIAnswer, decode, decoder
from fmsdk_openai.encode import OpenAIEncoded, encode
from fmsdk_openai.errors import OpenAIBlame
from fmsdk_openai.options import Connection

if TYPE_CHECKING:
    from fmsdk.wire.transport import Transport

__all__ = ["OpenAIProvider"]

_CHAT_INPUT: frozenset[Modality] = frozenset({"text", "image", "audio", "document"})


class OpenAIProvider(HostedProvider[OpenAIEncoded, OpenAIAnswer]):
    """OpenAI, or another server that speaks its wire. Opens nothing before the first request.

    Options of `config`: base_url, api_key, api ("responses" or "chat"), organization, project,
    default_headers, or client, an `AsyncOpenAI` (or a cloud variant of it) that the caller built.

    Raises:
        ModuleNotFoundError: the SDK is not installed; the registry names the extra.
        BadRequestError: an option that does not exist.
    """

    def __init__(self, config: ProviderConfig) -> None:
        require_module("openai")
        self._connection = Connection.of(config)
        variable = key_variable(config.name)
        super().__init__(config, OpenAIBlame(config.name, variable, self._connection.secret))
        self.price_id = "openai" if config.name == "openai" else None
        self.vendor = "openai" if self._connection.official else None
        self._can = _capabilities(self._connection)

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

    def encode(self, request: Request, *, stream: bool) -> OpenAIEncoded:
        """The request as it goes out."""
        connection = self._connection
        return encode(request, official=connection.official, api=connection.api, stream=stream)

    def answer(
        self, request: Request, encoded: OpenAIEncoded, request_id: str | None
    ) -> OpenAIAnswer:
        """What is known of the answer before its body comes."""
        return OpenAIAnswer(
            request=request,
            blame=self.blame,
            warnings=encoded.warnings,
            request_id=request_id,
            api=encoded.api,
            audio_mime=encoded.audio_mime,
        )

    def decode(self, answer: OpenAIAnswer, body: bytes) -> Response[Any]:
        """The response of a body."""
        return decode(answer, body)

    def decoder(self, answer: OpenAIAnswer) -> StreamDecoder:
        """A decoder for one stream."""
        return decoder(answer)

    def make_transport(self, idle_timeout: float | None) -> Transport:
        """The official SDK."""
        import openai

        from fmsdk.wire.sdk import SdkTransport

        made: openai.AsyncOpenAI | None = self._connection.client
        client = made or self._own_client()
        return SdkTransport(client, openai, self.blame, idle_timeout, is_own=made is None)

    def _own_client(self) -> Any:
        import openai

        connection = self._connection
        return openai.AsyncOpenAI(
            api_key=connection.key(),
            base_url=connection.url,
            organization=connection.organization,
            project=connection.project,
            default_headers=connection.default_headers,
            max_retries=0,
        )


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
