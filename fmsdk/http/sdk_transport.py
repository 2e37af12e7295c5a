"""A vendor's official SDK as the transport: keys, base URL, headers, connection pool, and no more.

For SDKs of one make (openai, anthropic), which have the same `post`. Bodies come out raw, since
the SDKs' typed objects cost more than everything else here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec

from fmsdk.hosted.body import Body
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.http.transport import Transport

__all__ = ["SdkTransport"]


class SdkTransport(Transport):
    """Asks through an SDK's asynchronous client.

    Args:
        client: an `AsyncOpenAI`, `AsyncAnthropic`, or a cloud variant of theirs.
        sdk: the SDK's module, for its exceptions and its `AsyncStream`.
        is_own: whether fmsdk made the client. A caller's keeps its connections, and gets bodies
            undone, since cloud variants (Azure, Bedrock, …) look into them.
    """

    def __init__(
        self,
        client: Any,
        sdk: Any,
        error_mapper: ErrorMapper,
        idle_timeout: float | None,
        *,
        is_own: bool,
    ) -> None:
        super().__init__(error_mapper, idle_timeout)
        self._client = client if is_own else client.with_options(max_retries=0)
        self._is_own = is_own
        self._status_error = sdk.APIStatusError
        self._stream_cls = sdk.AsyncStream[Any]
        self._api_error = sdk.APIError
        # With these, or with Python's own, an SDK says that it has nothing to identify itself by.
        self._root_error = _root_of(sdk)

    async def send(
        self,
        path: str,
        body: Body,
        headers: Mapping[str, str],
        timeout: httpx2.Timeout,
    ) -> httpx2.Response:
        """As `Transport.send`."""
        content: dict[str, Any] = {"content": body.content}
        if not self._is_own:
            content = {"body": msgspec.json.decode(bytes(body))}
        elif isinstance(body.content, Body):
            headers = {**headers, "content-length": str(len(body))}
        try:
            return await self._client.post(
                path,
                cast_to=httpx2.Response,
                options={"timeout": timeout, "headers": headers},
                # Asked for as a stream of a raw response, the SDK hands that over unread.
                stream=True,
                stream_cls=self._stream_cls,
                **content,
            )
        except self._status_error as error:
            found: Any = error
            headers = found.response.headers
            told = self.error_mapper.from_response(
                found.body, status=found.status_code, headers=headers
            )
            raise told from self.error_mapper.cause(error)
        except self._api_error:
            raise
        except (self._root_error, TypeError, ValueError) as error:
            raise self.error_mapper.missing_credentials(error) from self.error_mapper.cause(error)

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        if self._is_own:
            await self._client.close()


def _root_of(sdk: Any) -> type[Exception]:
    """The root of an SDK's own exceptions: OpenAIError, AnthropicError."""
    root: type[Exception] = sdk.APIError.__mro__[1]
    return root
