"""Only regular files are media: what would hang or has no end is one error at once."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk import Audio, Document, Image, Video
from fmsdk.errors import FmsdkError, InvalidMedia
from fmsdk.pipeline.capability_check import verify_media
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.media_files import pdf, picture, wav
from tests.support.patience import PATIENCE
from tests.support.scripted_server import Answer, run_server

_WHAT = {
    "fifo": "a named pipe",
    "folder": "a folder",
    "device": "a device",
    "socket": "socket|No such device",
    "link": "a named pipe",
}


def odd_file(kind: str, folder: Path) -> Path:
    path = folder / f"{kind}.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "device":
        return Path("/dev/zero")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "link":
        path.symlink_to(odd_file("fifo", folder))
    else:
        os.mkfifo(path)
    return path


@pytest.mark.parametrize("kind", _WHAT)
@pytest.mark.parametrize("part", [Image, Audio, Video, Document])
def test_what_is_no_regular_file_is_one_error_at_once(
    kind: str, part: type[Image | Audio | Video | Document], tmp_path: Path
) -> None:
    media = part(odd_file(kind, tmp_path))
    for use in (lambda: media.header, media.read, media.base64, lambda: verify_media(media)):
        with pytest.raises(InvalidMedia, match=f"cannot read .*({_WHAT[kind]})"):
            use()


@pytest.mark.parametrize("kind", ["fifo", "device"])
@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_odd_files_harm_no_other_call(subject: Subject, kind: str, tmp_path: Path) -> None:
    async def ask_all(root: str) -> tuple[list[Any], Any]:
        async with subject.client(root, timeout=PATIENCE, retries=0) as client:
            part = Image(odd_file(kind, tmp_path))
            calls = [client.generate(subject.model, [part, "hi"]) for _ in range(40)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            return outcomes, await client.generate(subject.model, "hi")

    with run_server(Answer(subject.wire.body("Paris"))) as server:
        # By name, so that the name is looked up in a thread.
        outcomes, answer = asyncio.run(ask_all(server.root.replace("127.0.0.1", "localhost")))
        assert {type(outcome) for outcome in outcomes} == {InvalidMedia}
        assert answer.finish == "stop"
        assert len(server.seen) == 1


def test_a_script_with_a_named_pipe_ends(tmp_path: Path) -> None:
    pipe = odd_file("fifo", tmp_path)
    code = (
        "import fmsdk\n"
        "try:\n"
        f"    fmsdk.Client(providers={{'openai': {{'api_key': 'k'}}}}).generate("
        f"'openai:gpt-4o', fmsdk.Image({str(pipe)!r}))\n"
        "except fmsdk.InvalidMedia as error:\n"
        "    print('typed')\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (child.returncode, child.stdout.strip()) == (0, "typed"), child.stderr


@pytest.mark.parametrize("way", ["replaced", "rewritten", "longer", "removed"])
def test_a_file_swapped_after_its_check_is_not_sent(way: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture("PNG"))
    image = Image(path)
    verify_media(image)
    if way == "replaced":  # of the same kind and size
        other = tmp_path / "b.png"
        other.write_bytes(picture("PNG"))
        other.rename(path)
    elif way == "rewritten":
        path.write_bytes(picture("JPEG"))
    elif way == "longer":
        with path.open("ab") as file:
            file.write(b"secret")
    else:
        path.unlink()
    with pytest.raises(InvalidMedia, match=r"changed after it was read|no such file"):
        image.read()


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(30.0))
    source = Audio(path).source
    with source.open() as file:
        file.read(100)
        with path.open("ab") as other:
            other.write(b"more")
        with pytest.raises(InvalidMedia, match="changed while it was read"):
            file.read()


@pytest.mark.parametrize("data", [pdf(), wav(), picture("PNG")], ids=["pdf", "wav", "png"])
def test_regular_files_are_read_as_before(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    for _ in range(3):
        assert Document(path).read() == data
    assert fmsdk.Image(str(path)).base64() == fmsdk.Image(data).base64()
    with pytest.raises(FmsdkError, match="not a valid file name"):
        Image("a\0b").read()
