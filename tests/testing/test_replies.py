"""What a fake provider takes as replies, and what becomes of them in each verb."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

import fmsdk
from fmsdk.testing import FakeProvider
from tests.support.patience import PATIENCE

SPEECH = fmsdk.Audio(([0.0, 0.5] * 8000, 16000))


def client_of(*replies: Any, **settings: Any) -> fmsdk.Client:
    return fmsdk.Client(providers={"fake": FakeProvider(replies, **settings)})


def generate(client: fmsdk.Client, **settings: Any) -> fmsdk.Response[Any]:
    return client.generate("fake:any", "Hi there", **settings)


def stream(client: fmsdk.Client, **settings: Any) -> fmsdk.Response[Any]:
    with client.stream("fake:any", "Hi there", **settings) as running:
        assert list(running)
        return running.response


WAYS = pytest.mark.parametrize("ask", [generate, stream])
Ask = Callable[..., fmsdk.Response[Any]]


@pytest.mark.parametrize(
    "replies",
    ["Hello", fmsdk.Text("Hi"), fmsdk.ToolCall("1", "look"), 3, None, len, {"a": 1}, {"a"}, b"Hi"],
)
def test_replies_that_are_no_list_are_refused(replies: Any) -> None:
    with pytest.raises(fmsdk.BadRequestError, match=r"FakeProvider\(\[…\]\)"):
        FakeProvider(replies)


@pytest.mark.parametrize(
    ("reply", "way_out"),
    [
        ({"name": "Paris"}, "json.dumps"),
        (ValueError("no"), "FmsdkError"),
        (KeyboardInterrupt(), "FmsdkError"),
        (lambda request: "Hi", "override"),
        (fmsdk.ServerError, "an instance"),
        (str, "a reply itself"),
        (b"Hi", "a text"),
        (3, "a text"),
        (None, "a text"),
        (fmsdk.Message("user", "Hi"), "a text"),
        (fmsdk.Document(b"%PDF-"), "a text"),
        ([], "''"),
        (["Hi", {"a": 1}], "json.dumps"),
        (["Hi", ValueError()], "FmsdkError"),
        ([["nested"]], "a text"),
        ([fmsdk.ServerError("no"), "Hi"], "ends the list"),
    ],
)
def test_a_reply_that_is_none_is_refused_with_the_way_out(reply: Any, way_out: str) -> None:
    with pytest.raises(fmsdk.BadRequestError, match=way_out) as caught:
        FakeProvider(["good", reply])
    assert "replies[1]" in caught.value.message


@pytest.mark.parametrize(
    "settings",
    [{"on_end": "stop"}, {"delay": "x"}, {"delay": -1}, {"capabilities": {"text"}}],
    ids=repr,
)
def test_other_arguments_are_checked(settings: Any) -> None:
    with pytest.raises(fmsdk.BadRequestError):
        FakeProvider(**settings)


@dataclass
class City:
    name: str


@WAYS
@pytest.mark.parametrize("form", ["text", "response", "list"])
def test_every_reply_honours_the_output_type(ask: Ask, form: str) -> None:
    text = '{"name": "Paris"}'
    reply: Any = {"text": text, "list": [fmsdk.Reasoning("France"), text]}.get(form)
    if form == "response":
        choice = fmsdk.Choice((fmsdk.Text(text),), "stop")
        reply = fmsdk.Response[Any](provider="p", model="m", choices=(choice,))
    answer = ask(client_of(reply), output=City)
    assert answer.output == City("Paris")
    assert (answer.provider, answer.model) == ("fake", "any")


@WAYS
def test_parts_of_one_reply_arrive_together(ask: Ask) -> None:
    call = fmsdk.ToolCall("1", "look", {"x": 1})
    image = fmsdk.Image(b"abc", mime_type="image/png")
    answer = ask(client_of([fmsdk.Reasoning("Well"), "I look.", call, image]))
    assert (answer.reasoning, answer.text, answer.tool_calls) == ("Well", "I look.", (call,))
    assert answer.parts[3].read() == b"abc"  # type: ignore[union-attr]
    assert answer.finish == "tool_calls"


def test_a_stream_breaks_where_the_script_says() -> None:
    reply = ["Once upon ", "a time", fmsdk.IncompleteStream("broke")]
    client, pieces = client_of(reply, "Again"), list[str]()
    with (
        pytest.raises(fmsdk.IncompleteStream) as caught,
        client.stream("fake:any", "Hi") as running,
    ):
        pieces += [event.text for event in running if isinstance(event, fmsdk.TextDelta)]
    assert caught.value.partial.text == "Once upon a time"
    assert caught.value.partial.finish == "cancelled"
    assert stream(client).text == "Again"


def test_an_answer_that_breaks_off_is_retried_unstreamed() -> None:
    client = client_of(["Once", fmsdk.ConnectionFailed("broke")], "Again")
    assert generate(client).text == "Again"


@WAYS
@pytest.mark.parametrize(
    "error", [fmsdk.ServerError("busy"), fmsdk.RateLimitError("slow", retry_after=60.0)]
)
def test_retries_do_not_wait(ask: Ask, error: fmsdk.FmsdkError) -> None:
    start = time.monotonic()
    answer = ask(client_of(error, error, "Yes"))
    assert answer.text == "Yes"
    assert [attempt.waited for attempt in answer.latency.attempts] == [0.0] * 3
    assert time.monotonic() - start < min(PATIENCE, 60)


@WAYS
def test_retries_wait_on_request(ask: Ask) -> None:
    answer = ask(client_of(fmsdk.RateLimitError("slow", retry_after=0.01), "Yes", backoff=True))
    assert answer.latency.attempts[1].waited > 0


@WAYS
def test_the_end_of_the_script_is_an_error_on_request(ask: Ask) -> None:
    client = client_of("One", on_end="error")
    assert ask(client).text == "One"
    with pytest.raises(fmsdk.BadRequestError, match="it had 1, and this is request 2"):
        ask(client)
    assert ask(client_of()).text == "Hi there"


def transcribe(client: fmsdk.Client) -> fmsdk.Transcription:
    return client.transcribe("fake:any", SPEECH, language="en")


def test_a_transcription_is_a_reply() -> None:
    speech = fmsdk.Transcription(provider="p", model="m", text="Two", language="de")
    client = client_of("One", speech, fmsdk.ServerError("busy"), ["Th", "ree"])
    first, second, third = (transcribe(client) for _ in range(3))
    assert (first.text, first.language, first.duration) == ("One", "en", 1.0)
    assert first.segments == (fmsdk.Segment(0.0, 1.0, "One"),)
    assert first.usage.input.audio_seconds == 1.0
    assert second == replace(
        speech, provider="fake", model="any", latency=second.latency, usage=second.usage
    )
    assert (second.usage.source, second.usage.input.audio_seconds) == ("estimated", 1.0)
    assert (third.text, len(third.latency.attempts)) == ("Three", 2)
    assert transcribe(client).text.startswith("transcript of <samples at 16000 Hz>")


def test_an_embedding_is_a_reply() -> None:
    vectors = client_of().embed("fake:any", ["one"])
    client = client_of(fmsdk.ServerError("busy"), vectors, "Hello")
    first = client.embed("fake:any", ["two"])
    assert (first.vectors, len(first.latency.attempts)) == (vectors.vectors, 2)
    assert client.embed("fake:any", ["one"]).vectors == vectors.vectors
    assert generate(client).text == "Hello"


@pytest.mark.parametrize("verb", ["generate", "stream", "transcribe"])
def test_a_result_of_another_verb_is_refused(verb: str) -> None:
    result = client_of().embed("fake:any", ["one"])
    asks: dict[str, Callable[[fmsdk.Client], Any]] = {
        "generate": generate,
        "stream": stream,
        "transcribe": transcribe,
    }
    with pytest.raises(fmsdk.BadRequestError, match="in the order of the requests"):
        asks[verb](client_of(result))


LIKE = ["openai:gpt-5.6-sol", "anthropic:claude-sonnet-5", "google:gemini-3.5-flash"]


@WAYS
@pytest.mark.parametrize("like", LIKE)
def test_a_fake_like_a_model_has_its_price(ask: Ask, like: str) -> None:
    answer = ask(client_of("one two three", like=like))
    assert answer.cost is not None
    assert answer.cost.total > 0
    assert answer.served_model == like.partition(":")[2]


@WAYS
@pytest.mark.parametrize(
    ("like", "settings", "error"),
    [
        ("openai:gpt-5.6-sol", {"modalities": ["audio"]}, fmsdk.UnsupportedSetting),
        ("anthropic:claude-sonnet-5", {"seed": 3}, fmsdk.UnsupportedSetting),
        ("anthropic:claude-sonnet-5", {"options": object()}, fmsdk.BadRequestError),
        ("google:gemini-3.5-flash", {"modalities": ["audio"]}, fmsdk.UnsupportedSetting),
        ("local:demo-text", {"output": City}, fmsdk.UnsupportedSetting),
    ],
)
def test_a_fake_like_a_model_refuses_what_the_model_refuses(
    ask: Ask, like: str, settings: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(client_of("never", like=like), **settings)
    if "options" not in settings:
        assert ask(client_of('{"name": "x"}', like=like), lenient=True, **settings).warnings


def test_a_fake_like_a_text_model_takes_no_sound() -> None:
    with pytest.raises(fmsdk.UnsupportedContent):
        client_of(like="anthropic:claude-sonnet-5").generate("fake:any", SPEECH)


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"])
def test_likeness_does_not_depend_on_the_environment(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    like = next(name for name in LIKE if name.startswith(variable[:6].lower()))
    expected = FakeProvider(like=like)
    monkeypatch.setenv(variable, "http://127.0.0.1:9/v1")
    found = FakeProvider(like=like)
    assert found.capabilities("any").input == expected.capabilities("any").input
    assert (found.vendor, found.price_id) == (expected.vendor, expected.price_id)


@pytest.mark.parametrize("like", ["gpt-5.6-sol", "opnai:gpt-5.6-sol"])
def test_a_model_that_cannot_be_is_refused(like: str) -> None:
    with pytest.raises(fmsdk.FmsdkError):
        FakeProvider(like=like)


def test_embeddings_like_a_models_have_its_price_and_others_are_refused() -> None:
    found = client_of(like="openai:text-embedding-3-small").embed("fake:any", ["one"])
    assert found.served_model == "text-embedding-3-small"
    assert found.cost is not None
    with pytest.raises(fmsdk.BadRequestError, match="anthropic has no embeddings"):
        client_of(like="anthropic:claude-sonnet-5").embed("fake:any", ["one"])
