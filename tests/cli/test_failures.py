"""Whatever goes wrong is one clear line and exit code 2; what had arrived stays."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fmsdk.cli import main
from tests.cli.conftest import Run
from tests.support.child_process import start_interruptible
from tests.support.media_files import picture, wav
from tests.support.patience import PATIENCE

ANSWERS = {
    "wrong-key": (401, {"error": {"message": "Incorrect key sk-abc", "code": "invalid_api_key"}}),
    "no-model": (404, {"error": {"message": "No model no-model", "code": "model_not_found"}}),
    "too-long": (
        400,
        {
            "error": {
                "message": "This model's maximum context length is 8192 tokens. However, your "
                "messages resulted in 9001 tokens.",
                "code": "context_length_exceeded",
            }
        },
    ),
}


class _Handler(BaseHTTPRequestHandler):
    """OpenAI's Chat Completions: errors by model name, or words without end."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        model = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"]
        if model in ANSWERS:
            status, body = ANSWERS[model]
            data = json.dumps(body).encode()
            self._begin(status, "application/json", {"Content-Length": str(len(data))})
            self.wfile.write(data)
        else:
            self._begin(200, "text/event-stream", {"Connection": "close"})
            self._drip()

    def _begin(self, status: int, kind: str, more: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def _drip(self) -> None:
        try:
            while True:
                chunk = {"choices": [{"index": 0, "delta": {"content": "word "}}]}
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                time.sleep(0.02)
        except OSError:
            self.server.left.set()  # type: ignore[attr-defined]
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.left = threading.Event()


@pytest.fixture(scope="module")
def server() -> Iterator[_Server]:
    with _Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def openai(server: _Server) -> dict[str, str]:
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    return {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-abc"}


def test_an_error_is_one_line_to_the_person_who_typed(fmsdk_process: Run) -> None:
    ran = fmsdk_process("ask", "Hi", "-m", "opnai:gpt-5")
    assert (ran.code, ran.out, len(ran.notes)) == (2, "", 1)


def one_error(run: Run, *args: str, **more: Any) -> str:
    ran = run(*args, **more)
    assert (ran.code, ran.out) == (2, ""), ran
    (error,) = [note for note in ran.notes if not note.startswith("fmsdk: asking")]
    assert error.startswith("fmsdk: error: ")
    return error


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["ask", "Hi", "-m", "opnai:gpt-5"], "did you mean openai"),
        (["ask", "Hi", "-m", "fancy:x"], "pip install 'fmsdk[fancy]'"),
        (["ask", "Hi", "-m", "openai:gpt-5"], "OPENAI_API_KEY"),
        (["ask", "Hi", "-m", "gpt-5"], "provider:model"),
        (["ask", "", "-m", "scripted:echo"], "the prompt is empty"),
        (["ask", " \n", "-m", "scripted:echo"], "the prompt is empty"),
        (["ask", "-m", "scripted:echo"], "the prompt is empty"),
        (["ask", "Hi", "-m", "scripted:oom"], "no room"),
        (["ask", "Hi", "-m", "scripted:lines"], "first line second line"),
        (["ask", "Hi", "-m", "scripted:echo", "--schema", "{"], "not JSON"),
        (["ask", "Hi", "-m", "scripted:echo", "--schema", "x.json"], "cannot read x.json"),
        (["ask", "Hi", "-m", "scripted:echo", "--reasoning", "huge"], "invalid choice"),
        (["ask", "Hi", "-m", "scripted:echo", "--sytem", "x"], "--sytem"),
        (["ask", "Hi", "-m", "scripted:echo", "--timeout", "soon"], "--timeout"),
        (["aks", "Hi"], "unknown command 'aks'"),
        (["models", "sow"], "invalid choice"),
        (["models", "show"], "which model?"),
        (["models", "show", "gpt-4o"], "do you mean openai:gpt-4o?"),
        (["models", "show", "opnai:gpt-5"], "did you mean openai"),
        (["models", "show", "github:gpt-4o"], "retired on 2026-07-30"),
        (["ask", "Hi", "-m", "github:gpt-4o"], "retired on 2026-07-30"),
        (["ask", "Hi", "-m", "anthropic:claude-3-opus-20240229"], "Pass --allow-retired"),
        (["models", "get"], "which model?"),
        (["models", "list", "demo-text"], "fmsdk models get"),
        (["transcribe"], "file"),
    ],
)
def test_a_request_that_cannot_work(fmsdk_command: Run, args: list[str], says: str) -> None:
    assert says in one_error(fmsdk_command, *args)


