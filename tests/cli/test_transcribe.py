"""`fmsdk transcribe`: text, timestamps, several files."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.support.media_files import wav


def test_the_text_is_standard_output(fmsdk_command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(2.0))
    ran = fmsdk_command("transcribe", "a.wav", "-m", "scripted:plain")
    assert (ran.code, ran.out) == (0, "Hello world.\n")
    (account,) = ran.notes
    assert account.startswith("scripted:plain · 2.0 s of audio in · ")


def test_timestamps_are_a_line_for_each_segment(fmsdk_command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(1.0))
    ran = fmsdk_command("transcribe", "a.wav", "--timestamps", "-m", "scripted:timed")
    assert ran.out == "[0:00.0 - 0:01.2] Hello\n[1:01.0 - 1:02.5] world.\n"
    none = fmsdk_command("transcribe", "a.wav", "--timestamps", "-m", "scripted:plain")
    assert none.out == "Hello world.\n"
    assert none.notes[0] == "fmsdk: warning: scripted:plain reports no timestamps"


def test_one_bad_file_does_not_affect_the_others(fmsdk_command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(1.0))
    (tmp_path / "b.wav").write_text("no recording")
    ran = fmsdk_command("transcribe", "b.wav", "a.wav", "missing.wav", "-m", "scripted:plain")
    assert (ran.code, ran.out) == (2, "==> a.wav <==\nHello world.\n")
    errors = [note for note in ran.notes if note.startswith("fmsdk: error: ")]
    assert len(errors) == 2
    assert "b.wav" in errors[0]
    assert "missing.wav" in errors[1]


def test_json_is_an_object_for_each_file(fmsdk_command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(1.0))
    ran = fmsdk_command(
        "transcribe", "a.wav", "missing.wav", "--json", "--language", "en", "-m", "scripted:timed"
    )
    assert (ran.code, ran.err) == (2, "")
    first, second = map(json.loads, ran.out.splitlines())
    assert (first["file"], first["language"], first["duration"]) == ("a.wav", "en", None)
    assert first["segments"][1] == {"start": 61.0, "end": 62.5, "text": " world."}
    assert second["error"]["type"] == "InvalidMedia"


def test_a_recording_comes_from_standard_input(fmsdk_command: Run) -> None:
    ran = fmsdk_command("transcribe", "-", "-m", "scripted:plain", stdin=wav(0.5))
    assert (ran.code, ran.out) == (0, "Hello world.\n")
    assert "0.5 s of audio in" in ran.err
