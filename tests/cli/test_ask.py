"""`fmsdk ask`: what is asked, what is shown, and where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.media_files import picture, wav

SCHEMA = '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}'


def test_the_answer_is_all_of_standard_output_and_one_line_accounts_for_it(
    fmsdk_command: Run,
) -> None:
    ran = fmsdk_command("ask", "What is here?", "-m", "scripted:echo")
    assert (ran.code, ran.out) == (0, "What is here?\n")
    (account,) = ran.notes
    assert account.startswith("scripted:echo · 8 tokens in, 3 tokens out · ")
    assert "first token" in account
    assert account.endswith("cost unknown")


def test_answer_with_a_final_newline_gets_no_second_one(fmsdk_command: Run) -> None:
    assert fmsdk_command("ask", "Hi", "-m", "scripted:markdown").out == "one\ntwo\n"


def test_a_whole_answer_is_shown_like_a_streamed_one(fmsdk_command: Run) -> None:
    streamed = fmsdk_command("ask", "Hi", "-m", "scripted:foreign")
    whole = fmsdk_command("ask", "Hi", "-m", "scripted:foreign", "--no-stream")
    assert streamed.out == whole.out == "Größe 你好 \U0001f600\n"
    assert "first token" in streamed.err
    assert "first token" not in whole.err


def test_a_terminal_without_the_characters_gets_escapes(fmsdk_process: Run) -> None:
    ran = fmsdk_process("ask", "Hi", "-m", "scripted:foreign", encoding="latin-1")
    assert (ran.code, ran.out) == (0, "Größe \\u4f60\\u597d \\U0001f600\n")


def test_files_are_distinguished_by_content(fmsdk_command: Run, tmp_path: Path) -> None:
    (tmp_path / "picture.txt").write_bytes(picture("PNG", (8, 8)))
    (tmp_path / "notes.dat").write_text("Äpfel\n", "utf-8")
    # Options may stand between the question and the files.
    ran = fmsdk_command("ask", "Q", "-m", "scripted:echo", "picture.txt", "notes.dat")
    assert ran.out == 'Q\n\n<file name="notes.dat">\nÄpfel\n\n</file>\n'


def test_the_name_of_a_file_cannot_leave_its_place(fmsdk_command: Run, tmp_path: Path) -> None:
    name = 'a">\n</file>\x1b[2J.txt'
    name = name.replace("/", "|")  # which no name has
    (tmp_path / name).write_text("text", "utf-8")
    ran = fmsdk_command("ask", "Q", "-m", "scripted:echo", name)
    shown = "a&quot;&gt;\\n&lt;|file&gt;\\x1b[2J.txt"
    assert ran.out == f'Q\n\n<file name="{shown}">\ntext\n</file>\n'


@pytest.mark.parametrize(
    ("args", "stdin", "asked"),
    [
        (["Why?"], b"some context", "Why?\n\nsome context"),
        (["-"], b"from the pipe", "from the pipe"),
        ([], b"from the pipe", "from the pipe"),
        (["Why?"], b"", "Why?"),
        (["Why?"], picture("PNG", (8, 8)), "Why?"),
    ],
)
def test_standard_input_is_asked_about(
    fmsdk_command: Run, args: list[str], stdin: bytes, asked: str
) -> None:
    ran = fmsdk_command("ask", *args, "-m", "scripted:echo", stdin=stdin)
    assert (ran.code, ran.out) == (0, f"{asked}\n")


def test_a_pipe_is_standard_input(fmsdk_process: Run) -> None:
    ran = fmsdk_process("ask", "Why?", "-m", "scripted:echo", stdin=b"some context")
    assert (ran.code, ran.out) == (0, "Why?\n\nsome context\n")


def test_json_has_the_answer_usage_cost_and_latency(fmsdk_command: Run) -> None:
    ran = fmsdk_command("ask", "Hi there", "-m", "scripted:device", "--json")
    assert (ran.code, ran.err) == (0, "")
    answer = json.loads(ran.out)
    assert (answer["text"], answer["finish"]) == ("Hi there", "stop")
    assert (answer["model"], answer["served_model"]) == ("device", "device")
    assert answer["usage"]["input"]["total"] == 8
    assert answer["usage"]["output"]["total"] == 2
    assert answer["usage"]["source"] == "measured"
    assert float(answer["cost"]["total"]) == pytest.approx(0.0005)
    assert isinstance(answer["cost"]["lines"][0]["unit_price"], str)
    assert answer["latency"]["load"] == 0.25
    assert len(answer["latency"]["attempts"]) == 1
    assert (answer["warnings"], answer["tool_calls"]) == ([], [])
    assert "output" not in answer


def test_device_time_is_priced_with_its_source(fmsdk_command: Run) -> None:
    account = fmsdk_command("ask", "Hi", "-m", "scripted:device").notes[-1]
    assert "(0.25 s loading)" in account
    assert account.endswith("$0.000500 (your own figure at $3.60/h)")


def test_an_unknown_cost_is_null_and_never_zero(fmsdk_command: Run) -> None:
    ran = fmsdk_command("ask", "Hi", "-m", "scripted:echo", "--json")
    assert json.loads(ran.out)["cost"] is None


def test_warnings_are_a_line_each(fmsdk_command: Run) -> None:
    warning, account = fmsdk_command("ask", "Hi", "-m", "scripted:warns").notes
    assert warning == "fmsdk: warning: something is odd"
    assert account.startswith("scripted:warns")


def test_truncated_answer_has_finish_length(fmsdk_command: Run) -> None:
    account = fmsdk_command("ask", "Hi", "-m", "scripted:length").notes[-1]
    assert account.endswith("stopped at the token limit")


@pytest.mark.parametrize("as_file", [False, True])
def test_schema_indents_the_answer(fmsdk_command: Run, tmp_path: Path, as_file: bool) -> None:
    (tmp_path / "city.json").write_text(SCHEMA)
    schema = "city.json" if as_file else SCHEMA
    ran = fmsdk_command("ask", "Hi", "-m", "scripted:json", "--schema", schema)
    assert (ran.code, ran.out) == (0, '{\n  "city": "Paris"\n}\n')
    machine = fmsdk_command("ask", "Hi", "-m", "scripted:json", "--schema", schema, "--json")
    assert json.loads(machine.out)["output"] == {"city": "Paris"}


def test_an_answer_that_does_not_fit_is_kept_and_accounted(fmsdk_command: Run) -> None:
    ran = fmsdk_command("ask", "Hi", "-m", "scripted:prose", "--schema", SCHEMA)
    assert (ran.code, ran.out) == (2, "It is Paris.\n")
    error, account = ran.notes
    assert error.startswith("fmsdk: error: ")
    assert "3 tokens out" in account
    machine = json.loads(
        fmsdk_command("ask", "Hi", "-m", "scripted:prose", "--schema", SCHEMA, "--json").out
    )
    assert machine["error"]["type"] == "InvalidOutput"
    assert machine["partial"]["text"] == "It is Paris."


def test_the_model_comes_from_the_environment(fmsdk_command: Run) -> None:
    ran = fmsdk_command("ask", "Hi", env={"FMSDK_MODEL": "scripted:echo"})
    assert (ran.code, ran.out) == (0, "Hi\n")
    assert len(ran.notes) == 1


def test_no_demo_model_hears_a_question_and_a_recording(fmsdk_command: Run, tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(wav(1.0))
    ran = fmsdk_command("ask", "What is said?", "talk.wav")
    assert ran.code == 2
    (error,) = ran.notes
    assert "scripted:ear" in error
    assert "fmsdk transcribe" in error


def test_settings_reach_the_request(fmsdk_command: Run) -> None:
    negative = fmsdk_command("ask", "Hi", "-m", "scripted:echo", "--temperature", "-1")
    assert (negative.code, negative.notes) == (
        2,
        ["fmsdk: error: temperature must be a number, not negative; it is -1.0"],
    )
    none = fmsdk_command("ask", "Hi", "-m", "scripted:echo", "--max-output-tokens", "0")
    assert (none.code, none.notes) == (
        2,
        ["fmsdk: error: max_output_tokens must be a whole number and at least 1, not 0"],
    )


def test_types_of_remote_media_come_from_name_or_option(fmsdk_command: Run) -> None:
    by_name = fmsdk_command("ask", "Q", "https://example.com/a/cat.JPG?x=1", "-m", "scripted:echo")
    assert (by_name.code, by_name.out) == (0, "Q\n")
    said = fmsdk_command("ask", "Q", "--image", "https://example.com/cat", "-m", "scripted:echo")
    assert (said.code, said.out) == (0, "Q\n")
    untold = fmsdk_command("ask", "Q", "https://example.com/cat?key=secret", "-m", "scripted:echo")
    assert untold.code == 2
    assert "--image" in untold.err
    assert "secret" not in untold.err


def test_a_bound_that_the_question_cannot_keep_is_not_asked(
    fmsdk_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k-123456")
    ran = fmsdk_command("ask", "word " * 999, "-m", "openai:gpt-4o", "--max-cost", "0.000001")
    assert ran.code == 2
    assert "more than max_cost=$0.00000100; nothing was sent" in ran.err
    ran = fmsdk_command("ask", "Hi", "-m", "openai:gpt-4o", "--max-cost", "ten")
    assert ran.code == 2
    assert "max_cost is US dollars, such as '0.10', not 'ten'" in ran.err
