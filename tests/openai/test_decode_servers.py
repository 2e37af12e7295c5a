"""What only some servers of this wire send: read alike, whole and in pieces, and nothing lost."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from fmsdk.content import Image, Reasoning, Text, ToolCall
from fmsdk.errors import (
    BadRequestError,
    ContentFiltered,
    ContextTooLong,
    InvalidMedia,
    InvalidResponse,
    RateLimitError,
)
from fmsdk.response import Response
from fmsdk_openai.errors import OpenAIErrorMapper
from tests.support.openai.decoding import DELTA, compact, ended, plain, streamed
from tests.support.openai.provider import chunk, completion, message, response

PNG = b"\x89PNG\r\n\x1a\n"
BLAME = OpenAIErrorMapper("openai", "OPENAI_API_KEY")


def both(whole: Any, *pieces: Any, finish: str = "stop") -> tuple[Response[Any], Response[Any]]:
    """The answer of a message, and that of the same in pieces, which must hold the same."""
    choice = {"message": whole, "finish_reason": finish}
    one = plain({"id": "chatcmpl-1", "model": "m-1", "choices": [choice]})
    other = streamed(*map(chunk, pieces or (whole,)), chunk({}, finish))
    assert sorted(map(repr, one.parts)) == sorted(map(repr, other.parts))
    assert (one.finish, one.served_model) == (other.finish, other.served_model)
    assert [w.code for w in one.warnings] == [w.code for w in other.warnings]
    return one, other


def test_pictures_of_openrouter() -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    pictures = [{"type": "image_url", "image_url": {"url": url}}]
    whole, _ = both(
        {"content": "Here.", "images": pictures}, {"content": "Here.", "images": pictures}
    )
    assert whole.parts[0] == Text("Here.")
    assert isinstance(whole.parts[1], Image)
    assert (whole.parts[1].read(), whole.parts[1].mime) == (PNG, "image/png")


@pytest.mark.parametrize("entry", [{"image_url": {"url": "https://x.org/a.png"}}, {}, None, "x"])
def test_a_picture_by_url_is_reported(entry: Any) -> None:
    for got in both({"content": "Here.", "images": [entry]}):
        assert [(w.code, w.detail) for w in got.warnings] == [("content_skipped", "image")]


def test_citations_of_an_answer_are_kept() -> None:
    cited = [{"type": "url_citation", "url_citation": {"url": "https://x.org"}}]
    both({"content": "So.", "annotations": cited}, {"content": "So."}, {"annotations": cited})
    whole = plain(completion({"content": "So.", "annotations": cited}))
    assert whole.parts == (Reasoning("", "openai", compact({"annotations": cited})), Text("So."))
    assert plain(completion({"content": "So.", "annotations": []})).parts == (Text("So."),)


def test_thoughts_of_github_copilot() -> None:
    said = {"reasoning_text": "Hm.", "reasoning_opaque": "abc", "content": "Hi."}
    whole, _ = both(
        said, {"reasoning_text": "Hm."}, {"reasoning_opaque": "abc"}, {"content": "Hi."}
    )
    opaque = compact({"reasoning_text": "Hm.", "reasoning_opaque": "abc"})
    assert whole.parts[0] == Reasoning("Hm.", "openai", opaque)


def test_github_copilot_gives_a_text_and_its_calls_as_two_choices() -> None:
    call = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said, called = {"content": "I'll look."}, {"tool_calls": [call]}
    got = plain(
        {"choices": [{"message": one, "finish_reason": "tool_calls"} for one in (said, called)]}
    )
    assert len(got.choices) == 1
    assert got.parts == (Text("I'll look."), ToolCall("t1", "f"))
    assert got.finish == "tool_calls"


def test_calls_get_the_ids_that_a_server_leaves_out() -> None:
    calls = [{"function": {"name": n, "arguments": "{}"}} for n in ("f", "g")]
    whole, pieces = both({"tool_calls": calls}, finish="tool_calls")
    expected = (ToolCall("call_0_chatcmpl-1", "f"), ToolCall("call_1_chatcmpl-1", "g"))
    assert whole.tool_calls == pieces.tool_calls == expected


def test_a_call_id_after_the_name() -> None:
    got = streamed(
        chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"x"'}}]}),
        chunk({"tool_calls": [{"index": 0, "id": "a"}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
        chunk({}, "tool_calls"),
    )
    assert got.tool_calls == (ToolCall("a", "f", {"x": 1}),)


def pieces_of(*calls: tuple[int, str | None, str | None, str]) -> Response[Any]:
    deltas = [
        chunk(
            {
                "tool_calls": [
                    {"index": index, "id": id, "function": {"name": name, "arguments": given}}
                ]
            }
        )
        for index, id, name, given in calls
    ]
    return streamed(*deltas, chunk({}, "tool_calls"))


def test_mistral_names_the_missing_id_of_a_piece_null() -> None:
    for id in ("null", "other"):
        got = pieces_of((0, "abc123def", "f", ""), (0, id, "", '{"a":1}'))
        assert got.tool_calls == (ToolCall("abc123def", "f", {"a": 1}),)


@pytest.mark.parametrize("second", ["f", "g"])
def test_numbers_tell_calls_of_one_id_apart(second: str) -> None:
    got = pieces_of((0, "x", "f", '{"a":1}'), (1, "x", second, '{"b":2}'))
    assert got.tool_calls == (ToolCall("x", "f", {"a": 1}), ToolCall("x", second, {"b": 2}))


def test_calls_of_one_number_and_name_without_ids() -> None:
    got = pieces_of((0, "", "f", '{"a":1}'), (0, "", "f", '{"a":'), (0, "", "f", "2}"))
    assert [call.arguments for call in got.tool_calls] == [{"a": 1}, {"a": 2}]


def test_a_call_name_after_the_id() -> None:
    got = streamed(
        chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]}),
        chunk({}, "tool_calls"),
    )
    assert got.tool_calls == (ToolCall("a", "f"),)


def test_function_call_of_old_servers() -> None:
    whole, pieces = both(
        {"function_call": {"name": "f", "arguments": '{"x":1}'}},
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"x":'}},
        {"function_call": {"arguments": "1}"}},
        finish="function_call",
    )
    assert whole.tool_calls == pieces.tool_calls
    assert whole.tool_calls == (ToolCall("call_0_chatcmpl-1", "f", {"x": 1}),)
    assert whole.finish == "tool_calls"


def test_a_custom_tool_is_given_text() -> None:
    call = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    for got in both({"tool_calls": [call]}, finish="tool_calls"):
        assert got.tool_calls == (ToolCall("c", "sql", {}, "SELECT 1"),)


@pytest.mark.parametrize(
    "odd",
    [
        {"id": 7},
        {"id": None},
        {"model": None},
        {"service_tier": 3},
        {"choices": [{"index": None, "delta": {"content": "Hi."}}]},
        {"choices": [{"index": 0, "delta": None}, {"index": 0, "delta": {"content": "Hi."}}]},
        {"choices": [{"index": 0, "delta": {"content": "Hi."}, "finish_reason": ""}]},
        {"choices": [{"delta": {"content": "Hi."}, "logprobs": -0.5}]},
        {"choices": [{"delta": {"content": "Hi."}, "logprobs": []}]},
        {"choices": [{"delta": {"content": "Hi."}, "logprobs": {"content": [{"token": "Hi"}]}}]},
    ],
    ids=repr,
)
def test_odd_fields_are_no_reason_to_refuse(odd: Any) -> None:
    got = streamed({**chunk({"content": "Hi."}), **odd}, chunk({}, "stop"))
    assert (got.text, got.finish) == ("Hi.", "stop")
    for choice in odd.get("choices", ()):
        choice["message"] = choice.pop("delta", None)
    whole = plain({**completion({"content": "Hi."}), **odd})
    assert whole.text == "Hi."


def test_later_empty_finish_reason_is_ignored() -> None:
    assert streamed(chunk({"content": "Hi."}, "length"), chunk({}, "")).finish == "length"


def test_an_end_with_a_space_behind_it() -> None:
    body = b"data: " + json.dumps(chunk({"content": "Hi."}, "stop")).encode() + b"\n\n"
    from tests.support.openai.decoding import REQUEST, events
    from tests.support.openai.provider import accumulate_events

    assert accumulate_events(events([body, b"data: [DONE] \n\n"]), REQUEST).text == "Hi."


def test_logprobs_of_pieces_without_text() -> None:
    """A character that is cut over two tokens has its text in the second's piece alone."""
    pieces = []
    for text, token in (("", "\\xf0\\x9f"), ("😀", "\\x98\\x80")):
        piece = chunk({"content": text})
        piece["choices"][0]["logprobs"] = {"content": [{"token": token, "logprob": -0.5}]}
        pieces.append(piece)
    got = streamed(*pieces, chunk({}, "stop"))
    assert (got.text, len(got.logprobs)) == ("😀", 2)


