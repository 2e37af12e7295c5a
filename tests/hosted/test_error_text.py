"""A context that is too long, and a medium that the model does not take, where the server has no
code for it: the same errors everywhere, over real sockets, asked once."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image as PillowImage

import fmsdk
from fmsdk.http.error_text import exceeded_context, refused_medium
from tests.support.hosted.error_texts import NOT_REFUSED, NOT_TOO_LONG, REFUSED, TOO_LONG
from tests.support.hosted.subjects import KEY, SUBJECTS, Subject
from tests.support.scripted_server import Answer, run_server, sse


@pytest.mark.parametrize(("text", "tokens", "limit"), TOO_LONG)
def test_texts_of_a_context_too_long(text: str, tokens: int | None, limit: int | None) -> None:
    figures = exceeded_context(text)
    assert figures is not None
    assert (figures.get("tokens"), figures.get("limit")) == (tokens, limit)
    assert refused_medium(text) is None


@pytest.mark.parametrize(("text", "part"), REFUSED)
def test_texts_of_a_medium_refused(text: str, part: str) -> None:
    assert refused_medium(text) == part
    assert exceeded_context(text) is None


@pytest.mark.parametrize("text", NOT_TOO_LONG + NOT_REFUSED)
def test_texts_of_other_kinds(text: str) -> None:
    assert exceeded_context(text) is None
    assert refused_medium(text) is None


def picture() -> fmsdk.Image:
    buffer = io.BytesIO()
    PillowImage.new("RGB", (64, 64), "red").save(buffer, "PNG")
    return fmsdk.Image(buffer.getvalue())


def refusal(
    answer: Answer, subject: Subject, *, stream: bool, prompt: Any = "Hello"
) -> fmsdk.FmsdkError:
    """The error of a call that the server answers so, which it was asked once."""
    with (
        run_server(answer) as server,
        subject.sync_client(server.root, retries=2) as client,
        pytest.raises(fmsdk.FmsdkError) as caught,
    ):
        if stream:
            with client.stream(subject.model, prompt) as events:
                list(events)
        else:
            client.generate(subject.model, prompt)
    assert len(server.seen) == 1
    assert not caught.value.retryable
    return caught.value


BODIES = {
    "vLLM": lambda text: {
        "error": {"message": text, "type": "BadRequestError", "param": None, "code": 400}
    },
    "FastAPI": lambda text: {"detail": text},
    "Anthropic": lambda text: {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": text},
    },
    "Google": lambda text: {"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT"}},
    "OpenRouter": lambda text: {
        "error": {
            "message": "Provider returned error",
            "code": 400,
            "metadata": {"raw": f'{{"error":{{"message":"{text}"}}}}', "provider_name": "x"},
        }
    },
    "text": lambda text: text,
}
LONG, BLIND = TOO_LONG[1][0], "m is not a multimodal model"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("shape", BODIES)
@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_a_context_too_long_on_every_wire(
    subject: Subject, shape: str, status: int, stream: bool
) -> None:
    answer = Answer(BODIES[shape](LONG), status)
    error = refusal(answer, subject, stream=stream)
    assert isinstance(error, fmsdk.ContextTooLong)
    assert (error.tokens, error.limit) == (2049, 2048)
    assert "maximum context length" in str(error)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("status", [400, 404, 500])
@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_a_picture_for_a_model_without_eyes(subject: Subject, status: int, stream: bool) -> None:
    answer = Answer(BODIES["vLLM"](BLIND), status)
    error = refusal(answer, subject, stream=stream, prompt=[picture(), "What is it?"])
    assert isinstance(error, fmsdk.UnsupportedContent)
    assert (error.part, error.status) == ("image", status)
    assert subject.model not in error.alternatives


def test_vllm_names_the_parameter_alone() -> None:
    body = {
        "error": {
            "message": "You passed too many.",
            "type": "BadRequestError",
            "param": "input_tokens",
            "code": 400,
        }
    }
    error = refusal(Answer(body, 400), SUBJECTS[0], stream=False)
    assert isinstance(error, fmsdk.ContextTooLong)


@pytest.mark.parametrize(
    ("text", "kind"), [(LONG, fmsdk.ContextTooLong), (BLIND, fmsdk.UnsupportedContent)]
)
def test_inside_a_stream_that_began_well(text: str, kind: type[fmsdk.FmsdkError]) -> None:
    answer = Answer(pieces=sse(BODIES["vLLM"](text)))
    assert isinstance(refusal(answer, SUBJECTS[0], stream=True), kind)


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_the_text_never_overrules_a_status_that_says_more(status: int) -> None:
    from fmsdk_openai.errors import OpenAIErrorMapper

    mapper = OpenAIErrorMapper("openai", "OPENAI_API_KEY", "k")
    error = mapper.from_response(BODIES["vLLM"](LONG), status=status)
    assert not isinstance(error, fmsdk.ContextTooLong)


AZURE = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
    "valid key for an active subscription and use a correct regional API endpoint for your "
    "resource."
)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "401", "message": AZURE}},
        {"statusCode": 401, "message": AZURE},  # Azure's gateway, in front of the API
        {"error": {"code": "401", "message": f"{AZURE} Key: {KEY}"}},
    ],
    ids=["API", "gateway", "key"],
)
@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_words_on_a_refused_key_arrive(subject: Subject, body: Any, stream: bool) -> None:
    error = refusal(Answer(body, status=401), subject, stream=stream)
    assert isinstance(error, fmsdk.AuthenticationError)
    assert error.status == 401
    assert "wrong API endpoint" in error.message
    assert KEY not in f"{error} {error!r}"
