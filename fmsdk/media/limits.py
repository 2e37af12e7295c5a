"""Limits on media: what a file's header may state, and what one fetch may take.

Checks nothing itself, and is light to import: clients and pictures need it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from fmsdk.errors import BadRequestError
from fmsdk.validation import check_integer, check_number

__all__ = [
    "DEFAULT_FETCH",
    "MAX_FRAME_PIXELS",
    "MAX_PAGES",
    "MAX_PIXELS",
    "MAX_UNPACKED",
    "FetchLimits",
]

# Where Pillow raises DecompressionBombError (2 × Image.MAX_IMAGE_PIXELS): a picture of more pixels
# takes over half a gigabyte to decode.
MAX_PIXELS = 178_956_970
# All frames of an animation, or pages of a TIFF, together: enough for 15 minutes of 640x480 at 10
# frames a second. A GIF of half a megabyte can hold a thousand times as much.
MAX_FRAME_PIXELS = 16 * MAX_PIXELS
# Of a PDF: a hundred times what vendors accept. Few real ones have as many.
MAX_PAGES = 100_000
# The stated sizes of all files in an office file, which is a ZIP archive, in bytes.
MAX_UNPACKED = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much one fetch of a URL may take: `Client(fetch=FetchLimits(…))`.

    max_bytes: of the file, after decompression. max_request_bytes: of all files of one request.
    max_client_bytes: of all files that the calls of one client hold at once; further calls wait.
    max_seconds: for all of the fetch, redirects
    included. max_redirects: how many are followed. max_pixels: width × height of a picture.
    max_duration: seconds that a recording or film may last, as far as its header tells (that of
    raw AAC, WebM and Matroska does not). allow_private: reach this machine and its network too
    (private, loopback, link-local and metadata addresses).

    Raises:
        BadRequestError: a limit that is not a number above 0. `max_redirects` may be 0.
    """

    max_bytes: int = 50 * 2**20
    max_seconds: float = 30.0
    max_redirects: int = 5
    max_pixels: int = MAX_PIXELS
    max_duration: float = 36_000.0
    allow_private: bool = False
    max_request_bytes: int = 100_000_000
    max_client_bytes: int = 500_000_000

    def __post_init__(self) -> None:
        for spec in fields(self):
            value: object = getattr(self, spec.name)
            name = f"{spec.name} of FetchLimits"
            if spec.name == "allow_private":
                if not isinstance(value, bool):
                    raise BadRequestError(f"{name} is True or False, not {value!r}")
            elif value is None:
                raise BadRequestError(f"{name} must be a number, above 0; it is None")
            elif spec.name == "max_redirects":
                check_integer(name, value, 0)
            else:
                check_number(name, value, "above 0", lambda number: number > 0)


DEFAULT_FETCH = FetchLimits()
