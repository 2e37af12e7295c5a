"""Fetches media behind a URL for vendors that cannot do so themselves. Fetching is guarded,
because a URL may come from anywhere and this runs inside somebody's network.

- Only http and https are fetched. Every address of the host must be public, at the start and after
  each redirect. The connection goes to the very address that was checked, so that a second look-up
  cannot point elsewhere (DNS rebinding). For that reason no proxy is used.
- Bytes are counted while they arrive, and again while they are decompressed. Time, redirects,
  pixels and the length of recordings have limits (`FetchLimits`).
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fmsdk.errors import ConnectionFailed, InvalidMedia, Timeout
from fmsdk.http.environment import environment_errors, trusted_certificates
from fmsdk.media.document import mime_by_name
from fmsdk.media.fetched_body import decompress_body, to_utf8, type_and_charset
from fmsdk.media.header import read_header
from fmsdk.media.integrity import check_integrity
from fmsdk.media.limits import DEFAULT_FETCH, FetchLimits
from fmsdk.media.sniff import Kind
from fmsdk.media.source import BytesSource, shown_url
from fmsdk.threads import resolve_host, run_in_thread

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

__all__ = ["FetchedBytes", "fetch", "is_public"]

_ALTERNATIVE = "Download it yourself and pass the file"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "fmsdk"}
_LONGEST_URL = 65_536
_CONNECT_SECONDS = 5.0
"""For each address of the host; the next one is tried then."""

# What servers send for a file of unknown type.
_UNKNOWN_TYPES = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/unknown"}
)

# Public by number, but inside a cloud: the metadata services of Azure and Oracle.
_METADATA = (ipaddress.ip_network("168.63.129.16/32"), ipaddress.ip_network("192.0.0.0/24"))
# Documentation (RFC 9637), which Python's own tables lack up to 3.13.
_DOCUMENTATION = ipaddress.ip_network("3fff::/20")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(slots=True)
class FetchedBytes:
    """How many bytes were fetched for one request, and how many may be."""

    limit: int
    count: int = 0

    def add(self, count: int) -> None:
        """Count further bytes. Raises InvalidMedia where they are too many."""
        self.count += count
        if self.count > self.limit:
            raise InvalidMedia(
                f"the URLs of this request are longer than {self.limit:,} bytes together. Send "
                "fewer in a request, or raise FetchLimits.max_request_bytes"
            )


async def fetch(
    url: str,
    kind: Kind,
    *,
    limits: FetchLimits = DEFAULT_FETCH,
    fetched_bytes: FetchedBytes | None = None,
) -> BytesSource:
    """The media at `url`, checked to be complete and of `kind`.

    Args:
        fetched_bytes: counts the bytes of several fetches together.

    Raises:
        InvalidMedia: a URL that may not be fetched, a refusal (4xx), more than the limits allow,
            or another kind of media.
        ConnectionFailed: no such host, no connection, a broken one, or 429 and 5xx.
        Timeout: it took longer than `max_seconds`.
        ConfigurationError: the environment's certificates cannot be used.

    No message shows the URL's query, user name or password.
    """
    with environment_errors():
        import aiohttp

    name = shown_url(url)
    try:
        async with asyncio.timeout(limits.max_seconds):
            source = await _download(
                url, kind, limits, fetched_bytes or FetchedBytes(limits.max_request_bytes)
            )
            # In a thread: a hostile file can take seconds to check.
            await run_in_thread(_check_content, source, kind, limits, name)
    except TimeoutError as error:
        raise Timeout(f"{name} took longer than {limits.max_seconds:g} s to fetch") from error
    except aiohttp.ClientResponseError as error:
        # Its text and its repr show the whole URL, and the request's headers.
        raise ConnectionFailed(f"{name} could not be fetched: {error.message}") from None
    except (aiohttp.ClientError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise ConnectionFailed(f"{name} could not be fetched: {reason}") from error
    return source


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, and with it any IPv4 address that it embeds
    (IPv4-mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_site_local or address in _DOCUMENTATION:
            return False
        number = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.ipv4_mapped is not None or address in _NAT64:
            return is_public(number)  # another way to write the IPv4 address
        tunnel_end = address.teredo[1] if address.teredo else address.sixtofour
        if tunnel_end is not None and not is_public(tunnel_end):
            return False
    if any(address in network for network in _METADATA):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


async def _download(
    url: str, kind: Kind, limits: FetchLimits, fetched_bytes: FetchedBytes
) -> BytesSource:
    import aiohttp

    target = _parse_url(url)
    for _ in range(limits.max_redirects + 1):
        headers = dict(_HEADERS)
        if target.user or target.password:
            pair = f"{target.user or ''}:{target.password or ''}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        addresses = await _resolve_host(target, limits)
        redirect = ""
        for address in addresses:
            try:
                async with (
                    await _open_session(target, address) as session,
                    session.get(
                        target.with_user(None), headers=headers, allow_redirects=False
                    ) as response,
                ):
                    redirect = response.headers.get("location", "")
                    if response.status not in _REDIRECTS or not redirect:
                        name, status = shown_url(str(target)), response.status
                        if status == 429 or status >= 500:
                            raise ConnectionFailed(f"{name} answered {status}", status=status)
                        if status != 200:
                            raise InvalidMedia(f"{name} answered {status}", status=status)
                        return await _read_body(response, target, kind, limits, fetched_bytes)
                break
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                if address is addresses[-1]:
                    raise
        target = _parse_url(redirect, target)
    raise InvalidMedia(f"{shown_url(url)} redirects more than {limits.max_redirects} times")


def _parse_url(url: str, base: URL | None = None) -> URL:
    from yarl import URL

    try:
        if len(url) > _LONGEST_URL:
            raise ValueError
        target = URL(url) if base is None else base.join(URL(url))
        port = target.explicit_port
        if ":" in (target.raw_host or ""):  # yarl accepts anything in brackets
            ipaddress.ip_address((target.raw_host or "").partition("%")[0])
    except ValueError:
        # The error may quote a piece of a password.
        raise InvalidMedia(f"{shown_url(url)} is not a valid URL") from None
    if port is not None and not 0 < port < 65_536:
        raise InvalidMedia(f"{shown_url(str(target))} is not a valid URL: no such port")
    if target.scheme not in ("http", "https") or not target.raw_host:
        raise InvalidMedia(f"{shown_url(str(target))} is refused: only http and https are fetched")
    return target


async def _open_session(target: URL, address: Address) -> aiohttp.ClientSession:
    """A session that connects to one host, only at the address that was checked."""
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult

    class CheckedAddress(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host,
                    host=str(address),
                    port=port,
                    family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                    proto=0,
                    flags=socket.AI_NUMERICHOST,
                )
            ]

        async def close(self) -> None:
            """Nothing is open."""

    certificates: Any = True
    if target.scheme == "https":
        certificates = await run_in_thread(trusted_certificates)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=CheckedAddress(),
            ssl=certificates,
            force_close=True,
            use_dns_cache=False,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
    )


async def _resolve_host(target: URL, limits: FetchLimits) -> list[Address]:
    """The host's addresses, after the check of each.

    Raises:
        InvalidMedia: an address is not public.
    """
    host, port = target.raw_host or "", target.port or 0
    try:
        entries = await resolve_host(host, port)
    except UnicodeError as error:
        raise InvalidMedia(f"{shown_url(str(target))} has no valid host name") from error
    # Only link-local addresses have a scope (fe80::1%eth0), which does not matter here.
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in entries)
    addresses = [ipaddress.ip_address(text) for text in texts]
    for address in addresses:
        if not limits.allow_private and not is_public(address):
            raise InvalidMedia(
                f"{shown_url(str(target))} is refused: {address} is not a public address. "
                f"{_ALTERNATIVE}, or allow it: Client(fetch=FetchLimits(allow_private=True))"
            )
    return addresses


async def _read_body(
    response: aiohttp.ClientResponse,
    target: URL,
    kind: Kind,
    limits: FetchLimits,
    fetched_bytes: FetchedBytes,
) -> BytesSource:
    too_long = InvalidMedia(
        f"{shown_url(str(target))} is longer than {limits.max_bytes:,} bytes. {_ALTERNATIVE}"
    )
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.max_bytes:
        raise too_long
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        fetched_bytes.add(len(chunk))
        if len(body) > limits.max_bytes:
            raise too_long
    codings = response.headers.get("content-encoding", "").split(",")
    mime, charset = type_and_charset(response.headers.get("content-type", ""))
    try:
        # In a thread: megabytes take a while.
        data = await run_in_thread(decompress_body, bytes(body), codings, limits.max_bytes)
        if data is not None and kind == "document" and charset:
            data = await run_in_thread(to_utf8, data, charset)
    except InvalidMedia as error:
        raise InvalidMedia(f"{shown_url(str(target))} {error.message}. {_ALTERNATIVE}") from error
    if data is None:
        raise too_long
    fetched_bytes.add(max(0, len(data) - len(body)))
    return BytesSource(data, mime_by_name(target.path) if mime in _UNKNOWN_TYPES else mime)


def _check_content(source: BytesSource, kind: Kind, limits: FetchLimits, name: str) -> None:
    try:
        header = read_header(kind, source)
        check_integrity(kind, source)
    except InvalidMedia as error:
        message = error.message.replace(source.describe(), name, 1)
        raise InvalidMedia(message) from error
    pixels = (header.width or 0) * (header.height or 0)
    if pixels > limits.max_pixels:
        raise InvalidMedia(
            f"{name} has {header.width}x{header.height} pixels, more than the "
            f"{limits.max_pixels:,} allowed"
        )
    if header.seconds is not None and header.seconds > limits.max_duration:
        raise InvalidMedia(
            f"{name} lasts {header.seconds:,.0f} s, longer than the "
            f"{limits.max_duration:,g} s allowed"
        )
