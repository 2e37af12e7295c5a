"""What an error says: the vendor's own words, without the key or what they quote of it."""

from __future__ import annotations

import pytest

from fmsdk.errors import AuthenticationError, PermissionDenied
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk_anthropic.errors import AnthropicErrorMapper
from fmsdk_google.errors import GoogleErrorMapper
from fmsdk_openai.errors import OpenAIErrorMapper

KEY = "sk-proj-Q7xV2mN8kLp4Rt6YwZ1b"
MAPPERS = [OpenAIErrorMapper, AnthropicErrorMapper, GoogleErrorMapper]
AZURE = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
    "valid key for an active subscription and use a correct regional API endpoint for your "
    "resource."
)


@pytest.mark.parametrize("mapper", MAPPERS)
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    "words", [AZURE, "OAuth token has expired", "IP 10.0.0.1 is not on the allow list"]
)
def test_words_of_the_vendor_are_told(mapper: type[ErrorMapper], status: int, words: str) -> None:
    body = {"error": {"code": str(status), "message": words}}
    error = mapper("azure", "AZURE_OPENAI_API_KEY", KEY).from_response(body, status=status)
    assert type(error) is {401: AuthenticationError, 403: PermissionDenied}[status]
    assert words.rstrip(".") in error.message
    if status == 401:
        assert error.message.startswith("azure refused the API key (401): ")
        assert error.message.endswith("; see AZURE_OPENAI_API_KEY")


@pytest.mark.parametrize("mapper", MAPPERS)
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    "quoted", [KEY, f"{KEY[:8]}***{KEY[-4:]}", f"{KEY[:7]}...{KEY[-4:]}", f"'{KEY}'", KEY[:12]]
)
def test_no_part_of_the_key_is_quoted(mapper: type[ErrorMapper], status: int, quoted: str) -> None:
    body = {"error": {"message": f"Incorrect API key provided: {quoted}. See our pages."}}
    error = mapper("openai", "OPENAI_API_KEY", KEY).from_response(body, status=status)
    assert "Incorrect API key provided: " in error.message
    assert "See our pages" in error.message
    assert KEY[:7] not in error.message
    assert KEY[-4:] not in error.message


def test_error_without_words() -> None:
    error = OpenAIErrorMapper("openai", "OPENAI_API_KEY", KEY).from_response({}, status=401)
    assert error.message == "openai refused the API key (401); see OPENAI_API_KEY"
