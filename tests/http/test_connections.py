"""Connections: chunks joined without a byte changed, TLS, and what breaks, as httpx2 says it."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import h11
import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from fmsdk.http.chunk_framing import ChunkJoiner
from fmsdk.http.connections import http_client

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def chunked(pieces: list[bytes], *, plain: bool = True) -> bytes:
    extension = b"" if plain else b";name=value"
    framed = (b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces)
    return b"".join(framed) + b"0\r\n\r\n"


def parsed(raw: list[bytes]) -> list[tuple[int, bytes]]:
    """The answers in these bytes, as the HTTP library reads them."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    status, body, found = 0, b"", list[tuple[int, bytes]]()
    for data in raw:
        if data:
            client.receive_data(data)
        while (event := client.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Response | h11.InformationalResponse):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                found.append((status, body))
                break
            else:
                break
    return found


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(ends)]


pieces = st.lists(st.binary(min_size=1, max_size=40), max_size=12)
places = st.lists(st.integers(0, 2000), max_size=12)


@given(pieces, places, st.booleans(), st.booleans())
def test_joined_chunks_carry_the_same_bytes(
    sent: list[bytes], where: list[int], is_plain: bool, continues: bool
) -> None:
    before = b"HTTP/1.1 100 Continue\r\n\r\n" if continues else b""
    joiner = ChunkJoiner()
    joiner.begin()
    data = before + HEAD + chunked(sent, plain=is_plain)
    got = [joiner.feed(part) for part in cut(data, where)]
    assert joiner.flush() == b""
    assert parsed(got) == [(200, b"".join(sent))]
    assert joiner.at_rest


@given(pieces, places, st.sampled_from(["chunks", "length", "none"]))
def test_what_follows_an_answer_is_kept_back(sent: list[bytes], where: list[int], how: str) -> None:
    body = b"" if how == "none" else b"".join(sent)
    known = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    answer = HEAD + chunked(sent) if how == "chunks" else known
    joiner = ChunkJoiner()
    joiner.begin()
    got = b"".join([joiner.feed(part) for part in cut(answer + known, where)])
    assert parsed([got]) == [(200, body)]
    assert not joiner.at_rest
    assert joiner.feed(known) + joiner.flush() == b""


@given(pieces.filter(bool))
def test_what_arrived_together_is_one_chunk_and_waits_for_nothing(sent: list[bytes]) -> None:
    joiner = ChunkJoiner()
    joiner.begin()
    assert joiner.feed(HEAD) == HEAD
    body = b"".join(sent)
    whole = chunked(sent).removesuffix(b"0\r\n\r\n")
    assert joiner.feed(whole) == b"%x\r\n%b" % (len(body), body)
    assert joiner.feed(b"2\r\nhi\r\n5\r\nhal") == b"\r\n5\r\nhihal"
    assert joiner.feed(b"l") == b"\r\n1\r\nl"
    assert joiner.feed(b"o\r\n") == b"\r\n1\r\no"
    assert joiner.feed(b"0\r\n\r\n") == b"\r\n0\r\n\r\n"


ODD_FRAMING = {
    "no line break after a chunk": HEAD + b"2\r\nhiXX2\r\nho\r\n0\r\n\r\n",
    "a size instead of a line break": HEAD + b"2\r\nhi2\r\nho\r\n0\r\n\r\n",
    "a prefix": HEAD + b"0x2\r\nhi\r\n0\r\n\r\n",
    "an underscore": HEAD + b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "a sign": HEAD + b"+2\r\nhi\r\n0\r\n\r\n",
    "no size": HEAD + b"\r\nhi\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi!",
    "a length of words": b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nhi",
    "an endless head": b"HTTP/1.1 200 OK\r\nx: " + b"x" * 100_000,
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
}


