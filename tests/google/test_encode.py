"""Bodies as they go out: what each feature becomes, and what cannot go along."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from fmsdk.content import (
    Audio,
    Document,
    FileRef,
    Image,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from fmsdk.errors import BadRequestError, UnsupportedContent, UnsupportedSetting
from fmsdk.request import Message, Tool
from fmsdk_google import GoogleOptions
from tests.support.google.encoding import (
    CALL,
    MP4,
    NEW,
    OLD,
    PDF,
    PNG,
    SIGNED,
    WAV,
    WEATHER,
    body,
    build_request,
    codes,
    encoded,
    parts,
    vertex,
)

# --- where it goes ---


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3.8-flash", "/v1beta/models/gemini-3.8-flash"),
        ("models/gemini-3.8-flash", "/v1beta/models/gemini-3.8-flash"),
        ("tunedModels/mine-1", "/v1beta/tunedModels/mine-1"),
        ("a?b#c d:e", "/v1beta/models/a%3Fb%23c%20d%3Ae"),
    ],
)
def test_paths_of_ai_studio(model: str, path: str) -> None:
    request = build_request(model=f"google:{model}")
    assert encoded(request).path == f"{path}:generateContent"
    assert encoded(request, stream=True).path == f"{path}:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    ("model", "below"),
    [
        ("gemini-3.8-flash", "{root}/publishers/google/models/gemini-3.8-flash"),
        ("models/gemini-3.8-flash", "{root}/publishers/google/models/gemini-3.8-flash"),
        ("publishers/google/models/m", "{root}/publishers/google/models/m"),
        ("meta/llama-4", "{root}/publishers/meta/models/llama-4"),
        ("projects/q/locations/eu/endpoints/1", "/v1beta1/projects/q/locations/eu/endpoints/1"),
    ],
)
def test_paths_of_vertex(model: str, below: str) -> None:
    root = "/v1beta1/projects/p/locations/global"
    path = encoded(build_request(model=f"google:{model}"), vertex=True, root=root).path
    assert path == f"{below.format(root=root)}:generateContent"


# --- the conversation ---


def test_bare_question() -> None:
    assert body(build_request()) == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def test_system_messages_come_first_or_not_at_all() -> None:
    turns = [Message("system", "Be kind."), Message("user", "Hi")]
    sent = body(build_request(turns, system="Be brief."))
    assert sent["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert [turn["role"] for turn in sent["contents"]] == ["user"]
    with pytest.raises(BadRequestError, match="before all others"):
        encoded(build_request([Message("user", "Hi"), Message("system", "Be kind.")]))


def test_every_kind_of_media_as_bytes() -> None:
    media = [Image(PNG), Audio(WAV), Video(MP4), Document(PDF, name="a.pdf")]
    sent = [part["inlineData"] for part in parts(build_request(media))]
    mimes = ["image/png", "audio/wav", "video/mp4", "application/pdf"]
    assert [one["mimeType"] for one in sent] == mimes
    assert [base64.b64decode(one["data"]) for one in sent] == [PNG, WAV, MP4, PDF]
    assert sent[3]["displayName"] == "a.pdf"


def test_plain_text_documents(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Milk, eggs.")
    (sent,) = parts(build_request([Document(path)]))
    data = base64.b64encode(b"Milk, eggs.").decode()
    assert sent == {"inlineData": {"mimeType": "text/plain", "data": data}}


@pytest.mark.parametrize(
    ("media", "sent"),
    [
        (
            Image("https://example.org/a.png?x=1"),
            {"fileUri": "https://example.org/a.png?x=1", "mimeType": "image/png"},
        ),
        (Image("https://example.org/a"), {"fileUri": "https://example.org/a"}),
        (Video("https://youtu.be/abc"), {"fileUri": "https://youtu.be/abc"}),
        (
            Document(FileRef("google", "files/abc", mime="application/pdf")),
            {
                "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                "mimeType": "application/pdf",
            },
        ),
        (
            Video(FileRef("google", "gs://bucket/film.mp4")),
            {"fileUri": "gs://bucket/film.mp4", "mimeType": "video/mp4"},
        ),
        (
            Audio("https://example.org/a", mime_type="audio/wav"),
            {"fileUri": "https://example.org/a", "mimeType": "audio/wav"},
        ),
    ],
)
def test_media_outside_user_turns(media: Any, sent: dict[str, str]) -> None:
    assert parts(build_request([media, "?"]))[0] == {"fileData": sent}


def test_vertex_wants_types_and_has_no_files_of_ai_studio() -> None:
    (film,) = vertex(build_request([Video("https://www.youtube.com/watch?v=1")]))["contents"][0][
        "parts"
    ]
    assert film["fileData"]["mimeType"] == "video/mp4"
    with pytest.raises(UnsupportedContent, match="mime_type="):
        vertex(build_request([Image("https://example.org/a")]))
    with pytest.raises(UnsupportedContent, match="gs://"):
        vertex(build_request([Image(FileRef("google", "files/abc"))]))


def test_media_that_cannot_be_serialized() -> None:
    with pytest.raises(UnsupportedContent, match="openai cannot be used here"):
        encoded(build_request([Image(FileRef("openai", "file-1"))]))
    with pytest.raises(UnsupportedContent, match="not image/tiff"):
        encoded(build_request([Image(b"II*\0", mime_type="image/tiff")]))


@pytest.mark.parametrize(
    ("part", "mime"),
    [
        (Image("https://x.org/view.html"), None),
        (Image("https://x.org/view.jpeg"), "image/jpeg"),
        (Audio("https://x.org/a.mp4"), None),
        (Video("https://x.org/a.mp3"), None),
        (Document("https://x.org/a.png"), None),
        (Document("https://x.org/a.html"), "text/html"),
    ],
)
def test_a_file_name_of_another_kind_gives_no_type(part: Any, mime: str | None) -> None:
    (sent,) = body(build_request([part]))["contents"][0]["parts"]
    assert sent["fileData"].get("mimeType") == mime
    if mime is None:
        with pytest.raises(UnsupportedContent, match="mime_type="):
            encoded(build_request([part]), vertex=True)


def test_detail_is_a_resolution_since_gemini_3() -> None:
    picture = Image(PNG, detail="original")
    (sent,) = parts(build_request([picture]))
    assert sent["mediaResolution"] == {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}
    assert "mediaResolution" not in parts(build_request([Image(PNG, detail="auto")], model=OLD))[0]
    with pytest.raises(UnsupportedSetting, match="media_resolution"):
        encoded(build_request([picture], model=OLD))
    assert codes(build_request([picture], model=OLD, lenient=True)) == ["setting_dropped"]


def test_cache_marks_are_noted() -> None:
    assert codes(build_request([Text("a", cache=True), Image(PNG, cache="1h")])) == [
        "cache_mark_ignored"
    ]


# --- tools ---


def test_tools_and_choices() -> None:
    sent = body(build_request(tools=[WEATHER], tool_choice="weather"))
    (function,) = sent["tools"][0]["functionDeclarations"]
    assert function["parametersJsonSchema"] == WEATHER.parameters
    assert sent["toolConfig"]["functionCallingConfig"] == {
        "mode": "ANY",
        "allowedFunctionNames": ["weather"],
    }
    assert "toolConfig" not in body(build_request(tools=[WEATHER]))
    for choice, mode in (("none", "NONE"), ("required", "ANY")):
        sent = body(build_request(tools=[WEATHER], tool_choice=choice))
        assert sent["toolConfig"]["functionCallingConfig"] == {"mode": mode}
    strict = Tool("weather", strict=True)
    assert (
        body(build_request(tools=[strict]))["toolConfig"]["functionCallingConfig"]["mode"]
        == "VALIDATED"
    )


def test_tools_that_google_runs_stand_beside_the_callers() -> None:
    options = GoogleOptions(server_tools=[{"googleSearch": {}}, {"urlContext": {}}])
    sent = body(build_request(tools=[WEATHER], options=options))["tools"]
    assert [list(tool) for tool in sent] == [
        ["functionDeclarations"],
        ["googleSearch"],
        ["urlContext"],
    ]


def test_results_find_the_name_of_their_call_and_become_one_turn() -> None:
    other = ToolCall("c2", "time")
    turns = [
        Message("user", "?"),
        Message("assistant", [SIGNED, other]),
        Message("tool", ToolResult("c2", "nine")),
        Message("tool", ToolResult("c1", ["hot", "dry"], is_error=True)),
        Message("user", "So?"),
    ]
    sent = body(build_request(turns))["contents"]
    assert [turn["role"] for turn in sent] == ["user", "model", "user", "user"]
    assert sent[2]["parts"] == [
        {"functionResponse": {"id": "c2", "name": "time", "response": {"output": "nine"}}},
        {
            "functionResponse": {
                "id": "c1",
                "name": "weather",
                "response": {"error": ["hot", "dry"]},
            }
        },
    ]


def test_a_result_without_a_call_needs_a_name() -> None:
    with pytest.raises(BadRequestError, match="'c9'"):
        encoded(build_request([Message("user", "?"), Message("tool", ToolResult("c9", "x"))]))
    named = Message("tool", ToolResult("c9", name="now"))
    assert parts(build_request([Message("user", "?"), named]))[1]["functionResponse"] == {
        "id": "c9",
        "name": "now",
        "response": {"output": ""},
    }


def test_media_in_results() -> None:
    turns = [
        Message("user", "?"),
        Message("assistant", [SIGNED]),
        Message("tool", ToolResult("c1", ["Here.", Image(PNG), Document(PDF)])),
    ]
    result = parts(build_request(turns))[2]["functionResponse"]
    assert result["response"] == {"output": "Here."}
    mimes = [part["inlineData"]["mimeType"] for part in result["parts"]]
    assert mimes == ["image/png", "application/pdf"]
    with pytest.raises(UnsupportedContent, match="before Gemini 3"):
        encoded(build_request(turns, model=OLD))
    turns[2] = Message("tool", ToolResult("c1", [Image(FileRef("google", "gs://b/a.png"))]))
    with pytest.raises(UnsupportedContent, match="only as bytes"):
        encoded(build_request(turns))
    held = vertex(build_request(turns))["contents"][2]["parts"][0]["functionResponse"]["parts"]
    assert held == [{"fileData": {"fileUri": "gs://b/a.png", "mimeType": "image/png"}}]


def test_non_object_arguments_are_refused() -> None:
    broken = ToolCall("c1", "weather", raw='{"city": "Ro')
    with pytest.raises(BadRequestError, match="'weather'"):
        encoded(build_request([Message("user", "?"), Message("assistant", [broken])]))


# --- thoughts and their signatures ---


def answered(*said: Any, **how: Any) -> list[Any]:
    model = how.pop("model", NEW)
    return parts(
        build_request([Message("user", "?"), Message("assistant", said), "!"], model=model)
    )[1:-1]


def test_signatures_return_in_the_part_they_came_with() -> None:
    mark = Reasoning("", "google", '{"thoughtSignature":"s2"}')
    alone = Reasoning("", "google", '{"text":"","thoughtSignature":"s3"}')
    thought = Reasoning("Hm.", "google", '{"thought":true}')
    ran = Reasoning("", "google", '{"executableCode":{"code":"1+1"}}')
    assert answered(thought, "Two.", mark, ran, alone, SIGNED) == [
        {"text": "Hm.", "thought": True},
        {"text": "Two.", "thoughtSignature": "s2"},
        {"executableCode": {"code": "1+1"}},
        {"text": "", "thoughtSignature": "s3"},
        {
            "functionCall": {"id": "c1", "name": "weather", "args": {"city": "Rome"}},
            "thoughtSignature": "s1",
        },
    ]
    assert answered(mark) == [{"text": "", "thoughtSignature": "s2"}]


def test_calls_that_another_model_made_are_marked_as_such() -> None:
    turns = [Message("user", "?"), Message("assistant", [CALL, ToolCall("c2", "time")])]
    sent = [part.get("thoughtSignature") for part in parts(build_request(turns))]
    assert sent == [None, "skip_thought_signature_validator", None]
    assert codes(build_request(turns)) == ["thought_signature_missing"]
    assert codes(build_request(turns, model=OLD)) == []
    assert all("thoughtSignature" not in part for part in parts(build_request(turns, model=OLD)))


def test_reasoning_of_others_stays_behind_and_is_noted() -> None:
    turns = [
        Message("user", "?"),
        Message("assistant", [Reasoning("Hm.", "anthropic", "{}"), "Yes."]),
        Message("assistant", [Reasoning("Hm.")]),
        Message("user", "Why?"),
    ]
    assert [part["text"] for part in parts(build_request(turns))] == ["?", "Yes.", "Why?"]
    assert codes(build_request(turns)) == ["reasoning_dropped"]


def test_pictures_that_the_model_made_go_back() -> None:
    sent = answered(Image(PNG), Reasoning("", "google", '{"thoughtSignature":"s"}'))
    assert sent[0].keys() == {"inlineData", "thoughtSignature"}
