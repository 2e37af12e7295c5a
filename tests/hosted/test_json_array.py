"""A stream that is one JSON array, however it is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmsdk.errors import InvalidResponse
from fmsdk.hosted.json_array import ArrayDecoder
from fmsdk.hosted.sse import MAX_EVENT_BYTES

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def fed(*pieces: bytes) -> tuple[list[bytes], ArrayDecoder]:
    decoder = ArrayDecoder()
    found = [element for piece in pieces for element in decoder.feed(piece)]
    return [*found, *decoder.flush()], decoder


@settings(deadline=None)
@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]), st.booleans(), st.data())
def test_elements_are_found_however_the_body_is_cut(
    values: list[object], indent: int | None, is_ascii: bool, data: st.DataObject
) -> None:
    body = json.dumps(values, indent=indent, ensure_ascii=is_ascii)
    raw = b" \n" + body.encode("utf-8", "surrogatepass") + b"\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=9)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    found, decoder = fed(*pieces)
    assert [json.loads(one.decode("utf-8", "surrogatepass")) for one in found] == values
    assert decoder.other == b""


def test_json_element_is_yielded_once_complete() -> None:
    decoder = ArrayDecoder()
    assert decoder.feed(b'[{"a":"]}\\"') == []
    assert decoder.progress == 0
    assert decoder.feed(b'"}\n,') == [b'{"a":"]}\\""}']
    assert decoder.progress == 1
    assert decoder.feed(b'{"b":1}]') == [b'{"b":1}']
    assert decoder.flush() == []


@pytest.mark.parametrize("body", [b'{"error": {}}', b"data: {}\n\n", b"<html>[1]", b"7"])
def test_another_document_is_kept_whole(body: bytes) -> None:
    found, decoder = fed(body[:3], body[3:])
    assert (found, decoder.other, decoder.progress) == ([], body, 0)


def test_broken_answer_keeps_its_parts() -> None:
    assert fed(b'[{"a":1},{"b"')[0] == [b'{"a":1}', b'{"b"']
    with pytest.raises(InvalidResponse, match="longer than"):
        fed(b'["', b"x" * (MAX_EVENT_BYTES + 1))
