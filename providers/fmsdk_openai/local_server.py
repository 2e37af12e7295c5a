"""Whether a server runs on this machine: it is asked for the names of its models, shortly."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from time import monotonic
from typing import Any, cast
from urllib.parse import urlsplit

from fmsdk.errors import FmsdkError
from fmsdk.hosted.options import check_key, check_url, join_url

__all__ = ["find_server"]

CONNECT_SECONDS = 0.3
ANSWER_SECONDS = 1.0
"""From the first connection to the last byte."""
_MAX_ANSWER = 2**20
_SHOWN_NAMES = 3
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,9})\r\n", re.IGNORECASE)


def find_server(title: str, url: str, key: str | None, variable: str) -> tuple[bool, str]:
    """Whether the server called `title` can be asked at the base URL, and a note on it: the names
    of its models, or what is wrong. Takes a second at most. Asks loopback addresses alone: a
    server elsewhere counts as usable, since somebody configured it.

    Args:
        key: its API key, if there is one. variable: the environment variable of the key.
    """
    try:
        check_url(url)
        check_key(key or "none", variable)
    except FmsdkError as error:
        return False, error.message
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    hosts = _loopback_hosts(parts.hostname or "")
    if not hosts or parts.scheme != "http":
        return True, f"at {address}, which was not asked whether it runs"
    target = urlsplit(join_url(url, "models"))
    path = target.path + (target.query and f"?{target.query}")
    # HTTP/1.0 has no chunks, and no connection that stays.
    headers = f"Host: {parts.netloc.rpartition('@')[2]}\r\nAccept: application/json\r\n"
    headers += f"Authorization: Bearer {key}\r\n" if key else ""
    data = _exchange(hosts, parts.port or 80, f"GET {path} HTTP/1.0\r\n{headers}\r\n".encode())
    if data is None:
        return False, f"{title} is not running at {address}"
    head, _, body = data.partition(b"\r\n\r\n")
    status = head[9:12].decode("ascii", "replace")
    if status in ("401", "403"):
        verb = "refuses the key of" if key else "wants a key: set"
        return False, f"{title} at {address} {verb} {variable}"
    names = _read_names(body) if status == "200" else None
    if names is None:
        answers = f"answers {status}" if status.isdigit() else "does not answer"
        return False, f"what listens at {address} is not {title}, or not ready: it {answers}"
    more = ", …" if len(names) > _SHOWN_NAMES else ""
    listing = f": {', '.join(names[:_SHOWN_NAMES])}{more}" if names else ", without a model"
    return True, f"runs at {address}{listing}"


def _loopback_hosts(host: str) -> tuple[str, ...]:
    """The loopback addresses that a host stands for; none: it is another machine, perhaps."""
    if host == "localhost":
        return "127.0.0.1", "::1"
    try:
        return (host,) if ipaddress.ip_address(host).is_loopback else ()
    except ValueError:
        return ()


def _exchange(hosts: tuple[str, ...], port: int, request: bytes) -> bytes | None:
    """What came in time from the first host that accepts a connection; None: none does."""
    deadline = monotonic() + ANSWER_SECONDS
    for host in hosts:
        data = bytearray()
        try:
            with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as connection:
                try:
                    connection.sendall(request)
                    while len(data) < _MAX_ANSWER and (left := deadline - monotonic()) > 0:
                        connection.settimeout(left)
                        if not (chunk := connection.recv(65536)):
                            break
                        data += chunk
                        head, end, body = data.partition(b"\r\n\r\n")
                        length = _CONTENT_LENGTH.search(head + b"\r\n")
                        if end and length and len(body) >= int(length[1]):
                            break
                except OSError:  # it is silent, or breaks off: what came until then counts
                    pass
                return bytes(data)
        except OSError:
            continue
    return None


def _read_names(body: bytes) -> list[str] | None:
    """The names in a listing of models, as OpenAI's API has it; None: it is none."""
    try:
        listing: Any = json.loads(body)
        rows = cast("list[Any]", listing["data"] or [])  # Ollama without models has null
        names = [" ".join(cast("str", row["id"]).split()) for row in rows]
        # llama.cpp calls a model by the path of its file.
        return [name.rpartition("/")[2] if name.startswith("/") else name for name in names]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
