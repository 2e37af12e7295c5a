"""Our own connections over real sockets: TLS, proxies, large requests, and what breaks."""

from __future__ import annotations

import asyncio
import datetime
import gc
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fmsdk.errors import ConnectionFailed, FmsdkError, ServerError, Timeout
from fmsdk.hosted.body import Body
from fmsdk.http.aiohttp_transport import AiohttpTransport
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.http.transport import Endpoint
from tests.support.scripted_server import Answer, run_server

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def post(url: str, body: bytes, **headers: str) -> bytes:
    transport = AiohttpTransport(Endpoint(url=url), ErrorMapper("example", "EXAMPLE_KEY"), 0.4)
    try:
        opened = transport.open("/echo", Body([body]), headers=headers, read_timeout=0.4)
        async with opened as incoming:
            return await incoming.read()
    finally:
        await transport.aclose()


def ask(
    handler: Handler, *, context: ssl.SSLContext | None = None, size: int = 3, query: str = ""
) -> bytes:
    """The answer of a server that serves each connection by `handler`."""
    served: list[asyncio.Future[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        served.append(ended)
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await handler(reader, writer)
            writer.close()
            await writer.wait_closed()
        ended.set_result(None)

    async def main() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        try:
            scheme = "https" if context else "http"
            return await post(f"{scheme}://127.0.0.1:{port}/base{query}", b"x" * size)
        finally:
            await asyncio.gather(*served)
            server.close()
            await server.wait_closed()

    return asyncio.run(main())


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of a request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, await reader.readexactly(length)


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _, body = await read_request(reader)
    writer.write(HEAD + chunks(body[:2], b"-", str(len(body)).encode()))
    await writer.drain()


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's TLS, whose certificate this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
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


def test_an_untrusted_certificate_is_refused(
    certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
        ask(echo, context=certified)


def test_a_large_request_goes_out_in_full() -> None:
    assert ask(echo, size=5_000_000) == b"xx-5000000"


def test_the_query_of_a_base_url_is_sent_with_every_request() -> None:
    heads: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await read_request(reader))[0])
        writer.write(HEAD + chunks())

    ask(note, query="?api-version=2026-01-01")
    assert heads[0].startswith(b"POST /base/echo?api-version=2026-01-01 HTTP/1.1\r\n")


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def hung_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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


def answering(raw: bytes) -> Handler:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raw)
        await writer.drain()

    return answer


ODD_ANSWERS = {
    "no line break after a chunk": HEAD + b"2\r\nhiXX2\r\nho\r\n0\r\n\r\n",
    "a chunk size with a sign": HEAD + b"+2\r\nhi\r\n0\r\n\r\n",
    "no chunk size": HEAD + b"\r\nhi\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi!",
    "a length in words": b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nhi",
    "an endless head": b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200_000,
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "a body that its encoding does not describe": (
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nhi"
    ),
}


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (silent, Timeout),
        (hung_up, ConnectionFailed),
        (cut_off, ConnectionFailed),
        (reset, ConnectionFailed),
        *((answering(raw), FmsdkError) for raw in ODD_ANSWERS.values()),
    ],
    ids=["silent", "hung up", "cut off", "reset", *ODD_ANSWERS],
)
def test_failures_are_one_typed_error(handler: Handler, kind: type[FmsdkError]) -> None:
    with pytest.raises(kind):
        ask(handler)


def test_the_status_survives_a_body_that_breaks_in_the_same_packet() -> None:
    raw = b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\nXX\r\n"
    with pytest.raises(ServerError) as caught:
        ask(answering(raw))
    assert caught.value.status == 503


def test_a_port_without_a_server() -> None:
    with pytest.raises(ConnectionFailed, match="cannot be reached"):
        asyncio.run(post("http://127.0.0.1:1", b"x"))


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_environments_proxy_is_used(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")
        await writer.drain()
        writer.close()

    async def main() -> bytes:
        server = await asyncio.start_server(proxy, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(variable, f"http://127.0.0.1:{port}")
        async with server:
            return await post("http://models.example/v1", b"x")

    assert asyncio.run(main()) == b"hi"
    assert seen == [b"POST http://models.example/v1/echo HTTP/1.1\r\n"]


def test_tls_through_a_proxy(certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        host, _, port = requests[0].split(b" ")[1].decode().partition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await echo(reader, writer)
        writer.close()

    async def main() -> bytes:
        for name in ("HTTPS_PROXY", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certified)
        gateway = await asyncio.start_server(proxy, "127.0.0.1", 0)
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{gateway.sockets[0].getsockname()[1]}")
        try:
            port = server.sockets[0].getsockname()[1]
            return await post(f"https://127.0.0.1:{port}", b"xxxx", authorization="Bearer k")
        finally:
            server.close()
            gateway.close()
            await asyncio.sleep(0.05)

    assert asyncio.run(main()) == b"xx-4"
    assert requests[0].startswith(b"CONNECT 127.0.0.1:")
    assert b"Bearer" not in requests[0]


@pytest.mark.filterwarnings("error")
def test_an_unclosed_transport_is_quiet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main(url: str) -> bytes:
        transport = AiohttpTransport(Endpoint(url=url), ErrorMapper("example", "KEY"), 5)
        async with transport.open("/x", Body([b"{}"]), headers={}) as incoming:
            body = await incoming.read()
        del transport
        gc.collect()
        await asyncio.sleep(0.01)
        return body

    with run_server(Answer(b"hi")) as server:
        assert asyncio.run(main(server.root)) == b"hi"
        gc.collect()
    assert caplog.text == ""
