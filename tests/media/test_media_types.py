"""The bytes decide what a file is; what the caller or a server says of it only adds to them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest

import fmsdk
from fmsdk.content import Audio, Document, Image, MediaPart, Video
from fmsdk.errors import InvalidMedia
from fmsdk.media.header import Header
from fmsdk.media.integrity import check_integrity
from fmsdk.media.pdf import needs_password
from fmsdk.media.source import BytesSource
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.media_files import mp4, office, pdf, picture, wav
from tests.support.scripted_server import Answer, run_server

PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize("stated", ["application/pdf", "APPLICATION/PDF; charset=binary", DOCX])
def test_text_is_no_pdf_whatever_it_is_called(tmp_path: Path, stated: str) -> None:
    data_url = f"data:{stated.replace(' ', '')},{PAGE.decode()}".replace("<", "%3C")
    for document in (
        Document(PAGE, mime_type=stated),
        Document(BytesSource(PAGE, stated)),  # as a server calls it
        Document(data_url),
    ):
        with pytest.raises(InvalidMedia, match=r"is not application/.*: it looks like HTML"):
            _ = document.header
    for name in ("report.pdf", "report.PDF", "report.docx"):
        (tmp_path / name).write_bytes(PAGE)
        with pytest.raises(InvalidMedia, match="it looks like HTML"):
            _ = Document(tmp_path / name).mime


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_a_page_called_pdf_is_never_sent(subject: Subject, stream: bool) -> None:
    prompt = [Document(PAGE, mime_type="application/pdf"), "Sum it up."]
    with run_server(Answer()) as server, subject.sync_client(server.root) as client:
        with pytest.raises(InvalidMedia, match="it looks like HTML"):
            if stream:
                list(client.stream(subject.model, prompt))
            else:
                client.generate(subject.model, prompt)
        assert not server.seen


STATED: list[tuple[Callable[[], MediaPart], str]] = [
    (lambda: Image(picture("JPEG"), mime_type="image/jpg"), "image/jpeg"),
    (lambda: Image(picture("JPEG"), mime_type="IMAGE/JPEG"), "image/jpeg"),
    (lambda: Image(picture("JPEG"), mime_type="image/jpeg; charset=utf-8"), "image/jpeg"),
    (lambda: Image(picture("PNG"), mime_type="image/jpeg"), "image/png"),
    (lambda: Image(picture("PNG"), mime_type="application/octet-stream"), "image/png"),
    (lambda: Audio(wav(), mime_type="audio/x-wav"), "audio/wav"),
    (lambda: Audio(wav(), mime_type="audio/mpeg"), "audio/wav"),
    (lambda: Audio(mp4(), mime_type="video/mp4"), "audio/mp4"),
    (lambda: Video(mp4(), mime_type="video/x-m4v"), "video/mp4"),
    (lambda: Document(pdf(), mime_type="text/plain"), "application/pdf"),
    (lambda: Document(office(), mime_type="application/zip"), DOCX),
    (lambda: Document(b"# Hi", mime_type="Text/X-Markdown; charset=utf-8"), "text/markdown"),
    (lambda: Document(b"a,b"), "text/plain"),
    # What has no bytes here is what it is called.
    (lambda: Image("https://e.org/a", mime_type="image/JPG"), "image/jpeg"),
    (lambda: Image(fmsdk.FileRef("google", "f", "image/jpg")), "image/jpeg"),
    # Raw samples have no signature; their parameters say how to read them.
    (lambda: Audio(b"\1\2" * 9, mime_type="audio/L16;rate=24000"), "audio/L16;rate=24000"),
]


@pytest.mark.parametrize(("part", "mime"), STATED)
def test_the_type_of_a_part(part: Callable[[], MediaPart], mime: str) -> None:
    assert part().mime == mime


@pytest.mark.parametrize("stated", ["image/jpg", "IMAGE/JPEG", "image/jpeg; charset=utf-8"])
@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_a_good_picture_is_sent_as_what_it_is(subject: Subject, stated: str) -> None:
    part = Image(picture("JPEG"), mime_type=stated)
    answer = Answer(subject.wire.body("Red."))
    with run_server(answer) as server, subject.sync_client(server.root) as client:
        assert client.generate(subject.model, [part, "What is it?"]).text == "Red."
        (request,) = server.seen
    assert "image/jpeg" in (body := str(request.body))
    assert stated not in body.replace("image/jpeg;base64", "")


def encrypted(algorithm: str, user: str, *, owner: str | None = "boss") -> bytes:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(width=72, height=72)
    writer.encrypt(user, owner, algorithm=algorithm)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


ALGORITHMS = ["RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_pdf_that_needs_a_password_is_found(algorithm: str) -> None:
    check_integrity("document", BytesSource(encrypted(algorithm, "")))
    for user in ("secret", "(\\)", "päss"):
        for owner in ("boss", None):
            with pytest.raises(InvalidMedia, match=r"protected by a password.*save it without"):
                check_integrity("document", BytesSource(encrypted(algorithm, user, owner=owner)))


@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_a_pdf_that_needs_a_password_is_never_sent(subject: Subject) -> None:
    prompt = [Document(encrypted("AES-128", "secret")), "Sum it up."]
    with run_server(Answer()) as server, subject.sync_client(server.root) as client:
        with pytest.raises(InvalidMedia, match="protected by a password"):
            client.generate(subject.model, prompt)
        assert not server.seen


def test_without_pypdf_a_pdf_is_sent_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    locked = encrypted("AES-128", "secret")
    assert needs_password(io.BytesIO(locked))
    monkeypatch.setitem(sys.modules, "pypdf", None)
    assert not needs_password(io.BytesIO(locked))
    assert Document(pdf(3)).header == Header("application/pdf")


@pytest.mark.parametrize(
    "dictionary",
    [
        b"",
        b"/Filter/Standard /V 4 /R 4 /O(",
        b"/Filter/Standard /R 3 /O" + b" " * 1_000_000 + b"/U<" + b"f" * 99,
        b"/Filter/Mine /V 4 /R 4 /O<" + b"0" * 64 + b"> /U<" + b"0" * 64 + b">",
        b"/R " * 300_000,
    ],
)
def test_broken_dictionaries_are_no_verdict(dictionary: bytes) -> None:
    data = b"%PDF-1.7\n5 0 obj\n<<" + dictionary + b">>\nendobj\ntrailer\n<</Encrypt 5 0 R>>\n%%EOF"
    assert not needs_password(io.BytesIO(data))
