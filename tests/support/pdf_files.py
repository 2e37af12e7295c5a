"""PDFs written byte by byte, as no library here writes them: objects in compressed streams, pages
of any size with text, and files that unpack to gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

__all__ = ["compressed_pdf", "pdf_bomb", "text_pdf"]

LETTER = (612, 792)
_HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def text_pdf(
    texts: Iterable[str], size: tuple[int, int] = LETTER, *, compressed: bool = False
) -> bytes:
    """A page for each text, in one line of Helvetica."""
    objects = {1: b"<</Type/Catalog/Pages 2 0 R>>", 3: _HELVETICA}
    streams: dict[int, bytes] = {}
    kids: list[int] = []
    for text in texts:
        page, content = 4 + 2 * len(kids), 5 + 2 * len(kids)
        kids.append(page)
        objects[page] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents %d 0 R"
            b"/Resources<</Font<</F 3 0 R>>>>>>" % (*size, content)
        )
        streams[content] = b"BT /F 12 Tf 72 72 Td (%s) Tj ET" % text.encode("latin-1")
    references = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[2] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (references, len(kids))
    return _write(objects, streams, packed=compressed)


def compressed_pdf(pages: int = 3, size: tuple[int, int] = LETTER) -> bytes:
    """Empty pages, with everything in object streams (PDF 1.5)."""
    return text_pdf([""] * pages, size, compressed=True)


def pdf_bomb(place: str, megabytes: int = 500) -> bytes:
    """A PDF of a page that unpacks to gigabytes: in its "objects" or its "contents", or that draws
    a "form" which draws a form, and so on, ten times each."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 5 0 R/Resources 6 0 R>>"
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[4 0 R]/Count 1>>",
        3: _HELVETICA,
        4: page,
        6: b"<</Font<</F 3 0 R>>/XObject<</X0 10 0 R>>>>",
    }
    if place == "objects":
        return _write(objects, {5: b""}, packed=True, padding=megabytes)
    if place == "contents":
        return _write(objects, {5: b""}, padding=megabytes)
    streams = {5: b"/X0 Do " * 10}
    heads: dict[int, bytes] = {}
    for level in range(12):
        inner = b"/X%d Do " % (level + 1) * 10 if level < 11 else b"BT /F 9 Tf (x) Tj ET "
        streams[10 + level] = inner
        heads[10 + level] = (
            b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]"
            b"/Resources<</Font<</F 3 0 R>>/XObject<</X%d %d 0 R>>>>" % (level + 1, 11 + level)
        )
    return _write(objects, streams, heads=heads)


def _write(
    objects: dict[int, bytes],
    streams: dict[int, bytes],
    *,
    packed: bool = False,
    padding: int = 0,
    heads: dict[int, bytes] | None = None,
) -> bytes:
    """padding: megabytes of spaces, in the object stream if `packed`, else in the last stream."""
    first_free = max((*objects, *streams)) + 1
    pack, table = first_free, first_free + 1
    places: dict[int, bytes] = {}
    out = b"%PDF-1.7\n"
    if packed:
        bodies, index = b"", b""
        for place, (number, body) in enumerate(objects.items()):
            index += b"%d %d " % (number, len(bodies))
            bodies += body + b" "
            places[number] = b"\2" + pack.to_bytes(4) + place.to_bytes(2)
        head = b"/Type/ObjStm/N %d/First %d" % (len(objects), len(index))
        places[pack] = b"\1" + len(out).to_bytes(4) + bytes(2)
        out += _stream(pack, head, index + bodies, padding)
    else:
        for number, body in objects.items():
            places[number] = b"\1" + len(out).to_bytes(4) + bytes(2)
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    for number, body in streams.items():
        places[number] = b"\1" + len(out).to_bytes(4) + bytes(2)
        is_padded = padding and not packed and number == max(streams)
        out += _stream(number, (heads or {}).get(number, b""), body, padding if is_padded else 0)
    start = len(out)
    places[table] = b"\1" + start.to_bytes(4) + bytes(2)
    rows = b"".join(places.get(number, bytes(7)) for number in range(table + 1))
    head = b"/Type/XRef/Size %d/W[1 4 2]/Root 1 0 R" % (table + 1)
    return out + _stream(table, head, rows) + b"startxref\n%d\n%%%%EOF\n" % start


def _stream(number: int, head: bytes, body: bytes, padding: int = 0) -> bytes:
    packer = zlib.compressobj(9)
    data = packer.compress(body)
    data += b"".join(packer.compress(b" " * 2**20) for _ in range(padding)) + packer.flush()
    return (
        b"%d 0 obj\n<<%s/Filter/FlateDecode/Length %d>>stream\n" % (number, head, len(data))
        + data
        + b"\nendstream\nendobj\n"
    )
