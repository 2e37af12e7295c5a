"""Files whose names come from a caller or from a folder that anyone may have filled."""

from __future__ import annotations

import io
import os
import stat

__all__ = ["expand_home", "open_regular", "read_small"]

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_MOST_OF_A_SMALL_FILE = 100 * 10**6


def expand_home(path: str) -> str:
    """The path with the home folder in place of a leading `~`, as a shell has it; a file whose name
    begins so is `./~…`."""
    try:
        return os.path.expanduser(path)
    except ValueError:  # no user can have that name; opening the file says more
        return path


def open_regular(path: str | os.PathLike[str]) -> io.FileIO:
    """Open a regular file for reading, without a buffer. It is opened before it is looked at, so
    that nothing can take its place in between, and in a way that waits for no writer.

    Raises:
        OSError: it cannot be opened, or is a folder, named pipe, socket or device; `strerror`
            says so.
        ValueError: no file can have that name.
    """
    return io.FileIO(path, opener=_open_descriptor)  # pyright: ignore[reportArgumentType]


def _open_descriptor(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "of an odd kind")
        raise OSError(0, f"it is {kind}, not a regular file", os.fspath(path))
    return descriptor


def read_small(path: str | os.PathLike[str], limit: int = _MOST_OF_A_SMALL_FILE) -> bytes:
    """A regular file of at most `limit` bytes.

    Raises:
        OSError, ValueError: as `open_regular`; also for a longer file.
    """
    with open_regular(path) as file:
        data = bytearray()
        while len(data) <= limit and (chunk := file.read(limit + 1 - len(data))):
            data += chunk
    if len(data) > limit:
        raise OSError(0, f"it is longer than {limit:,} bytes", os.fspath(path))
    return bytes(data)
