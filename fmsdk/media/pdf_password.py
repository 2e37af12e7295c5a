"""Whether a PDF opens without a password: `needs_password`.

Many PDFs are encrypted with an empty user password (their owner forbids printing, say), and open
everywhere; only the others are refused. The standard security handler tells them apart by a hash of
the password (ISO 32000-1, 7.6.3; ISO 32000-2, 7.6.4 for revision 6).
"""

from __future__ import annotations

import hashlib
import re
import struct
from typing import BinaryIO

from fmsdk.media.document import LONGEST_SCANNED, find_object, last_match

__all__ = ["needs_password"]

_ENCRYPT = re.compile(rb"/Encrypt\s++(\d{1,10}\s++\d{1,10})\s++R")
_ID = re.compile(rb"/ID\s*+\[\s*+")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\s\S]))|\r\n?")
_NAMED_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
"""What stands for an empty password (algorithm 2, step a)."""
_LONGEST_STRING = 256


def needs_password(file: BinaryIO) -> bool:
    """Whether a PDF of up to 32 MiB certainly needs a password. Not certain: another security
    handler than the standard one, and revision 6 (AES-256) where the package cryptography is not
    installed."""
    file.seek(0)
    data = file.read(LONGEST_SCANNED + 1)
    reference = last_match(_ENCRYPT, b"/Encrypt", data) if len(data) <= LONGEST_SCANNED else None
    place = reference and find_object(data, reference[1])
    if not place:
        return False
    body = data[place[0] : place[1]]
    revision = _number(body, b"R")
    owner, user = _string(body, b"O"), _string(body, b"U")
    if not re.search(rb"/Filter\s*+/Standard\b", body) or len(owner) < 32 or len(user) < 32:
        return False
    if revision in (2, 3, 4):
        file_id = last_match(_ID, b"/ID", data)
        first_id = _string_at(data, file_id.end()) if file_id else b""
        return not _opens_by_rc4(body, revision, owner, user, first_id)
    if revision == 5:
        return hashlib.sha256(user[32:40]).digest() != user[:32]
    return revision == 6 and _hash_of_revision_6(user[32:40]) not in (None, user[:32])


def _opens_by_rc4(body: bytes, revision: int, owner: bytes, user: bytes, file_id: bytes) -> bool:
    """Algorithms 2 and 6, for the empty password."""
    start = _PADDING + owner[:32] + struct.pack("<I", _number(body, b"P") & 0xFFFFFFFF) + file_id
    if revision == 4 and re.search(rb"/EncryptMetadata\s++false", body):
        start += b"\xff\xff\xff\xff"
    key = hashlib.md5(start, usedforsecurity=False).digest()
    if revision == 2:
        return _rc4(key[:5], _PADDING) == user[:32]
    size = 16 if revision == 4 else max(5, min(16, (_number(body, b"Length") or 40) // 8))
    for _ in range(50):
        key = hashlib.md5(key[:size], usedforsecurity=False).digest()
    check = hashlib.md5(_PADDING + file_id, usedforsecurity=False).digest()
    for step in range(20):
        check = _rc4(bytes(byte ^ step for byte in key[:size]), check)
    return check == user[:16]


def _hash_of_revision_6(salt: bytes) -> bytes | None:
    """Algorithm 2.B, for the empty password; None without the package cryptography."""
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError:
        return None
    key, last, step = hashlib.sha256(salt).digest(), 0, 0
    while step < 64 or last > step - 32:
        cipher = Cipher(algorithms.AES(key[:16]), modes.CBC(key[16:32])).encryptor()
        text = cipher.update(key * 64)
        key = hashlib.new(("sha256", "sha384", "sha512")[sum(text[:16]) % 3], text).digest()
        last, step = text[-1], step + 1
    return key[:32]


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    result, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        result.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(result)


def _number(body: bytes, name: bytes) -> int:
    match = re.search(rb"/%s\s++(-?\d{1,10})" % name, body)
    return int(match[1]) if match else 0


def _string(body: bytes, name: bytes) -> bytes:
    match = re.search(rb"/%s\s*+(?=\(|<[^<])" % name, body)
    return _string_at(body, match.end()) if match else b""


def _string_at(data: bytes, start: int) -> bytes:
    """The literal or hexadecimal string that begins at `start` (ISO 32000-1, 7.3.4)."""
    piece = data[start : start + 4 * _LONGEST_STRING]
    if piece[:1] == b"<":
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", piece[1:].partition(b">")[0])
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    depth, at = 0, 0
    while at < len(piece):
        depth += (piece[at] == 0x28) - (piece[at] == 0x29)
        if depth == 0:
            break
        at += 2 if piece[at] == 0x5C else 1
    return _ESCAPE.sub(_unescape, piece[1:at])


def _unescape(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes((int(match[1], 8) & 0xFF,))
    if match[2] is None:
        return b"\n"  # any end of a line is one
    return b"" if match[2] in (b"\n", b"\r", b"\r\n") else _NAMED_ESCAPES.get(match[2], match[2])