def test_logprobs_of_a_refusal() -> None:
    told = {"refusal": [{"token": "No", "logprob": -0.5}]}
    piece = chunk({"refusal": "No"})
    piece["choices"][0]["logprobs"] = told
    choice = {"message": {"refusal": "No"}, "finish_reason": "stop", "logprobs": told}
    for got in (plain({"choices": [choice]}), streamed(piece, chunk({}, "stop"))):
        assert got.parts == (Text("No", refusal=True),)
        assert [token.token for token in got.logprobs] == ["No"]


def test_each_kind_of_piece_is_warned_about_once() -> None:
    odd = {"content": [{"type": "reference", "reference_ids": [1]}]}
    got = streamed(*[chunk(odd)] * 3, chunk({"content": "Hi."}, "stop"))
    assert [(w.code, w.detail) for w in got.warnings] == [("content_skipped", "reference")]


def test_a_whole_answer_that_does_not_say_why_it_ended() -> None:
    got = plain({"choices": [{"message": {"content": "Hi."}}]})
    assert (got.text, got.finish, got.finish_raw) == ("Hi.", "other", None)
    assert [w.code for w in got.warnings] == ["finish_missing"]


@pytest.mark.parametrize(
    ("used", "read"),
    [
        ({"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}, 64),
        ({"cached_tokens": 64}, 64),
        ({"num_cached_tokens": 64}, 64),
        ({"prompt_token_details": {"cached_tokens": 64}}, 64),
        ({"prompt_tokens_details": {"cached_tokens": 0}, "cached_tokens": 64}, 0),
        ({}, None),
    ],
    ids=["DeepSeek", "Together", "Mistral", "Mistral too", "OpenAI's goes first", "nobody"],
)
def test_cached_tokens_in_every_field(used: Any, read: int | None) -> None:
    told = {"prompt_tokens": 100, "completion_tokens": 2, **used}
    assert plain(completion(usage=told)).usage.input.cache_read == read


def test_usage_in_a_field_of_groqs_own() -> None:
    last = {**chunk({}, "stop"), "x_groq": {"id": "req", "usage": {"prompt_tokens": 9}}}
    assert streamed(chunk({"content": "Hi."}), last).usage.input.total == 9


@pytest.mark.parametrize(("total", "out"), [(135, 103), (41, 9), (None, 9)])
def test_reasoning_that_grok_counts_apart_is_output(total: int | None, out: int) -> None:
    """https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/grok"""
    details = {"reasoning_tokens": 94}
    told = {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": total}
    used = plain(completion(usage={**told, "completion_tokens_details": details})).usage
    assert (used.output.total, used.output.reasoning) == (out, 94)


# --- Responses ---

CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
SAID = message({"type": "output_text", "text": "Hello"})
REFUSED = message({"type": "refusal", "refusal": "No."})
THOUGHT = {"type": "reasoning", "id": "rs", "summary": [{"text": "Hm."}], "encrypted_content": "e"}
TEXT_DONE = {"type": "response.output_text.done", "output_index": 1, "text": "Hello"}
ADDED = {"type": "response.output_item.added", "output_index": 2, "item": {**CALL, "arguments": ""}}
ARGUMENTS = {
    "type": "response.function_call_arguments.done",
    "output_index": 2,
    "arguments": '{"a":1}',
}


@pytest.mark.parametrize(
    "before",
    [
        [],
        [TEXT_DONE],
        [ADDED, ARGUMENTS],
        [{"type": "response.output_text.delta", "output_index": 1, "delta": "Hel"}],
        [{"type": "response.output_text.delta", "delta": "Hello"}],
        [{"type": "response.output_text.delta", "output_index": 1, "delta": "Hello"}, TEXT_DONE],
        [{"type": "response.output_item.done", "output_index": 0, "item": THOUGHT}, TEXT_DONE],
        [{"type": "response.output_item.done", "output_index": 7, "item": CALL}],
    ],
    ids=[
        "nothing",
        "a text",
        "a call",
        "half a text",
        "a text of another number",
        "a text, twice",
        "a thought",
        "a call of another number",
    ],
)
def test_content_of_closing_events_arrives_once(before: list[Any]) -> None:
    whole = plain(response(THOUGHT, SAID, CALL), api="responses")
    got = ended(*before, output=[THOUGHT, SAID, CALL])
    assert (got.text, got.reasoning) == (whole.text, whole.reasoning) == ("Hello", "Hm.")
    assert got.tool_calls == whole.tool_calls == (ToolCall("c", "f", {"a": 1}),)
    assert got.finish == "tool_calls"
    assert len([part for part in got.parts if isinstance(part, Reasoning)]) == 1


@pytest.mark.parametrize(
    "before",
    [
        [{"type": "response.reasoning_text.delta", "delta": "Hm."}],
        [
            {"type": "response.output_item.added", "item": {"type": "reasoning"}},
            {"type": "response.reasoning_summary_text.delta", "delta": "Hm."},
        ],
        [{"type": "response.reasoning_text.delta", "output_index": 4, "delta": "Hm."}],
        [],
    ],
    ids=["deltas", "announced", "of another number", "nothing"],
)
def test_a_thought_without_a_closing_event_of_its_own(before: list[Any]) -> None:
    said = {"type": "response.output_text.delta", "output_index": 1, "delta": "Hello"}
    whole = plain(response(THOUGHT, SAID), api="responses")
    got = ended(*before, said, output=[THOUGHT, SAID])
    assert sorted(map(repr, got.parts)) == sorted(map(repr, whole.parts))
    assert got.reasoning == "Hm."


def test_items_of_one_kind_are_distinguished_by_order() -> None:
    searches = [{"type": "web_search_call", "id": f"ws_{n}", "action": {}} for n in range(3)]
    done = {"type": "response.output_item.done", "output_index": 0, "item": searches[0]}
    got = ended(done, output=searches)
    whole = plain(response(*searches), api="responses")
    assert [json.loads(part.opaque or "") for part in got.parts] == searches  # type: ignore[union-attr]
    assert got.parts == whole.parts


def named(slot: int, name: str, call_id: str | None) -> dict[str, Any]:
    item = {"type": "function_call", "call_id": call_id, "name": name, "arguments": ""}
    return {"type": "response.output_item.added", "output_index": slot, "item": item}


def given(slot: int, arguments: str) -> dict[str, Any]:
    kind = "response.function_call_arguments.delta"
    return {"type": kind, "output_index": slot, "delta": arguments}


def called(name: str, call_id: str | None, arguments: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


@pytest.mark.parametrize(
    "before",
    [
        [],
        [named(0, "f", None), given(0, '{"a":1}'), named(1, "g", None), given(1, "{}")],
        [named(0, "f", None)],
        [named(3, "f", None), given(3, '{"a":1}')],
        [given(0, '{"a":1}'), given(1, "{}")],
        [given(0, '{"a":'), given(0, "1}")],
    ],
    ids=["the end alone", "in full", "a name", "another number", "arguments", "in pieces"],
)
@pytest.mark.parametrize("ids", [("c1", "c2"), (None, None), ("", "")])
def test_calls_with_late_or_missing_ids_stay_separate(before: list[Any], ids: Any) -> None:
    output = [called("f", ids[0], '{"a":1}'), called("g", ids[1], "{}")]
    whole = plain(response(*output), api="responses")
    got = ended(*before, output=output)
    own = ids if ids[0] else ("call_0_resp_1", "call_1_resp_1")
    assert whole.tool_calls == (ToolCall(own[0], "f", {"a": 1}), ToolCall(own[1], "g"))
    assert got.tool_calls == whole.tool_calls


def test_refusal_only_in_the_closing_event() -> None:
    done = {"type": "response.refusal.done", "refusal": "No."}
    for got in (ended(done), ended(done, output=[REFUSED]), ended(output=[REFUSED])):
        assert (got.text, got.refusal) == ("", "No.")


def test_unnamed_pieces_of_messages_are_warned_about() -> None:
    spoken = message({"type": "output_audio", "transcript": "Hi."})
    for got in (
        plain(response(spoken), api="responses"),
        ended({"type": "response.output_item.done", "item": spoken}, output=[spoken]),
    ):
        assert [(w.code, w.detail) for w in got.warnings] == [("content_skipped", "output_audio")]


def test_logprobs_of_texts_that_only_closing_events_bring() -> None:
    told = [{"token": "Hello", "logprob": -0.5}]
    item = message({"type": "output_text", "text": "Hello", "logprobs": told})
    done = {"type": "response.output_text.done", "text": "Hello", "logprobs": told}
    closed = {"type": "response.output_item.done", "item": item}
    for before in ([done], [closed], []):
        got = ended(*before, output=[item])
        assert (got.text, [one.token for one in got.logprobs]) == ("Hello", ["Hello"])


def test_reasoning_with_summary_and_text() -> None:
    item = {**THOUGHT, "content": [{"type": "reasoning_text", "text": "In full."}]}
    kinds = {"reasoning_summary_text": "Hm.", "reasoning_text": "In full."}
    deltas = [{"type": f"response.{k}.delta", "delta": d} for k, d in kinds.items()]
    done = {"type": "response.output_item.done", "item": item}
    for got in (plain(response(item), api="responses"), ended(*deltas, done, output=[item])):
        assert got.reasoning == "Hm.\n\nIn full."


@pytest.mark.parametrize("odd", [{"summary_index": None}, {"content_index": "x"}])
def test_events_of_unknown_types_pass_whatever_their_shape(odd: Any) -> None:
    assert ended({"type": "response.new", **odd}, DELTA).text == "Hi."
    with pytest.raises(InvalidResponse):
        ended({**DELTA, **odd})


def test_null_in_fields_of_other_items() -> None:
    nulls = {"call_id": None, "name": None, "arguments": None, "summary": None}
    item = message({"type": "output_text", "text": "Hi.", "refusal": None}, **nulls)
    called = {**CALL, "arguments": None}
    whole = plain(response(item, called), api="responses")
    pieces = ended(DELTA, {"type": "response.output_item.done", "item": called}, output=[item])
    for got in (whole, pieces):
        assert got.text == "Hi."
        assert got.tool_calls == (ToolCall("c", "f"),)


# --- errors ---


@pytest.mark.parametrize(
    ("body", "status", "kind", "retryable"),
    [
        ({"code": "rate_limit_exceeded", "type": "tokens"}, 413, BadRequestError, False),
        ({"message": "busy"}, 498, RateLimitError, True),
        ({"code": "model_max_prompt_tokens_exceeded"}, 400, ContextTooLong, False),
        ({"code": "image_too_large"}, None, InvalidMedia, False),
        ({"code": 403, "metadata": {"flagged_input": "x"}}, 403, ContentFiltered, False),
        ({"code": "tool_use_failed", "status_code": 400}, None, BadRequestError, False),
    ],
    ids=["Groq's large", "Groq's flex", "Copilot", "a picture", "OpenRouter", "Groq's stream"],
)
def test_errors_of_named_servers(
    body: Any, status: int | None, kind: type[Exception], retryable: bool
) -> None:
    error = BLAME.from_response({"error": {"message": "no", **body}}, status=status)
    assert type(error) is kind
    assert error.retryable is retryable
    assert error.status == (status or body.get("status_code"))


def test_error_code_overrides_the_status() -> None:
    for code, kind in {
        "context_length_exceeded": ContextTooLong,
        "model_max_prompt_tokens_exceeded": ContextTooLong,
        "image_too_large": InvalidMedia,
    }.items():
        assert type(BLAME.from_response({"error": {"code": code}}, status=413)) is kind


@pytest.mark.parametrize(
    "header", ["x-request-id", "apim-request-id", "x-generation-id", "mistral-correlation-id"]
)
def test_every_servers_name_for_a_requests_id(header: str) -> None:
    assert (
        BLAME.from_response({"error": "no"}, status=500, headers={header: "r1"}).request_id == "r1"
    )
    assert BLAME.from_response({"message": "no", "request_id": "r2"}, status=500).request_id == "r2"
