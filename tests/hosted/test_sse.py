"""Event framing: whatever the cuts and the line ends, the payloads come out the same."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fmsdk
from fmsdk.hosted.sse import SSEDecoder

line = st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"").replace(b"\r", b""))
events = st.lists(st.lists(line, min_size=1, max_size=3), max_size=6)
noise = st.sampled_from(
    [b"", b": keep-alive\n", b"event: message\n", b"id: 7\nretry: 3\n", b"\n", b"\n\n", b"data\n\n"]
)


def decode(chunks: list[bytes]) -> list[bytes]:
    decoder = SSEDecoder()
    found = [payload for chunk in chunks for payload in decoder.feed(chunk)]
    return found + decoder.flush()


@given(
    events=events,
    between=noise,
    space=st.booleans(),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    bom=st.booleans(),
    unfinished=st.booleans(),
    cuts=st.lists(st.integers(0, 400)),
)
def test_any_cutting_of_any_events_gives_their_payloads(
    events: list[list[bytes]],
    between: bytes,
    space: bool,
    end: bytes,
    bom: bool,
    unfinished: bool,
    cuts: list[int],
) -> None:
    # A space after the colon goes; without one, a payload that starts with a space would lose it.
    mark = b"data: " if space or any(x.startswith(b" ") for e in events for x in e) else b"data:"
    blocks = [between + b"".join(mark + text + b"\n" for text in lines) for lines in events]
    body = b"\n".join(blocks) if unfinished else b"".join(block + b"\n" for block in blocks)
    wire = (b"\xef\xbb\xbf" if bom else b"") + body.replace(b"\n", end)
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    chunks = [wire[a:b] for a, b in pairwise(edges)]
    expected = [payload for lines in events if (payload := b"\n".join(lines))]
    assert decode(chunks) == expected
    assert decode([wire[at : at + 1] for at in range(len(wire))]) == expected


def test_an_event_comes_out_with_the_chunk_that_ends_it() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b'data: {"a": 1}\n') == []
    assert decoder.feed(b"\n") == [b'{"a": 1}']
    assert decoder.feed(b"data: x\r\n\r") == [b"x"]
    assert decoder.feed(b"\ndata: y\n\ndata: z") == [b"y"]
    assert decoder.flush() == [b"z"]
    assert decoder.flush() == []


@pytest.mark.parametrize(
    "lines",
    [
        *(b"data: x\n", b"event: x\n", b"\n", b"\r\n", b"\r", b"x"),
        *(b"retry: 1\n\n", b"id: 1\r\n\r\n", b"event: x\n\n", b"data:\n\n"),
    ],
)
def test_lines_that_complete_nothing_are_no_progress(lines: bytes) -> None:
    decoder = SSEDecoder()
    for _ in range(9):
        assert decoder.feed(lines) == []
    assert decoder.progress == 0


@pytest.mark.parametrize(
    "beat", [b": x\n", b": x\n\n", b":\r\n", b"event: ping\n: x\n\n", b"data: x\n\n"]
)
def test_comments_and_events_are_progress(beat: bytes) -> None:
    decoder = SSEDecoder()
    for count in range(1, 9):
        decoder.feed(beat)
        assert decoder.progress >= count


def test_comments_alone_yield_nothing() -> None:
    assert decode([b": OPENROUTER PROCESSING\n\n", b": again\n\n"]) == []


def test_a_bare_error_field_counts_as_data() -> None:
    assert decode([b'error: {"code": 500}\n\n']) == [b'{"code": 500}']


def test_a_byte_order_mark_is_only_one_at_the_start() -> None:
    assert decode([b"data: x\n\n\xef\xbb\xbfdata: y\n\n"]) == [b"x"]


def test_an_endless_event_is_refused() -> None:
    decoder = SSEDecoder(max_event_bytes=1000)
    with pytest.raises(fmsdk.InvalidResponse, match="1,000 bytes") as caught:
        for _ in range(11):
            decoder.feed(b"x" * 100)
    assert caught.value.retryable
    assert decoder.feed(b"data: y\n\n") == [b"y"]
