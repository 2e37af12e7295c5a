"""A vendor's SDK client that the caller built: cloud variants (Azure, Bedrock, Vertex, Foundry),
and credentials that only the SDK can make.

For SDKs of one make (openai, anthropic), which have the same `post`. Bodies come out raw, since
the SDKs' typed objects cost more than everything else here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import httpx2
import msgspec

from fmsdk.errors import FmsdkError
from fmsdk.hosted.body import Body
from fmsdk.http.environment import environment_error
from fmsdk.http.error_mapper import ErrorMapper, NetworkFailure, exception_chain
from fmsdk.http.httpx2_transport import HTTPX2_FAILURES, Httpx2Response, read_limits
from fmsdk.http.transport import HttpResponse, Transport

__all__ = ["SdkTransport"]


class SdkTransport(Transport):
    """Sends requests through an SDK's asynchronous client, with retries switched off. The SDK
    gets bodies as objects, since cloud variants look into them, and reads error bodies itself.

    Args:
        client: an `AsyncOpenAI`, `AsyncAnthropic`, or a cloud variant of theirs.
        sdk: the SDK's module, for its exceptions and its `AsyncStream`.
        is_own: whether fmsdk made the client, and closes it.
    """

    failures: ClassVar[tuple[NetworkFailure, ...]] = HTTPX2_FAILURES

    def __init__(
        self,
        client: Any,
        sdk: Any,
        error_mapper: ErrorMapper,
        idle_timeout: float | None,
        *,
        is_own: bool = False,
    ) -> None:
        super().__init__(error_mapper, idle_timeout)
        self._client = client.with_options(max_retries=0)
        self._is_own = is_own
        self._status_error = sdk.APIStatusError
        self._stream_cls = sdk.AsyncStream[Any]
        self._api_error = sdk.APIError
        # With the root of its exceptions (OpenAIError, AnthropicError), or with Python's own, an
        # SDK says that it has nothing to identify itself by.
        self._root_error: type[Exception] = sdk.APIError.__mro__[1]

    async def send(
        self,
        method: str,
        path: str,
        body: Body | None,
        headers: Mapping[str, str],
        read_timeout: float | None,
    ) -> HttpResponse:
        """As `Transport.send`; an error status raises here, as the SDK read it."""
        content = {} if body is None else {"body": msgspec.json.decode(bytes(body))}
        try:
            response = await getattr(self._client, method.lower())(
                path,
                cast_to=httpx2.Response,
                options={"timeout": read_limits(read_timeout), "headers": headers},
                # Asked for as a stream of a raw response, the SDK hands that over unread.
                stream=True,
                stream_cls=self._stream_cls,
                **content,
            )
            return Httpx2Response(response)
        except self._status_error as error:
            status_error: Any = error
            typed_error = self.error_mapper.from_response(
                status_error.body,
                status=status_error.status_code,
                headers=status_error.response.headers,
            )
            raise typed_error from self.error_mapper.cause(error)
        except FmsdkError:
            raise
        except Exception as error:  # an SDK raises what it likes
            has_no_credentials = isinstance(
                error, (self._root_error, ImportError, TypeError, ValueError)
            )
            is_known = any(isinstance(each, self._failure_types) for each in exception_chain(error))
            if not is_known and (configuration_error := environment_error()) is not None:
                raise configuration_error from None
            if has_no_credentials and not isinstance(error, self._api_error):
                typed_error = self.error_mapper.missing_credentials(error)
            else:
                typed_error = self.error_mapper.from_exception(error, self.failures)
            raise typed_error from self.error_mapper.cause(error)

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        if self._is_own:
            await self._client.close()
