"""Half an emoji costs no answer: lone surrogates in any string of an answer, and pairs that two
events of a stream share."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

import fmsdk
from fmsdk.hosted.surrogate_pairs import SurrogateJoiner
from fmsdk.response import Response, TextDelta
from tests.support.hosted.subjects import KEY, SUBJECTS, Subject
from tests.support.scripted_server import Answer, ReceivedRequest, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
HALF = "\ud83d"
WORDS = {"type", "role", "status", "finish_reason", "finishReason", "stop_reason", "object"}
"""Fields whose value decides what the answer is."""


def text_places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inner in items:
        if key not in WORDS:
            yield from text_places(inner, (*path, key))


def with_text(value: Any, path: tuple[Any, ...], suffix: str) -> Any:
    if not path:
        return value + suffix
    changed = value.copy()
    changed[path[0]] = with_text(value[path[0]], path[1:], suffix)
    return changed


def conversation_goes_on(client: fmsdk.Client, subject: Subject, answer: Response[Any]) -> None:
    kept = fmsdk.from_json(fmsdk.to_json(answer).encode().decode())
    assert kept.text == answer.text
    assert fmsdk.from_json(fmsdk.to_json(answer.message)) == answer.message
    tools = [fmsdk.ToolResult(call.id, "ok") for call in answer.tool_calls]
    turn = fmsdk.Message("tool", tools) if tools else fmsdk.Message("user", "Go on")
    prompt = [fmsdk.Message("user", "Hi"), kept.message, turn]
    assert client.generate(subject.model, prompt).text == "Well."


def answers(subject: Subject, first: Any) -> list[Answer]:
    second = Answer(subject.wire.body("Well."))
    return [Answer(pieces=first) if isinstance(first, list) else Answer(first), second]


@each
def test_a_half_in_any_string_of_a_whole_answer(subject: Subject) -> None:
    body = {**subject.wire.body("Hello."), "extra": {"note": "new"}}
    for path in text_places(body):
        with (
            run_server(*answers(subject, with_text(body, path, HALF))) as server,
            subject.sync_client(server.root, retries=0) as client,
        ):
            answer = client.generate(subject.model, "Hi")
            assert answer.text.rstrip("\ufffd") == "Hello.", path
            assert answer.usage.output.total == 3
            conversation_goes_on(client, subject, answer)


@each
def test_a_half_in_any_string_of_a_stream(subject: Subject) -> None:
    for n, event in enumerate(subject.wire.events("Hel", "lo.")):
        head, data, payload = event.decode().partition("data: ")
        if "[DONE]" in payload:
            continue
        document = json.loads(payload)
        for path in text_places(document):
            pieces = subject.wire.events("Hel", "lo.")
            changed = with_text(document, path, HALF)
            pieces[n] = f"{head}{data}{json.dumps(changed)}\n\n".encode()
            with (
                run_server(*answers(subject, pieces)) as server,
                subject.sync_client(server.root, retries=0) as client,
            ):
                with client.stream(subject.model, "Hi") as stream:
                    events = list(stream)
                answer = stream.response
                shown = "".join(event.text for event in events if isinstance(event, TextDelta))
                assert shown == answer.text
                assert answer.text.replace("\ufffd", "") == "Hello.", path
                conversation_goes_on(client, subject, answer)


@each
@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["Hi \ud83d", "\ude00!"], "Hi 😀!"),
        (["Hi ", "\ud83d", "\ude00", "!"], "Hi 😀!"),
        (["\ud83d", "\ude00\ud83d", "\ude01"], "😀😁"),
        (["a\ud83d", "b"], "a\ufffdb"),
        (["a", "\ude00b"], "a\ufffdb"),
        (["a\ud83d\ud83d", "\ude00"], "a\ufffd😀"),
        (["a", "b\ud83d"], "ab\ufffd"),
        (["\\ud83d is an escape, 😀 no half"], "\\ud83d is an escape, 😀 no half"),
        (
            ["\U0010f83d is the model's own, ", "half \ud83d"],
            "\U0010f83d is the model's own, half \ufffd",
        ),
        (["\U0010f83d and \ud83d", "\ude00"], "\U0010f83d and \ufffd\ufffd"),
    ],
)
def test_pairs_that_two_events_share(subject: Subject, pieces: list[str], text: str) -> None:
    with (
        run_server(*answers(subject, subject.wire.events(*pieces))) as server,
        subject.sync_client(server.root, retries=0) as client,
    ):
        with client.stream(subject.model, "Hi") as stream:
            events = list(stream)
        assert stream.response.text == text
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == text
        json.dumps(stream.response.raw, ensure_ascii=False).encode()
        conversation_goes_on(client, subject, stream.response)


def test_each_choice_waits_for_its_own_half() -> None:
    def chunk(number: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": number, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n".encode()

    def call(number: int, arguments: str, **more: Any) -> dict[str, Any]:
        return {"tool_calls": [{"index": number, "function": {"arguments": arguments}, **more}]}

    first_call = {"index": 0, "id": "c0", "function": {"name": "f", "arguments": '{"a": "\ud83d'}}
    pieces = [
        chunk(0, {"content": "\ud83d"}),
        chunk(1, {"content": "\ud83c"}),
        chunk(0, {"reasoning_content": "\ud83e"}),
        chunk(0, {"tool_calls": [first_call]}),
        chunk(0, {"content": "\ude00"}),
        chunk(1, {"content": "\udf89"}),
        chunk(0, {"reasoning_content": "\udd14"}),
        chunk(0, call(0, '\ude01"}')),
        chunk(0, {}, "tool_calls"),
        chunk(1, {}, "stop"),
        b"data: [DONE]\n\n",
    ]
    subject = SUBJECTS[0]
    with (
        run_server(*answers(subject, pieces)) as server,
        subject.sync_client(server.root, retries=0) as client,
    ):
        with client.stream(subject.model, "Hi", choices=2) as stream:
            list(stream)
        answer = stream.response
        assert answer.text == "😀"
        assert answer.reasoning == "🤔"
        assert answer.tool_calls[0].arguments == {"a": "😁"}
        assert fmsdk.to_json(answer.choices[1].parts[0]).count("🎉") == 1
        conversation_goes_on(client, subject, answer)


def called(subject: Subject, arguments: dict[str, Any]) -> Any:
    """An answer that calls `f`."""
    text, name = json.dumps(arguments), subject.name
    body = subject.wire.body("")
    if name == "openai-chat":
        function = {"name": "f", "arguments": text}
        message = {"tool_calls": [{"id": "c0", "type": "function", "function": function}]}
        return {**body, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    if name == "openai-responses":
        item = {"type": "function_call", "call_id": "c0", "name": "f", "arguments": text}
        return {**body, "output": [item]}
    if name == "anthropic":
        use = {"type": "tool_use", "id": "c0", "name": "f", "input": arguments}
        thought = {"type": "thinking", "thinking": "Hm \ud83e", "signature": "s"}
        return {**body, "content": [thought, use], "stop_reason": "tool_use"}
    part = {"functionCall": {"name": "f", "args": arguments}, "thoughtSignature": "s"}
    return {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}


@each
def test_calls_with_half_an_emoji_can_be_answered(subject: Subject) -> None:
    first = called(subject, {"a": "x\ud83d", "\ude00": ["\ud83d\ude00"]})
    with (
        run_server(*answers(subject, first)) as server,
        subject.sync_client(server.root, retries=0) as client,
    ):
        answer = client.generate(subject.model, "Hi")
        assert answer.tool_calls[0].arguments == {"a": "x\ufffd", "\ufffd": ["😀"]}
        conversation_goes_on(client, subject, answer)


@dataclasses.dataclass
class City:
    name: str


@each
def test_a_structured_answer_with_half_an_emoji_is_read(subject: Subject) -> None:
    with (
        run_server(Answer(subject.wire.body('{"name": "Rome \\ud83d"}'))) as server,
        subject.sync_client(server.root, retries=0) as client,
    ):
        assert client.generate(subject.model, "Hi", output=City).output == City("Rome \ufffd")


@each
@pytest.mark.parametrize("streamed", [False, True])
def test_an_error_that_quotes_half_an_emoji_keeps_its_code(
    subject: Subject, streamed: bool
) -> None:
    error = {"type": "invalid_request_error", "status": "INVALID_ARGUMENT", "message": "no \ud83d"}
    refusal = Answer({"type": "error", "error": error}, status=400)
    with (
        run_server(refusal) as server,
        subject.sync_client(server.root, retries=0) as client,
        pytest.raises(fmsdk.BadRequestError, match="no \ufffd"),
    ):
        if streamed:
            list(client.stream(subject.model, "Hi"))
        else:
            client.generate(subject.model, "Hi")


def test_a_streamed_vendor_model_name_with_a_half_in_embeddings() -> None:
    def reply(request: ReceivedRequest) -> Answer:
        data = [{"index": 0, "embedding": [1.0, 0.0]}]
        return Answer({"data": data, "model": "m\ud83d", "usage": {"prompt_tokens": 2}})

    async def main(root: str) -> fmsdk.Embeddings:
        providers = {"openai": {"api_key": KEY, "base_url": root}}
        async with fmsdk.AsyncClient(providers=providers, retries=0) as client:
            return await client.embed("openai:m", "Hi")

    with run_server(reply) as server:
        assert asyncio.run(main(server.url)).served_model == "m\ufffd"


def test_a_payload_without_halves_is_passed_on_as_it_is() -> None:
    joiner = SurrogateJoiner()
    payload = json.dumps({"text": "plain"}).encode()
    assert joiner.mark(payload) is payload
    events = [TextDelta("plain")]
    assert joiner.join(events) is events