@pytest.mark.parametrize("raw", ODD_FRAMING.values(), ids=ODD_FRAMING)
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_what_the_library_refuses_it_still_refuses(raw: bytes, step: int) -> None:
    joiner = ChunkJoiner()
    joiner.begin()
    steps = [raw[at : at + step] for at in range(0, len(raw), step)]
    with pytest.raises(h11.RemoteProtocolError):
        parsed([raw])
    with pytest.raises(h11.RemoteProtocolError):
        parsed([*map(joiner.feed, steps), joiner.flush()])
    assert not joiner.at_rest


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\nTransfer-Encoding:chunked\n\n",
        b"HTTP/1.1 200\r\nTRANSFER-ENCODING: \tChunked \r\ncontent-length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: y\r\n transfer-encoding: chunked\r\ncontent-length: 11\r\n\r\n",
    ],
)
def test_heads_of_other_forms(head: bytes) -> None:
    raw = head + b"1\r\nx\r\n0\r\n\r\n"
    joiner = ChunkJoiner()
    joiner.begin()
    assert parsed([joiner.feed(raw)]) == parsed([raw])


def test_blanks_without_end_hold_nobody_up() -> None:
    """Looking for what they end in must not begin anew with each of them."""
    blanks = b" " * 100_000
    joiner = ChunkJoiner()
    joiner.begin()
    head = b"HTTP/1.1 200 OK\r\ncontent-length:" + blanks + b"\rX\r\n\r\n"
    assert joiner.feed(head) == head
    joiner = ChunkJoiner()
    joiner.begin()
    assert joiner.feed(HEAD) == HEAD
    assert joiner.feed(b"2;" + blanks + b"\nx\r\nhi\r\n") == b"2;" + blanks + b"\nx\r\nhi\r\n"


def test_interim_answers_without_end_are_none() -> None:
    joiner = ChunkJoiner()
    joiner.begin()
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert joiner.feed(interim * 5000) == b""
    assert parsed([joiner.feed(interim + HEAD + chunked([b"hi"]))]) == [(200, b"hi")]


def ask(handler: Handler, *, context: ssl.SSLContext | None = None, size: int = 3) -> bytes:
    served: list[asyncio.Future[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        served.append(ended)
        with suppress(ConnectionError, ssl.SSLError):
            await handler(reader, writer)
            writer.close()
            await writer.wait_closed()
        ended.set_result(None)

    async def main() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        url = f"{'https' if context else 'http'}://127.0.0.1:{port}/"
        client = http_client()
        timeout = httpx2.Timeout(0.3, connect=5, write=5)
        try:
            return (await client.post(url, content=b"x" * size, timeout=timeout)).content
        finally:
            await client.aclose()
            await asyncio.gather(*served)
            server.close()
            await server.wait_closed()

    return asyncio.run(main())


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return await reader.readexactly(length)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    body = await read_request(reader)
    writer.write(HEAD + chunked([body[:2], b"-", str(len(body)).encode()]))
    await writer.drain()


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's TLS, whose certificate this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "server.pem").write_bytes(secret + pem)
    (tmp_path / "trusted.pem").write_bytes(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


@pytest.mark.parametrize("size", [3, 5_000_000])
def test_over_tls(certified: ssl.SSLContext, size: int) -> None:
    assert ask(echo, context=certified, size=size) == b"xx-%d" % size


def test_a_certificate_that_nobody_vouches_for(
    certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(httpx2.ConnectError, match=r"(?i)certificate"):
        ask(echo, context=certified)


def test_a_large_request_goes_out_in_full() -> None:
    assert ask(echo, size=5_000_000) == b"xx-5000000"


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(HEAD + b"5\r\nhal")
    await writer.drain()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(HEAD + b"5\r\nhallo\r\n")
    await writer.drain()
    writer.transport.abort()


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (silent, httpx2.ReadTimeout),
        (gone, httpx2.RemoteProtocolError),
        (cut_off, httpx2.RemoteProtocolError),
        (reset, httpx2.HTTPError),
    ],
)
def test_what_breaks_has_httpx2s_name(handler: Handler, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        ask(handler)


def test_nobody_listens() -> None:
    async def main() -> None:
        async with http_client() as client:
            await client.get("http://127.0.0.1:1/")

    with pytest.raises(httpx2.ConnectError):
        asyncio.run(main())


def test_where_a_proxy_is_asked_for_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")
        await writer.drain()
        writer.close()

    async def main() -> str:
        server = await asyncio.start_server(proxy, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        for name in ("http_proxy", "all_proxy", "no_proxy", "ALL_PROXY", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        async with server, http_client() as client:
            return (await client.get("http://models.example/v1")).text

    assert asyncio.run(main()) == "hi"
    assert seen == [b"GET http://models.example/v1 HTTP/1.1\r\n"]
