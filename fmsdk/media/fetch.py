"""Media behind a URL, for vendors that cannot fetch it themselves; guarded, because a URL may
come from anywhere and this runs inside somebody's network.

- http and https alone; every address of the host must be public, at the start and after each
  redirect, and the connection goes to the very address that was checked, so that a second look-up
  cannot point elsewhere (DNS rebinding). For that reason no proxy is used.
- Bytes are counted while they come, and again while they are unpacked; time, redirects, pixels
  and the length of recordings are capped (`FetchLimits`).

Requests go through a bare httpx2 transport: its client would log whole URLs, keys included.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from contextlib import AsyncExitStack, aclosing
from functools import cache
from typing import TYPE_CHECKING, cast

from fmsdk.errors import ConnectionFailed, InvalidMedia, Timeout
from fmsdk.media.document import mime_by_name
from fmsdk.media.header import read_header, verify
from fmsdk.media.limits import DEFAULT_FETCH, FetchLimits
from fmsdk.media.sniff import Kind
from fmsdk.media.source import BytesSource, shown_url
from fmsdk.media.unpack import type_and_charset, unpacked, utf8

if TYPE_CHECKING:
    import httpx2

__all__ = ["fetch", "is_public"]

_WAY_OUT = "Download it yourself and pass the file"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# A connection serves one request: the pool knows connections by address alone, and would reuse
# one for another host at the same address, past the check of that host's certificate.
_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "fmsdk",
}

# What servers say of a file whose type they do not know.
_UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/unknown"})

# Public by their number and yet inside a cloud: Azure's and Oracle's metadata services.
_METADATA = (ipaddress.ip_network("168.63.129.16/32"), ipaddress.ip_network("192.0.0.0/24"))
# Documentation (RFC 9637), which Python's own tables lack up to 3.13.
_DOCUMENTATION = ipaddress.ip_network("3fff::/20")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


async def fetch(
    url: str,
    kind: Kind,
    *,
    limits: FetchLimits = DEFAULT_FETCH,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> BytesSource:
    """The media at `url`, checked to be whole and of `kind`.

    `transport` makes the connections, to the address given it, where yours differ (certificates).

    Raises:
        InvalidMedia: a URL that may not be fetched, an answer that says no (4xx), more than the
            limits allow, or not what it is used as.
        ConnectionFailed: no such host, no connection, a broken one, or 429 and 5xx.
        Timeout: it took longer than `max_seconds`.

    None of them shows the URL's query, user name or password.
    """
    import httpx2

    shown = shown_url(url)
    try:
        async with AsyncExitStack() as stack, asyncio.timeout(limits.max_seconds):
            if transport is None:
                transport = await stack.enter_async_context(
                    httpx2.AsyncHTTPTransport(verify=_trusted())
                )
            source = await _download(transport, url, kind, limits)
            # A hostile file can take seconds to look through.
            await asyncio.to_thread(_check, source, kind, limits, shown)
    except TimeoutError as error:
        raise Timeout(f"{shown} took longer than {limits.max_seconds:g} s to fetch") from error
    except (httpx2.TransportError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise ConnectionFailed(f"{shown} could not be fetched: {reason}") from error
    return source


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates trusted, read once: that takes 20 ms, in which the event loop stands."""
    import httpx2

    return httpx2.create_ssl_context()


