"""`~` is the home folder wherever a caller gives a path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fmsdk
from fmsdk import Audio, Document, Image, Video
from fmsdk.content import MediaPart
from fmsdk_local.options import LocalConfig
from tests.cli.conftest import Run, fmsdk_command
from tests.support.media_files import mp4, pdf, picture, wav

__all__ = ["fmsdk_command"]

MEDIA = {
    "a.png": (Image, picture("PNG")),
    "a.wav": (Audio, wav()),
    "a.mp4": (Video, mp4()),
    "a.pdf": (Document, pdf()),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, which is not where the test runs."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


@pytest.mark.parametrize("as_path", [False, True], ids=["text", "Path"])
@pytest.mark.parametrize("name", MEDIA)
def test_media_of_the_home_folder(name: str, as_path: bool, home: Path) -> None:
    kind, data = MEDIA[name]
    (home / name).write_bytes(data)
    part: MediaPart = kind(Path(f"~/{name}") if as_path else f"~/{name}")
    assert part.read() == data


def test_the_command_takes_files_and_schemas_of_the_home_folder(
    fmsdk_command: Run, home: Path
) -> None:
    (home / "note.txt").write_text("kept")
    (home / "schema.json").write_text(json.dumps({"type": "object", "properties": {}}))
    (home / "cat.png").write_bytes(picture("PNG"))
    ran = fmsdk_command("ask", "Say:", "~/note.txt", "-m", "scripted:echo")
    assert (ran.code, "kept" in ran.out) == (0, True)
    ran = fmsdk_command("quote", "Hi", "--schema", "~/schema.json", "-m", "openai:gpt-5.6-sol")
    assert ran.code == 0
    ran = fmsdk_command("ask", "~/cat.png", "-m", "scripted:echo")
    assert "~/cat.png is a file" in ran.err


def test_a_file_whose_name_begins_so_is_below_the_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("~x").write_bytes(picture("PNG"))
    assert Image("./~x").read() == picture("PNG")


@pytest.mark.parametrize("path", ["~no-such-user/x.png", "~\0/x.png", "~/missing.png"])
def test_a_home_folder_that_is_missing_is_one_error(path: str, home: Path) -> None:
    with pytest.raises((fmsdk.InvalidMedia, fmsdk.BadRequestError)):
        Image(path).read()


def test_a_cache_in_the_home_folder(home: Path) -> None:
    for path in ("~/cache", Path("~/cache")):
        assert LocalConfig.read_options({"cache_dir": path}).cache_dir == home / "cache"
