"""Fetching media over real sockets, and refusing to reach where a URL has no business."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import logging
import shutil
import socket
import ssl
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fmsdk.media.fetch as fetching
from fmsdk.errors import ConnectionFailed, FmsdkError, InvalidMedia, Timeout
from fmsdk.media.fetch import fetch, is_public
from fmsdk.media.limits import FetchLimits
from fmsdk.media.source import BytesSource
from tests.support.media_server import at, png, run_media_server
from tests.support.patience import PATIENCE
from tests.support.scripted_server import Answer, run_server

LOOPBACK = FetchLimits(allow_private=True, max_seconds=20)
SECRET = "sk-secret"


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with run_media_server() as running:
        yield running


def get(
    url: str, kind: Any = "image", limits: FetchLimits = LOOPBACK, **options: Any
) -> BytesSource:
    return asyncio.run(fetch(url, kind, limits=limits, **options))


def test_media_comes_as_its_bytes(server: Any) -> None:
    assert get(at(server, "cat.png")) == BytesSource(png(), "image/png")
    assert get(at(server, "notes.csv"), "document") == BytesSource(b"a,b\n", "text/csv")
    assert get(at(server, "zipped")).data == png()
    assert get(at(server, "away")).data == png()


def test_the_server_sees_the_name_it_was_asked_by(server: Any) -> None:
    get(at(server, "cat.png?size=1", host="localhost", user="ann:p%40ss@"))
    path, headers = server.seen[-1]
    assert path == "/cat.png?size=1"
    assert headers["Host"] == f"localhost:{server.server_port}"
    assert headers["Authorization"] == "Basic YW5uOnBAc3M="
    assert headers["Accept-Encoding"] == "identity"
    get(at(server, "cat.png"))
    assert "Authorization" not in server.seen[-1][1]


@pytest.mark.parametrize(
    ("path", "kind", "limits", "error", "why"),
    [
        ("none", "image", {}, InvalidMedia, "answered 404"),
        ("busy", "image", {}, ConnectionFailed, "answered 503"),
        ("page", "image", {}, InvalidMedia, "is not an image: it looks like HTML"),
        ("cat.png", "audio", {}, InvalidMedia, "is not audio: it looks like PNG"),
        ("cut", "image", {}, InvalidMedia, "is truncated"),
        ("broken", "image", {}, ConnectionFailed, "could not be fetched"),
        ("garbled", "image", {}, InvalidMedia, "broken compression"),
        ("cat.png", "image", {"max_bytes": 40}, InvalidMedia, "longer than 40 bytes"),
        ("endless", "image", {"max_bytes": 100_000}, InvalidMedia, "longer than 100,000 bytes"),
        ("bomb", "image", {"max_bytes": 100_000}, InvalidMedia, "longer than 100,000 bytes"),
        ("nested", "image", {"max_bytes": 100_000}, InvalidMedia, "longer than 100,000 bytes"),
        (
            "song.wav",
            "audio",
            {"max_duration": 1.9},
            InvalidMedia,
            "lasts 2 s, longer",
        ),
        ("cat.png", "image", {"max_pixels": 199}, InvalidMedia, "20x10 pixels.* 199 allowed"),
        ("slow", "image", {"max_seconds": 0.3}, Timeout, "longer than 0.3 s"),
        ("loop", "image", {"max_redirects": 2}, InvalidMedia, "redirects more than 2 times"),
        ("away", "image", {"max_redirects": 0}, InvalidMedia, "redirects more than 0 times"),
    ],
)
def test_any_failure_is_one_error_without_secrets(
    server: Any,
    path: str,
    kind: str,
    limits: dict[str, Any],
    error: type[FmsdkError],
    why: str,
) -> None:
    url = at(server, f"{path}?key={SECRET}#{SECRET}", user=f"ann:{SECRET}@")
    with pytest.raises(error, match=why) as caught:
        get(url, kind, FetchLimits(allow_private=True, **limits))
    assert at(server, path) in caught.value.message
    assert SECRET not in caught.value.message


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKED = {
    "gzip": gzip.compress,
    "x-gzip": lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]),
    "deflate": zlib.compress,
    "Deflate": _raw_deflate,
    "deflate, gzip": lambda data: gzip.compress(zlib.compress(data)),
    "identity": lambda data: data,
}
TEXT = "".join(f"Zeile {n}: grün\n" for n in range(500)).encode()


@pytest.mark.parametrize("coding", PACKED)
def test_compressed_bodies_are_unpacked_to_the_end(server: Any, coding: str) -> None:
    body = PACKED[coding](TEXT)
    headers = {"Content_Type": "text/plain", "Content_Encoding": coding}
    server.packed = body, headers
    assert get(at(server, "packed"), "document").data == TEXT
    if coding != "identity":
        for length in (1, 9, len(body) // 2, len(body) - 5, len(body) - 1):
            server.packed = body[:length], headers
            with pytest.raises(InvalidMedia, match=r"is truncated|broken compression"):
                get(at(server, "packed"), "document")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "compress"])
def test_a_compression_that_is_not_known_is_refused(server: Any, coding: str) -> None:
    server.packed = TEXT, {"Content_Type": "text/plain", "Content_Encoding": coding}
    with pytest.raises(InvalidMedia, match=r"came compressed as .*, which fmsdk does not know"):
        get(at(server, "packed"), "document")


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("iso-2022-jp", "iso-2022-jp"),
        ('"Shift_JIS"', "shift_jis"),
        ("utf-16", "utf-16"),
        ("UTF-8", "utf-8"),
    ],
)
@pytest.mark.parametrize("mime", ["text/plain", "application/json"])
def test_text_of_any_charset_comes_in_utf8(
    server: Any, mime: str, charset: str, codec: str
) -> None:
    text = '["日本語"]'
    server.packed = text.encode(codec), {"Content_Type": f"{mime}; charset={charset}"}
    assert get(at(server, "packed"), "document") == BytesSource(text.encode(), mime)


@pytest.mark.parametrize("charset", ["x-none", "hex", "shift_jis", "punycode", "utf-7"])
def test_text_that_its_charset_cannot_read_is_refused(server: Any, charset: str) -> None:
    server.packed = b"\x81", {"Content_Type": f"text/plain; charset={charset}"}
    with pytest.raises(InvalidMedia, match=r"of the unknown charset|is declared as .* but is not"):
        get(at(server, "packed"), "document")


def test_a_closed_port_is_a_failed_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionFailed):
            get(f"http://127.0.0.1:{taken.getsockname()[1]}/x")
    with pytest.raises(ConnectionFailed):
        get("http://no-such-host.invalid/x")


def test_nothing_is_logged_that_the_url_holds(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    get(at(server, f"cat.png?key={SECRET}"))
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "255.255.255.255",
        "[fe80::1]",
        "[fec0::1]",
        "[fd00:ec2::254]",
        "[3fff::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "127.1",
    ],
)
def test_private_addresses_are_refused_however_they_are_written(server: Any, host: str) -> None:
    before = len(server.seen)
    with pytest.raises(InvalidMedia, match=r"not a public address|not a valid URL"):
        get(at(server, "cat.png", host=host), limits=FetchLimits())
    assert len(server.seen) == before


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/x",
        "http:///x",
        "http://[::x]/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        f"http://127.0.0.1/{'x' * 70_000}",
    ],
)
def test_other_schemes_and_broken_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidMedia, match=r"only http and https|not a valid URL") as caught:
        get(url)
    assert len(caught.value.message) < 300


def test_a_name_no_host_can_have_is_refused() -> None:
    with pytest.raises(InvalidMedia, match="no valid host name"):
        get(f"http://{'a' * 70}.com/")


@pytest.fixture
def public_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server at 127.0.0.2, which counts as public here, and nothing else does."""
    monkeypatch.setattr(fetching, "is_public", lambda address: str(address) == "127.0.0.2")
    with run_media_server(host="127.0.0.2") as running:
        yield running


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1/", "//[::1]/", "http://2130706433/", "file:///etc/passwd"]
)
def test_a_redirect_to_a_private_address_is_refused(public_server: Any, place: str) -> None:
    public_server.elsewhere = place
    with pytest.raises(InvalidMedia, match="is refused"):
        get(at(public_server, "elsewhere", host="127.0.0.2"), limits=FetchLimits())
    assert len(public_server.seen) == 1