def is_public(address: Address) -> bool:
    """Whether an address is out on the internet, for whatever IPv4 address it carries inside too
    (IPv4-mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_site_local or address in _DOCUMENTATION:
            return False
        number = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.ipv4_mapped is not None or address in _NAT64:
            return is_public(number)  # another way to write the IPv4 address
        tunnelled = address.teredo[1] if address.teredo else address.sixtofour
        if tunnelled is not None and not is_public(tunnelled):
            return False
    if any(address in network for network in _METADATA):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


async def _download(
    transport: httpx2.AsyncBaseTransport, url: str, kind: Kind, limits: FetchLimits
) -> BytesSource:
    target = _parsed(url)
    for _ in range(limits.max_redirects + 1):
        async with aclosing(await _ask(transport, target, limits)) as response:
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                _check_status(response, target)
                return await _body(response, target, kind, limits)
            target = _parsed(response.headers["location"], target)
    raise InvalidMedia(f"{shown_url(url)} redirects more than {limits.max_redirects} times")


def _parsed(url: str, base: httpx2.URL | None = None) -> httpx2.URL:
    import httpx2

    try:
        target = httpx2.URL(url) if base is None else base.join(url)
    except httpx2.InvalidURL as error:
        # Its message may quote a piece of a password.
        raise InvalidMedia(f"{shown_url(url)} is not a valid URL") from error
    if target.port is not None and not 0 < target.port < 65_536:
        raise InvalidMedia(f"{shown_url(str(target))} is not a valid URL: no such port")
    if target.scheme not in ("http", "https") or not target.host:
        raise InvalidMedia(f"{shown_url(str(target))} is refused: only http and https are fetched")
    return target


async def _ask(
    transport: httpx2.AsyncBaseTransport, target: httpx2.URL, limits: FetchLimits
) -> httpx2.Response:
    """The answer's head, from the first of the host's addresses that takes the connection."""
    import httpx2

    headers = {**_HEADERS, "Host": target.netloc.decode("ascii")}
    if target.userinfo:
        headers["Authorization"] = f"Basic {_basic(target)}"
    refusal: httpx2.ConnectError | None = None
    for address in await _addresses(target, limits):
        request = httpx2.Request(
            "GET",
            target.copy_with(host=str(address), userinfo=b""),
            headers=headers,
            extensions={"sni_hostname": target.raw_host.decode("ascii")},
        )
        try:
            return await transport.handle_async_request(request)
        except httpx2.ConnectError as error:
            refusal = error
    raise refusal or httpx2.ConnectError("the host has no address")


def _basic(target: httpx2.URL) -> str:
    return base64.b64encode(f"{target.username}:{target.password}".encode()).decode("ascii")


async def _addresses(target: httpx2.URL, limits: FetchLimits) -> list[Address]:
    """The host's addresses, each of them checked.

    Raises:
        InvalidMedia: one of them is not public.
    """
    host, port = target.raw_host.decode("ascii"), target.port or 0
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise InvalidMedia(f"{shown_url(str(target))} has no valid host name") from error
    # A scope (fe80::1%eth0) belongs to link-local addresses alone, and says nothing here.
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    addresses = [ipaddress.ip_address(text) for text in texts]
    for address in addresses:
        if not limits.allow_private and not is_public(address):
            raise InvalidMedia(
                f"{shown_url(str(target))} is refused: {address} is not a public address. "
                f"{_WAY_OUT}, or allow it: Client(fetch=FetchLimits(allow_private=True))"
            )
    return addresses


def _check_status(response: httpx2.Response, target: httpx2.URL) -> None:
    status = response.status_code
    if status == 429 or status >= 500:
        raise ConnectionFailed(f"{shown_url(str(target))} answered {status}", status=status)
    if status != 200:
        raise InvalidMedia(f"{shown_url(str(target))} answered {status}", status=status)


async def _body(
    response: httpx2.Response, target: httpx2.URL, kind: Kind, limits: FetchLimits
) -> BytesSource:
    too_long = InvalidMedia(
        f"{shown_url(str(target))} is longer than {limits.max_bytes:,} bytes. {_WAY_OUT}"
    )
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.max_bytes:
        raise too_long
    packed = bytearray()
    # As it comes: the library's own decoders take a body that breaks off for a whole one.
    async for chunk in cast("httpx2.AsyncByteStream", response.stream):
        packed += chunk
        if len(packed) > limits.max_bytes:
            raise too_long
    codings = response.headers.get("content-encoding", "").split(",")
    mime, charset = type_and_charset(response.headers.get("content-type", ""))
    try:
        # Megabytes take their time.
        data = await asyncio.to_thread(unpacked, bytes(packed), codings, limits.max_bytes)
        if data is not None and kind == "document" and charset:
            data = await asyncio.to_thread(utf8, data, charset)
    except InvalidMedia as error:
        raise InvalidMedia(f"{shown_url(str(target))} {error.message}. {_WAY_OUT}") from error
    if data is None:
        raise too_long
    return BytesSource(data, mime_by_name(target.path) if mime in _UNTOLD else mime)


def _check(source: BytesSource, kind: Kind, limits: FetchLimits, shown: str) -> None:
    try:
        header = read_header(kind, source)
        verify(kind, source)
    except InvalidMedia as error:
        message = error.message.replace(source.describe(), shown, 1)
        raise InvalidMedia(message) from error
    pixels = (header.width or 0) * (header.height or 0)
    if pixels > limits.max_pixels:
        raise InvalidMedia(
            f"{shown} has {header.width}x{header.height} pixels, more than the "
            f"{limits.max_pixels:,} allowed"
        )
    if header.seconds is not None and header.seconds > limits.max_duration:
        raise InvalidMedia(
            f"{shown} lasts {header.seconds:,.0f} s, longer than the "
            f"{limits.max_duration:,g} s allowed"
        )