@pytest.mark.parametrize("stream", [[], ["--no-stream"]])
@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("wrong-key", "refused the API key (401)"),
        ("no-model", "(404)"),
        ("too-long", "8192 tokens"),
    ],
)
def test_a_vendor_that_refuses(
    fmsdk_command: Run, openai: dict[str, str], model: str, says: str, stream: list[str]
) -> None:
    error = one_error(fmsdk_command, "ask", "Hi", "-m", f"openai:{model}", *stream, env=openai)
    assert says in error
    assert "sk-abc" not in error


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.png", b"hello", "is not an image"),
        ("a.png", b"", "is empty"),
        ("a.png", picture("PNG", (8, 8))[:-20], "truncated"),
        ("a.wav", b"hello", "is not audio"),
        ("a.wav", wav(1.0)[:-200], "truncated"),
        ("a.mp3", b"\0\1\2\3", "is not audio"),
        ("a.bin", b"\0\1\2\3", "UTF-8 text"),
        ("a.txt", b"\xff\xfe\xfa caf\xe9", "UTF-8 text"),
        ("a.zip", b"PK\3\4 and so on \xff", "ZIP"),
    ],
)
def test_file_of_the_wrong_kind(
    fmsdk_command: Run, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    error = one_error(fmsdk_command, "ask", "What is it?", name, "-m", "scripted:echo")
    assert says in error
    assert name in error


def test_a_missing_file_and_a_question_in_the_wrong_place(
    fmsdk_command: Run, tmp_path: Path
) -> None:
    (tmp_path / "red.png").write_bytes(picture("PNG", (8, 8)))
    model = ("-m", "scripted:echo")
    assert "no such file" in one_error(fmsdk_command, "ask", "Q", "nowhere.png", *model)
    assert "Pass the question first" in one_error(fmsdk_command, "ask", "red.png", "Q", *model)
    assert "is a file" in one_error(fmsdk_command, "ask", "red.png", *model)
    assert fmsdk_command("ask", "", "red.png", *model).code == 0


def test_errors_are_json_where_answers_are(fmsdk_command: Run) -> None:
    ran = fmsdk_command("ask", "Hi", "-m", "scripted:breaks", "--json")
    assert (ran.code, ran.err) == (2, "")
    told = json.loads(ran.out)
    assert told["error"]["type"] == "ServerError"
    assert told["error"]["message"] == "the vendor failed"
    assert (told["error"]["retryable"], told["error"]["status"]) == (True, 500)
    assert (told["error"]["provider"], told["error"]["request_id"]) == ("scripted", "r-1")
    assert told["partial"]["text"] == "half an answer"
    assert told["partial"]["usage"]["source"] == "estimated"


def test_partial_answer_before_an_error_is_kept_and_billed(fmsdk_command: Run) -> None:
    ran = fmsdk_command("ask", "Hi", "-m", "scripted:breaks")
    assert (ran.code, ran.out) == (2, "half an answer\n")
    error, account = ran.notes
    assert error == "fmsdk: error: the vendor failed"
    assert re.search(r"~\d+ tokens out", account)
    assert account.endswith("incomplete")


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_bug_shows_a_traceback_only_on_request(fmsdk_process: Run, as_json: list[str]) -> None:
    args = ("ask", "Hi", "-m", "scripted:defect", *as_json)
    ran = fmsdk_process(*args)
    assert ran.code == 70
    assert ran.notes == [
        "fmsdk: internal error: RuntimeError: a bug; set FMSDK_DEBUG=1 to see the traceback"
    ]
    assert not as_json or json.loads(ran.out)["error"]["type"] == "RuntimeError"
    debugged = fmsdk_process(*args, env={"FMSDK_DEBUG": "1"})
    assert "Traceback" in debugged.err
    assert debugged.notes[-1] == "fmsdk: internal error: RuntimeError: a bug"


def start(environment: dict[str, str], *args: str) -> subprocess.Popen[str]:
    return start_interruptible(
        [sys.executable, "-m", "fmsdk", *args],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name != "posix", reason="SIGINT cannot be sent to one process elsewhere")
class TestInterrupted:
    """Ctrl-C in mid-stream."""

    def test_partial_answer_is_kept_and_billed(self, environment: dict[str, str]) -> None:
        with start(environment, "ask", "Hi", "-m", "scripted:slow") as process:
            assert process.stdout is not None
            first = process.stdout.read(12)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert (first + out).startswith("word0 word1 ")
        assert out.endswith("\n")
        (account,) = err.splitlines()
        assert "~8" not in account  # the vendor's own figures never came: these are estimates
        assert account.startswith("scripted:slow · ~")
        assert account.endswith("interrupted")

    def test_a_vendors_connection_is_closed(
        self, environment: dict[str, str], server: _Server, openai: dict[str, str]
    ) -> None:
        server.left.clear()
        with start({**environment, **openai}, "ask", "Hi", "-m", "openai:endless") as process:
            assert process.stdout is not None
            process.stdout.read(10)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err.splitlines()[-1].endswith("interrupted")
        assert server.left.wait(PATIENCE)

    def test_running_thread_does_not_delay_exit(self, environment: dict[str, str]) -> None:
        with start(environment, "ask", "Hi", "-m", "scripted:stuck") as process:
            assert process.stdout is not None
            process.stdout.read(5)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert len(err.splitlines()) == 1

    def test_json_has_every_field(self, environment: dict[str, str], tmp_path: Path) -> None:
        code, out, err = self._interrupted(environment, tmp_path / "tally", "--json")
        assert (code, err) == (130, "")
        answer = json.loads(out)
        assert answer["finish"] == "cancelled"
        assert answer["text"].startswith("word0 word1 ")

    def test_whole_answer_ends_the_span(self, environment: dict[str, str], tmp_path: Path) -> None:
        ended = self._interrupted(environment, tmp_path / "tally", "--no-stream")
        assert ended == (130, "", "fmsdk: interrupted\n")

    def _interrupted(
        self, environment: dict[str, str], tally: Path, option: str
    ) -> tuple[int, str, str]:
        """How a call ends that is interrupted once its third word was made."""
        began = {**environment, "BEGUN": str(tally)}
        with start(began, "ask", "Hi", "-m", "scripted:slow", option) as process:
            while not tally.exists() or tally.stat().st_size < 3:
                time.sleep(0.02)
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err


def test_end_finishes_what_others_left_and_tears_nothing_down(
    fmsdk_process: Run, tmp_path: Path
) -> None:
    """The interpreter's own way out holds the prompt for a second once torch is imported."""
    ran = fmsdk_process("ask", "Hi", "-m", "scripted:heavy", env={"KEPT": str(tmp_path / "kept")})
    assert (ran.code, ran.out) == (0, "Hi\n")
    assert (tmp_path / "kept").read_text() == "by a thread at exit "


def test_closed_output_pipe_is_no_error(environment: dict[str, str]) -> None:
    with start(environment, "ask", "Hi", "-m", "scripted:slow") as process:
        assert process.stdout is not None
        process.stdout.read(12)
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_an_answer_that_cannot_be_written_is_an_error(environment: dict[str, str]) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "fmsdk", "ask", "Hi", "-m", "scripted:echo"]
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    (error,) = done.stderr.splitlines()
    assert error.startswith("fmsdk: error: [Errno 28]")


def test_help_and_version_are_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fmsdk 0.")
    assert main(["--help"]) == 0
    assert "fmsdk transcribe" in capsys.readouterr().out
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("usage: fmsdk")
    for command in ("ask", "transcribe", "models", "quote"):
        assert main([command, "--help"]) == 0
        assert f"fmsdk {command}" in capsys.readouterr().out