def test_a_redirect_between_real_servers_is_checked_again(server: Any) -> None:
    with run_media_server() as other:
        server.elsewhere = at(other, "cat.png", host="localhost")
        assert get(at(server, "elsewhere")).data == png()
        assert other.seen[-1][1]["Host"] == f"localhost:{other.server_port}"


def test_the_connection_goes_to_the_address_that_was_checked(
    public_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [["127.0.0.2"], ["127.0.0.1"], ["127.0.0.2", "10.0.0.1"]]
    resolve = socket.getaddrinfo

    def look_up(host: str, *rest: object, **more: object) -> list[Any]:
        if host != "rebind.example":
            return resolve(host, *rest, **more)  # type: ignore[arg-type]
        return [(0, 0, 0, "", (address, 0)) for address in answers.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    url = at(public_server, "cat.png", host="rebind.example")
    assert get(url, limits=FetchLimits()).data == png()
    path, headers = public_server.seen[-1]
    assert headers["Host"] == f"rebind.example:{public_server.server_port}"
    for _ in range(2):  # now it points home; then one of its addresses does
        with pytest.raises(InvalidMedia, match="not a public address"):
            get(url, limits=FetchLimits())
    assert (len(public_server.seen), path, answers) == (1, "/cat.png", [])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_the_certificate_is_checked_against_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with run_media_server(context) as server:
        url = f"https://localhost:{server.server_port}/cat.png"
        with pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
            get(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert get(url).data == png()
        with pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
            get(url.replace("localhost", "127.0.0.1"))


def test_a_cancelled_fetch_hangs_up(server: Any) -> None:
    async def cancelled() -> float:
        task = asyncio.create_task(fetch(at(server, "slow"), "image", limits=LOOPBACK))
        await asyncio.sleep(0.2)
        began = time.perf_counter()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.perf_counter() - began

    assert asyncio.run(cancelled()) < PATIENCE


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_as_public_inside_an_ipv6_one(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    carriers = {
        "mapped": (0xFFFF << 32) | number,
        "6to4": (0x2002 << 112) | (number << 80),
        "nat64": (0x64FF9B << 96) | number,
    }
    private = not is_public(address)
    for carrier in carriers.values():
        if private:
            assert not is_public(ipaddress.IPv6Address(carrier))
    assert is_public(ipaddress.IPv6Address(carriers["mapped"])) != private


@pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2, and a queue that is full")
def test_an_address_that_says_nothing_leaves_time_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetching, "_CONNECT_SECONDS", 0.3)
    with run_server(Answer(b"some text", headers={"content-type": "text/plain"})) as server:
        port = int(server.root.rpartition(":")[2])
        with socket.create_server(("127.0.0.2", port), backlog=0), ExitStack() as stack:
            for _ in range(8):  # fill the queue of the address, which then drops what comes
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.2", port))

            async def resolve(host: str, port: int = 0) -> list[Any]:
                del host
                addresses = ("127.0.0.2", "127.0.0.3", "127.0.0.1")  # silent, refuses, answers
                return [(socket.AF_INET, 0, 0, "", (each, port)) for each in addresses]

            monkeypatch.setattr(fetching, "resolve_host", resolve)
            limits = FetchLimits(allow_private=True, max_seconds=PATIENCE)
            source = asyncio.run(fetch(f"http://name:{port}/a.txt", "document", limits=limits))
    assert source.read() == b"some text"
